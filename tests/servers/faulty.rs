//! Servers that misbehave in one way each, on purpose. Each reads a whole request first, unless it says otherwise.

use std::sync::Arc;
use std::time::Duration;

use rustls::server::ServerConfig;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::{Server, ok};

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
/// HTTP/2: empty settings, and that the client's are taken.
const SETTINGS: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0];

/// The server.
#[derive(Debug)]
pub(crate) struct Faulty(Server);

impl Faulty {
    /// Takes the request and says nothing.
    pub(crate) fn silent() -> Self {
        Self::new(|mut stream| async move {
            let mut rest = Vec::new();
            let _ = stream.read_to_end(&mut rest).await;
        })
    }

    /// Sends a head of a good answer byte by byte, one every 50 ms, without end.
    pub(crate) fn slow_head() -> Self {
        Self::new(|mut stream| async move {
            let bytes = OK
                .iter()
                .copied()
                .chain(b"X-Slow: ".iter().copied())
                .chain(std::iter::repeat(b'x'));
            drip(&mut stream, bytes).await;
        })
    }

    /// Sends a body byte by byte, one every 50 ms.
    pub(crate) fn slow_body() -> Self {
        Self::new(|mut stream| async move {
            let _ = stream
                .write_all(&[OK, b"Content-Length: 100000\r\n\r\n"].concat())
                .await;
            drip(&mut stream, std::iter::repeat(b' ')).await;
        })
    }

    /// Sends headers without end.
    pub(crate) fn endless_head() -> Self {
        Self::repeating(
            OK,
            b"X-Header: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n",
        )
    }

    /// Sends the chunks of a body without end.
    pub(crate) fn endless_body() -> Self {
        Self::repeating(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"10\r\n                \r\n",
        )
    }

    /// Sends the size of a chunk without end.
    pub(crate) fn endless_chunk_size() -> Self {
        Self::repeating(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;",
            b"xxxxxxxxxxxxxxxx",
        )
    }

    /// Announces a body of so many bytes, and begins to send it.
    pub(crate) fn oversized(bytes: u64) -> Self {
        Self::saying(
            format!("HTTP/1.1 200 OK\r\nContent-Length: {bytes}\r\n\r\n{{"),
            false,
        )
    }

    /// Sends a body of so many bytes, in chunks, without announcing it.
    pub(crate) fn oversized_unannounced(bytes: usize) -> Self {
        let chunk = format!("{bytes:x}\r\n{}\r\n0\r\n\r\n", " ".repeat(bytes));
        Self::saying(
            format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}"),
            false,
        )
    }

    /// Closes before it answers.
    pub(crate) fn closing() -> Self {
        Self::saying("", true)
    }

    /// Closes in the middle of a head.
    pub(crate) fn closing_in_head() -> Self {
        Self::saying("HTTP/1.1 200 OK\r\nContent-Le", true)
    }

    /// Announces more of a body than it sends, and closes.
    pub(crate) fn closing_in_body() -> Self {
        Self::saying(
            "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"code\":0",
            true,
        )
    }

    /// Closes between two chunks of a body.
    pub(crate) fn closing_in_chunks() -> Self {
        Self::saying(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n",
            true,
        )
    }

    /// Compresses its answer though it was asked not to.
    pub(crate) fn encoded(coding: &str) -> Self {
        Self::saying(
            format!(
                "HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nContent-Length: 4\r\n\r\nabcd"
            ),
            false,
        )
    }

    /// Answers with a redirect of this status to this place.
    pub(crate) fn redirecting(status: u16, to: &str) -> Self {
        Self::saying(
            format!(
                "HTTP/1.1 {status} Moved\r\nLocation: {to}\r\nRefresh: 0; url={to}\r\nAlt-Svc: h2=\"{to}\"\r\nContent-Length: 2\r\n\r\n{{}}"
            ),
            false,
        )
    }

    /// Sends so many small headers with a good answer.
    pub(crate) fn many_headers(count: usize) -> Self {
        let headers: String = (0..count)
            .map(|number| format!("X-{number}: 1\r\n"))
            .collect();
        Self::saying(
            format!("HTTP/1.1 200 OK\r\n{headers}Content-Length: 2\r\n\r\n{{}}"),
            false,
        )
    }

    /// Sends a reason without end.
    pub(crate) fn endless_reason() -> Self {
        Self::repeating(b"HTTP/1.1 200 ", b"because ")
    }

    /// Sends a chunk of one byte every 50 ms, without end.
    pub(crate) fn slow_chunks() -> Self {
        Self::new(|mut stream| async move {
            let _ = stream
                .write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                .await;
            while stream.write_all(b"1\r\n \r\n").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        })
    }

    /// Sends a chunk whose size is this.
    pub(crate) fn chunk_of(size: &str) -> Self {
        Self::saying(
            format!(
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{size}\r\n{{}}\r\n0\r\n\r\n"
            ),
            true,
        )
    }

    /// Hangs up before it has read anything.
    pub(crate) fn hanging_up() -> Self {
        Self(Server::start(|stream| async move { drop(stream) }))
    }

    /// Speaks something that is no HTTP.
    pub(crate) fn no_http() -> Self {
        Self::saying("220 mail.example ESMTP\r\n", false)
    }

    /// Speaks HTTP/0.9: a body without a head.
    pub(crate) fn no_head() -> Self {
        Self::saying("{\"code\":0,\"data\":[]}\n", true)
    }

    /// Sends `100 Continue` without end.
    pub(crate) fn storm_of_1xx() -> Self {
        Self::repeating(b"", b"HTTP/1.1 100 Continue\r\nX-More: yes\r\n\r\n")
    }

    /// Sends `103 Early Hints` every 50 ms without end.
    pub(crate) fn drizzle_of_1xx() -> Self {
        Self::new(|mut stream| async move {
            while stream
                .write_all(b"HTTP/1.1 103 Early Hints\r\n\r\n")
                .await
                .is_ok()
            {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        })
    }

    /// Agrees to a change of protocol that nobody asked for.
    pub(crate) fn switching() -> Self {
        Self::saying(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
            false,
        )
    }

    /// Says two lengths that differ.
    pub(crate) fn two_lengths() -> Self {
        Self::saying(
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 20\r\n\r\n{}",
            false,
        )
    }

    /// Says a length that is no number.
    pub(crate) fn no_number() -> Self {
        Self::saying("HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\n{}", false)
    }

    /// Ends a line of its head in the middle of a name, with a control character.
    pub(crate) fn bad_header() -> Self {
        Self::saying(
            "HTTP/1.1 200 OK\r\nX-\0: 1\r\nContent-Length: 2\r\n\r\n{}",
            false,
        )
    }

    /// Reads a request, then says the same bytes to it.
    pub(crate) fn saying(bytes: impl Into<Vec<u8>>, close: bool) -> Self {
        let bytes = Arc::new(bytes.into());
        Self::new(move |mut stream| {
            let bytes = Arc::clone(&bytes);
            async move {
                let sent = stream.write_all(&bytes).await;
                if close || sent.is_err() {
                    return;
                }
                let mut rest = Vec::new();
                let _ = stream.read_to_end(&mut rest).await;
            }
        })
    }

    /// Answers each request with its own body, and so much later once more with `foreign`.
    pub(crate) fn answering_twice(gap: Duration) -> Self {
        Self(Server::start(move |mut stream| async move {
            while let Some(body) = read_whole(&mut stream).await {
                for (answer, pause) in [(body.as_slice(), gap), (b"foreign", Duration::ZERO)] {
                    if stream
                        .write_all(&ok("application/json", answer))
                        .await
                        .is_err()
                    {
                        return;
                    }
                    tokio::time::sleep(pause).await;
                }
            }
        }))
    }

    /// Speaks HTTP/2 behind TLS: its settings, `first`, and then `again` without end.
    pub(crate) fn flooding(config: ServerConfig, first: &[u8], again: &[u8]) -> Self {
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let first = Arc::new([SETTINGS, first].concat());
        let many = Arc::new(again.repeat(100));
        Self(Server::start(move |stream| {
            let (acceptor, first, many) = (acceptor.clone(), Arc::clone(&first), Arc::clone(&many));
            async move {
                let Ok(stream) = acceptor.accept(stream).await else {
                    return;
                };
                let (mut from, mut to) = tokio::io::split(stream);
                let mut read = vec![0; 1 << 16];
                // The preface, the settings and the request come in one or in several parts: what is said meets them all.
                let _ = from.read(&mut read).await;
                tokio::time::sleep(Duration::from_millis(50)).await;
                let says = async {
                    let _ = to.write_all(&first).await;
                    while to.write_all(&many).await.is_ok() && to.flush().await.is_ok() {}
                };
                let hears =
                    async { while from.read(&mut read).await.is_ok_and(|read| read > 0) {} };
                tokio::join!(says, hears);
            }
        }))
    }

    /// Its port on 127.0.0.1.
    pub(crate) fn port(&self) -> u16 {
        self.0.port()
    }

    /// Says something to whatever comes first, and closes.
    pub(crate) fn greeting(bytes: &'static str) -> Self {
        Self(Server::start(move |mut stream| async move {
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(bytes.as_bytes()).await;
            let _ = stream.shutdown().await;
        }))
    }

    /// Answers with `early` when the head of a request is there; reads its body then, and answers with `late`.
    pub(crate) fn answering_by_the_head(early: &'static [u8], late: &'static [u8]) -> Self {
        Self(Server::start(move |mut stream| async move {
            let mut bytes = Vec::new();
            loop {
                while !bytes.windows(4).any(|four| four == b"\r\n\r\n") {
                    if !matches!(stream.read_buf(&mut bytes).await, Ok(1..)) {
                        return;
                    }
                }
                let _ = stream.write_all(&ok("application/json", early)).await;
                // Whatever is left of the request, and of the next one's head.
                let mut rest = vec![0; 1 << 20];
                let pause = Duration::from_millis(50);
                while let Ok(Ok(1..)) = tokio::time::timeout(pause, stream.read(&mut rest)).await {}
                bytes.clear();
                if stream
                    .write_all(&ok("application/json", late))
                    .await
                    .is_err()
                {
                    return;
                }
            }
        }))
    }

    fn repeating(first: &'static [u8], again: &'static [u8]) -> Self {
        let many = Arc::new(again.repeat(1000));
        Self::new(move |mut stream| {
            let many = Arc::clone(&many);
            async move {
                let _ = stream.write_all(first).await;
                while stream.write_all(&many).await.is_ok() {}
            }
        })
    }

    fn new<F, S>(answer: F) -> Self
    where
        F: Fn(TcpStream) -> S + Clone + Send + Sync + 'static,
        S: Future<Output = ()> + Send + 'static,
    {
        Self(Server::start(move |mut stream| {
            let answer = answer.clone();
            async move {
                if read_whole(&mut stream).await.is_some() {
                    answer(stream).await;
                }
            }
        }))
    }

    /// `http://127.0.0.1:<port>`.
    pub(crate) fn uri(&self) -> String {
        self.0.uri()
    }

    /// How many connections came until now.
    pub(crate) fn connections(&self) -> usize {
        self.0.connections()
    }

    /// How many connections are open now.
    pub(crate) fn open(&self) -> usize {
        self.0.open()
    }
}

/// Reads a request with a declared length, or none, and answers its body; nothing if it breaks off.
async fn read_whole(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let head = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let text = String::from_utf8_lossy(&bytes[..head]).to_ascii_lowercase();
    let length = text
        .split("content-length:")
        .nth(1)
        .and_then(|rest| rest.lines().next());
    let length: usize = length
        .and_then(|value| value.trim().parse().ok())
        .unwrap_or(0);
    while bytes.len() < head + length {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    Some(bytes.split_off(head))
}

async fn drip(stream: &mut TcpStream, bytes: impl Iterator<Item = u8>) {
    for byte in bytes {
        if stream.write_all(&[byte]).await.is_err() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
