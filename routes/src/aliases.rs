//! Aliases, second names of collections: `/v2/vectordb/aliases/…`.
//!
//! An alias is read wherever a collection is, so making one is to let a name mean another collection: both names are
//! named here, and `describe` answers both. `alter` takes the alias away from the collection it had: `Erase`.

use crate::key::{COLLECTION, DB, Key, OPTIONAL_COLLECTION_NAME, alias};

rows! { V2:
    /// The aliases of a collection, or of all collections of a database.
    LIST: "aliases.list" = POST "/v2/vectordb/aliases/list", since "2.3.13", Read, Safe,
        keys: &OPTIONAL_COLLECTION_NAME, names: ["data[]" Alias];
    /// Which collection an alias means.
    DESCRIBE: "aliases.describe" = POST "/v2/vectordb/aliases/describe", since "2.3.13", Read, Safe,
        keys: &ONE,
        names: ["data.dbName" Database, "data.collectionName" Collection, "data.aliasName" Alias];
    /// Makes an alias. The same one again is no error.
    CREATE: "aliases.create" = POST "/v2/vectordb/aliases/create", since "2.3.13", Write, Safe,
        keys: &PAIR, names: [];
    /// Removes an alias; its collection stays. One that is missing is no error.
    DROP: "aliases.drop" = POST "/v2/vectordb/aliases/drop", since "2.3.13", Drop, Safe,
        keys: &ONE, names: [];
    /// Lets an alias that exists mean another collection.
    ALTER: "aliases.alter" = POST "/v2/vectordb/aliases/alter", since "2.3.13", Erase, Safe,
        keys: &PAIR, names: [];
}

const ALIAS: Key = alias("aliasName").required();

/// `AliasReq`.
static ONE: [Key; 2] = [DB, ALIAS];
/// `AliasCollectionReq`.
static PAIR: [Key; 3] = [DB, COLLECTION, ALIAS];
