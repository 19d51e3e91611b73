//! The component's exports, from the WIT files.

use wasmtime::component::{Instance, InstancePre};
use wasmtime::{AsContextMut, Result};

use crate::error::NotExported;

#[expect(
    missing_docs,
    reason = "written by a macro from WIT, whose docs it carries over where it can"
)]
mod generated {
    // The exports alone: what the component imports is linked by hand (`imports`), so no import is bound here.
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "milvus:vector-store/api",
        exports: { default: async },
        additional_derives: [PartialEq],
        require_store_data_send: true,
    });
}

/// Lists the component's interfaces, the one that it has to have first. What the host does for each follows from here.
macro_rules! interfaces {
    ($needed:ident, $($interface:ident),*) => {
        pub(crate) use generated::exports::milvus::vector_store::{$needed, $($interface,)* types};

        /// Where each exported interface lies in the component.
        pub(crate) struct Exports {
            $needed: Option<$needed::GuestIndices>,
            $($interface: Option<$interface::GuestIndices>,)*
        }

        impl Exports {
            /// Finds them.
            ///
            /// # Errors
            /// The one that has to be there is not.
            pub(crate) fn find<T>(component: &InstancePre<T>) -> Result<Self> {
                Ok(Self {
                    $needed: Some($needed::GuestIndices::new(component)?),
                    $($interface: $interface::GuestIndices::new(component).ok(),)*
                })
            }
        }

        interfaces!(@open $needed);
        $(interfaces!(@open $interface);)*
    };
    (@open $interface:ident) => {
        impl Exports {
            /// This interface of an instance.
            pub(crate) fn $interface(
                &self,
                store: impl AsContextMut,
                instance: &Instance,
            ) -> Result<$interface::Guest> {
                let missing = NotExported(concat!("milvus:vector-store/", stringify!($interface)));
                let indices = self.$interface.as_ref().ok_or(missing)?;
                indices.load(store, instance)
            }
        }
    };
}

interfaces!(
    tools,
    server,
    collections,
    entities,
    search,
    partitions,
    rest
);

/// What the interfaces are made of, for those who call them.
pub(crate) mod contract {
    /// What the tools' interface is made of.
    pub use super::tools::{Annotations, Tool};

    /// What [`Host::probe`](crate::Host::probe) answers.
    pub use super::server::ServerInfo;

    /// Values that every interface shares: errors, ids, columns, schemas. From `wit/types.wit`.
    pub mod types {
        pub use super::super::types::*;
    }

    /// Requests and answers for rows. From `wit/entities.wit`.
    pub mod entities {
        pub use super::super::entities::{
            CountRequest, Cursor, DeleteReport, DeleteRequest, InsertRequest, Page, PageRequest,
            QueryRequest, Selection, UpsertRequest, WriteError, WriteReport,
        };
    }

    /// Requests for collections. From `wit/collections.wit`.
    pub mod collections {
        pub use super::super::collections::CollectionRequest;
    }

    /// Requests for partitions. From `wit/partitions.wit`.
    pub mod partitions {
        pub use super::super::partitions::PartitionRequest;
    }

    /// Requests and answers for searches. From `wit/search.wit`.
    pub mod search {
        pub use super::super::search::{
            AnnSearch, EmbeddingLists, Grouping, HybridSearchRequest, OtherRanker, QueryData,
            Ranker, RrfRanker, SearchOptions, SearchRequest, SearchResult, WeightedRanker,
        };
    }
}
