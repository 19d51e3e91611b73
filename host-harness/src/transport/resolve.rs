//! Which addresses the name of an origin stands for.

use std::future::ready;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::vec;

use hyper_util::client::legacy::connect::dns::Name;
use tower_service::Service;

use super::ConnectError;

/// Which addresses an endpoint connects to.
#[derive(Debug)]
pub(crate) enum Addresses {
    /// What the system says, at each connection.
    Any,
    /// Of what the system says, only what it said first.
    First(OnceLock<Vec<IpAddr>>),
    /// These; nobody is asked.
    Only(Vec<IpAddr>),
}

impl Addresses {
    fn among(&self, found: Vec<IpAddr>) -> Result<Vec<IpAddr>, ConnectError> {
        let Self::First(first) = self else {
            return Ok(found);
        };
        // A name that stands for nothing pins nothing.
        if found.is_empty() {
            return Ok(found);
        }
        let first = first.get_or_init(|| found.clone());
        let kept: Vec<IpAddr> = found
            .into_iter()
            .filter(|address| first.contains(address))
            .collect();
        if kept.is_empty() {
            Err(ConnectError::AddressesChanged)
        } else {
            Ok(kept)
        }
    }
}

/// Asks `system`, where the endpoint's addresses are not given.
#[derive(Clone, Debug)]
pub(super) struct Resolver<S> {
    pub(super) system: S,
    pub(super) addresses: Arc<Addresses>,
}

impl<S> Service<Name> for Resolver<S>
where
    S: Service<Name, Error = io::Error>,
    S::Response: Iterator<Item = SocketAddr> + Send,
    S::Future: Send + 'static,
{
    type Response = vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.system.poll_ready(context)
    }

    fn call(&mut self, name: Name) -> Self::Future {
        if let Addresses::Only(given) = &*self.addresses {
            return Box::pin(ready(Ok(sockets(given.clone()))));
        }
        let addresses = Arc::clone(&self.addresses);
        let asked = self.system.call(name);
        Box::pin(async move {
            let found = asked.await?.map(|address| address.ip()).collect();
            addresses
                .among(found)
                .map(sockets)
                .map_err(io::Error::other)
        })
    }
}

/// hyper-util puts the origin's port in for a zero.
fn sockets(addresses: Vec<IpAddr>) -> vec::IntoIter<SocketAddr> {
    let sockets: Vec<SocketAddr> = addresses.into_iter().map(|ip| (ip, 0).into()).collect();
    sockets.into_iter()
}
