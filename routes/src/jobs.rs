//! Jobs, which read or write an object store: `/v2/vectordb/jobs/…`.
//!
//! All that starts one is `Outbound`, and what it does to a collection besides: an import and a restore write, a
//! refresh of an external collection replaces what it held. `commit` makes imported rows visible (`Write`), `abort`
//! throws them away (`Erase`). Looking at jobs is `Read`; by an id it may be a job of any collection.

use crate::key::{
    COLLECTION, DB, JOB_ID, Key, OPTIONAL_COLLECTION_NAME, PARTITION, collection, forbidden, free,
    job, outbound,
};
use crate::schema::{EXTERNAL_SOURCE, EXTERNAL_SPEC};

rows! { V2:
    /// The import jobs of a collection, or of all collections of a database.
    IMPORT_LIST: "jobs.import.list" = POST "/v2/vectordb/jobs/import/list", since "2.4.0", Read, Safe,
        keys: &OPTIONAL_COLLECTION_NAME, names: ["data.records[].collectionName" Collection];
    /// Starts the import of files that lie in Milvus' object store.
    IMPORT_CREATE: "jobs.import.create" = POST "/v2/vectordb/jobs/import/create", since "2.4.0",
        Outbound + Write, Unsafe,
        keys: &[DB, COLLECTION, PARTITION, outbound("files").required(), free("options").object(&IMPORT_OPTIONS)],
        names: [];
    /// How far an import is: the older name of `describe`.
    IMPORT_GET_PROGRESS: "jobs.import.get_progress" = POST "/v2/vectordb/jobs/import/get_progress", since "2.4.0",
        Read, Safe,
        keys: &JOB_ID, names: ["data.collectionName" Collection];
    /// How far an import is, file by file.
    IMPORT_DESCRIBE: "jobs.import.describe" = POST "/v2/vectordb/jobs/import/describe", since "2.4.14", Read, Safe,
        keys: &JOB_ID, names: ["data.collectionName" Collection];
    /// Makes the rows of an import visible that was started without `auto_commit`.
    IMPORT_COMMIT: "jobs.import.commit" = POST "/v2/vectordb/jobs/import/commit", since "3.0.0", Write, Refused,
        keys: &JOB_ID, names: [];
    /// Throws the rows of an uncommitted import away.
    IMPORT_ABORT: "jobs.import.abort" = POST "/v2/vectordb/jobs/import/abort", since "3.0.0", Erase, Refused,
        keys: &JOB_ID, names: [];
    /// Restores a snapshot from an object store into a collection.
    SNAPSHOT_RESTORE_EXTERNAL: "jobs.snapshot.restore_external"
        = POST "/v2/vectordb/jobs/snapshot/restore_external", since "3.0.0", Outbound + Write, Unsafe,
        keys: &[
            DB,
            collection("targetCollectionName").required(),
            outbound("snapshotMetadataURI").required(),
            EXTERNAL_SPEC,
        ],
        names: [];
    /// Writes a snapshot of a collection to an object store.
    SNAPSHOT_EXPORT: "jobs.snapshot.export" = POST "/v2/vectordb/jobs/snapshot/export", since "3.0.0",
        Outbound + Read, Unsafe,
        keys: &[
            DB,
            COLLECTION,
            free("snapshotName").required(),
            outbound("targetS3Path").required(),
            EXTERNAL_SPEC,
        ],
        names: [];
    /// How far a restore is.
    SNAPSHOT_DESCRIBE: "jobs.snapshot.describe" = POST "/v2/vectordb/jobs/snapshot/describe", since "3.0.0",
        Read, Safe,
        keys: &JOB_ID, names: ["data.dbName" Database, "data.collectionName" Collection];
    /// The restores of a collection, or of all collections of a database.
    SNAPSHOT_LIST: "jobs.snapshot.list" = POST "/v2/vectordb/jobs/snapshot/list", since "3.0.0", Read, Safe,
        keys: &OPTIONAL_COLLECTION_NAME,
        names: ["data.records[].dbName" Database, "data.records[].collectionName" Collection];
    /// Reads an external collection's source anew, or another source.
    EXTERNAL_COLLECTION_REFRESH: "jobs.external_collection.refresh"
        = POST "/v2/vectordb/jobs/external_collection/refresh", since "3.0.0", Outbound + Erase, Unsafe,
        keys: &[DB, COLLECTION, EXTERNAL_SOURCE, EXTERNAL_SPEC], names: [];
    /// How far a refresh is. Here the id is a number.
    EXTERNAL_COLLECTION_DESCRIBE: "jobs.external_collection.describe"
        = POST "/v2/vectordb/jobs/external_collection/describe", since "3.0.0", Read, Safe,
        keys: &[job("jobId").required()], names: ["data.collectionName" Collection];
    /// The refreshes of a collection, or of all collections of a database.
    EXTERNAL_COLLECTION_LIST: "jobs.external_collection.list"
        = POST "/v2/vectordb/jobs/external_collection/list", since "3.0.0", Read, Safe,
        keys: &OPTIONAL_COLLECTION_NAME, names: ["data.records[].collectionName" Collection];
}

/// The options of an import. For Milvus a free map of texts, here a closed list: `backup` loads binary logs of any
/// collection in the bucket, and the rest of the forbidden ones go with it
/// (`internal/util/importutilv2/option.go`).
static IMPORT_OPTIONS: [Key; 10] = [
    free("timeout"),
    free("auto_commit"),
    free("sep"),
    free("nullkey"),
    forbidden("backup"),
    forbidden("l0_import"),
    forbidden("start_ts"),
    forbidden("end_ts"),
    forbidden("storage_version"),
    forbidden("skip_disk_quota_check"),
];
