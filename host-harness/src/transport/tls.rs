//! TLS settings of one endpoint: TLS 1.2 or 1.3, certificates always verified. No bypass, no early data, no key log;
//! sessions are resumed within the endpoint only.

use std::fmt;
use std::sync::Arc;

use hyper_rustls::ConfigBuilderExt as _;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier};
use zeroize::{Zeroize as _, Zeroizing};

use crate::error::EndpointError;

/// What the host shows to a server that asks who it is: a chain of certificates and the key, both PEM.
pub(crate) struct ClientCertificate {
    pub(crate) chain: Vec<u8>,
    pub(crate) key: Zeroizing<Vec<u8>>,
}

impl fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientCertificate(..)")
    }
}

/// Trusts `authority` (PEM) and nothing else, or, without one, what the system trusts.
pub(super) fn config(
    authority: Option<&[u8]>,
    client: Option<&ClientCertificate>,
) -> Result<ClientConfig, EndpointError> {
    let builder = builder()?;
    let builder = match authority {
        Some(pem) => builder.with_root_certificates(roots(pem)?),
        None => {
            #[expect(
                clippy::disallowed_methods,
                reason = "reads the system's certificates, from where it keeps them or SSL_CERT_FILE and SSL_CERT_DIR say; for https without a CA only"
            )]
            let rooted = builder.with_native_roots();
            rooted.map_err(|error| EndpointError::Tls(error.to_string()))?
        }
    };
    Ok(match client {
        Some(client) => {
            let shown = SingleCertAndKey::from(certified(client)?);
            builder.with_client_cert_resolver(Arc::new(shown))
        }
        None => builder.with_no_client_auth(),
    })
}

/// For an endpoint without TLS: trusts nobody.
pub(super) fn unused() -> Result<ClientConfig, EndpointError> {
    Ok(builder()?
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth())
}

fn builder() -> Result<ConfigBuilder<ClientConfig, WantsVerifier>, EndpointError> {
    ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| EndpointError::Tls(error.to_string()))
}

fn roots(pem: &[u8]) -> Result<RootCertStore, EndpointError> {
    let wrong = |problem: String| EndpointError::CaCertificate(problem);
    let mut roots = RootCertStore::empty();
    for certificate in certificates(pem, wrong)? {
        roots
            .add(certificate)
            .map_err(|error| wrong(error.to_string()))?;
    }
    Ok(roots)
}

/// The certificates of a PEM file, at least one.
fn certificates(
    pem: &[u8],
    wrong: impl Fn(String) -> EndpointError,
) -> Result<Vec<CertificateDer<'static>>, EndpointError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let found = found.map_err(|error| wrong(error.to_string()))?;
    if found.is_empty() {
        return Err(wrong("there is no `BEGIN CERTIFICATE` in it".to_owned()));
    }
    Ok(found)
}

/// Of a key no error says more than that it is none: the text at fault may be the key's. Our copies of it are wiped;
/// what ring keeps to sign with is not.
fn certified(client: &ClientCertificate) -> Result<CertifiedKey, EndpointError> {
    let wrong = |problem: String| EndpointError::ClientCertificate(problem);
    let chain = certificates(&client.chain, wrong)?;
    let no_key =
        || wrong("its key is no unencrypted private key in PEM, RSA, ECDSA or Ed25519".to_owned());
    let mut der = PrivateKeyDer::from_pem_slice(&client.key).map_err(|_| no_key())?;
    let key = ring::sign::any_supported_type(&der);
    der.zeroize();
    let certified = CertifiedKey::new(chain, key.map_err(|_| no_key())?);
    certified
        .keys_match()
        .map_err(|_| wrong("its key belongs to another certificate".to_owned()))?;
    Ok(certified)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t12_what_is_no_certificate_is_refused() {
        for pem in [
            "",
            "hello",
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        ] {
            assert!(
                matches!(
                    config(Some(pem.as_bytes()), None),
                    Err(EndpointError::CaCertificate(_))
                ),
                "{pem}"
            );
        }
    }
}
