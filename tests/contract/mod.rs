//! What Milvus' own sources say, and that our table of routes says the same.

mod routes;
