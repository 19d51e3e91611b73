//! Partitions of a collection.

use super::{Done, Exists};
use crate::values::filter::Identifier;

operations! {
    /// Creates a partition. One that exists is no error.
    CreatePartition = partitions::CREATE, not in v1: "partitions" => Done {
        /// Collection or alias.
        collection_name: Identifier,
        /// The new partition.
        partition_name: String,
    }

    /// Drops a partition with its rows. One that is missing is no error.
    DropPartition = partitions::DROP, not in v1: "partitions" => Done {
        /// Collection or alias.
        collection_name: Identifier,
        /// The partition.
        partition_name: String,
    }

    /// Whether a collection has a partition of this name.
    HasPartition = partitions::HAS, not in v1: "partitions" => Exists {
        /// Collection or alias.
        collection_name: Identifier,
        /// The partition.
        partition_name: String,
    }
}
