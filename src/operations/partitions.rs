//! Partitions of a collection.

use super::Done;
use crate::values::filter::Identifier;

operations! {
    /// Creates a partition. One that exists is no error.
    CreatePartition = partitions::CREATE, not in v1: "partitions" => Done {
        /// Collection or alias.
        collection_name: Identifier,
        /// The new partition.
        partition_name: String,
    }
}
