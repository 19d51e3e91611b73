//! Partitions of a collection: `/v2/vectordb/partitions/…`.

use crate::key::{COLLECTION, COLLECTION_NAME, DB, Key, PARTITION, PARTITIONS};

rows! { V2:
    /// The names of a collection's partitions.
    LIST: "partitions.list" = POST "/v2/vectordb/partitions/list", since "2.3.13", Read, Safe,
        keys: &COLLECTION_NAME, names: [];
    /// Whether a partition exists.
    HAS: "partitions.has" = POST "/v2/vectordb/partitions/has", since "2.3.13", Read, Safe,
        keys: &ONE, names: [];
    /// The number of rows in a partition.
    GET_STATS: "partitions.get_stats" = POST "/v2/vectordb/partitions/get_stats", since "2.3.13", Read, Safe,
        keys: &ONE, names: [];
    /// Makes a partition. One that exists is no error.
    CREATE: "partitions.create" = POST "/v2/vectordb/partitions/create", since "2.3.13", Write, Safe,
        keys: &ONE, names: [];
    /// Removes a partition with its rows. One that is missing is no error.
    DROP: "partitions.drop" = POST "/v2/vectordb/partitions/drop", since "2.3.13", Drop, Safe,
        keys: &ONE, names: [];
    /// Asks for the load of partitions into memory.
    LOAD: "partitions.load" = POST "/v2/vectordb/partitions/load", since "2.3.13", Admin, Safe,
        keys: &SOME, names: [];
    /// Takes partitions out of memory: their rows are not found until they are loaded again.
    RELEASE: "partitions.release" = POST "/v2/vectordb/partitions/release", since "2.3.13", Erase, Safe,
        keys: &SOME, names: [];
}

/// `PartitionReq`.
static ONE: [Key; 3] = [DB, COLLECTION, PARTITION.required()];
/// `PartitionsReq`.
static SOME: [Key; 3] = [DB, COLLECTION, PARTITIONS.required()];
