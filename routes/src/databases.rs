//! Databases: `/v2/vectordb/databases/…`.
//!
//! Properties of a database reach every collection in it (`database.force.deny.writing`, quotas, replicas), so what
//! sets or removes them is `Admin`; `create` is a `Write`, and with properties `Admin` too.

use crate::Effect::Admin;
use crate::key::{DB_REQUIRED, Key, free};
use crate::properties::DATABASE_PROPERTIES;

rows! { V2:
    /// The names of all databases.
    LIST: "databases.list" = POST "/v2/vectordb/databases/list", since "2.4.18", Read, Safe,
        keys: &[], names: ["data[]" Database];
    /// The id and properties of a database.
    DESCRIBE: "databases.describe" = POST "/v2/vectordb/databases/describe", since "2.4.18", Read, Safe,
        keys: &[DB_REQUIRED], names: ["data.dbName" Database];
    /// Makes a database; one that exists is an error.
    CREATE: "databases.create" = POST "/v2/vectordb/databases/create", since "2.4.18", Write, Refused,
        keys: &[DB_REQUIRED, free("properties").open(&DATABASE_PROPERTIES).raises(Admin, &[])], names: [];
    /// Removes an empty database. One that is missing is no error.
    DROP: "databases.drop" = POST "/v2/vectordb/databases/drop", since "2.4.18", Drop, Safe,
        keys: &[DB_REQUIRED], names: [];
    /// Sets properties: the older name of `alter_properties`.
    ALTER: "databases.alter" = POST "/v2/vectordb/databases/alter", since "2.4.18", Admin, Safe,
        keys: &WITH_PROPERTIES, names: [];
    /// Sets properties.
    ALTER_PROPERTIES: "databases.alter_properties" = POST "/v2/vectordb/databases/alter_properties", since "2.5.5",
        Admin, Safe,
        keys: &WITH_PROPERTIES, names: [];
    /// Removes properties.
    DROP_PROPERTIES: "databases.drop_properties" = POST "/v2/vectordb/databases/drop_properties", since "2.5.5",
        Admin, Safe,
        keys: &[DB_REQUIRED, free("propertyKeys")], names: [];
}

/// `DatabaseReqWithProperties`.
static WITH_PROPERTIES: [Key; 2] = [DB_REQUIRED, free("properties").open(&DATABASE_PROPERTIES)];
