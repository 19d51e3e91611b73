//! The connections of one endpoint. One client per endpoint, so that no connection is shared between two origins, two
//! credentials, two sets of roots, two client certificates or two policies.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper::rt::Executor;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::GaiResolver;
use hyper_util::rt::TokioTimer;
use tokio::task::JoinSet;

use super::resolve::Resolver;
use super::{Addresses, Outgoing, Settings, tls};
use crate::error::EndpointError;
use policy::Scheme;

type Connector = HttpConnector<Resolver<GaiResolver>>;
pub(super) type HttpClient = Client<HttpsConnector<Connector>, Outgoing>;

/// Milvus and the usual gateways keep idle connections for a minute or more: ours are closed before.
const IDLE: Duration = Duration::from_secs(30);
/// Connections kept open while idle.
const IDLE_CONNECTIONS: usize = 32;
/// Bytes of an answer's head, and the read buffer of a connection.
const HEAD_BYTES: usize = 64 * 1024;
const HEADERS: usize = 100;

/// The tasks that run the connections of one endpoint.
#[derive(Clone, Debug, Default)]
pub(super) struct Connections(Arc<Mutex<JoinSet<()>>>);

impl Connections {
    pub(super) fn close(&self) {
        let mut tasks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.abort_all();
    }
}

impl<F> Executor<F> for Connections
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, task: F) {
        let mut tasks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(task);
    }
}

pub(super) fn client(
    settings: Settings,
    connections: Connections,
) -> Result<HttpClient, EndpointError> {
    let tls = match settings.scheme {
        Scheme::Https => tls::config(
            settings.ca_certificate.as_deref(),
            settings.client_certificate.as_ref(),
        )?,
        // Plain: a configuration that trusts nobody, as none is used.
        Scheme::Http => tls::unused()?,
    };
    // Without TLS there is HTTP/1.1 only: where its connections are not kept there is no pool to keep them in.
    let idle = match settings.scheme {
        Scheme::Http if !settings.reuse_http1 => 0,
        _ => IDLE_CONNECTIONS,
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
    Ok(Client::builder(connections)
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(idle)
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
