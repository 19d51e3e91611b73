//! Indexes: `/v2/vectordb/indexes/…`.

use crate::key::{COLLECTION, COLLECTION_NAME, DB, Key, free};
use crate::schema::{INDEX, INDEX_PROPERTIES};

rows! { V2:
    /// The names of a collection's indexes.
    LIST: "indexes.list" = POST "/v2/vectordb/indexes/list", since "2.3.13", Read, Safe,
        keys: &COLLECTION_NAME, names: [];
    /// The type, metric and state of an index.
    DESCRIBE: "indexes.describe" = POST "/v2/vectordb/indexes/describe", since "2.3.13", Read, Safe,
        keys: &ONE, names: [];
    /// Makes indexes one after the other; an identical one is no error, a failure leaves the earlier ones.
    CREATE: "indexes.create" = POST "/v2/vectordb/indexes/create", since "2.3.13", Write, Safe,
        keys: &[DB, COLLECTION, free("indexParams").required().list(&INDEX)], names: [];
    /// Removes an index. One that is missing is no error.
    DROP: "indexes.drop" = POST "/v2/vectordb/indexes/drop", since "2.3.13", Drop, Safe,
        keys: &ONE, names: [];
    /// Overwrites settings of an index.
    ALTER_PROPERTIES: "indexes.alter_properties" = POST "/v2/vectordb/indexes/alter_properties", since "2.5.5",
        Erase, Safe,
        keys: &[DB, COLLECTION, INDEX_NAME, free("properties").open(&INDEX_PROPERTIES)], names: [];
    /// Removes settings of an index.
    DROP_PROPERTIES: "indexes.drop_properties" = POST "/v2/vectordb/indexes/drop_properties", since "2.5.5",
        Erase, Safe,
        keys: &[DB, COLLECTION, INDEX_NAME, free("propertyKeys")], names: [];
}

const INDEX_NAME: Key = free("indexName").required();

/// `IndexReq`.
static ONE: [Key; 4] = [
    DB,
    COLLECTION,
    INDEX_NAME,
    free("timestamp").since("2.5.27"),
];
