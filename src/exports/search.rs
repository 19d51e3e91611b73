//! `search`: nearest neighbours by the typed door.

use super::{Plugin, with_client};
use crate::contract::search::{
    AnnSearch, Connection, Error, Guest, Ranker, SearchOptions, SearchResult,
};
use crate::typed::search;

impl Guest for Plugin {
    fn search_entities(
        connection: Connection,
        options: SearchOptions,
        request: AnnSearch,
    ) -> Result<SearchResult, Error> {
        with_client(connection, |client| {
            search::search(client, options, request)
        })
    }

    fn hybrid_search_entities(
        connection: Connection,
        options: SearchOptions,
        requests: Vec<AnnSearch>,
        ranker: Ranker,
        limit: u32,
    ) -> Result<SearchResult, Error> {
        with_client(connection, |client| {
            search::hybrid(client, options, requests, &ranker, limit)
        })
    }
}
