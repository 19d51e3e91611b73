//! Collections, their fields, functions and properties: `/v2/vectordb/collections/…`.
//!
//! Judgement calls:
//! - `create` is a `Write` although it also asks for a load: a new collection is empty. One that is there may be large,
//!   so it counts as a load where loads are rationed. A time to live among its parameters raises it to `Erase`.
//! - `release` and `rename` lose no row, but whoever uses the collection under its name is without it: `Erase`.
//! - `add_function` is a `Write` as `fields/add` is; which function it is decides whether it is `Outbound` too.
//!   `alter_function` overwrites, so `Erase`.
//! - `alter_properties` is `Erase` whatever the properties: a time to live of a second empties the collection.
//!   `drop_properties` is no more, whatever it removes: a property that is gone is Milvus' default again.
//! - `load` is `Admin`: it takes memory of the query nodes until somebody releases it.

use crate::key::{COLLECTION, COLLECTION_NAME, DB, Key, collection, database, free, job};
use crate::properties::{COLLECTION_PROPERTIES, CREATE_PARAMS, CREATE_PROPERTIES};
use crate::schema::{EXTERNAL_SOURCE, EXTERNAL_SPEC, FIELD, FUNCTION, INDEX, SCHEMA, TYPE_PARAMS};

rows! { V2:
    /// The names of a database's collections, without aliases.
    LIST: "collections.list" = POST "/v2/vectordb/collections/list", since "2.3.13", Read, Safe,
        keys: &[DB], names: ["data[]" Collection];
    /// Whether a collection or alias of that name exists.
    HAS: "collections.has" = POST "/v2/vectordb/collections/has", since "2.3.13", Read, Safe,
        keys: &COLLECTION_NAME, names: [];
    /// The schema, aliases, indexes and load state of a collection. Milvus repeats the name that it was asked for, an alias
    /// included (`proxy/task.go`, `proxy/service_provider.go`); Milvus Lite tells the collection's own.
    DESCRIBE: "collections.describe" = POST "/v2/vectordb/collections/describe", since "2.3.13", Read, Safe,
        keys: &COLLECTION_NAME, names: ["data.collectionName" Collection, "data.aliases[]" Alias];
    /// The number of rows, as far as they are flushed.
    GET_STATS: "collections.get_stats" = POST "/v2/vectordb/collections/get_stats", since "2.3.13", Read, Safe,
        keys: &COLLECTION_NAME, names: [];
    /// Whether a collection, or some of its partitions, are loaded, and how far.
    GET_LOAD_STATE: "collections.get_load_state" = POST "/v2/vectordb/collections/get_load_state", since "2.3.13",
        Read, Safe,
        keys: &COLLECTION_NAME, names: [];
    /// Makes a collection from a dimension or a schema, with indexes if they are named, and asks for its load then: also
    /// of an identical one that is there and released.
    CREATE: "collections.create" = POST "/v2/vectordb/collections/create", since "2.3.13",
        Write, Safe counts as "collections.load",
        keys: &CREATE_KEYS, names: [];
    /// Removes a collection with its rows, partitions and indexes. One that is missing is no error.
    DROP: "collections.drop" = POST "/v2/vectordb/collections/drop", since "2.3.13", Drop, Safe,
        keys: &COLLECTION_NAME, names: [];
    /// Removes all rows. Rows that somebody inserted between two of them go with the second.
    TRUNCATE: "collections.truncate" = POST "/v2/vectordb/collections/truncate", since "2.6.11", Erase, Unsafe,
        keys: &COLLECTION_NAME, names: [];
    /// Gives a collection another name, in another database if one is named.
    RENAME: "collections.rename" = POST "/v2/vectordb/collections/rename", since "2.3.13", Erase, Refused,
        keys: &[DB, COLLECTION, collection("newCollectionName").required(), database("newDbName")], names: [];
    /// Asks for the load of a collection into memory, and does not wait for it.
    LOAD: "collections.load" = POST "/v2/vectordb/collections/load", since "2.3.13", Admin, Safe,
        keys: &COLLECTION_NAME, names: [];
    /// Asks for the load of what was added to a loaded collection by imports.
    REFRESH_LOAD: "collections.refresh_load" = POST "/v2/vectordb/collections/refresh_load", since "2.5.5",
        Admin, Safe,
        keys: &COLLECTION_NAME, names: [];
    /// Takes a collection out of memory: it cannot be searched until it is loaded again.
    RELEASE: "collections.release" = POST "/v2/vectordb/collections/release", since "2.3.13", Erase, Safe,
        keys: &COLLECTION_NAME, names: [];
    /// Sets properties of a collection, a time to live among them.
    ALTER_PROPERTIES: "collections.alter_properties" = POST "/v2/vectordb/collections/alter_properties",
        since "2.5.5", Erase, Safe,
        keys: &[DB, COLLECTION, free("properties").open(&COLLECTION_PROPERTIES)], names: [];
    /// Removes properties of a collection.
    DROP_PROPERTIES: "collections.drop_properties" = POST "/v2/vectordb/collections/drop_properties",
        since "2.5.5", Erase, Safe,
        keys: &[DB, COLLECTION, free("propertyKeys")], names: [];
    /// Adds a function over fields that exist.
    ADD_FUNCTION: "collections.add_function" = POST "/v2/vectordb/collections/add_function", since "2.6.11",
        Write, Refused,
        keys: &[DB, COLLECTION, free("function").required().object(&FUNCTION)], names: [];
    /// Overwrites a function.
    ALTER_FUNCTION: "collections.alter_function" = POST "/v2/vectordb/collections/alter_function", since "2.6.11",
        Erase, Safe,
        keys: &[DB, COLLECTION, free("functionName").required(), free("function").required().object(&FUNCTION)],
        names: [];
    /// Removes a function. Its key has a capital F in Milvus' source; there any case is read, here only that one.
    DROP_FUNCTION: "collections.drop_function" = POST "/v2/vectordb/collections/drop_function", since "2.6.11",
        Drop, Refused,
        keys: &[DB, COLLECTION, free("FunctionName").required()], names: [];
    /// Starts a compaction, and answers its id as a number.
    COMPACT: "collections.compact" = POST "/v2/vectordb/collections/compact", since "2.5.5", Admin, Unsafe,
        keys: &[DB, COLLECTION, free("isClustering")], names: [];
    /// How far a compaction is. It names no collection, and its id is a number, spelt `jobID`.
    GET_COMPACTION_STATE: "collections.get_compaction_state" = POST "/v2/vectordb/collections/get_compaction_state",
        since "2.5.5", Read, Safe,
        keys: &[job("jobID")], names: [];
    /// Seals and writes what was inserted, and waits for it.
    FLUSH: "collections.flush" = POST "/v2/vectordb/collections/flush", since "2.5.5", Admin, Safe,
        keys: &[DB, COLLECTION], names: [];
    /// Changes parameters of a field.
    ALTER_FIELD_PROPERTIES: "collections.fields.alter_properties"
        = POST "/v2/vectordb/collections/fields/alter_properties", since "2.5.5", Erase, Safe,
        keys: &[DB, COLLECTION, free("fieldName").required(), free("fieldParams").open(&TYPE_PARAMS)], names: [];
    /// Adds a field, which has to be nullable.
    ADD_FIELD: "collections.fields.add" = POST "/v2/vectordb/collections/fields/add", since "2.6.0", Write, Refused,
        keys: &ADD_FIELD_KEYS, names: [];
    /// Adds a field whose elements are structs.
    ADD_STRUCT_FIELD: "collections.struct_fields.add" = POST "/v2/vectordb/collections/struct_fields/add",
        since "3.0.0", Write, Refused,
        keys: &ADD_FIELD_KEYS, names: [];
    /// Removes a field with its values.
    DROP_FIELD: "collections.fields.drop" = POST "/v2/vectordb/collections/fields/drop", since "3.0.0",
        Drop, Refused,
        keys: &[DB, COLLECTION, free("fieldName"), free("fieldId")], names: [];
    /// Adds a field that a function fills, with the function and an index.
    ADD_FUNCTION_FIELD: "collections.add_function_field" = POST "/v2/vectordb/collections/add_function_field",
        since "3.0.0", Write, Refused,
        keys: &[
            DB,
            COLLECTION,
            free("function").object(&FUNCTION),
            free("outputField").object(&FIELD),
            free("indexParams").object(&INDEX),
        ],
        names: [];
    /// Removes a function together with the field that it fills.
    DROP_FUNCTION_FIELD: "collections.drop_function_field" = POST "/v2/vectordb/collections/drop_function_field",
        since "3.0.0", Drop, Refused,
        keys: &[DB, COLLECTION, free("functionName")], names: [];
}

/// `CollectionReq`: the quick form's keys and the schema form's.
static CREATE_KEYS: [Key; 17] = [
    DB,
    COLLECTION,
    free("dimension"),
    free("idType"),
    free("autoID"),
    free("metricType"),
    free("vectorFieldType").since("3.0.0"),
    free("consistencyLevel").since("3.0.0"),
    free("primaryFieldName"),
    free("vectorFieldName"),
    free("schema").object(&SCHEMA),
    free("indexParams").list(&INDEX),
    free("params").open(&CREATE_PARAMS),
    free("properties").since("3.0.0").open(&CREATE_PROPERTIES),
    free("description").since("2.5.27"),
    EXTERNAL_SOURCE.since("3.0.0"),
    EXTERNAL_SPEC.since("3.0.0"),
];

/// `CollectionFieldReqWithSchema`.
static ADD_FIELD_KEYS: [Key; 3] = [DB, COLLECTION, free("schema").required().object(&FIELD)];
