//! `entities`: rows by the typed API.

use super::{Plugin, with_client};
use crate::contract::entities::{
    Connection, CountRequest, DeleteReport, DeleteRequest, Error, Guest, InsertRequest, Page,
    PageRequest, QueryRequest, RowBatch, UpsertRequest, WriteError, WriteReport,
};
use crate::typed::{entities, pages};

impl Guest for Plugin {
    fn insert_entities(
        connection: Connection,
        request: InsertRequest,
    ) -> Result<WriteReport, WriteError> {
        with_client(connection, |client| entities::insert(client, &request))
    }

    fn upsert_entities(
        connection: Connection,
        request: UpsertRequest,
    ) -> Result<WriteReport, WriteError> {
        with_client(connection, |client| entities::upsert(client, &request))
    }

    fn delete_entities(
        connection: Connection,
        request: DeleteRequest,
    ) -> Result<DeleteReport, Error> {
        with_client(connection, |client| entities::delete(client, request))
    }

    fn query_entities(connection: Connection, request: QueryRequest) -> Result<RowBatch, Error> {
        with_client(connection, |client| entities::query(client, request))
    }

    fn count_entities(connection: Connection, request: CountRequest) -> Result<u64, Error> {
        with_client(connection, |client| entities::count(client, request))
    }

    fn next_entities_page(connection: Connection, request: PageRequest) -> Result<Page, Error> {
        with_client(connection, |client| pages::next(client, request))
    }
}
