//! The way out. Sends what the policy admitted, with headers of the host's own, and takes the answer in.

mod answer;
mod error;
mod pool;
mod resolve;
mod tls;

use std::time::Duration;

use http_body_util::Full;
use hyper::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue, USER_AGENT,
};
use hyper::{Request, Uri};
use hyper_util::client::legacy::connect::{CaptureConnection, Connected, capture_connection};
use routes::Method;
use tokio::time::timeout_at;

use crate::credential::Credential;
use crate::error::EndpointError;
use policy::{Admitted, Scheme};

pub(crate) use answer::{Answer, Bounds, Wait};
pub use error::ConnectError;
pub(crate) use error::TransportError;
pub(crate) use resolve::Addresses;
pub(crate) use tls::ClientCertificate;

/// What the connections of one endpoint are made with.
pub(crate) struct Settings {
    pub(crate) scheme: Scheme,
    pub(crate) addresses: Addresses,
    pub(crate) connect_time: Duration,
    /// PEM; without it the system's.
    pub(crate) ca_certificate: Option<Vec<u8>>,
    pub(crate) client_certificate: Option<ClientCertificate>,
    pub(crate) reuse_http1: bool,
}

/// The connections and the credential of one endpoint.
#[derive(Debug)]
pub(crate) struct Transport {
    client: pool::HttpClient,
    credential: Option<Credential>,
    shows_certificate: bool,
    reuse_http1: bool,
}

impl Transport {
    pub(crate) fn new(
        settings: Settings,
        credential: Option<Credential>,
    ) -> Result<Self, EndpointError> {
        Ok(Self {
            shows_certificate: settings.client_certificate.is_some(),
            reuse_http1: settings.reuse_http1,
            client: pool::client(settings)?,
            credential,
        })
    }

    /// Sends a request once and takes its answer in. No redirect is followed.
    pub(crate) async fn send(
        &self,
        request: Admitted,
        bounds: &Bounds<'_>,
    ) -> Result<Answer, TransportError> {
        let mut request = self.wire(&request)?;
        let mut exchange = Exchange::new(capture_connection(&mut request));
        let asked = self.client.request(request);
        let asked = async {
            if self.reuse_http1 {
                asked.await
            } else {
                tokio::join!(asked, exchange.spend()).0
            }
        };
        let (until, late) = bounds.until(bounds.first_byte);
        let response = timeout_at(until, asked)
            .await
            .map_err(|_| late)?
            .map_err(|error| self.failure(TransportError::client(&error)))?;
        Answer::collect(response, bounds, self.credential.as_ref(), exchange).await
    }

    /// A server that was shown no certificate and refuses "it" wants one.
    fn failure(&self, error: TransportError) -> TransportError {
        use ConnectError::{ClientCertificateMissing, ClientCertificateRefused};
        match error {
            TransportError::Connect(ClientCertificateRefused) if !self.shows_certificate => {
                TransportError::Connect(ClientCertificateMissing)
            }
            error => error,
        }
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

/// A request's use of its connection. HTTP/1.1 cannot tell a second answer to one question from the answer to the next:
/// such a connection carries one request. Where the embedder says otherwise, it is kept when its answer came whole, and
/// given up if the exchange ended in any other way, or was dropped.
struct Exchange {
    connection: CaptureConnection,
    whole: bool,
}

impl Exchange {
    fn new(connection: CaptureConnection) -> Self {
        Self {
            connection,
            whole: false,
        }
    }

    /// Gives the connection up as soon as there is one, before an answer can be there.
    async fn spend(&mut self) {
        give_up(
            self.connection
                .wait_for_connection_metadata()
                .await
                .as_ref(),
        );
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        if !self.whole {
            give_up(self.connection.connection_metadata().as_ref());
        }
    }
}

/// Streams of an HTTP/2 connection are told apart: it is kept.
fn give_up(connected: Option<&Connected>) {
    if let Some(connected) = connected.filter(|connected| !connected.is_negotiated_h2()) {
        connected.poison();
    }
}

#[cfg(test)]
mod tests;
