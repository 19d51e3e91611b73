//! TLS settings of one endpoint: TLS 1.2 or 1.3, certificates always verified. No bypass, no early data, no key log.

use std::sync::Arc;

use hyper_rustls::ConfigBuilderExt as _;
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier};

use crate::error::EndpointError;

/// Trusts `authority` (PEM) and nothing else, or, without one, what the system trusts.
pub(super) fn config(authority: Option<&[u8]>) -> Result<ClientConfig, EndpointError> {
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
    Ok(builder.with_no_client_auth())
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
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate =
            certificate.map_err(|error| EndpointError::CaCertificate(error.to_string()))?;
        roots
            .add(certificate)
            .map_err(|error| EndpointError::CaCertificate(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(EndpointError::CaCertificate(
            "there is no `BEGIN CERTIFICATE` in it".to_owned(),
        ));
    }
    Ok(roots)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_certificate_is_refused() {
        for pem in [
            "",
            "hello",
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        ] {
            assert!(
                matches!(
                    config(Some(pem.as_bytes())),
                    Err(EndpointError::CaCertificate(_))
                ),
                "{pem}"
            );
        }
    }
}
