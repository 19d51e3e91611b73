//! `entities`: rows by the typed door.

use super::{Plugin, with_client};
use crate::client::batches::Mode;

use crate::client::selection;
use crate::contract::entities::{
    CollectionSchema, Connection, Cursor, DeleteReport, DeleteRequest, Error, Guest, Page,
    QueryRequest, RowBatch, WriteError, WriteReport, WriteRequest,
};
use crate::typed::{entities, pages};

impl Guest for Plugin {
    fn insert(connection: Connection, request: WriteRequest) -> Result<WriteReport, WriteError> {
        with_client(connection, |client| {
            entities::write(client, Mode::Insert, &request)
        })
    }

    fn upsert(
        connection: Connection,
        request: WriteRequest,
        partial: bool,
    ) -> Result<WriteReport, WriteError> {
        with_client(connection, |client| {
            entities::write(client, Mode::Upsert { partial }, &request)
        })
    }

    fn delete_entities(
        connection: Connection,
        request: DeleteRequest,
    ) -> Result<DeleteReport, Error> {
        with_client(connection, |client| entities::delete(client, request))
    }

    fn describe_schema(
        connection: Connection,
        collection_name: String,
    ) -> Result<CollectionSchema, Error> {
        with_client(connection, |client| {
            selection::schema(client, &collection_name)
        })
    }

    fn query_entities(
        connection: Connection,
        request: QueryRequest,
        offset: u32,
        limit: u32,
    ) -> Result<RowBatch, Error> {
        with_client(connection, |client| {
            entities::query(client, request, offset, limit)
        })
    }

    fn count_entities(connection: Connection, request: QueryRequest) -> Result<u64, Error> {
        with_client(connection, |client| entities::count(client, request))
    }

    fn next_page(
        connection: Connection,
        request: QueryRequest,
        page_rows: u32,
        after: Option<Cursor>,
    ) -> Result<Page, Error> {
        with_client(connection, |client| {
            pages::next(client, request, page_rows, after.as_deref())
        })
    }
}
