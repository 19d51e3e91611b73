//! The one Milvus that a call may reach.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use zeroize::Zeroizing;

use crate::credential::Credential;
use crate::error::EndpointError;
use crate::rates::Rates;
use crate::sandbox::bindings::types::Connection;
use crate::transport::{Addresses, ClientCertificate, Settings, Transport};
use policy::{Origin, OriginError, Policy, Scheme};
use routes::Server;

/// Where Milvus is, how to speak to it and with which credential. Cheap to clone; clones share their connections,
/// two endpoints never do.
///
/// ```
/// use host_harness::{Credential, Endpoint, Policy};
///
/// let endpoint = Endpoint::builder("http://localhost:19530", Policy::read_only())
///     .credential(Credential::new("root:Milvus".to_owned()))
///     .database("books")
///     .build()?;
/// assert_eq!(endpoint.origin().to_string(), "http://localhost:19530");
/// # Ok::<(), host_harness::EndpointError>(())
/// ```
#[derive(Clone)]
pub struct Endpoint(Arc<Inner>);

struct Inner {
    origin: Origin,
    database: Option<String>,
    server: Option<Server>,
    policy: Policy,
    transport: Transport,
    rates: Rates,
}

impl Endpoint {
    /// Begins an endpoint from its origin, for example `http://127.0.0.1:19530`, and what a component may do there. Without
    /// a port it is 80 or 443.
    pub fn builder(origin: &str, policy: Policy) -> EndpointBuilder {
        EndpointBuilder {
            origin: Origin::parse(origin),
            credential: None,
            database: None,
            server: None,
            policy,
            plaintext_credential: false,
            ca_certificate: None,
            client_certificate: None,
            addresses: None,
            pin_addresses: false,
            connect_time: Duration::from_secs(10),
            reuse_http1: false,
        }
    }

    /// Scheme, host and port.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.0.origin
    }

    /// The database of the calls. `None`: Milvus' `default`.
    #[must_use]
    pub fn database(&self) -> Option<&str> {
        self.0.database.as_deref()
    }

    /// What a component may do there.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.0.policy
    }

    /// What the component is told. Never a token: the credential joins when a request leaves.
    pub(crate) fn connection(&self, time: Duration) -> Connection {
        Connection {
            uri: self.0.origin.to_string(),
            token: None,
            database: self.0.database.clone(),
            server: self.0.server.map(|server| server.to_string()),
            timeout_ms: Some(u32::try_from(time.as_millis()).unwrap_or(u32::MAX)),
            options: Vec::new(),
        }
    }

    pub(crate) fn rates(&self) -> &Rates {
        &self.0.rates
    }

    pub(crate) fn transport(&self) -> &Transport {
        &self.0.transport
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({})", self.0.origin)
    }
}

/// Builds an [`Endpoint`].
#[derive(Debug)]
#[must_use]
pub struct EndpointBuilder {
    origin: Result<Origin, OriginError>,
    credential: Option<Credential>,
    database: Option<String>,
    server: Option<Server>,
    policy: Policy,
    plaintext_credential: bool,
    ca_certificate: Option<Vec<u8>>,
    client_certificate: Option<ClientCertificate>,
    addresses: Option<Vec<IpAddr>>,
    pin_addresses: bool,
    connect_time: Duration,
    reuse_http1: bool,
}

impl EndpointBuilder {
    /// What the host shows to Milvus with each request, and to nobody else.
    pub fn credential(mut self, credential: Credential) -> Self {
        self.credential = Some(credential);
        self
    }

    /// The database of the calls. Default: Milvus' `default`.
    pub fn database(mut self, database: impl Into<String>) -> Self {
        self.database = Some(database.into());
        self
    }

    /// What the server speaks: [`Server::parse`] reads what [`Host::probe`](crate::Host::probe) answers. Default: REST v2.
    pub fn server(mut self, server: Server) -> Self {
        self.server = Some(server);
        self
    }

    /// Lets the credential go to another machine unencrypted, readable and changeable by everyone on the way.
    pub fn danger_plaintext_credential(mut self) -> Self {
        self.plaintext_credential = true;
        self
    }

    /// Trusts these certificates (PEM) **instead of** the system's.
    pub fn ca_certificate(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.ca_certificate = Some(pem.into());
        self
    }

    /// What the host shows to a server that asks who it is: a chain of certificates and its unencrypted key, both PEM.
    /// It is bound to this endpoint as the credential is. The copy of the key that is taken here is wiped.
    pub fn client_certificate(
        mut self,
        chain_pem: impl Into<Vec<u8>>,
        key_pem: impl Into<Vec<u8>>,
    ) -> Self {
        self.client_certificate = Some(ClientCertificate {
            chain: chain_pem.into(),
            key: Zeroizing::new(key_pem.into()),
        });
        self
    }

    /// Connects to these addresses, in this order, and asks no resolver; the name stays the origin's, in `Host` and in
    /// TLS. Whoever can make the name stand for another address (DNS rebinding) then cannot send the calls there.
    pub fn addresses(mut self, addresses: impl IntoIterator<Item = IpAddr>) -> Self {
        self.addresses = Some(addresses.into_iter().collect());
        self
    }

    /// Holds the name to the addresses that it stands for at the first connection: later ones are refused. A weaker
    /// form of [`addresses`](Self::addresses), for who does not know them.
    pub fn pin_addresses(mut self) -> Self {
        self.pin_addresses = true;
        self
    }

    /// Limit for opening a connection. Default: 10 s; the limit of the call holds beside it.
    pub fn connect_time(mut self, time: Duration) -> Self {
        self.connect_time = time;
        self
    }

    /// Keeps HTTP/1.1 connections for the next requests, which saves opening one (and its TLS) each time. Only for a
    /// server that is trusted to answer once: HTTP/1.1 cannot tell a second answer from the next request's. HTTP/2
    /// connections are always kept.
    pub fn reuse_http1(mut self) -> Self {
        self.reuse_http1 = true;
        self
    }

    /// Builds the endpoint. Connects to nothing.
    ///
    /// # Errors
    /// The origin, the credential, a certificate or the addresses cannot be used, or the credential would go out
    /// unencrypted to another machine; see [`EndpointError`].
    pub fn build(self) -> Result<Endpoint, EndpointError> {
        let origin = self.origin?;
        let addresses = addresses(&origin, self.addresses, self.pin_addresses)?;
        if let Some(credential) = &self.credential {
            if !credential.is_sendable() {
                return Err(EndpointError::Credential);
            }
            let readable = origin.scheme() == Scheme::Http && !stays_here(&addresses);
            if readable && !self.plaintext_credential {
                return Err(EndpointError::PlaintextCredential(origin));
            }
        }
        if origin.scheme() == Scheme::Http {
            for (given, what) in [
                (self.ca_certificate.is_some(), "CA certificate"),
                (self.client_certificate.is_some(), "client certificate"),
            ] {
                if given {
                    return Err(EndpointError::NoTls(what));
                }
            }
        }
        let settings = Settings {
            scheme: origin.scheme(),
            addresses,
            connect_time: self.connect_time,
            ca_certificate: self.ca_certificate,
            client_certificate: self.client_certificate,
            reuse_http1: self.reuse_http1,
        };
        let transport = Transport::new(settings, self.credential)?;
        Ok(Endpoint(Arc::new(Inner {
            origin,
            database: self.database,
            server: self.server,
            policy: self.policy,
            transport,
            rates: Rates::default(),
        })))
    }
}

/// Which addresses are connected to.
fn addresses(
    origin: &Origin,
    given: Option<Vec<IpAddr>>,
    pinned: bool,
) -> Result<Addresses, EndpointError> {
    match given {
        Some(given) if given.is_empty() => Err(EndpointError::Addresses("there is none")),
        Some(_) if origin.address().is_some() => Err(EndpointError::Addresses(
            "the origin is an address itself, and no name",
        )),
        Some(given) => Ok(Addresses::Only(given)),
        // `localhost` is this machine, whatever a resolver says (RFC 6761, 6.3): a credential goes there unencrypted.
        None if origin.is_loopback() => Ok(Addresses::Only(vec![
            Ipv4Addr::LOCALHOST.into(),
            Ipv6Addr::LOCALHOST.into(),
        ])),
        None if pinned => Ok(Addresses::First(OnceLock::new())),
        None => Ok(Addresses::Any),
    }
}

/// Whether nothing that is sent leaves this machine.
fn stays_here(addresses: &Addresses) -> bool {
    matches!(addresses, Addresses::Only(known) if known.iter().all(IpAddr::is_loopback))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_token(origin: &str) -> EndpointBuilder {
        Endpoint::builder(origin, Policy::full())
            .credential(Credential::new("root:s3cret".to_owned()))
    }

    #[test]
    fn t11_a_credential_leaves_unencrypted_only_to_this_machine_or_when_told_to() {
        for origin in [
            "http://localhost:19530",
            "http://127.0.0.1:19530",
            "http://[::1]:19530",
        ] {
            assert!(with_token(origin).build().is_ok(), "{origin}");
        }
        for origin in [
            "http://milvus:19530",
            "http://10.0.0.1:19530",
            "http://localhost.example",
        ] {
            let refused = with_token(origin).build();
            assert!(
                matches!(refused, Err(EndpointError::PlaintextCredential(_))),
                "{origin}"
            );
            assert!(
                with_token(origin)
                    .danger_plaintext_credential()
                    .build()
                    .is_ok(),
                "{origin}"
            );
            assert!(
                Endpoint::builder(origin, Policy::full()).build().is_ok(),
                "{origin} without a credential"
            );
        }
    }

    #[test]
    fn t71_the_component_is_told_no_token() {
        let endpoint = with_token("http://localhost:19530")
            .database("books")
            .build()
            .unwrap();
        let connection = endpoint.connection(Duration::from_millis(1500));
        assert_eq!(connection.token, None);
        assert_eq!(connection.uri, "http://localhost:19530");
        assert_eq!(connection.database.as_deref(), Some("books"));
        assert_eq!(connection.timeout_ms, Some(1500));
        assert!(!format!("{endpoint:?}{connection:?}").contains("s3cret"));
    }

    #[test]
    fn t34_nothing_that_is_printed_holds_the_credential() {
        let builder = with_token("http://milvus:19530");
        assert!(!format!("{builder:?}").contains("s3cret"));
        let error = builder.build().unwrap_err();
        assert!(!format!("{error}{error:?}").contains("s3cret"));
    }
}
