//! One request, every part of it as wrong as the attack wants it.

use serde_json::{Value, json};
use wasi::http::outgoing_handler;
use wasi::http::types::{
    Fields, FutureIncomingResponse, IncomingResponse, Method, OutgoingBody, OutgoingRequest, Scheme,
};
use wasi::io::streams::StreamError;

/// The route that ordinary requests go to. It reads.
pub(crate) const ROUTE: &str = "/v2/vectordb/collections/list";
/// The body of ordinary requests.
pub(crate) const BODY: &[u8] = b"{\"dbName\":\"default\"}";

/// How a body ends.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum End {
    /// `finish`, without trailers.
    Finished,
    /// `finish`, with one.
    Trailers,
    /// The handles are dropped.
    Dropped,
    /// The handles are kept.
    Open,
}

/// A request; [`Request::post`] makes an ordinary one.
pub(crate) struct Request<'a> {
    pub(crate) method: Method,
    pub(crate) scheme: Option<Scheme>,
    pub(crate) authority: Option<&'a str>,
    pub(crate) path: Option<&'a str>,
    pub(crate) headers: Vec<(&'a str, Vec<u8>)>,
    /// `Content-Length`.
    pub(crate) declared: Option<u64>,
    pub(crate) body: &'a [u8],
    pub(crate) end: End,
}

/// A request on its way.
pub(crate) struct Sent {
    future: FutureIncomingResponse,
    /// Headers that could not be added.
    refused: Vec<String>,
    /// What is kept of a body that stays open.
    _body: Option<OutgoingBody>,
}

impl<'a> Request<'a> {
    /// What a well-behaved component sends.
    pub(crate) fn post(authority: &'a str) -> Self {
        Self {
            method: Method::Post,
            scheme: Some(Scheme::Http),
            authority: Some(authority),
            path: Some(ROUTE),
            headers: vec![("content-type", b"application/json".to_vec())],
            declared: Some(BODY.len() as u64),
            body: BODY,
            end: End::Finished,
        }
    }

    /// Sends it and waits for what comes of it.
    pub(crate) fn send(self) -> Value {
        match self.start() {
            Ok(sent) => sent.outcome(),
            Err(unbuilt) => json!({ "unbuilt": unbuilt }),
        }
    }

    /// Sends it. The error: which part of it cannot even be said.
    pub(crate) fn start(self) -> Result<Sent, &'static str> {
        let fields = Fields::new();
        let mut refused = Vec::new();
        let declared = self
            .declared
            .map(|length| ("content-length", length.to_string().into_bytes()));
        for (name, value) in self.headers.into_iter().chain(declared) {
            if fields.append(name, &value).is_err() {
                refused.push(name.to_owned());
            }
        }
        let request = OutgoingRequest::new(fields);
        request.set_method(&self.method).map_err(|()| "method")?;
        request
            .set_scheme(self.scheme.as_ref())
            .map_err(|()| "scheme")?;
        request
            .set_authority(self.authority)
            .map_err(|()| "authority")?;
        request
            .set_path_with_query(self.path)
            .map_err(|()| "path")?;
        let body = request.body().map_err(|()| "body")?;
        let future = outgoing_handler::handle(request, None).map_err(|_| "handle")?;
        write(&body, self.body);
        let kept = match self.end {
            End::Finished => {
                let _ = OutgoingBody::finish(body, None);
                None
            }
            End::Trailers => {
                let trailers = Fields::new();
                let _ = trailers.append("db-name", b"hr");
                let _ = OutgoingBody::finish(body, Some(trailers));
                None
            }
            End::Dropped => None,
            End::Open => Some(body),
        };
        Ok(Sent {
            future,
            refused,
            _body: kept,
        })
    }
}

/// The method that is written so.
pub(crate) fn method(written: &str) -> Method {
    match written {
        "GET" => Method::Get,
        "POST" => Method::Post,
        "PUT" => Method::Put,
        "HEAD" => Method::Head,
        "DELETE" => Method::Delete,
        "PATCH" => Method::Patch,
        "OPTIONS" => Method::Options,
        "TRACE" => Method::Trace,
        "CONNECT" => Method::Connect,
        other => Method::Other(other.to_owned()),
    }
}

/// The scheme that is written so.
pub(crate) fn scheme(written: &str) -> Scheme {
    match written {
        "http" => Scheme::Http,
        "https" => Scheme::Https,
        other => Scheme::Other(other.to_owned()),
    }
}

/// Lets the host go on for so long.
pub(crate) fn pause(milliseconds: u64) {
    if milliseconds > 0 {
        wasi::clocks::monotonic_clock::subscribe_duration(milliseconds.saturating_mul(1_000_000))
            .block();
    }
}

/// Writes as much as is taken.
pub(crate) fn write(body: &OutgoingBody, mut bytes: &[u8]) {
    let Ok(stream) = body.write() else { return };
    while !bytes.is_empty() {
        let (chunk, rest) = bytes.split_at(bytes.len().min(4096));
        if stream.blocking_write_and_flush(chunk).is_err() {
            return;
        }
        bytes = rest;
    }
}

impl Sent {
    /// Waits for the answer.
    pub(crate) fn wait(self) -> Result<IncomingResponse, Value> {
        self.future.subscribe().block();
        match self.future.get() {
            Some(Ok(Ok(answer))) => Ok(answer),
            Some(Ok(Err(code))) => {
                Err(json!({ "code": format!("{code:?}"), "refused_headers": self.refused }))
            }
            Some(Err(())) | None => Err(json!({ "code": "nothing" })),
        }
    }

    /// Waits for the answer and tells all of it.
    pub(crate) fn outcome(self) -> Value {
        let refused = self.refused.clone();
        match self.wait() {
            Ok(answer) => {
                let mut told = tell(&answer);
                told["refused_headers"] = json!(refused);
                told
            }
            Err(code) => code,
        }
    }
}

/// All that an answer shows: status, headers, body, trailers.
fn tell(answer: &IncomingResponse) -> Value {
    let entries = |fields: &Fields| -> Vec<(String, String)> {
        let entries = fields.entries().into_iter();
        entries
            .map(|(name, value)| (name, String::from_utf8_lossy(&value).into_owned()))
            .collect()
    };
    let headers = entries(&answer.headers());
    let mut bytes = Vec::new();
    let mut trailers = Vec::new();
    if let Ok(body) = answer.consume() {
        if let Ok(stream) = body.stream() {
            loop {
                match stream.blocking_read(1 << 16) {
                    Ok(chunk) => bytes.extend_from_slice(&chunk),
                    Err(StreamError::Closed) => break,
                    Err(StreamError::LastOperationFailed(_)) => break,
                }
            }
        }
        let future = wasi::http::types::IncomingBody::finish(body);
        future.subscribe().block();
        if let Some(Ok(Ok(Some(fields)))) = future.get() {
            trailers = entries(&fields);
        }
    }
    json!({
        "status": answer.status(),
        "headers": headers,
        "bytes": bytes.len(),
        "body": String::from_utf8_lossy(&bytes[..bytes.len().min(4096)]),
        "trailers": trailers,
    })
}
