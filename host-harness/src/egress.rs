//! The one way out of the sandbox: takes a request of the component in whole, asks the policy, sends what it
//! admitted, and writes the audit line.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use http_body_util::BodyExt as _;
use hyper::body::{Bytes, Frame};
use hyper::header::{CONTENT_LENGTH, HeaderMap};
use hyper::http::request::Parts;
use hyper::http::uri;
use hyper::{Request, Response};
use routes::Route;
use tokio::sync::RwLock;
use tokio::time::Instant;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

use crate::audit::{Audit, Line};
use crate::budget::Budget;
use crate::contain::contained;
use crate::endpoint::Endpoint;
use crate::sandbox::limits::Limits;
use crate::transport::{Answer, Bounds, TransportError};
use policy::{self, Allowance, Policy, Refusal, Rule, WholeRequest};

/// What a component may write at once, and a hostile one can leave in each body that it opens: small, since it can
/// open as many as it has handles.
const CHUNK: usize = 16 * 1024;

/// One call, as host and egress share it.
pub(crate) struct Call {
    pub(crate) id: u64,
    pub(crate) tool: String,
    pub(crate) endpoint: Option<Endpoint>,
    /// What the call is for.
    pub(crate) scope: Policy,
    pub(crate) limits: Limits,
    pub(crate) budget: Budget,
    pub(crate) audit: Audit,
    /// By then every request has its answer.
    pub(crate) deadline: Instant,
    pub(crate) traffic: Traffic,
}

/// What a call has let out so far.
#[derive(Default)]
pub(crate) struct Traffic {
    requests: AtomicU32,
    sent: AtomicU32,
    refused: AtomicU32,
    refusals: Mutex<Vec<Refusal>>,
    ended: AtomicBool,
    /// Read by each request on its way, so that the end of a call can wait for all of them.
    in_flight: Arc<RwLock<()>>,
}

impl Traffic {
    pub(crate) fn sent(&self) -> u32 {
        self.sent.load(Ordering::Relaxed)
    }

    pub(crate) fn refused(&self) -> u32 {
        self.refused.load(Ordering::Relaxed)
    }

    pub(crate) fn refusals(&self) -> Vec<Refusal> {
        self.refusals
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn note(&self, refusal: Option<Refusal>) {
        self.refusals
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(refusal);
    }

    /// From here on nothing more leaves. A body whose writer is gone looks complete; it is not sent.
    pub(crate) fn end(&self) {
        self.ended.store(true, Ordering::SeqCst);
    }

    /// Waits until no request is on its way.
    pub(crate) async fn settled(&self) {
        drop(self.in_flight.write().await);
    }
}

/// The hooks of wasmtime-wasi-http.
pub(crate) struct Egress(pub(crate) Arc<Call>);

type Answering = Result<
    (
        Response<WasiBody>,
        Box<dyn Future<Output = Result<(), Error>> + Send>,
    ),
    Error,
>;

impl WasiHttpHooks for Egress {
    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Answering> + Send> {
        let call = Arc::clone(&self.0);
        // Taken here and not in the task, which may begin after the end of the call was awaited.
        let in_flight = Arc::clone(&call.traffic.in_flight).try_read_owned();
        Box::new(async move {
            let Ok(_in_flight) = in_flight else {
                return Err(Error::HttpRequestDenied);
            };
            let (head, body) = request.into_parts();
            let passing = call.pass(&head, body, options.unwrap_or_default());
            let answer = contained(passing)
                .await
                .unwrap_or(Err(Error::InternalError(None)))?;
            let body = |never| match never {};
            let response = answer
                .into_response()
                .map(|full| full.map_err(body).boxed_unsync());
            Ok((response, Box::new(async { Ok(()) }) as Box<_>))
        })
    }

    /// Every scheme comes as far as the policy, so that a wrong one is refused and written down there.
    fn is_supported_scheme(&mut self, _: &uri::Scheme) -> bool {
        true
    }

    fn default_scheme(&mut self) -> Option<uri::Scheme> {
        None
    }

    /// No header of the component passes; the host's come from its own address.
    fn set_host_header(&mut self) -> bool {
        false
    }

    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        CHUNK
    }
}

impl Call {
    async fn pass(
        &self,
        head: &Parts,
        body: WasiBody,
        options: RequestOptions,
    ) -> Result<Answer, Error> {
        let number = self
            .traffic
            .requests
            .fetch_add(1, Ordering::Relaxed)
            .saturating_add(1);
        let (cap, most) = (self.limits.request_bytes, self.limits.requests_per_call);
        let mut record = Record::new(self, head, number <= most.saturating_add(1));
        let declared = declared_length(&head.headers);
        let keep = declared.filter(|length| *length <= cap).unwrap_or(0);
        let allowed = number <= most;
        // Also what will be refused is read up to the cap: a component whose body breaks off never sees the reason.
        let share = if allowed {
            self.budget.take(keep)
        } else {
            None
        };
        let came = Came::collect(body, if share.is_some() { keep } else { 0 }, cap).await;
        record.request_bytes = came.count;
        if !allowed {
            return Err(record.refused(Refusal::new(
                Rule::RequestCount,
                format!("a call makes at most {most} requests"),
            )));
        }
        let Some(_share) = share else {
            return Err(record.failed(TransportError::Overloaded));
        };
        if self.traffic.ended.load(Ordering::SeqCst) {
            return Err(record.refused(Refusal::new(
                Rule::Unfinished,
                "the call ended before the request was whole",
            )));
        }
        let allowance = Allowance {
            origin: self
                .endpoint
                .as_ref()
                .map(|endpoint| endpoint.origin().clone()),
            request_bytes: cap,
            policy: self
                .endpoint
                .as_ref()
                .map(|endpoint| endpoint.policy().clone())
                .unwrap_or_default(),
            call: self.scope.clone(),
        };
        let whole = WholeRequest {
            method: head.method.as_str(),
            scheme: head.uri.scheme_str().unwrap_or_default(),
            authority: head
                .uri
                .authority()
                .map(uri::Authority::as_str)
                .unwrap_or_default(),
            path: head.uri.path(),
            query: head.uri.query(),
            declared,
            came: came.count,
            body: came.kept,
            trailers: came.trailers,
            aborted: came.aborted,
        };
        let admitted = match (policy::admit(&allowance, whole), &self.endpoint) {
            (Ok(admitted), Some(endpoint)) => (admitted, endpoint),
            (Err(refusal), _) => return Err(record.refused(refusal)),
            (Ok(_), None) => return Err(record.failed(TransportError::Internal)),
        };
        let (admitted, endpoint) = admitted;
        let route = admitted.route();
        record.route = Some(route);
        record.sending = true;
        self.traffic.sent.fetch_add(1, Ordering::Relaxed);
        let bounds = Bounds {
            budget: &self.budget,
            response_bytes: self.limits.response_bytes,
            deadline: self.deadline,
            first_byte: options.first_byte_timeout,
            between_bytes: options.between_bytes_timeout,
        };
        match endpoint.transport().send(admitted, &bounds).await {
            // What is no success names nothing that a list would show: a path that is not there, a refusal.
            Ok(answer) if !answer.is_success() => {
                record.answered(&answer, None);
                Ok(answer)
            }
            Ok(answer) => match policy::filter(&allowance, route, answer.body()) {
                Ok(body) => {
                    record.answered(&answer, None);
                    Ok(answer.with_body(body))
                }
                Err(refusal) => {
                    record.answered(&answer, Some(refusal));
                    Err(Error::HttpRequestDenied)
                }
            },
            Err(error) => Err(record.failed(error)),
        }
    }
}

/// `Content-Length`: one, plain digits.
fn declared_length(headers: &HeaderMap) -> Option<u64> {
    let mut values = headers.get_all(CONTENT_LENGTH).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return None;
    };
    let digits = value
        .to_str()
        .ok()
        .filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?;
    digits.parse().ok()
}

/// A body, read to its end or to the cap.
struct Came {
    kept: Bytes,
    count: u64,
    trailers: bool,
    aborted: bool,
}

impl Came {
    /// Keeps the first `keep` bytes and counts the rest; reads on until more than `cap` came.
    async fn collect(mut body: WasiBody, keep: u64, cap: u64) -> Self {
        let keep = usize::try_from(keep).unwrap_or(usize::MAX);
        let mut kept = Vec::with_capacity(keep);
        let mut came = Self {
            kept: Bytes::new(),
            count: 0,
            trailers: false,
            aborted: false,
        };
        while came.count <= cap {
            match body.frame().await.map(|frame| frame.map(Frame::into_data)) {
                None => break,
                Some(Ok(Ok(data))) => {
                    let room = keep.saturating_sub(kept.len()).min(data.len());
                    kept.extend_from_slice(&data[..room]);
                    came.count = came.count.saturating_add(data.len() as u64);
                }
                Some(Ok(Err(_))) => came.trailers = true,
                Some(Err(_)) => {
                    came.aborted = true;
                    break;
                }
            }
        }
        came.kept = kept.into();
        came
    }
}

/// The audit line of one request; written when the request is over, whatever way it ends.
struct Record<'a> {
    call: &'a Call,
    head: &'a Parts,
    started: Instant,
    /// Refusals beyond the number of requests that a call may make are counted, not written.
    written: bool,
    route: Option<&'static Route>,
    request_bytes: u64,
    sending: bool,
    over: bool,
}

impl<'a> Record<'a> {
    fn new(call: &'a Call, head: &'a Parts, written: bool) -> Self {
        Self {
            call,
            head,
            started: Instant::now(),
            written,
            route: None,
            request_bytes: 0,
            sending: false,
            over: false,
        }
    }

    fn refused(&mut self, refusal: Refusal) -> Error {
        self.over = true;
        let error = match refusal.rule {
            Rule::RequestBytes => Error::HttpRequestBodySize(Some(self.call.limits.request_bytes)),
            _ => Error::HttpRequestDenied,
        };
        self.call.traffic.refused.fetch_add(1, Ordering::Relaxed);
        if self.written {
            let line = self.line("refused").text("rule", refusal.rule.name());
            let line = match refusal.operation {
                Some(operation) => line.text("operation", operation),
                None => line,
            };
            self.write(line);
            self.call.traffic.note(Some(refusal));
        }
        error
    }

    /// Milvus answered; `withheld` says why the component does not see it.
    fn answered(&mut self, answer: &Answer, withheld: Option<Refusal>) {
        self.over = true;
        let line = self
            .line("sent")
            .number("response_bytes", answer.bytes())
            .number("status", answer.status());
        let line = if answer.redacted > 0 {
            line.number("redacted", answer.redacted)
        } else {
            line
        };
        let line = match &withheld {
            Some(refusal) => line.text("withheld", refusal.rule.name()),
            None => line,
        };
        self.write(line.text("outcome", "answered"));
        self.call.traffic.note(withheld);
    }

    fn failed(&mut self, error: TransportError) -> Error {
        self.over = true;
        let line = if self.sending {
            self.line("sent").text(
                "outcome",
                if error.before_sending() {
                    "not-sent"
                } else {
                    "unknown"
                },
            )
        } else {
            self.line("refused").text("rule", "budget-bytes")
        };
        if !self.sending {
            self.call.traffic.refused.fetch_add(1, Ordering::Relaxed);
        }
        self.write(line.text("error", error.name()));
        guest_error(error)
    }

    fn line(&self, verdict: &'static str) -> Line {
        let line = Line::new()
            .number("call", self.call.id)
            .text("tool", &self.call.tool)
            .text("verdict", verdict)
            .text("method", self.head.method.as_str())
            .text("path", self.head.uri.path())
            .number("request_bytes", self.request_bytes);
        let line = match &self.call.endpoint {
            Some(endpoint) => line.text("origin", &endpoint.origin().to_string()),
            None => line,
        };
        match self.route {
            Some(route) => line
                .text("operation", route.name)
                .text("effect", &route.effect.to_string()),
            None => line,
        }
    }

    fn write(&self, line: Line) {
        let millis = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.call.audit.write(line.number("ms", millis));
    }
}

impl Drop for Record<'_> {
    /// The component, its call or its caller went away in the middle.
    fn drop(&mut self) {
        if self.over {
            return;
        }
        if self.sending {
            self.write(
                self.line("sent")
                    .text("outcome", "unknown")
                    .text("error", "cancelled"),
            );
        } else {
            self.refused(Refusal::new(
                Rule::Unfinished,
                "it was given up before it was whole",
            ));
        }
    }
}

/// What the component learns.
fn guest_error(error: TransportError) -> Error {
    match error {
        TransportError::Dns => Error::DnsError {
            rcode: None,
            info_code: None,
        },
        TransportError::Refused => Error::ConnectionRefused,
        TransportError::Unreachable => Error::DestinationUnavailable,
        TransportError::ConnectTimeout => Error::ConnectionTimeout,
        TransportError::Certificate => Error::TlsCertificateError,
        TransportError::Tls => Error::TlsProtocolError,
        TransportError::Terminated => Error::ConnectionTerminated,
        TransportError::Incomplete => Error::HttpResponseIncomplete,
        TransportError::Protocol => Error::HttpProtocolError,
        TransportError::HeadTooLarge => Error::HttpResponseHeaderSectionSize(None),
        TransportError::AnswerTooLarge(limit) => Error::HttpResponseBodySize(Some(limit)),
        TransportError::Encoded => Error::HttpResponseContentCoding(None),
        TransportError::Timeout => Error::HttpResponseTimeout,
        TransportError::Overloaded => Error::ConnectionLimitReached,
        TransportError::Internal => Error::InternalError(None),
    }
}

#[cfg(test)]
mod tests;
