//! `partitions`: parts of a collection.

use super::{Plugin, with_client};
use crate::contract::partitions::{Connection, Error, Guest, PartitionRequest};
use crate::operations::Done;
use crate::operations::partitions::{CreatePartition, DropPartition, HasPartition};

impl Guest for Plugin {
    fn create_partition(connection: Connection, request: PartitionRequest) -> Result<(), Error> {
        let create = CreatePartition {
            collection_name: request.collection_name.into(),
            partition_name: request.partition_name,
        };
        with_client(connection, |client| {
            client
                .run_with(&create, request.extra.as_deref())
                .map(|Done| ())
        })
    }

    fn has_partition(connection: Connection, request: PartitionRequest) -> Result<bool, Error> {
        let has = HasPartition {
            collection_name: request.collection_name.into(),
            partition_name: request.partition_name,
        };
        with_client(connection, |client| {
            client
                .run_with(&has, request.extra.as_deref())
                .map(|exists| exists.has)
        })
    }

    fn drop_partition(connection: Connection, request: PartitionRequest) -> Result<(), Error> {
        let drop = DropPartition {
            collection_name: request.collection_name.into(),
            partition_name: request.partition_name,
        };
        with_client(connection, |client| {
            client
                .run_with(&drop, request.extra.as_deref())
                .map(|Done| ())
        })
    }
}
