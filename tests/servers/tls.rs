//! A server behind TLS, with HTTP/1.1 and HTTP/2 by ALPN, whose certificates are an authority's of its own. It records
//! each request together with the connection that it came on.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use h2::RecvStream;
use h2::server::SendResponse;
use http::{Request, Response};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ServerConfig, WebPkiClientVerifier};
use rustls::{HandshakeKind, RootCertStore, SupportedProtocolVersion};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::Server;
use super::recorder::{Recorded, ok, read_request};

/// A certificate and its key, both PEM.
pub(crate) struct Certificate {
    pub(crate) pem: String,
    pub(crate) key: String,
}

/// Vouches for certificates.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its own certificate.
    pub(crate) pem: String,
}

impl Authority {
    pub(crate) fn new() -> Self {
        Self::named(&super::local::unique("an authority"))
    }

    /// One of this name.
    pub(crate) fn named(name: &str) -> Self {
        let (params, key) = (authority(name), KeyPair::generate().expect("random bytes"));
        let pem = params.self_signed(&key).expect("an authority").pem();
        Self {
            issuer: Issuer::new(params, key),
            pem,
        }
    }

    /// A certificate for these names and addresses.
    pub(crate) fn issue(&self, names: &[&str]) -> Certificate {
        self.issue_with(names, |_| {})
    }

    /// A certificate with something at fault, or for a client.
    pub(crate) fn issue_with(
        &self,
        names: &[&str],
        change: impl FnOnce(&mut CertificateParams),
    ) -> Certificate {
        let mut params = named(names);
        change(&mut params);
        let key = KeyPair::generate().expect("random bytes");
        let signed = params.signed_by(&key, &self.issuer);
        Certificate {
            pem: signed.expect("a certificate").pem(),
            key: key.serialize_pem(),
        }
    }

    /// A certificate by which a client shows who it is.
    pub(crate) fn issue_to_client(&self) -> Certificate {
        self.issue_with(&["a client"], |params| {
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        })
    }
}

fn named(names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    CertificateParams::new(names).expect("names")
}

fn authority(called: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let name = &mut params.distinguished_name;
    name.push(DnType::CommonName, called);
    params
}

/// A certificate that vouches for itself: a server's, or an authority's used as a server's, as `openssl req -x509`
/// makes them.
pub(crate) fn self_signed(names: &[&str], of_authority: bool) -> Certificate {
    let mut params = named(names);
    if of_authority {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    }
    let key = KeyPair::generate().expect("random bytes");
    Certificate {
        pem: params.self_signed(&key).expect("a certificate").pem(),
        key: key.serialize_pem(),
    }
}

/// TLS 1.2 and 1.3, HTTP/2 before HTTP/1.1; with `clients`, only for who shows a certificate of that authority.
pub(crate) fn config(certificate: &Certificate, clients: Option<&Authority>) -> ServerConfig {
    of_versions(certificate, clients, rustls::ALL_VERSIONS)
}

/// The same with one version of TLS.
pub(crate) fn of_version(
    certificate: &Certificate,
    clients: Option<&Authority>,
    version: &'static SupportedProtocolVersion,
) -> ServerConfig {
    of_versions(certificate, clients, &[version])
}

fn of_versions(
    certificate: &Certificate,
    clients: Option<&Authority>,
    versions: &[&'static SupportedProtocolVersion],
) -> ServerConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let chain = vec![CertificateDer::from_pem_slice(certificate.pem.as_bytes()).expect("PEM")];
    let key = PrivateKeyDer::from_pem_slice(certificate.key.as_bytes()).expect("PEM");
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(versions)
        .expect("versions");
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            let der = CertificateDer::from_pem_slice(authority.pem.as_bytes()).expect("PEM");
            roots.add(der).expect("an authority");
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            builder.with_client_cert_verifier(verifier.build().expect("an authority"))
        }
    };
    let mut config = builder.with_single_cert(chain, key).expect("a key of it");
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config
}

/// The same without HTTP/2.
pub(crate) fn http1(mut config: ServerConfig) -> ServerConfig {
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config
}

/// What is done with a request.
pub(crate) enum Deed {
    /// 200 with this body.
    Answer(Vec<u8>),
    /// The same, so much later.
    Late(Duration, Vec<u8>),
    /// A part of a body, then the stream is reset. HTTP/2 only.
    Reset,
    /// 200 with this body, and no more streams on this connection. HTTP/2 only.
    GoAway(Vec<u8>),
}

/// A request, and how it came.
#[derive(Clone, Debug)]
pub(crate) struct Came {
    /// Which connection, from 0.
    pub(crate) connection: usize,
    /// `h2`, `http/1.1`, or nothing.
    pub(crate) protocol: String,
    /// Over HTTP/2 the line says `HTTP/2`, and the pseudo headers are among the headers.
    pub(crate) request: Recorded,
    /// How many certificates the client showed.
    pub(crate) client_certificates: usize,
    /// Whether the connection's keys are those of an earlier one.
    pub(crate) resumed: bool,
    /// Whether something was sent before the handshake was over.
    pub(crate) early_data: bool,
}

type Script = dyn Fn(&Recorded) -> Deed + Send + Sync;

struct Shared {
    acceptor: TlsAcceptor,
    script: Box<Script>,
    /// Whether a request is answered when its head is there, and its body is left unread.
    early: bool,
    next: AtomicUsize,
    open: AtomicUsize,
    came: Mutex<Vec<Came>>,
    handshakes: Mutex<Vec<Result<(), String>>>,
}

/// The server.
pub(crate) struct TlsServer {
    server: Server,
    shared: Arc<Shared>,
}

impl TlsServer {
    /// Answers every request with an empty success of Milvus.
    pub(crate) fn start(config: ServerConfig) -> Self {
        Self::doing(config, |_| {
            Deed::Answer(br#"{"code":0,"data":[]}"#.to_vec())
        })
    }

    /// Does what a script says.
    pub(crate) fn doing(
        config: ServerConfig,
        script: impl Fn(&Recorded) -> Deed + Send + Sync + 'static,
    ) -> Self {
        Self::new(config, Box::new(script), false)
    }

    /// Answers each request by its head, and reads no body. HTTP/2 only.
    pub(crate) fn early(config: ServerConfig, answer: &'static [u8]) -> Self {
        Self::new(
            config,
            Box::new(move |_| Deed::Answer(answer.to_vec())),
            true,
        )
    }

    fn new(config: ServerConfig, script: Box<Script>, early: bool) -> Self {
        let shared = Arc::new(Shared {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            script,
            early,
            next: AtomicUsize::new(0),
            open: AtomicUsize::new(0),
            came: Mutex::default(),
            handshakes: Mutex::default(),
        });
        let state = Arc::clone(&shared);
        let server = Server::start(move |stream| {
            let state = Arc::clone(&state);
            async move { state.serve(stream).await }
        });
        Self { server, shared }
    }

    /// `https://<host>:<port>`.
    pub(crate) fn uri(&self, host: &str) -> String {
        format!("https://{host}:{}", self.server.port())
    }

    pub(crate) fn port(&self) -> u16 {
        self.server.port()
    }

    /// The requests until now, whole ones unless it answers early.
    pub(crate) fn came(&self) -> Vec<Came> {
        let came = self.shared.came.lock();
        came.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How each handshake ended, with the alert that the client sent.
    pub(crate) fn handshakes(&self) -> Vec<Result<(), String>> {
        let handshakes = self.shared.handshakes.lock();
        handshakes.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many connections are open.
    pub(crate) fn open(&self) -> usize {
        self.shared.open.load(Ordering::Relaxed)
    }

    /// How many connections came until now.
    pub(crate) fn connections(&self) -> usize {
        self.server.connections()
    }
}

impl Shared {
    async fn serve(&self, stream: TcpStream) {
        let stream = self.acceptor.accept(stream).await;
        let ended = stream.as_ref().map(drop).map_err(ToString::to_string);
        self.handshakes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(ended);
        let Ok(mut stream) = stream else { return };
        let tls = stream.get_mut().1;
        let protocol = tls.alpn_protocol().unwrap_or_default();
        let came = Came {
            connection: self.next.fetch_add(1, Ordering::Relaxed),
            protocol: String::from_utf8_lossy(protocol).into_owned(),
            request: Recorded {
                line: String::new(),
                headers: Vec::new(),
                body: Vec::new(),
            },
            client_certificates: tls.peer_certificates().map_or(0, <[_]>::len),
            resumed: tls.handshake_kind() == Some(HandshakeKind::Resumed),
            early_data: tls.early_data().is_some(),
        };
        self.open.fetch_add(1, Ordering::Relaxed);
        // A connection that breaks off is its client's affair.
        if came.protocol == "h2" {
            let _ = self.serve_h2(stream, &came).await;
        } else {
            let _ = self.serve_http1(stream, &came).await;
        }
        self.open.fetch_sub(1, Ordering::Relaxed);
    }

    /// Keeps a request, and decides what becomes of it.
    fn note(&self, came: &Came, request: Recorded) -> Deed {
        let deed = (self.script)(&request);
        self.came
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Came {
                request,
                ..came.clone()
            });
        deed
    }

    async fn serve_http1(
        &self,
        mut stream: TlsStream<TcpStream>,
        came: &Came,
    ) -> std::io::Result<()> {
        let mut buffer = Vec::new();
        while let Some((_, request)) = read_request(&mut stream, &mut buffer).await? {
            let body = match self.note(came, request) {
                Deed::Answer(body) => body,
                Deed::Late(wait, body) => {
                    tokio::time::sleep(wait).await;
                    body
                }
                Deed::Reset | Deed::GoAway(_) => panic!("HTTP/1.1 has neither"),
            };
            stream.write_all(&ok("application/json", &body)).await?;
            stream.flush().await?;
        }
        Ok(())
    }

    async fn serve_h2(&self, stream: TlsStream<TcpStream>, came: &Came) -> Result<(), h2::Error> {
        let mut connection = h2::server::Builder::new().handshake(stream).await?;
        // A stream that waits, or whose body nobody reads, holds up no other.
        let mut waiting = tokio::task::JoinSet::new();
        while let Some(request) = connection.accept().await {
            let (request, mut respond) = request?;
            let (request, mut body) = recorded(request);
            if self.early {
                let Deed::Answer(answer) = self.note(came, request) else {
                    panic!("it answers at once")
                };
                answer_on(&mut respond, &answer)?;
                // Neither read nor let go of: its window stays closed.
                waiting.spawn(async move {
                    std::future::pending::<()>().await;
                    drop((body, respond));
                });
                continue;
            }
            let mut request = request;
            request.body = tokio::select! {
                whole = read_body(&mut body) => whole?,
                // Drives the connection.
                closed = std::future::poll_fn(|context| connection.poll_closed(context)) => return closed,
            };
            match self.note(came, request) {
                Deed::Answer(answer) => answer_on(&mut respond, &answer)?,
                Deed::Late(wait, answer) => {
                    waiting.spawn(async move {
                        tokio::time::sleep(wait).await;
                        let _ = answer_on(&mut respond, &answer);
                    });
                }
                Deed::Reset => {
                    let mut stream = respond.send_response(head(100), false)?;
                    stream.send_data(data(b"{\"code\""), false)?;
                    stream.send_reset(h2::Reason::INTERNAL_ERROR);
                }
                Deed::GoAway(answer) => {
                    answer_on(&mut respond, &answer)?;
                    connection.graceful_shutdown();
                }
            }
        }
        Ok(())
    }
}

async fn read_body(body: &mut RecvStream) -> Result<Vec<u8>, h2::Error> {
    let mut whole = Vec::new();
    while let Some(part) = body.data().await {
        let part = part?;
        whole.extend_from_slice(&part);
        body.flow_control().release_capacity(part.len())?;
    }
    Ok(whole)
}

/// A part of a body.
type Data = std::io::Cursor<Vec<u8>>;

fn data(from: &[u8]) -> Data {
    Data::new(from.to_vec())
}

fn head(length: usize) -> Response<()> {
    Response::builder()
        .header("content-type", "application/json")
        .header("content-length", length)
        .body(())
        .expect("a head")
}

fn answer_on(respond: &mut SendResponse<Data>, answer: &[u8]) -> Result<(), h2::Error> {
    let mut stream = respond.send_response(head(answer.len()), false)?;
    stream.send_data(data(answer), true)
}

/// The head of a request, as one of HTTP/1.1 would be written down, and its body.
fn recorded(request: Request<RecvStream>) -> (Recorded, RecvStream) {
    let (head, body) = request.into_parts();
    let path = head.uri.path_and_query().map_or("", |path| path.as_str());
    let pseudo = [
        (":method", head.method.as_str()),
        (":scheme", head.uri.scheme_str().unwrap_or_default()),
        (
            ":authority",
            head.uri.authority().map_or("", |at| at.as_str()),
        ),
        (":path", path),
    ];
    let pseudo = pseudo.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let headers = head.headers.iter().map(|(name, value)| {
        let value = String::from_utf8_lossy(value.as_bytes());
        (name.as_str().to_owned(), value.into_owned())
    });
    let recorded = Recorded {
        line: format!("{} {path} HTTP/2", head.method),
        headers: pseudo.into_iter().chain(headers).collect(),
        body: Vec::new(),
    };
    (recorded, body)
}

/// A server that speaks TLS 1.1 and nothing newer.
pub(crate) struct OldTls {
    server: Server,
    heard: Arc<Mutex<Vec<u8>>>,
}

impl OldTls {
    pub(crate) fn start() -> Self {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&heard);
        let server = Server::start(move |mut stream| {
            let kept = Arc::clone(&kept);
            async move {
                let mut hello = [0; 4096];
                if !matches!(stream.read(&mut hello).await, Ok(1..)) {
                    return;
                }
                kept.lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(hello[0]);
                // ServerHello: TLS 1.1, a random number, no session, TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA.
                let hello = [&[3, 2][..], &[7; 32], &[0, 0xc0, 0x13, 0]].concat();
                let length = u8::try_from(hello.len()).expect("it is short");
                let message = [&[2, 0, 0, length][..], &hello].concat();
                let record = [&[0x16, 3, 2, 0, length + 4][..], &message].concat();
                let _ = stream.write_all(&record).await;
                let _ = stream.read(&mut [0; 64]).await;
            }
        });
        Self { server, heard }
    }

    /// `https://127.0.0.1:<port>`.
    pub(crate) fn uri(&self) -> String {
        self.server.uri().replace("http://", "https://")
    }

    /// The first byte of each connection.
    pub(crate) fn heard(&self) -> Vec<u8> {
        let heard = self.heard.lock();
        heard.unwrap_or_else(PoisonError::into_inner).clone()
    }
}
