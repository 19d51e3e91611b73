//! `collections`: what they are made of.

use super::{Plugin, with_client};
use crate::contract::collections::{CollectionRequest, CollectionSchema, Connection, Error, Guest};
use crate::typed::fields;

impl Guest for Plugin {
    fn describe_schema(
        connection: Connection,
        request: CollectionRequest,
    ) -> Result<CollectionSchema, Error> {
        with_client(connection, |client| {
            fields::describe(client, &request.collection_name, request.extra.as_deref())
        })
    }
}
