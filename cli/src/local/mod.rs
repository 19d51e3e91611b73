//! A Milvus for a bare machine: Milvus Lite behind a gateway that speaks Milvus' REST v2, or a full Milvus 2.3.5, which
//! speaks REST v1.

pub(crate) mod environment;
pub(crate) mod program;
pub(crate) mod server;
