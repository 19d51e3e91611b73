//! Sends operations: deadline, retries, batches.
//!
//! Retries: reads when the server or the connection failed in passing, and writes only where Milvus says that nothing
//! was done (code 1807); always within the call's deadline, on the monotonic clock.

pub mod batches;
pub mod hits;
pub mod keys;
pub mod probe;
pub mod rest;
pub mod selection;
pub mod target;

use crate::contract::types::{CollectionSchema, Connection};
use crate::dialect::{self, Encoded, HttpAnswer, Spoken};
use crate::error::{Error, ErrorKind, ErrorSource, Outcome, Retry};
use crate::operations::collections::DescribeCollection;
use crate::operations::{Answer as _, Operation, Reply};
use crate::values::json::Members;
use routes::{Dialect, Effect, JsonFields, Route, Server};
use std::borrow::Cow;
use target::Target;

/// Pauses between the tries of one operation, in milliseconds; one more try than there are pauses.
const PAUSES_MS: [u64; 2] = [100, 400];

/// One HTTP request.
#[derive(Debug)]
pub struct HttpRequest<'a> {
    /// Scheme and authority.
    pub target: &'a Target,
    /// Credential, only where the host does not add it.
    pub token: Option<&'a str>,
    /// Method and path.
    pub route: &'static Route,
    /// What stands behind the path's `?`.
    pub query: Option<String>,
    /// JSON; empty for a `GET`.
    pub body: Vec<u8>,
    /// When the answer has to be there, on the transport's clock, in milliseconds.
    pub deadline_ms: Option<u64>,
}

/// Why no answer came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TransportError {
    /// The host refused the request.
    Denied,
    /// The host has too much to do.
    Overloaded,
    /// The request is larger than the host lets out.
    RequestTooLarge,
    /// The answer is larger than the host lets in.
    AnswerTooLarge,
    /// Nothing was sent: no such host, no connection.
    Unreachable(String),
    /// Nothing was sent: the server's certificate or its TLS is not to be trusted.
    Untrusted(String),
    /// The deadline passed. `sent`: the request may have reached Milvus.
    TimedOut {
        /// Whether the request may have reached Milvus.
        sent: bool,
    },
    /// The connection broke, or the answer was no HTTP.
    Broken(String),
}

/// Sends one request and keeps a clock.
pub trait Transport {
    /// Sends a request and reads the whole answer.
    ///
    /// # Errors
    /// Why no whole answer came.
    fn send(&mut self, request: HttpRequest<'_>) -> Result<HttpAnswer, TransportError>;

    /// Milliseconds on a monotonic clock.
    fn now_ms(&self) -> u64;

    /// Waits.
    fn wait_ms(&mut self, milliseconds: u64);
}

/// A connection for the time of one call.
pub struct Client<'a> {
    transport: &'a mut dyn Transport,
    target: Target,
    token: Option<String>,
    database: Option<String>,
    server: Server,
    deadline_ms: Option<u64>,
    requests: u32,
    /// Further keys of the call's own operation.
    keys: Option<(&'static Route, Members)>,
    /// What stood beside `data` in its last answer.
    members: Option<String>,
}

impl std::fmt::Debug for Client<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Client")
            .field("target", &self.target)
            .field("database", &self.database)
            .field("requests", &self.requests)
            .finish_non_exhaustive()
    }
}

impl<'a> Client<'a> {
    /// A client for one call.
    ///
    /// # Errors
    /// `invalid-argument` for a URI that is no origin, or a server or an option that is not known.
    pub fn new(transport: &'a mut dyn Transport, connection: Connection) -> Result<Self, Error> {
        let target = Target::parse(&connection.uri)?;
        let server = match connection.server.as_deref().map(Server::parse) {
            None => Server::new(Dialect::V2),
            Some(Some(server)) => server,
            Some(None) => {
                return Err(Error::invalid(
                    "server",
                    "expected `rest=v1` or `rest=v2`, then perhaps `;json=old`, `;json=native` or `;json=text`",
                ));
            }
        };
        if let Some((name, _)) = connection.options.first() {
            return Err(Error::invalid(
                "options",
                format_args!("expected none, since this version knows none; got `{name}`"),
            ));
        }
        let deadline_ms = connection
            .timeout_ms
            .map(|timeout| transport.now_ms().saturating_add(u64::from(timeout)));
        Ok(Self {
            transport,
            target,
            token: connection.token,
            database: connection.database.filter(|name| !name.is_empty()),
            server,
            deadline_ms,
            requests: 0,
            keys: None,
            members: None,
        })
    }

    /// The database of the call, where one is named.
    pub fn database(&self) -> Option<&str> {
        self.database.as_deref()
    }

    /// The dialect that the server was said to speak.
    pub fn dialect(&self) -> Dialect {
        self.server.rest
    }

    /// How the server was said to have JSON fields.
    pub fn json_fields(&self) -> JsonFields {
        self.server.json.unwrap_or(JsonFields::Old)
    }

    /// Sends an operation with further keys, and reads its answer.
    ///
    /// # Errors
    /// Those of [`add`](Self::add) and [`run`](Self::run).
    pub fn run_with<O: Spoken>(
        &mut self,
        operation: &O,
        extra: Option<&str>,
    ) -> Result<O::Answer, Error> {
        self.add::<O>(extra)?;
        self.run(operation)
    }

    /// Adds further keys, the text of a JSON object, to each request of `O`.
    ///
    /// # Errors
    /// `invalid-argument`: it is no object, or repeats a name.
    pub fn add<O: Operation>(&mut self, keys: Option<&str>) -> Result<(), Error> {
        let keys = keys.map(|keys| keys::read("extra", keys)).transpose()?;
        self.keys = keys.map(|keys| (O::ROUTE, keys));
        Ok(())
    }

    /// What Milvus wrote beside `data` in the last answer, look-ups aside: the text of a JSON object.
    pub fn members(&mut self) -> Option<String> {
        self.members.take()
    }

    /// HTTP requests so far.
    pub fn requests(&self) -> u32 {
        self.requests
    }

    /// Sends an operation and reads its answer.
    ///
    /// # Errors
    /// Milvus' own, the host's, or `protocol` if the answer cannot be read.
    pub fn run<O: Spoken>(&mut self, operation: &O) -> Result<O::Answer, Error> {
        self.repeat(O::ROUTE, |client| client.attempt(operation))
    }

    /// An operation as the server's dialect takes it, and the collection's schema, if it is known by then: the one that is
    /// given, or, where the operation has to be fitted to it, one that is looked up.
    ///
    /// # Errors
    /// What the dialect lacks or would take for something else, before the operation is sent.
    pub fn fit<'o, 's, O: Spoken + Clone>(
        &mut self,
        operation: &'o O,
        schema: Option<&'s CollectionSchema>,
    ) -> Result<(Cow<'o, O>, Option<Cow<'s, CollectionSchema>>), Error> {
        let schema = schema.map(Cow::Borrowed);
        let Some(collection) = dialect::fits_by(self.dialect(), operation)? else {
            return Ok((Cow::Borrowed(operation), schema));
        };
        let schema = match schema {
            Some(schema) => schema,
            None => Cow::Owned(selection::schema(self, collection)?),
        };
        let fitted = operation.fitted(&schema)?;
        Ok((
            fitted.map_or(Cow::Borrowed(operation), Cow::Owned),
            Some(schema),
        ))
    }

    /// Tries a request of `route` until it succeeds, or fails in a way that does not pass.
    fn repeat<T>(
        &mut self,
        route: &Route,
        mut attempt: impl FnMut(&mut Self) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let reads = route.effect == Effect::Read;
        let mut pauses = PAUSES_MS.iter();
        loop {
            let error = match attempt(self) {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let again = error.retry == Retry::Safe
                && match error.kind {
                    ErrorKind::RateLimited => reads || error.milvus_code == Some(1807),
                    ErrorKind::Unavailable => reads && error.source == ErrorSource::Server,
                    _ => false,
                };
            let Some(pause) = pauses.next().filter(|_| again) else {
                return Err(error);
            };
            if !self.has_time_for(*pause) {
                return Err(error);
            }
            self.transport.wait_ms(*pause);
        }
    }

    fn has_time_for(&self, pause: u64) -> bool {
        self.deadline_ms
            .is_none_or(|deadline| self.transport.now_ms().saturating_add(pause) < deadline)
    }

    fn attempt<O: Spoken>(&mut self, operation: &O) -> Result<O::Answer, Error> {
        let dialect = self.dialect();
        let mut encoded = dialect::encode(dialect, operation, self.database.as_deref())?;
        let own = self
            .keys
            .as_ref()
            .filter(|(route, _)| route.name == O::ROUTE.name);
        if let Some((_, keys)) = own {
            keys::add(keys, &mut encoded)?;
        }
        let route = encoded.route;
        let answer = self.exchange(encoded)?;
        let reply = dialect::decode(dialect, operation, route, &answer)?;
        if O::ROUTE.name != DescribeCollection::ROUTE.name {
            self.members = beside(&reply);
        }
        O::Answer::read(reply).map_err(|cause| {
            let outcome = if route.effect == Effect::Read {
                Outcome::NotApplied
            } else {
                Outcome::Unknown
            };
            Error {
                http_status: Some(answer.status),
                ..Error::protocol(&cause)
            }
            .with_outcome(outcome)
            .with_retry(if outcome == Outcome::Unknown {
                Retry::AfterCheck
            } else {
                Retry::Never
            })
        })
    }

    /// Sends one HTTP request and gives the answer as it is, for those who look at the status themselves.
    ///
    /// # Errors
    /// Why no answer came, with the outcome that follows from what may have been sent.
    pub fn exchange(&mut self, encoded: Encoded) -> Result<HttpAnswer, Error> {
        self.requests += 1;
        let Encoded { route, query, body } = encoded;
        let size = body.len();
        let request = HttpRequest {
            target: &self.target,
            token: self.token.as_deref(),
            route,
            query,
            body,
            deadline_ms: self.deadline_ms,
        };
        self.transport
            .send(request)
            .map_err(|cause| no_answer(route, &self.target, size, cause).of(route))
    }
}

/// What stands beside `data` and is not read here, as the text of a JSON object.
fn beside(reply: &Reply) -> Option<String> {
    let mut members = reply.beside.clone();
    members.0.retain(|(name, _)| name != "topks");
    (!members.0.is_empty()).then(|| members.text())
}

/// The typed error of a request without an answer.
fn no_answer(route: &Route, target: &Target, size: usize, cause: TransportError) -> Error {
    let reads = route.effect == Effect::Read;
    let host = |kind, message: String| Error {
        source: ErrorSource::Host,
        ..Error::new(kind, message)
    };
    let doubt = |error: Error| {
        if reads {
            error.with_retry(Retry::Safe)
        } else {
            error
                .with_outcome(Outcome::Unknown)
                .with_retry(Retry::AfterCheck)
        }
    };
    match cause {
        TransportError::Denied => host(
            ErrorKind::DeniedByHost,
            format!("the host did not let {} {} out", route.method, route.path),
        ),
        TransportError::Overloaded => host(
            ErrorKind::Overloaded,
            "the host has too many requests or bytes in flight".to_owned(),
        )
        .with_retry(Retry::Safe),
        TransportError::RequestTooLarge => Error {
            limit: Some("request-bytes".into()),
            ..host(
                ErrorKind::LimitExceeded,
                format!("the request of {size} bytes is larger than the host lets out"),
            )
        },
        TransportError::AnswerTooLarge => {
            let error = Error {
                limit: Some("response-bytes".into()),
                ..host(
                    ErrorKind::LimitExceeded,
                    "the answer is larger than the host lets in: ask for fewer rows or fields"
                        .to_owned(),
                )
            };
            if reads { error } else { doubt(error) }
        }
        TransportError::Unreachable(why) => host(
            ErrorKind::Unavailable,
            format!("cannot reach {target}: {why}"),
        )
        .with_retry(Retry::Safe),
        TransportError::Untrusted(why) => host(
            ErrorKind::Unavailable,
            format!("cannot trust {target}: {why}"),
        ),
        TransportError::TimedOut { sent: false } => host(
            ErrorKind::Timeout,
            format!("no connection to {target} within the time limit"),
        )
        .with_retry(Retry::Safe),
        TransportError::TimedOut { sent: true } => doubt(host(
            ErrorKind::Timeout,
            format!("no answer from {target} within the time limit"),
        )),
        TransportError::Broken(why) => doubt(host(
            ErrorKind::Unavailable,
            format!("the connection to {target} broke: {why}"),
        )),
    }
}

#[cfg(test)]
pub mod scripted;

#[cfg(test)]
mod tests {
    use super::scripted::{Scripted, connection};
    use super::*;
    use crate::operations::collections::{DropCollection, ListCollections};
    use crate::operations::entities::Insert;
    use serde_json::value::RawValue;

    fn rows() -> Vec<Box<RawValue>> {
        vec![RawValue::from_string(r#"{"id":1}"#.into()).unwrap()]
    }

    #[test]
    fn a_read_is_tried_again_when_the_server_is_not_ready() {
        let mut transport = Scripted::new()
            .answers(200, r#"{"code":1,"message":"service not ready"}"#)
            .answers(200, r#"{"code":0,"data":["a"]}"#);
        let mut client = Client::new(&mut transport, connection()).unwrap();
        assert_eq!(client.run(&ListCollections {}).unwrap().0, ["a"]);
        assert_eq!(client.requests(), 2);
    }

    #[test]
    fn t75_an_insert_is_never_sent_twice_when_its_connection_breaks() {
        let mut transport = Scripted::new().fails(TransportError::Broken("reset".into()));
        let rows = rows();
        let insert = Insert {
            collection_name: "c",
            partition_name: None,
            data: &rows,
        };
        let error = Client::new(&mut transport, connection())
            .unwrap()
            .run(&insert)
            .unwrap_err();
        assert_eq!(
            (error.outcome, error.retry),
            (Outcome::Unknown, Retry::AfterCheck)
        );
        assert_eq!(transport.sent.len(), 1);
    }

    #[test]
    fn an_insert_is_sent_again_when_the_limiter_rejected_it() {
        let mut transport = Scripted::new()
            .answers(
                200,
                r#"{"code":1807,"message":"request is rejected by limiter"}"#,
            )
            .answers(
                200,
                r#"{"code":0,"data":{"insertCount":1,"insertIds":[1]}}"#,
            );
        let rows = rows();
        let insert = Insert {
            collection_name: "c",
            partition_name: None,
            data: &rows,
        };
        let written = Client::new(&mut transport, connection())
            .unwrap()
            .run(&insert)
            .unwrap();
        assert_eq!(written.count, 1);
    }

    #[test]
    fn no_try_begins_after_the_deadline() {
        let mut transport =
            Scripted::new().answers(200, r#"{"code":1,"message":"service not ready"}"#);
        let mut connection = connection();
        connection.timeout_ms = Some(50);
        let error = Client::new(&mut transport, connection)
            .unwrap()
            .run(&ListCollections {})
            .unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unavailable);
        assert_eq!(transport.sent.len(), 1);
    }

    #[test]
    fn t75_a_drop_that_got_no_answer_is_in_doubt() {
        let mut transport = Scripted::new().fails(TransportError::TimedOut { sent: true });
        let drop = DropCollection {
            collection_name: "c".into(),
        };
        let error = Client::new(&mut transport, connection())
            .unwrap()
            .run(&drop)
            .unwrap_err();
        assert_eq!(
            (error.kind, error.outcome),
            (ErrorKind::Timeout, Outcome::Unknown)
        );
    }

    #[test]
    fn t42_an_answer_of_another_shape_is_a_protocol_error_without_its_content() {
        let mut transport = Scripted::new().answers(200, r#"{"code":0,"data":"secret"}"#);
        let error = Client::new(&mut transport, connection())
            .unwrap()
            .run(&ListCollections {})
            .unwrap_err();
        assert_eq!(error.kind, ErrorKind::Protocol);
        assert!(!error.message.contains("secret"), "{}", error.message);
    }
}
