//! The way out. Sends what the policy admitted, with headers of the host's own, and takes the answer in.

mod answer;
mod pool;
mod tls;

use std::error::Error as _;
use std::io;
use std::time::Duration;

use http_body_util::Full;
use hyper::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue, USER_AGENT,
};
use hyper::{Request, Uri};
use hyper_util::client::legacy::Error as ClientError;
use hyper_util::client::legacy::connect::capture_connection;
use routes::Method;
use tokio::time::timeout_at;

use crate::credential::Credential;
use crate::error::EndpointError;
use policy::{Admitted, Scheme};

pub(crate) use answer::{Answer, Bounds};

/// Why there is no answer. Holds no text of the server and none of the component.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TransportError {
    Dns,
    Refused,
    Unreachable,
    ConnectTimeout,
    Certificate,
    Tls,
    /// The connection ended before an answer began.
    Terminated,
    /// An answer began and did not end as it should.
    Incomplete,
    /// What came is no HTTP.
    Protocol,
    HeadTooLarge,
    AnswerTooLarge(u64),
    Encoded,
    Timeout,
    Overloaded,
    /// The request could not be built from what was admitted: a fault of the host.
    Internal,
}

impl TransportError {
    /// Stable name, for audit lines.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Dns => "dns-error",
            Self::Refused => "connection-refused",
            Self::Unreachable => "unreachable",
            Self::ConnectTimeout => "connect-timeout",
            Self::Certificate => "tls-certificate",
            Self::Tls => "tls-error",
            Self::Terminated => "connection-terminated",
            Self::Incomplete => "answer-incomplete",
            Self::Protocol => "answer-malformed",
            Self::HeadTooLarge => "answer-head-too-large",
            Self::AnswerTooLarge(_) => "answer-too-large",
            Self::Encoded => "answer-encoded",
            Self::Timeout => "timeout",
            Self::Overloaded => "overloaded",
            Self::Internal => "internal",
        }
    }

    /// Whether Milvus cannot have seen the request.
    pub(crate) fn before_sending(self) -> bool {
        matches!(
            self,
            Self::Dns
                | Self::Refused
                | Self::Unreachable
                | Self::ConnectTimeout
                | Self::Certificate
                | Self::Tls
                | Self::Internal
        )
    }

    fn client(error: &ClientError) -> Self {
        if error.is_connect() {
            return Self::connect(error);
        }
        let mut source = error.source();
        while let Some(cause) = source {
            if let Some(cause) = cause.downcast_ref::<hyper::Error>() {
                return Self::hyper(cause, Self::Terminated);
            }
            source = cause.source();
        }
        Self::Terminated
    }

    fn body(error: &hyper::Error) -> Self {
        Self::hyper(error, Self::Incomplete)
    }

    fn hyper(error: &hyper::Error, otherwise: Self) -> Self {
        if error.is_parse_too_large() {
            Self::HeadTooLarge
        } else if error.is_parse() {
            Self::Protocol
        } else if error.is_timeout() {
            Self::Timeout
        } else {
            otherwise
        }
    }

    fn connect(error: &ClientError) -> Self {
        let mut found = Self::Unreachable;
        let mut source = error.source();
        while let Some(cause) = source {
            // hyper-util has no type for it: the text is its constant.
            if cause.to_string().starts_with("dns error") {
                return Self::Dns;
            }
            if let Some(cause) = cause.downcast_ref::<io::Error>() {
                found = Self::io(cause);
            }
            if let Some(cause) = cause.downcast_ref::<rustls::Error>() {
                return Self::tls(cause);
            }
            source = cause.source();
        }
        found
    }

    fn io(error: &io::Error) -> Self {
        if let Some(tls) = error.get_ref().and_then(find_tls) {
            return Self::tls(tls);
        }
        match error.kind() {
            io::ErrorKind::ConnectionRefused => Self::Refused,
            io::ErrorKind::TimedOut => Self::ConnectTimeout,
            io::ErrorKind::ConnectionReset | io::ErrorKind::UnexpectedEof => Self::Tls,
            _ => Self::Unreachable,
        }
    }

    fn tls(error: &rustls::Error) -> Self {
        match error {
            rustls::Error::InvalidCertificate(_) => Self::Certificate,
            _ => Self::Tls,
        }
    }
}

/// rustls' errors come wrapped in one or two I/O errors.
fn find_tls<'a>(
    error: &'a (dyn std::error::Error + Send + Sync + 'static),
) -> Option<&'a rustls::Error> {
    match error.downcast_ref::<io::Error>() {
        Some(inner) => inner.get_ref().and_then(find_tls),
        None => error.downcast_ref::<rustls::Error>(),
    }
}

/// The connections and the credential of one endpoint.
#[derive(Debug)]
pub(crate) struct Transport {
    client: pool::HttpClient,
    credential: Option<Credential>,
    reuse_http1: bool,
}

impl Transport {
    pub(crate) fn new(
        scheme: Scheme,
        credential: Option<Credential>,
        connect_time: Duration,
        ca_certificate: Option<&[u8]>,
        reuse_http1: bool,
    ) -> Result<Self, EndpointError> {
        Ok(Self {
            client: pool::client(scheme, connect_time, ca_certificate)?,
            credential,
            reuse_http1,
        })
    }

    /// Sends a request once and takes its answer in. No redirect is followed.
    pub(crate) async fn send(
        &self,
        request: Admitted,
        bounds: &Bounds<'_>,
    ) -> Result<Answer, TransportError> {
        let mut request = self.wire(&request)?;
        let mut connection = capture_connection(&mut request);
        // HTTP/1.1 cannot tell a second answer to one question from the answer to the next: unless the embedder says
        // otherwise, such a connection carries one.
        let once = async {
            if let Some(connected) = &*connection.wait_for_connection_metadata().await
                && !self.reuse_http1
                && !connected.is_negotiated_h2()
            {
                connected.poison();
            }
        };
        let asked = async { tokio::join!(self.client.request(request), once).0 };
        let response = timeout_at(bounds.until(bounds.first_byte), asked)
            .await
            .map_err(|_| TransportError::Timeout)?
            .map_err(|error| TransportError::client(&error))?;
        Answer::collect(response, bounds, self.credential.as_ref()).await
    }

    /// The request as it leaves: address from the configured origin, path from the table, every header the host's.
    /// hyper adds `Host` from the address and `Content-Length` from the body.
    fn wire(
        &self,
        request: &Admitted,
    ) -> Result<Request<Full<hyper::body::Bytes>>, TransportError> {
        let origin = request.origin();
        let uri = Uri::builder()
            .scheme(origin.scheme().name())
            .authority(origin.authority())
            .path_and_query(request.path_and_query())
            .build()
            .map_err(|_| TransportError::Internal)?;
        let mut wire = Request::builder()
            .method(request.route().method.as_str())
            .uri(uri)
            .body(Full::new(request.body().clone()))
            .map_err(|_| TransportError::Internal)?;
        let json = HeaderValue::from_static("application/json");
        let headers = wire.headers_mut();
        if request.route().method != Method::Get {
            headers.insert(CONTENT_TYPE, json.clone());
        }
        headers.insert(ACCEPT, json);
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        // 64-bit integers as numbers: as text they would come without their type.
        headers.insert(
            HeaderName::from_static("accept-type-allow-int64"),
            HeaderValue::from_static("true"),
        );
        headers.insert(
            USER_AGENT,
            HeaderValue::from_static(concat!("milvus-host/", env!("CARGO_PKG_VERSION"))),
        );
        if let Some(credential) = &self.credential {
            let value = credential
                .authorization()
                .map_err(|_| TransportError::Internal)?;
            headers.insert(AUTHORIZATION, value);
        }
        Ok(wire)
    }
}

#[cfg(test)]
mod tests;
