//! The one way out of the sandbox: takes a request of the component in whole, asks the policy, sends what it
//! admitted, and has it written down.

mod aliases;
mod body;
mod record;
mod traffic;

use std::sync::{Arc, OnceLock};

use http_body_util::BodyExt as _;
use hyper::http::request::Parts;
use hyper::http::uri;
use hyper::{Request, Response};
use tokio::time::Instant;
use wasmtime_wasi_http::p2::bindings::http::types::ErrorCode;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

use crate::audit::Audit;
use crate::budget::Budget;
use crate::contain::contained;
use crate::endpoint::Endpoint;
use crate::sandbox::limits::{LimitKind, Limits};
use crate::transport::{self, Answer, Bounds, ConnectError, TransportError, Wait};
use aliases::Asker;
use body::{Came, declared_length};
use policy::{self, Admitted, Allowance, Effects, Policy, Refusal, Rule, Scope, WholeRequest};
use record::Record;
use routes::Effect;

pub(crate) use aliases::Meanings;
pub(crate) use traffic::Traffic;

/// What a component may write at once, and a hostile one can leave in each body that it opens: small, since it can
/// open as many as it has handles.
const CHUNK: usize = 16 * 1024;

/// The largest answer to a question of the host about a name, in bytes: over REST v1 it is a list of collections.
const QUESTION: u64 = 1 << 20;

/// One call, as host and egress share it.
pub(crate) struct Call {
    pub(crate) id: u64,
    pub(crate) tool: String,
    pub(crate) endpoint: Option<Endpoint>,
    /// What the call is for. Nothing leaves before it is known.
    pub(crate) scope: OnceLock<Scope>,
    pub(crate) limits: Limits,
    pub(crate) budget: Budget,
    pub(crate) audit: Audit,
    /// By then every request has its answer.
    pub(crate) deadline: Instant,
    pub(crate) traffic: Traffic,
    pub(crate) meanings: Meanings,
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
        let (head, body) = request.into_parts();
        // Begun here and not in the task, which may start after the end of the call was awaited, or never.
        let mut record = Record::begin(&call, head.method.as_str(), head.uri.path());
        Box::new(async move {
            let passing = call.pass(&mut record, &head, body, options.unwrap_or_default());
            let ended = contained(passing)
                .await
                .map_err(|_| Error::InternalError(None))?;
            let answer = ended.map_err(|stop| call.stopped(&mut record, stop))?;
            record.answered(&answer, None);
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

impl Egress {
    /// Requests that came as far as [`Egress`].
    pub(crate) fn begun(&self) -> u32 {
        self.0.traffic.begun()
    }

    /// A request that wasmtime-wasi-http refused itself, before it came to [`Egress::send_request`].
    pub(crate) fn malformed(&self, method: &str, path: &str, why: &ErrorCode) {
        let detail = format!("it is no HTTP request: {why:?}");
        Record::begin(&self.0, method, path).refused(Refusal::new(Rule::Malformed, detail));
    }
}

/// Why the component gets no answer.
enum Stop {
    /// It was not let out.
    Refused(Refusal),
    /// There was no room for it, or no answer to it.
    Failed(TransportError),
    /// The answer is not for the component.
    Withheld(Box<Answer>, Refusal),
}

impl Stop {
    fn refuse(rule: Rule, detail: impl Into<String>) -> Self {
        Self::Refused(Refusal::new(rule, detail))
    }
}

impl Call {
    /// Says what it is for, within its endpoint's database.
    pub(crate) fn set_scope(&self, scope: Scope) {
        let database = self.endpoint.as_ref().and_then(Endpoint::database);
        let _ = self.scope.set(scope.within(database));
    }

    /// Decides about a request, and sends it.
    async fn pass(
        self: &Arc<Self>,
        record: &mut Record,
        head: &Parts,
        body: WasiBody,
        options: RequestOptions,
    ) -> Result<Answer, Stop> {
        let (cap, most) = (self.limits.request_bytes, self.limits.requests_per_call);
        let declared = declared_length(&head.headers);
        let keep = declared.filter(|length| *length <= cap).unwrap_or(0);
        let (once, at_once) = (self.limits.requests_at_once, record.at_once);
        let allowed = record.number <= most && at_once <= once;
        // Also what will be refused is read up to the cap: a component whose body breaks off never sees the reason.
        let keep = if allowed { keep } else { 0 };
        let came = Came::collect(body, keep, cap, &self.budget).await;
        record.request_bytes = came.count;
        if record.number > most {
            let detail = format!("a call makes at most {most} requests");
            return Err(Stop::refuse(Rule::RequestCount, detail));
        }
        if at_once > once {
            let detail = format!("a call has at most {once} requests on their way");
            return Err(Stop::refuse(Rule::AtOnce, detail));
        }
        let Some(_share) = came.share else {
            return Err(Stop::Failed(TransportError::Overloaded));
        };
        self.still_open()?;
        let allowance = self.allowance();
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
        let admitted = policy::admit(&allowance, whole).map_err(Stop::Refused)?;
        let Some(endpoint) = &self.endpoint else {
            return Err(Stop::Failed(TransportError::Internal));
        };
        let route = admitted.route();
        record.admitted(&admitted);
        let bounds = Bounds {
            budget: &self.budget,
            response_bytes: self.limits.response_bytes,
            deadline: self.deadline,
            first_byte: Wait {
                limit: LimitKind::FirstByteTime,
                most: self.limits.first_byte_time,
                asked: options.first_byte_timeout,
            },
            between_bytes: Wait {
                limit: LimitKind::BetweenBytesTime,
                most: self.limits.between_bytes_time,
                asked: options.between_bytes_timeout,
            },
        };
        let changes = admitted.effects() != Effects::of(&[Effect::Read]);
        let asker = Asker {
            allowance: &allowance,
            endpoint,
            bounds: &Bounds {
                response_bytes: bounds.response_bytes.min(QUESTION),
                ..bounds
            },
        };
        asker.know(self, &admitted).await?;
        // It may have ended while Milvus was asked.
        self.still_open()?;
        self.within_the_rate(endpoint, &admitted)?;
        record.sending();
        let answer = endpoint.transport().send(admitted, &bounds).await;
        if changes {
            self.meanings.forget().await;
        }
        let answer = answer.map_err(Stop::Failed)?;
        let (status, body) = (answer.status(), answer.body());
        let filter = move || policy::filter(&allowance, route, status, body);
        match transport::aside(answer.bytes(), self.deadline, filter).await {
            Ok(Ok(body)) => Ok(answer.with_body(body)),
            Ok(Err(refusal)) => Err(Stop::Withheld(Box::new(answer), refusal)),
            Err(error) => Err(Stop::Failed(error)),
        }
    }

    /// Whether the call goes on: what its end cuts short looks whole.
    fn still_open(&self) -> Result<(), Stop> {
        if self.traffic.has_ended() {
            let detail = "the call ended before the request was let out";
            return Err(Stop::refuse(Rule::Unfinished, detail));
        }
        Ok(())
    }

    /// Whether a costly operation may be asked for again within this minute.
    fn within_the_rate(&self, endpoint: &Endpoint, request: &Admitted) -> Result<(), Stop> {
        let route = request.route();
        let costly = request
            .effects()
            .contains(Effect::Admin)
            .then_some(route.name);
        let Some(operation) = route.counts_as.or(costly) else {
            return Ok(());
        };
        let most = self.limits.admin_per_minute;
        let counted = endpoint.rates().count(operation, most, Instant::now());
        counted.map_err(|wait| {
            self.traffic.noted().wait = Some(wait);
            let seconds = wait.as_secs().saturating_add(1);
            Stop::Refused(Refusal {
                rule: Rule::Rate,
                operation: Some(route.name),
                detail: format!("at most {most} a minute are let out, the next one in {seconds} s"),
            })
        })
    }

    fn allowance(&self) -> Allowance {
        let endpoint = self.endpoint.as_ref();
        Allowance {
            origin: endpoint.map(|endpoint| endpoint.origin().clone()),
            request_bytes: self.limits.request_bytes,
            rows: self.limits.rows_per_request,
            policy: endpoint.map_or_else(
                || Policy::of(Effects::default()),
                |endpoint| endpoint.policy().clone(),
            ),
            call: self.scope.get().cloned().unwrap_or_default(),
        }
    }

    /// Writes down why there is no answer; what the component learns of it.
    fn stopped(&self, record: &mut Record, stop: Stop) -> Error {
        match stop {
            Stop::Refused(refusal) => {
                let too_large = refusal.rule == Rule::RequestBytes;
                record.refused(refusal);
                if too_large {
                    Error::HttpRequestBodySize(Some(self.limits.request_bytes))
                } else {
                    Error::HttpRequestDenied
                }
            }
            Stop::Withheld(answer, refusal) => {
                record.answered(&answer, Some(refusal));
                Error::HttpRequestDenied
            }
            Stop::Failed(error) => {
                record.failed(error);
                guest_error(error)
            }
        }
    }
}

/// What the component learns.
fn guest_error(error: TransportError) -> Error {
    match error {
        TransportError::Connect(error) => match error {
            ConnectError::Name => Error::DnsError {
                rcode: None,
                info_code: None,
            },
            ConnectError::AddressesChanged => Error::DestinationIpProhibited,
            ConnectError::Refused => Error::ConnectionRefused,
            ConnectError::Unreachable => Error::DestinationUnavailable,
            ConnectError::Timeout => Error::ConnectionTimeout,
            error if error.is_certificate() => Error::TlsCertificateError,
            _ => Error::TlsProtocolError,
        },
        TransportError::Terminated => Error::ConnectionTerminated,
        TransportError::Incomplete => Error::HttpResponseIncomplete,
        TransportError::Protocol => Error::HttpProtocolError,
        TransportError::HeadTooLarge => Error::HttpResponseHeaderSectionSize(None),
        TransportError::AnswerTooLarge(limit) => Error::HttpResponseBodySize(Some(limit)),
        TransportError::Encoded => Error::HttpResponseContentCoding(None),
        TransportError::Timeout(_) => Error::HttpResponseTimeout,
        TransportError::Overloaded => Error::ConnectionLimitReached,
        TransportError::Internal => Error::InternalError(None),
    }
}

#[cfg(test)]
mod tests;
