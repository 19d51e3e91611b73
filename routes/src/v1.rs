//! REST v1: `/v1/vector/…`, the only dialect up to 2.3.12 and still served by 3.0.
//!
//! From `request.go` and `handler_v1.go`. The header `DB-Name` means nothing here; `dbName` is a key of the query or
//! of the body. A `GET` takes its keys from the query, where each may stand once.

use crate::entities::FIELD_OP;
use crate::key::{COLLECTION, DB, Key, Open, free};
use crate::ranking::SEARCH_AGGREGATION;

rows! { V1:
    /// The names of a database's collections.
    COLLECTIONS_LIST: "v1.collections.list" = GET "/v1/vector/collections", since "2.2.9", Read, Safe,
        keys: &[DB], names: ["data[]" Collection];
    /// The schema, indexes and load state of a collection.
    COLLECTIONS_DESCRIBE: "v1.collections.describe" = GET "/v1/vector/collections/describe", since "2.2.9",
        Read, Safe,
        keys: &NAME, names: ["data.collectionName" Collection];
    /// Makes a collection with a generated key and one vector field, an index, and asks for its load.
    COLLECTIONS_CREATE: "v1.collections.create" = POST "/v1/vector/collections/create", since "2.2.9",
        Write, Safe counts as "collections.load",
        keys: &[
            DB,
            COLLECTION,
            free("dimension").required(),
            free("description"),
            free("metricType"),
            free("primaryField"),
            free("vectorField"),
            free("enableDynamicField"),
        ],
        names: [];
    /// Removes a collection. Here one that is missing is an error (100), so the second of two is refused.
    COLLECTIONS_DROP: "v1.collections.drop" = POST "/v1/vector/collections/drop", since "2.2.9", Drop, Refused,
        keys: &NAME, names: [];
    /// Rows that match a filter.
    QUERY: "v1.query" = POST "/v1/vector/query", since "2.2.9", Read, Safe,
        keys: &[DB, COLLECTION, free("outputFields"), free("filter").required(), free("limit"), free("offset")],
        names: [];
    /// Rows by their primary keys.
    GET: "v1.get" = POST "/v1/vector/get", since "2.2.9", Read, Safe,
        keys: &[DB, COLLECTION, free("outputFields"), free("id").required()], names: [];
    /// Removes rows by their primary keys or by a filter, which wins. One of the two has to be there. Milvus does
    /// not escape texts in `id`: a sender of texts of others uses `filter`.
    DELETE: "v1.delete" = POST "/v1/vector/delete", since "2.2.9", Erase, Safe,
        keys: &[DB, COLLECTION, free("id"), free("filter")], names: [];
    /// Adds rows.
    INSERT: "v1.insert" = POST "/v1/vector/insert", since "2.2.9", Write, Unsafe,
        keys: &[DB, COLLECTION, DATA], names: [];
    /// Adds rows, or overwrites those of the same key.
    UPSERT: "v1.upsert" = POST "/v1/vector/upsert", since "2.2.9", Erase, Keyed,
        keys: &[
            DB,
            COLLECTION,
            DATA,
            free("partialUpdate").since("2.6.0"),
            free("fieldOps").since("2.6.17").list(&FIELD_OP),
        ],
        names: [];
    /// The rows nearest to one vector.
    SEARCH: "v1.search" = POST "/v1/vector/search", since "2.2.9", Read, Safe,
        keys: &[
            DB,
            COLLECTION,
            free("filter"),
            free("limit"),
            free("offset"),
            free("outputFields"),
            free("vector").required(),
            free("params").open(Open::FREE),
            // Decoded, then refused: an aggregation is of v2 only.
            SEARCH_AGGREGATION,
        ],
        names: [];
}

static NAME: [Key; 2] = [DB, COLLECTION];

/// A row, or a list of rows.
const DATA: Key = free("data").required().open(Open::ROWS);
