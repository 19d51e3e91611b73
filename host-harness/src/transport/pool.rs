//! The connections of one endpoint. One client per endpoint, so that no connection is shared between two origins, two
//! credentials, two sets of roots, two client certificates or two policies.

use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::GaiResolver;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use super::resolve::Resolver;
use super::{Addresses, Settings, tls};
use crate::error::EndpointError;
use policy::Scheme;

type Connector = HttpConnector<Resolver<GaiResolver>>;
pub(super) type HttpClient = Client<HttpsConnector<Connector>, Full<Bytes>>;

/// Milvus and the usual gateways keep idle connections for a minute or more: ours are closed before.
const IDLE: Duration = Duration::from_secs(30);
/// Connections kept open while idle.
const IDLE_CONNECTIONS: usize = 32;
/// Bytes of an answer's head, and the read buffer of a connection.
const HEAD_BYTES: usize = 64 * 1024;
const HEADERS: usize = 100;

pub(super) fn client(settings: Settings) -> Result<HttpClient, EndpointError> {
    let tls = match settings.scheme {
        Scheme::Https => tls::config(
            settings.ca_certificate.as_deref(),
            settings.client_certificate.as_ref(),
        )?,
        // Plain: a configuration that trusts nobody, as none is used.
        Scheme::Http => tls::unused()?,
    };
    let builder = HttpsConnectorBuilder::new().with_tls_config(tls);
    let builder = match settings.scheme {
        Scheme::Https => builder.https_only(),
        Scheme::Http => builder.https_or_http(),
    };
    let connector = builder
        .enable_http1()
        .enable_http2()
        .wrap_connector(connector(settings.connect_time, settings.addresses));
    Ok(Client::builder(TokioExecutor::new())
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(IDLE_CONNECTIONS)
        // A request is sent once: whether it may be sent again is the component's to know.
        .retry_canceled_requests(false)
        .http1_max_buf_size(HEAD_BYTES)
        .http1_max_headers(HEADERS)
        .http2_max_header_list_size(16 * 1024)
        .build(connector))
}

/// The one function by which a connection is opened: plain TCP to the host of the origin, no proxy.
#[expect(
    clippy::disallowed_methods,
    reason = "the way out: resolves and connects to the configured origin only"
)]
fn connector(connect_time: Duration, addresses: Addresses) -> Connector {
    let mut connector = HttpConnector::new_with_resolver(Resolver {
        system: GaiResolver::new(),
        addresses: Arc::new(addresses),
    });
    connector.enforce_http(false);
    connector.set_nodelay(true);
    connector.set_connect_timeout(Some(connect_time));
    connector
}
