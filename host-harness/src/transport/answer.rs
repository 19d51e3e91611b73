//! Takes an answer in whole, within its limits, before the component gets a byte of it.

use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body as _, Bytes, Incoming};
use hyper::header::{
    CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue, TRANSFER_ENCODING,
};
use hyper::{Response, StatusCode};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout_at};

use super::{Exchange, TransportError};
use crate::budget::{Budget, Share};
use crate::credential::{Renewal, Shown};
use crate::sandbox::LimitKind;

/// To search so much takes some milliseconds.
const LARGE: u64 = 1 << 18;

/// An answer, whole; the credential is taken out of it.
#[derive(Debug)]
pub(crate) struct Answer {
    status: StatusCode,
    content_type: Option<HeaderValue>,
    body: Bytes,
    share: Arc<Share>,
    /// How often the credential stood in it.
    pub(crate) redacted: u64,
    /// What was done about a credential that Milvus does not know.
    pub(crate) renewal: Option<Renewal>,
}

/// Bytes that give their share of the budget back when the last view of them is gone.
struct Held<B> {
    bytes: B,
    _share: Arc<Share>,
}

impl<B: AsRef<[u8]>> AsRef<[u8]> for Held<B> {
    fn as_ref(&self) -> &[u8] {
        self.bytes.as_ref()
    }
}

/// How large an answer may be, and how long it may take.
#[derive(Clone, Copy)]
pub(crate) struct Bounds<'a> {
    pub(crate) budget: &'a Budget,
    pub(crate) response_bytes: u64,
    /// All of it has to be there by then.
    pub(crate) deadline: Instant,
    /// The longest wait for the answer's head, and between two parts of its body.
    pub(crate) first_byte: Wait,
    pub(crate) between_bytes: Wait,
}

/// How long the host waits; the component can only ask for less.
#[derive(Clone, Copy)]
pub(crate) struct Wait {
    pub(crate) limit: LimitKind,
    pub(crate) most: Duration,
    pub(crate) asked: Option<Duration>,
}

impl Bounds<'_> {
    /// When a wait that begins now is over, and what it then was.
    pub(super) fn until(&self, wait: Wait) -> (Instant, TransportError) {
        let (time, limit) = match wait.asked {
            Some(asked) if asked < wait.most => (asked, None),
            _ => (wait.most, Some(wait.limit)),
        };
        match Instant::now().checked_add(time) {
            Some(until) if until < self.deadline => (until, TransportError::Timeout(limit)),
            _ => (
                self.deadline,
                TransportError::Timeout(Some(LimitKind::CallTime)),
            ),
        }
    }
}

impl Answer {
    pub(super) async fn collect(
        response: Response<Incoming>,
        bounds: &Bounds<'_>,
        shown: Option<&Shown>,
        exchange: Exchange<'_>,
    ) -> Result<Self, TransportError> {
        let (head, mut body) = response.into_parts();
        // Dropped before the body: a connection is given up before what is left on it could be read away.
        let mut exchange = exchange;
        // Nobody asked for another protocol: what follows would be no HTTP.
        if head.status.is_informational() {
            return Err(TransportError::Protocol);
        }
        refuse_encoded(&head.headers)?;
        let too_large = TransportError::AnswerTooLarge(bounds.response_bytes);
        let announced = body.size_hint().lower();
        if announced > bounds.response_bytes {
            return Err(too_large);
        }
        if !bounds.budget.can_hold(announced) {
            return Err(TransportError::Overloaded);
        }
        let mut share = bounds.budget.take(0).ok_or(TransportError::Overloaded)?;
        let announced = usize::try_from(announced).map_err(|_| TransportError::Overloaded)?;
        let mut bytes = Vec::new();
        let reserved = bytes.try_reserve_exact(announced);
        reserved.map_err(|_| TransportError::Overloaded)?;
        loop {
            let (until, late) = bounds.until(bounds.between_bytes);
            let frame = timeout_at(until, body.frame()).await.map_err(|_| late)?;
            let Some(frame) = frame else { break };
            // Trailers are dropped: nothing of Milvus' API is in them.
            let Ok(data) = frame
                .map_err(|error| TransportError::body(&error))?
                .into_data()
            else {
                continue;
            };
            let length = bytes.len() as u64 + data.len() as u64;
            if length > bounds.response_bytes {
                return Err(too_large);
            }
            // As bytes come: what is only announced takes no room from others. What a list grew by is held, too.
            if bytes.capacity() < bytes.len() + data.len() {
                bytes.reserve(data.len());
            }
            let held = if bytes.capacity() == announced {
                length
            } else {
                bytes.capacity() as u64
            };
            if !share.cover(held) {
                return Err(TransportError::Overloaded);
            }
            bytes.extend_from_slice(&data);
        }
        exchange.whole = true;
        let share = Arc::new(share);
        let searched = without_credential(shown, bytes, &share, bounds.deadline);
        let (bytes, redacted) = searched.await?;
        let holds = |value: &HeaderValue| shown.is_some_and(|shown| shown.is_in(value.as_bytes()));
        Ok(Self {
            status: head.status,
            content_type: head
                .headers
                .get(CONTENT_TYPE)
                .filter(|value| value.len() <= 128 && !holds(value))
                .cloned(),
            body: Bytes::from_owner(Held {
                bytes,
                _share: Arc::clone(&share),
            }),
            share,
            redacted,
            renewal: None,
        })
    }

    pub(crate) fn status(&self) -> u16 {
        self.status.as_u16()
    }

    /// Whether Milvus does not know the credential: by the status, or by its codes 1400 (`merr`) and 1800
    /// (`httpserver/constant.go`), which v1 and some of v2 answer with status 200.
    pub(super) fn is_unauthenticated(&self) -> bool {
        self.status == StatusCode::UNAUTHORIZED
            || matches!(code(&self.body), Some(b"1400" | b"1800"))
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.body.len() as u64
    }

    pub(crate) fn body(&self) -> Bytes {
        self.body.clone()
    }

    /// The same answer with another body, which takes its place in the budget. A message whose names are withheld can
    /// make it some KiB longer.
    pub(crate) fn with_body(mut self, body: Bytes) -> Self {
        self.body = Bytes::from_owner(Held {
            bytes: body,
            _share: Arc::clone(&self.share),
        });
        self
    }

    /// What the component gets: status, type and length, and the body. No other header of the server passes.
    pub(crate) fn into_response(self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(self.body.clone()));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_LENGTH, HeaderValue::from(self.body.len()));
        if let Some(value) = self.content_type {
            headers.insert(CONTENT_TYPE, value);
        }
        response
    }
}

/// Takes the credential out; says how often.
async fn without_credential(
    shown: Option<&Shown>,
    mut bytes: Vec<u8>,
    share: &Arc<Share>,
    deadline: Instant,
) -> Result<(Vec<u8>, u64), TransportError> {
    let Some(shown) = shown else {
        return Ok((bytes, 0));
    };
    let length = bytes.len() as u64;
    let (shown, share) = (shown.clone(), Arc::clone(share));
    // With its share: if the call ends first, the bytes are held on here.
    let search = move || {
        let count = shown.redact(&mut bytes);
        drop(share);
        (bytes, count)
    };
    aside(length, deadline, search).await
}

/// Runs work over so many bytes; what takes long where it holds up no other call. Nobody waits for it beyond `deadline`.
pub(crate) async fn aside<T: Send + 'static>(
    bytes: u64,
    deadline: Instant,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, TransportError> {
    if bytes < LARGE {
        return Ok(work());
    }
    let late = TransportError::Timeout(Some(LimitKind::CallTime));
    let done = timeout_at(deadline, spawn_blocking(work))
        .await
        .map_err(|_| late)?;
    // The answer was there.
    done.map_err(|_| TransportError::Incomplete)
}

/// The number of an answer that begins with `{"code":`, as all of Milvus do: Go writes the keys of a map in order.
fn code(body: &[u8]) -> Option<&[u8]> {
    let mut rest = body;
    for part in [&b"{"[..], b"\"code\"", b":"] {
        rest = rest.trim_ascii_start().strip_prefix(part)?;
    }
    let rest = rest.trim_ascii_start();
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit());
    rest.get(..digits.count())
}

/// `identity` was asked for: a server that compresses all the same could unpack without end, or hide the credential. Nor
/// is a transfer coding other than `chunked` taken, or one beside a length: where an answer ends has one reading.
fn refuse_encoded(headers: &HeaderMap) -> Result<(), TransportError> {
    let only = |name, coding: &'static [u8]| {
        let mut values = headers.get_all(name).iter();
        values.all(|value| value.as_bytes().eq_ignore_ascii_case(coding))
    };
    if !only(CONTENT_ENCODING, b"identity") || !only(TRANSFER_ENCODING, b"chunked") {
        return Err(TransportError::Encoded);
    }
    if headers.contains_key(TRANSFER_ENCODING) && headers.contains_key(CONTENT_LENGTH) {
        return Err(TransportError::Protocol);
    }
    Ok(())
}
