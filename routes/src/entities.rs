//! Rows: `/v2/vectordb/entities/…`.
//!
//! Judgement calls:
//! - `upsert` is an `Erase`: a full one overwrites the row, a partial one its fields.
//! - A search or an insert over a field with an embedding function makes Milvus ask that function's provider. That is
//!   not `Outbound` here: who made the function let it out, and the request adds no address.
//! - `delete` has no key `id`: the binder wants `filter`, so the handler's branch for `id` is never reached.
//! - `get` builds a filter from `id` and does not escape it. It only reads, so the key is free; whoever sends texts
//!   of others should query with `exprParams` instead.

use crate::key::{COLLECTION, DB, Key, Open, PARTITION, PARTITIONS, free};
use crate::ranking::{FUNCTION_CHAINS, FUNCTION_SCORE, RERANK, SEARCH_AGGREGATION, SUB_SEARCH};

rows! { V2:
    /// Rows that match a filter.
    QUERY: "entities.query" = POST "/v2/vectordb/entities/query", since "2.3.13", Read, Safe,
        keys: &QUERY_KEYS, names: [];
    /// Rows by their primary keys.
    GET: "entities.get" = POST "/v2/vectordb/entities/get", since "2.3.13", Read, Safe,
        keys: &GET_KEYS, names: [];
    /// Removes the rows that match a filter.
    DELETE: "entities.delete" = POST "/v2/vectordb/entities/delete", since "2.3.13", Erase, Safe,
        keys: &[DB, COLLECTION, PARTITION, free("filter").required(), EXPR_PARAMS.since("2.4.18")], names: [];
    /// Adds rows. Milvus does not look for keys that exist, so twice is twice, with `autoID` or without.
    INSERT: "entities.insert" = POST "/v2/vectordb/entities/insert", since "2.3.13", Write, Unsafe,
        keys: &DATA_KEYS, names: [];
    /// Adds rows, or overwrites those of the same key.
    UPSERT: "entities.upsert" = POST "/v2/vectordb/entities/upsert", since "2.3.13", Erase, Keyed,
        keys: &DATA_KEYS, names: [];
    /// The rows nearest to each query.
    SEARCH: "entities.search" = POST "/v2/vectordb/entities/search", since "2.3.13", Read, Safe,
        keys: &SEARCH_KEYS, names: [];
    /// The older name of `hybrid_search`, with the same handler.
    ADVANCED_SEARCH: "entities.advanced_search" = POST "/v2/vectordb/entities/advanced_search", since "2.4.0",
        Read, Safe,
        keys: &HYBRID_KEYS, names: [];
    /// Several searches over one collection, ranked together.
    HYBRID_SEARCH: "entities.hybrid_search" = POST "/v2/vectordb/entities/hybrid_search", since "2.4.0", Read, Safe,
        keys: &HYBRID_KEYS, names: [];
}

/// Values for the templates in a filter.
const EXPR_PARAMS: Key = free("exprParams").open(Open::FREE);

/// `QueryReqV2`.
static QUERY_KEYS: [Key; 10] = [
    DB,
    COLLECTION,
    PARTITIONS,
    free("outputFields"),
    free("filter"),
    free("limit"),
    free("offset"),
    free("orderByFields").since("3.0.0"),
    EXPR_PARAMS.since("2.4.18"),
    free("consistencyLevel").since("2.5.27"),
];

/// `CollectionIDReq`. `partitionName` is decoded and not used.
static GET_KEYS: [Key; 7] = [
    DB,
    COLLECTION,
    PARTITION,
    PARTITIONS,
    free("outputFields"),
    free("id").required(),
    free("consistencyLevel").since("2.5.27"),
];

/// `CollectionDataReq`. The rows' own keys are the caller's.
static DATA_KEYS: [Key; 6] = [
    DB,
    COLLECTION,
    PARTITION,
    free("data").required().open(Open::ROWS),
    free("partialUpdate").since("2.6.1"),
    free("fieldOps").since("2.6.17").list(&FIELD_OP),
];

/// `FieldPartialUpdateOpReq`.
pub(crate) static FIELD_OP: [Key; 2] = [free("fieldName"), free("op")];

/// `SearchReqV2`. `params` is decoded and not used since 2.4.
static SEARCH_KEYS: [Key; 20] = [
    DB,
    COLLECTION,
    // Lists of numbers, texts, or sparse vectors, which are objects with any keys.
    free("data").open(Open::FREE),
    free("ids").since("2.6.11"),
    free("annsField"),
    PARTITIONS,
    free("filter"),
    free("groupingField").since("2.4.0"),
    free("groupSize").since("2.5.0"),
    free("strictGroupSize").since("2.5.0"),
    free("limit"),
    free("offset"),
    free("outputFields"),
    free("searchParams").since("2.4.16").open(Open::FREE),
    free("consistencyLevel").since("2.4.16"),
    EXPR_PARAMS.since("2.4.18"),
    free("functionScore").since("2.6.0").object(&FUNCTION_SCORE),
    FUNCTION_CHAINS,
    SEARCH_AGGREGATION,
    free("params").open(Open::FREE),
];

/// `HybridSearchReq`.
static HYBRID_KEYS: [Key; 15] = [
    DB,
    COLLECTION,
    PARTITIONS,
    free("search").list(&SUB_SEARCH),
    free("rerank").object(&RERANK),
    free("limit"),
    free("offset").since("2.5.27"),
    free("groupingField").since("2.5.0"),
    free("groupSize").since("2.5.0"),
    free("strictGroupSize").since("2.5.0"),
    free("outputFields"),
    free("consistencyLevel"),
    free("functionScore").since("2.6.0").object(&FUNCTION_SCORE),
    FUNCTION_CHAINS,
    SEARCH_AGGREGATION,
];
