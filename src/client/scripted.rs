//! A transport for unit tests: answers by script, records what was sent, and keeps a clock that waits move.

use super::{HttpRequest, Transport, TransportError};
use crate::contract::types::Connection;
use crate::dialect::HttpAnswer;
use serde_json::Value;
use std::collections::VecDeque;

/// One request, as it was sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Sent {
    /// Its path.
    pub path: &'static str,
    /// What stood behind the path's `?`.
    pub query: Option<String>,
    /// Its body.
    pub body: Value,
    /// The bytes of its body.
    pub bytes: Vec<u8>,
}

/// The transport.
#[derive(Debug, Default)]
pub struct Scripted {
    script: VecDeque<Result<HttpAnswer, TransportError>>,
    clock_ms: u64,
    /// What was sent so far.
    pub sent: Vec<Sent>,
}

impl Scripted {
    /// A transport without a script: every request fails.
    pub fn new() -> Self {
        Self::default()
    }

    /// The next request gets this answer.
    #[must_use]
    pub fn answers(mut self, status: u16, body: &str) -> Self {
        self.script.push_back(Ok(HttpAnswer {
            status,
            body: body.as_bytes().to_vec(),
        }));
        self
    }

    /// The next request gets `data` in Milvus' envelope.
    #[must_use]
    pub fn data(self, data: &str) -> Self {
        self.answers(200, &format!(r#"{{"code":0,"data":{data}}}"#))
    }

    /// The next request gets no answer.
    #[must_use]
    pub fn fails(mut self, error: TransportError) -> Self {
        self.script.push_back(Err(error));
        self
    }
}

impl Transport for Scripted {
    fn send(&mut self, request: HttpRequest<'_>) -> Result<HttpAnswer, TransportError> {
        let body = serde_json::from_slice(&request.body).unwrap_or_default();
        self.sent.push(Sent {
            path: request.route.path,
            query: request.query,
            body,
            bytes: request.body,
        });
        self.script
            .pop_front()
            .unwrap_or(Err(TransportError::Broken("the script is over".into())))
    }

    fn now_ms(&self) -> u64 {
        self.clock_ms
    }

    fn wait_ms(&mut self, milliseconds: u64) {
        self.clock_ms += milliseconds;
    }
}

/// A connection to nowhere.
pub fn connection() -> Connection {
    Connection {
        uri: "http://127.0.0.1:19530".into(),
        token: None,
        database: None,
        server: None,
        timeout_ms: None,
        options: Vec::new(),
    }
}
