//! HTTP through the host: the only file that names waki and wasi.
//!
//! waki 0.5.1 waits without a deadline of its own, and gives up at the first write that fails: an answer that comes
//! before the body is out, which carries the reason, is lost (seen with servers that answer at once and close, and with
//! large bodies that the host refuses). So waki sends what has no body and no deadline. Everything else goes out through
//! the `wasi` crate: it waits for the answer and the clock at once, and after a broken write it still waits for the
//! answer. Both always declare the body's length.

use crate::client::{HttpRequest, Transport, TransportError};
use crate::dialect::HttpAnswer;
use wasi::clocks::monotonic_clock;
use wasi::http::outgoing_handler;
use wasi::http::types::{
    ErrorCode, Fields, IncomingBody, IncomingResponse, Method, OutgoingBody, OutgoingRequest,
    Scheme,
};
use wasi::io::poll::{Pollable, poll};
use wasi::io::streams::{InputStream, OutputStream, StreamError};

/// The size of a read from the answer's stream, in bytes.
const READ_BYTES: u64 = 256 << 10;

/// The clock counts nanoseconds, the contract milliseconds.
const NANOSECONDS: u64 = 1_000_000;

/// The host's `wasi:http/outgoing-handler` and `wasi:clocks/monotonic-clock`.
#[derive(Debug)]
pub(crate) struct WasiTransport;

impl Transport for WasiTransport {
    fn send(&mut self, request: HttpRequest<'_>) -> Result<HttpAnswer, TransportError> {
        if request.deadline_ms.is_none() && request.body.is_empty() {
            send_bodyless(&request)
        } else {
            send_until(&request)
        }
    }

    fn now_ms(&self) -> u64 {
        monotonic_clock::now() / NANOSECONDS
    }

    fn wait_ms(&mut self, milliseconds: u64) {
        monotonic_clock::subscribe_duration(milliseconds.saturating_mul(NANOSECONDS)).block();
    }
}

/// The headers of every request. A host that writes them itself drops these.
fn headers(request: &HttpRequest<'_>) -> Vec<(&'static str, String)> {
    let mut headers = vec![
        ("content-type", "application/json".to_owned()),
        ("content-length", request.body.len().to_string()),
        ("accept", "application/json".to_owned()),
        ("accept-type-allow-int64", "true".to_owned()),
    ];
    if let Some(token) = request.token {
        headers.push(("authorization", format!("Bearer {token}")));
    }
    headers
}

/// The row's path and, on some `GET`s, a query.
fn path_and_query(request: &HttpRequest<'_>) -> String {
    match &request.query {
        Some(query) => format!("{}?{query}", request.route.path),
        None => request.route.path.to_owned(),
    }
}

/// Sends through waki.
fn send_bodyless(request: &HttpRequest<'_>) -> Result<HttpAnswer, TransportError> {
    let uri = format!("{}{}", request.target, path_and_query(request));
    let method = match request.route.method {
        routes::Method::Get => waki::Method::Get,
        routes::Method::Post => waki::Method::Post,
    };
    let answer = waki::Client::new()
        .request(method, &uri)
        .headers(headers(request))
        .send()
        .map_err(|cause| from_waki(&cause))?;
    let status = answer.status_code();
    let body = answer.body().map_err(|cause| from_waki(&cause))?;
    Ok(HttpAnswer { status, body })
}

/// The reason in waki's error: the host's error code where the chain still has it.
fn from_waki(cause: &anyhow::Error) -> TransportError {
    let code = cause
        .chain()
        .find_map(|link| link.downcast_ref::<waki::ErrorCode>());
    match code {
        Some(code) => from_name(&format!("{code:?}")),
        None => TransportError::Broken("the host ended the exchange without a reason".to_owned()),
    }
}

/// waki has types of its own for the host's error codes; their names are the contract's.
fn from_name(debug: &str) -> TransportError {
    let name = debug.split("::").last().unwrap_or(debug);
    let name = name.split(['(', ' ', '{']).next().unwrap_or(name);
    match name {
        "HttpRequestDenied" => TransportError::Denied,
        "ConnectionLimitReached" => TransportError::Overloaded,
        "HttpRequestBodySize" => TransportError::RequestTooLarge,
        "HttpResponseBodySize" => TransportError::AnswerTooLarge,
        "DnsTimeout" | "DnsError" | "DestinationNotFound" => {
            TransportError::Unreachable("the host name cannot be resolved".to_owned())
        }
        "DestinationUnavailable" | "DestinationIpUnroutable" | "ConnectionRefused" => {
            TransportError::Unreachable("the connection was refused".to_owned())
        }
        "DestinationIpProhibited" => TransportError::Denied,
        "TlsCertificateError" => {
            TransportError::Untrusted("its certificate is not to be trusted".to_owned())
        }
        "TlsProtocolError" | "TlsAlertReceived" => {
            TransportError::Untrusted("it does not speak TLS as it should".to_owned())
        }
        "ConnectionTimeout" => TransportError::TimedOut { sent: false },
        "ConnectionReadTimeout" | "ConnectionWriteTimeout" | "HttpResponseTimeout" => {
            TransportError::TimedOut { sent: true }
        }
        "HttpResponseContentCoding" | "HttpResponseTransferCoding" => TransportError::Broken(
            "the answer is encoded in a way that was not asked for".to_owned(),
        ),
        "HttpResponseIncomplete" => TransportError::Broken("the answer is not whole".to_owned()),
        "ConnectionTerminated" => TransportError::Broken("the server closed it".to_owned()),
        _ => TransportError::Broken("what came is not HTTP as it should be".to_owned()),
    }
}

fn from_code(code: &ErrorCode) -> TransportError {
    from_name(&format!("{code:?}"))
}

/// Waits for `pollable`, but not beyond the deadline.
fn wait(pollable: &Pollable, deadline: Option<&Pollable>) -> Result<(), TransportError> {
    match deadline {
        None => {
            pollable.block();
            Ok(())
        }
        Some(deadline) => {
            let ready = poll(&[pollable, deadline]);
            if ready.contains(&0) {
                Ok(())
            } else {
                Err(TransportError::TimedOut { sent: true })
            }
        }
    }
}

/// Sends through the `wasi` crate, within the request's deadline.
fn send_until(request: &HttpRequest<'_>) -> Result<HttpAnswer, TransportError> {
    let deadline = request
        .deadline_ms
        .map(|at| monotonic_clock::subscribe_instant(at.saturating_mul(NANOSECONDS)));
    if deadline.as_ref().is_some_and(Pollable::ready) {
        return Err(TransportError::TimedOut { sent: false });
    }
    let internal =
        |what: &str| TransportError::Broken(format!("the host does not take the {what}"));
    let fields: Vec<(String, Vec<u8>)> = headers(request)
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.into_bytes()))
        .collect();
    let fields = Fields::from_list(&fields).map_err(|_| internal("headers"))?;
    let outgoing = OutgoingRequest::new(fields);
    let method = match request.route.method {
        routes::Method::Get => Method::Get,
        routes::Method::Post => Method::Post,
    };
    let scheme = if request.target.secure {
        Scheme::Https
    } else {
        Scheme::Http
    };
    outgoing
        .set_method(&method)
        .map_err(|()| internal("method"))?;
    outgoing
        .set_scheme(Some(&scheme))
        .map_err(|()| internal("scheme"))?;
    outgoing
        .set_authority(Some(&request.target.authority))
        .map_err(|()| internal("authority"))?;
    outgoing
        .set_path_with_query(Some(&path_and_query(request)))
        .map_err(|()| internal("path"))?;
    let body = outgoing.body().map_err(|()| internal("body"))?;
    let future = outgoing_handler::handle(outgoing, None).map_err(|code| from_code(&code))?;
    // A broken write is not the end: the answer tells why.
    let written = match body.write() {
        Ok(stream) => write_all(&stream, &request.body, deadline.as_ref())?,
        Err(()) => false,
    };
    if written {
        let _ = OutgoingBody::finish(body, None);
    } else {
        drop(body);
    }
    let pollable = future.subscribe();
    wait(&pollable, deadline.as_ref())?;
    let incoming = match future.get() {
        Some(Ok(Ok(incoming))) => incoming,
        Some(Ok(Err(code))) => return Err(from_code(&code)),
        Some(Err(())) | None => return Err(internal("wait for an answer")),
    };
    read_all(&incoming, deadline.as_ref())
}

/// Writes the whole body; false if the host stopped reading.
fn write_all(
    stream: &OutputStream,
    mut bytes: &[u8],
    deadline: Option<&Pollable>,
) -> Result<bool, TransportError> {
    let pollable = stream.subscribe();
    while !bytes.is_empty() {
        wait(&pollable, deadline)?;
        let Ok(permit) = stream.check_write() else {
            return Ok(false);
        };
        let length = bytes
            .len()
            .min(usize::try_from(permit).unwrap_or(usize::MAX));
        let (chunk, rest) = bytes.split_at(length);
        if !chunk.is_empty() && stream.write(chunk).is_err() {
            return Ok(false);
        }
        bytes = rest;
    }
    if stream.flush().is_err() {
        return Ok(false);
    }
    wait(&pollable, deadline)?;
    Ok(stream.check_write().is_ok())
}

fn read_all(
    incoming: &IncomingResponse,
    deadline: Option<&Pollable>,
) -> Result<HttpAnswer, TransportError> {
    let broken = || TransportError::Broken("the answer has no body to read".to_owned());
    let status = incoming.status();
    let body: IncomingBody = incoming.consume().map_err(|()| broken())?;
    let stream: InputStream = body.stream().map_err(|()| broken())?;
    let pollable = stream.subscribe();
    let mut bytes = Vec::new();
    loop {
        wait(&pollable, deadline)?;
        match stream.read(READ_BYTES) {
            Ok(chunk) => bytes.extend_from_slice(&chunk),
            Err(StreamError::Closed) => break,
            Err(StreamError::LastOperationFailed(cause)) => {
                let code = wasi::http::types::http_error_code(&cause);
                return Err(code.map_or_else(broken, |code| from_code(&code)));
            }
        }
    }
    Ok(HttpAnswer {
        status,
        body: bytes,
    })
}
