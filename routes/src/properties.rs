//! Parameters and properties of collections and databases: of each map Milvus reads a closed set of keys, spelt exactly
//! (`pkg/common/common.go`). What is not listed here is refused.
//!
//! Milvus prints a number of 1,000,000 or more as `1e+06` and does not read it back, so values are better sent as text.

use crate::Effect::{Admin, Drop, Erase};
use crate::key::{Key, Open, free, outbound};

/// Rows vanish when their time is over.
const fn expiry(name: &'static str) -> Key {
    free(name).raises(Erase, &[])
}

/// It changes how the collection is loaded.
const fn load(name: &'static str) -> Key {
    free(name).raises(Admin, &[])
}

/// `params` of a collection that is created (`handler_v2.go: createCollection`).
pub(crate) static CREATE_PARAMS: Open = Open::closed(&[
    free("shardsNum"),
    free("partitionsNum"),
    free("consistencyLevel"),
    free("enableDynamicField"),
    free("max_length"),
    expiry("ttlSeconds"),
    expiry("ttlField"),
    free("partitionKeyIsolation"),
    free("mmap.enabled"),
    free("warmup.scalarField"),
    free("warmup.scalarIndex"),
    free("warmup.vectorField"),
    free("warmup.vectorIndex"),
]);

/// `properties` of a collection that is created: Milvus reads these and ignores every other one.
pub(crate) static CREATE_PROPERTIES: Open =
    Open::closed(&[expiry("collection.ttl.seconds"), expiry("ttl.seconds")]);

/// Properties of a collection that is there. Those that Milvus itself refuses are not listed.
pub(crate) static COLLECTION_PROPERTIES: Open = Open::closed(&[
    expiry("collection.ttl.seconds"),
    expiry("ttl_field"),
    // `false` drops the dynamic column.
    free("dynamicfield.enabled").raises(Drop, &["true"]),
    load("collection.replica.number"),
    load("collection.resource_groups"),
    outbound("collection.external_source"),
    outbound("collection.external_spec"),
    free("partitionkey.isolation"),
    free("query_mode"),
    free("mmap.enabled"),
    free("lazyload.enabled"),
    free("warmup.scalarField"),
    free("warmup.scalarIndex"),
    free("warmup.vectorField"),
    free("warmup.vectorIndex"),
    free("timezone"),
    free("consistency_level"),
    free("allow_insert_auto_id"),
    free("collection.function.allowInsertNonBM25FunctionOutputs"),
    free("collection.description"),
    free("collection.autocompaction.enabled"),
    free("collection.insertRate.max.mb"),
    free("collection.insertRate.min.mb"),
    free("collection.upsertRate.max.mb"),
    free("collection.upsertRate.min.mb"),
    free("collection.deleteRate.max.mb"),
    free("collection.deleteRate.min.mb"),
    free("collection.bulkLoadRate.max.mb"),
    free("collection.bulkLoadRate.min.mb"),
    free("collection.queryRate.max.qps"),
    free("collection.queryRate.min.qps"),
    free("collection.searchRate.max.vps"),
    free("collection.searchRate.min.vps"),
    free("collection.diskProtection.diskQuota.mb"),
    free("partition.diskProtection.diskQuota.mb"),
]);

/// Properties of a database. All of them are `Admin`: they reach every collection in it.
pub(crate) static DATABASE_PROPERTIES: Open = Open::closed(&[
    free("database.replica.number"),
    free("database.resource_groups"),
    free("database.diskQuota.mb"),
    free("database.max.collections"),
    free("database.force.deny.writing"),
    free("database.force.deny.reading"),
    free("database.force.deny.ddl"),
    free("database.force.deny.collectionDDL"),
    free("database.force.deny.partitionDDL"),
    free("database.force.deny.index"),
    free("database.force.deny.flush"),
    free("database.force.deny.compaction"),
    free("timezone"),
    free("cipher.enabled"),
    // Names a key of a service that the server asks.
    outbound("cipher.key"),
]);
