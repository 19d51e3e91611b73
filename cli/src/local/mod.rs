//! A Milvus for a bare machine: Milvus Lite behind a gateway that speaks Milvus' REST v2.

pub(crate) mod environment;
pub(crate) mod server;
