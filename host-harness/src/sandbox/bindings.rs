//! The component's exports, from the WIT files.

#[expect(
    missing_docs,
    reason = "written by a macro from WIT, whose docs it carries over where it can"
)]
mod generated {
    // A world of our own: what the component imports is linked by hand (`imports`), so no import is bound here.
    wasmtime::component::bindgen!({
        path: "../wit",
        inline: "
            package milvus:host;

            world exported {
                export milvus:vector-store/types@0.1.0;
                export milvus:vector-store/server@0.1.0;
                export milvus:vector-store/tools@0.1.0;
                export milvus:vector-store/entities@0.1.0;
                export milvus:vector-store/search@0.1.0;
            }
        ",
        world: "milvus:host/exported",
        exports: { default: async },
        additional_derives: [PartialEq],
        require_store_data_send: true,
    });
}

pub(crate) use generated::exports::milvus::vector_store::{entities, search, server, tools, types};
