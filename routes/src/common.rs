//! What belongs to no family: `/v2/vectordb/common/…`.
//!
//! `run_analyzer` changes nothing and reads no row, so it is `Read`. What an analyzer is made of can lead out of
//! Milvus (a `grpc` tokenizer, a dictionary in a file). `analyzerParams` is JSON as text.

use crate::key::{ANY_COLLECTION, DB, free};
use crate::schema::ANALYZER;

rows! { V2:
    /// Cuts texts into tokens, by an analyzer that is described here or that a field has.
    RUN_ANALYZER: "common.run_analyzer" = POST "/v2/vectordb/common/run_analyzer", since "2.6.11", Read, Safe,
        keys: &[
            DB,
            free("analyzerParams").open(&ANALYZER),
            free("text").required(),
            free("withDetail"),
            free("withHash"),
            ANY_COLLECTION,
            free("fieldName"),
            free("analyzerNames"),
        ],
        names: [];
}
