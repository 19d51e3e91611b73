//! TLS against servers of our own, good and bad.

use hyper::body::Bytes;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::ServerConfig;
use std::sync::Arc;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::budget::Budget;
use policy::{self, Allowance, Origin, WholeRequest};

struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(DnType::CommonName, "a test's authority");
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self {
            issuer: Issuer::new(params, key),
            pem,
        }
    }

    fn server(&self, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> ServerConfig {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap()
    }
}

/// Serves `{}` over TLS; answers its port.
async fn serve(config: ServerConfig) -> u16 {
    #[expect(clippy::disallowed_methods, reason = "a test's own listener")]
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else {
                continue;
            };
            let mut bytes = [0; 4096];
            if stream.read(&mut bytes).await.is_ok_and(|length| length > 0) {
                let _ = stream
                    .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
                    .await;
                let _ = stream.shutdown().await;
            }
        }
    });
    port
}

async fn ask(origin: &str, ca: Option<&str>) -> Result<u16, TransportError> {
    let origin = Origin::parse(origin).unwrap();
    let whole = WholeRequest {
        method: "POST",
        scheme: origin.scheme().name(),
        authority: &origin.authority(),
        path: "/v2/vectordb/collections/list",
        query: None,
        declared: Some(2),
        came: 2,
        body: Bytes::from_static(b"{}"),
        trailers: false,
        aborted: false,
    };
    let allowance = Allowance {
        origin: Some(origin.clone()),
        request_bytes: 100,
        policy: policy::Policy::default(),
        call: policy::Policy::default(),
    };
    let admitted = policy::admit(&allowance, whole).unwrap();
    let ca = ca.map(str::as_bytes);
    let transport =
        Transport::new(origin.scheme(), None, Duration::from_secs(5), ca, false).unwrap();
    let bounds = Bounds {
        budget: &Budget::new(1 << 20),
        response_bytes: 1000,
        deadline: Instant::now() + Duration::from_secs(5),
        first_byte: None,
        between_bytes: None,
    };
    let answer = transport.send(admitted, &bounds).await?;
    Ok(answer.status())
}

#[tokio::test]
async fn a_server_that_the_given_authority_vouches_for_is_spoken_to() {
    let authority = Authority::new();
    let port = serve(authority.server(&["localhost", "127.0.0.1"], |_| {})).await;
    for host in ["localhost", "127.0.0.1"] {
        assert_eq!(
            ask(&format!("https://{host}:{port}"), Some(&authority.pem)).await,
            Ok(200)
        );
    }
}

#[tokio::test]
async fn a_server_that_nobody_trusted_vouches_for_is_refused() {
    let (authority, other) = (Authority::new(), Authority::new());
    let port = serve(authority.server(&["localhost"], |_| {})).await;
    let origin = format!("https://localhost:{port}");
    let refused = Err(TransportError::Certificate);
    assert_eq!(ask(&origin, Some(&other.pem)).await, refused);
    assert_eq!(ask(&origin, None).await, refused, "the system's roots");
}

#[tokio::test]
async fn a_certificate_for_another_name_or_time_is_refused() {
    let authority = Authority::new();
    let past = |params: &mut CertificateParams| {
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2021, 1, 1);
    };
    let future = |params: &mut CertificateParams| params.not_before = date_time_ymd(3000, 1, 1);
    for (config, host) in [
        (authority.server(&["milvus.example"], |_| {}), "localhost"),
        (authority.server(&["localhost"], |_| {}), "127.0.0.1"),
        (authority.server(&["127.0.0.2"], |_| {}), "127.0.0.1"),
        (authority.server(&["localhost"], past), "localhost"),
        (authority.server(&["localhost"], future), "localhost"),
    ] {
        let port = serve(config).await;
        let answer = ask(&format!("https://{host}:{port}"), Some(&authority.pem)).await;
        assert_eq!(answer, Err(TransportError::Certificate), "{host}");
    }
}

#[tokio::test]
async fn a_server_without_tls_is_a_tls_error() {
    #[expect(clippy::disallowed_methods, reason = "a test's own listener")]
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
            let _ = stream.read(&mut [0; 1024]).await;
        }
    });
    let authority = Authority::new();
    let answer = ask(&format!("https://localhost:{port}"), Some(&authority.pem)).await;
    assert_eq!(answer, Err(TransportError::Tls));
}

#[tokio::test]
async fn a_name_that_nobody_knows_is_a_dns_error() {
    assert_eq!(
        ask("http://milvus.invalid:19530", None).await,
        Err(TransportError::Dns)
    );
}
