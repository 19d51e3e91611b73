//! `search`: nearest neighbours by the typed API.

use super::{Plugin, with_client};
use crate::contract::search::{
    Connection, Error, Guest, HybridSearchRequest, SearchRequest, SearchResult,
};
use crate::typed::search;

impl Guest for Plugin {
    fn search_entities(
        connection: Connection,
        request: SearchRequest,
    ) -> Result<SearchResult, Error> {
        with_client(connection, |client| search::search(client, request))
    }

    fn hybrid_search_entities(
        connection: Connection,
        request: HybridSearchRequest,
    ) -> Result<SearchResult, Error> {
        with_client(connection, |client| search::hybrid(client, request))
    }
}
