//! What Milvus' own sources say, and that our table of routes says the same. `README.md` says how a file is written.

mod component;
mod files;
mod older;
mod routes;
mod standalone;
