//! The way out. Sends what the policy admitted, with headers of the host's own, and takes the answer in.

mod answer;
mod error;
mod outgoing;
mod pool;
mod resolve;
mod tls;

use std::future::pending;
use std::time::Duration;

use hyper::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue, USER_AGENT,
};
use hyper::{Request, Uri};
use hyper_util::client::legacy::connect::{CaptureConnection, Connected, capture_connection};
use routes::Method;
use tokio::time::{timeout, timeout_at};

use crate::credential::{Credential, Shown};
use crate::error::EndpointError;
use outgoing::{Outgoing, Sender, Stuck};
use policy::{Admitted, Scheme};

pub(crate) use answer::{Answer, Bounds, Wait, aside};
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

/// Requests that a server may leave unread, having answered them, before every connection to it is closed.
const MOST_STUCK: usize = 64;

/// The connections and the credential of one endpoint.
#[derive(Debug)]
pub(crate) struct Transport {
    client: pool::HttpClient,
    connections: pool::Connections,
    stuck: Stuck,
    credential: Option<Credential>,
    connect_time: Duration,
    shows_certificate: bool,
    reuse_http1: bool,
}

impl Transport {
    pub(crate) fn new(
        settings: Settings,
        credential: Option<Credential>,
    ) -> Result<Self, EndpointError> {
        let connections = pool::Connections::default();
        Ok(Self {
            shows_certificate: settings.client_certificate.is_some(),
            reuse_http1: settings.reuse_http1,
            connect_time: settings.connect_time,
            client: pool::client(settings, connections.clone())?,
            connections,
            stuck: Stuck::default(),
            credential,
        })
    }

    /// Sends a request once and takes its answer in. No redirect is followed.
    pub(crate) async fn send(
        &self,
        request: Admitted,
        bounds: &Bounds<'_>,
    ) -> Result<Answer, TransportError> {
        let (body, sender) = Outgoing::new(request.body().clone());
        let shown = self.credential.as_ref().map(Credential::show);
        let mut request = self.wire(&request, body, shown.as_ref())?;
        let mut exchange = Exchange {
            transport: self,
            connection: capture_connection(&mut request),
            body: sender,
            whole: false,
        };
        let asked = self.client.request(request);
        let (until, late) = bounds.until(bounds.first_byte);
        let response = tokio::select! {
            biased;
            asked = timeout_at(until, asked) => asked
                .map_err(|_| late)?
                .map_err(|error| self.failure(TransportError::client(&error)))?,
            late = exchange.begin() => return Err(late),
        };
        let mut answer = Answer::collect(response, bounds, shown.as_ref(), exchange).await?;
        if let Some(shown) = shown.filter(|_| answer.is_unauthenticated()) {
            answer.renewal = shown.refused(bounds.deadline).await;
        }
        Ok(answer)
    }

    /// Text of the component, for a line that people keep: the credential is taken out of it.
    pub(crate) fn hide(&self, text: &str) -> String {
        match &self.credential {
            Some(credential) => {
                let mut bytes = text.as_bytes().to_vec();
                credential.show().redact(&mut bytes);
                String::from_utf8_lossy(&bytes).into_owned()
            }
            None => text.to_owned(),
        }
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
        body: Outgoing,
        shown: Option<&Shown>,
    ) -> Result<Request<Outgoing>, TransportError> {
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
            .body(body)
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
        if let Some(shown) = shown {
            let value = shown.authorization().ok_or(TransportError::Internal)?;
            headers.insert(AUTHORIZATION, value);
        }
        Ok(wire)
    }
}

impl Drop for Transport {
    /// No connection outlives its endpoint.
    fn drop(&mut self) {
        self.connections.close();
    }
}

/// A request's use of its connection. HTTP/1.1 cannot tell a second answer to one question from the answer to the next:
/// such a connection carries one request. Where the embedder says otherwise, it is kept when its answer came whole, and
/// given up if the exchange ended in any other way, or was dropped.
struct Exchange<'a> {
    transport: &'a Transport,
    connection: CaptureConnection,
    body: Sender,
    whole: bool,
}

impl Exchange<'_> {
    /// Gives an HTTP/1.1 connection up as soon as there is one, before an answer can be there. Ends only where there is
    /// none in time, TLS included: then nothing was sent.
    async fn begin(&mut self) -> TransportError {
        let connected = self.connection.wait_for_connection_metadata();
        match timeout(self.transport.connect_time, connected).await {
            Ok(connected) if !self.transport.reuse_http1 => give_up(connected.as_ref()),
            Ok(_) => {}
            Err(_) => return TransportError::Connect(ConnectError::Timeout),
        }
        pending().await
    }
}

impl Drop for Exchange<'_> {
    fn drop(&mut self) {
        // An answer before the request was out is one that the server did not need it for.
        let stuck = self.transport.stuck.give_up(&self.body);
        if !self.whole || stuck > 0 || !self.transport.reuse_http1 {
            give_up(self.connection.connection_metadata().as_ref());
        }
        if stuck >= MOST_STUCK {
            self.transport.connections.close();
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
