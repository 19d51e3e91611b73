//! A server that records the exact bytes of each request, and answers from a script or through another server.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::Server;

/// A request as it came over the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Recorded {
    /// The request line, such as `POST /v2/vectordb/collections/list HTTP/1.1`.
    pub(crate) line: String,
    /// Names and values in their order, as they were written.
    pub(crate) headers: Vec<(String, String)>,
    /// The body, without the marks of chunks if it came in some.
    pub(crate) body: Vec<u8>,
}

impl Recorded {
    /// The value of the first header of this name, in any letters.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self
            .headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// The path and the query of the request line.
    pub(crate) fn path(&self) -> &str {
        self.line.split(' ').nth(1).unwrap_or_default()
    }
}

/// Writes an answer's bytes, head included, for a request.
type Script = dyn Fn(&Recorded) -> Vec<u8> + Send + Sync;

enum Answers {
    Script(Box<Script>),
    From(String),
}

struct Shared {
    answers: Answers,
    wait: Duration,
    requests: Mutex<Vec<Recorded>>,
}

/// The server.
pub(crate) struct Recorder {
    server: Server,
    shared: Arc<Shared>,
}

impl Recorder {
    /// Answers every request with an empty success of Milvus.
    pub(crate) fn start() -> Self {
        Self::answering(|_| ok("application/json", br#"{"code":0,"data":[]}"#))
    }

    /// As [`Recorder::start`], each answer so much later.
    pub(crate) fn slow(wait: Duration) -> Self {
        Self::new(
            Answers::Script(Box::new(|_| {
                ok("application/json", br#"{"code":0,"data":[]}"#)
            })),
            wait,
        )
    }

    /// Answers with the bytes that `script` writes, head included.
    pub(crate) fn answering(script: impl Fn(&Recorded) -> Vec<u8> + Send + Sync + 'static) -> Self {
        Self::new(Answers::Script(Box::new(script)), Duration::ZERO)
    }

    /// Passes every request on to `upstream` (`host:port`), byte for byte, and its answer back.
    pub(crate) fn forwarding(upstream: &str) -> Self {
        Self::new(Answers::From(upstream.to_owned()), Duration::ZERO)
    }

    fn new(answers: Answers, wait: Duration) -> Self {
        let shared = Arc::new(Shared {
            answers,
            wait,
            requests: Mutex::default(),
        });
        let state = Arc::clone(&shared);
        let server = Server::start(move |stream| {
            let state = Arc::clone(&state);
            async move {
                // A connection that breaks off is its client's affair.
                let _ = state.serve(stream).await;
            }
        });
        Self { server, shared }
    }

    /// `http://127.0.0.1:<port>`.
    pub(crate) fn uri(&self) -> String {
        self.server.uri()
    }

    /// Its port on 127.0.0.1.
    pub(crate) fn port(&self) -> u16 {
        self.server.port()
    }

    /// What came until now, whole requests only, in the order of their ends.
    pub(crate) fn requests(&self) -> Vec<Recorded> {
        self.shared
            .requests
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// How many connections came until now.
    pub(crate) fn connections(&self) -> usize {
        self.server.connections()
    }
}

/// An answer `200 OK` that keeps the connection.
pub(crate) fn ok(content_type: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

impl Shared {
    async fn serve(&self, mut stream: TcpStream) -> io::Result<()> {
        let mut upstream = None;
        let mut buffer = Vec::new();
        while let Some((raw, recorded)) = read_request(&mut stream, &mut buffer).await? {
            self.requests
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(recorded.clone());
            tokio::time::sleep(self.wait).await;
            let address = match &self.answers {
                Answers::Script(script) => {
                    stream.write_all(&script(&recorded)).await?;
                    continue;
                }
                Answers::From(address) => address,
            };
            if upstream.is_none() {
                upstream = Some((TcpStream::connect(address).await?, Vec::new()));
            }
            let Some((upstream, rest)) = &mut upstream else {
                return Ok(());
            };
            upstream.write_all(&raw).await?;
            let to_head = recorded.line.starts_with("HEAD ");
            let (answer, last) = read_answer(upstream, rest, to_head).await?;
            stream.write_all(&answer).await?;
            if last {
                return Ok(());
            }
        }
        Ok(())
    }
}

/// Reads until `buffer` holds a head; answers its length, or nothing if the stream ended before it began.
async fn read_head(
    stream: &mut (impl AsyncRead + Unpin),
    buffer: &mut Vec<u8>,
) -> io::Result<Option<usize>> {
    loop {
        if let Some(at) = buffer.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            return Ok(Some(at + 4));
        }
        if stream.read_buf(buffer).await? == 0 {
            return if buffer.is_empty() {
                Ok(None)
            } else {
                Err(io::ErrorKind::UnexpectedEof.into())
            };
        }
    }
}

fn parse_head(head: &[u8]) -> (String, Vec<(String, String)>) {
    let text: String = head.iter().copied().map(char::from).collect();
    let mut lines = text.split("\r\n").filter(|line| !line.is_empty());
    let first = lines.next().unwrap_or_default().to_owned();
    let headers = lines
        .map(|line| line.split_once(':').unwrap_or((line, "")))
        .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
        .collect();
    (first, headers)
}

fn value<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.as_str())
}

/// One request: its raw bytes, and what they say.
pub(super) async fn read_request(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    buffer: &mut Vec<u8>,
) -> io::Result<Option<(Vec<u8>, Recorded)>> {
    let Some(head) = read_head(stream, buffer).await? else {
        return Ok(None);
    };
    let (line, headers) = parse_head(&buffer[..head]);
    if value(&headers, "expect").is_some_and(|value| value.eq_ignore_ascii_case("100-continue")) {
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
    }
    let (end, body) = read_body(stream, buffer, head, &headers, false).await?;
    let raw = buffer.drain(..end).collect();
    Ok(Some((
        raw,
        Recorded {
            line,
            headers,
            body,
        },
    )))
}

/// One answer, those of 1xx before it included: its raw bytes, and whether the connection ends with it.
async fn read_answer(
    stream: &mut TcpStream,
    buffer: &mut Vec<u8>,
    to_head: bool,
) -> io::Result<(Vec<u8>, bool)> {
    let mut raw = Vec::new();
    loop {
        let head = read_head(stream, buffer)
            .await?
            .ok_or(io::ErrorKind::UnexpectedEof)?;
        let (line, headers) = parse_head(&buffer[..head]);
        let status = line.split(' ').nth(1).unwrap_or_default().to_owned();
        if status.starts_with('1') {
            raw.extend(buffer.drain(..head));
            continue;
        }
        let empty = to_head || status == "204" || status == "304";
        let framed = value(&headers, "content-length").is_some()
            || value(&headers, "transfer-encoding").is_some();
        let end = if empty {
            head
        } else {
            read_body(stream, buffer, head, &headers, !framed).await?.0
        };
        raw.extend(buffer.drain(..end));
        let close =
            value(&headers, "connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
        return Ok((raw, close || (!empty && !framed)));
    }
}

/// Reads the body behind a head of `from` bytes; answers where it ends, and the body without marks of chunks.
async fn read_body(
    stream: &mut (impl AsyncRead + Unpin),
    buffer: &mut Vec<u8>,
    from: usize,
    headers: &[(String, String)],
    to_the_end: bool,
) -> io::Result<(usize, Vec<u8>)> {
    if to_the_end {
        stream.read_to_end(buffer).await?;
        return Ok((buffer.len(), buffer[from..].to_vec()));
    }
    let chunked = value(headers, "transfer-encoding")
        .is_some_and(|value| value.eq_ignore_ascii_case("chunked"));
    if !chunked {
        let length: usize = value(headers, "content-length")
            .and_then(|value| value.parse().ok())
            .unwrap_or(0);
        fill(stream, buffer, from + length).await?;
        return Ok((from + length, buffer[from..from + length].to_vec()));
    }
    let (mut at, mut body) = (from, Vec::new());
    loop {
        let line_end = loop {
            if let Some(end) = buffer[at..].windows(2).position(|bytes| bytes == b"\r\n") {
                break at + end;
            }
            let more = buffer.len() + 1;
            fill(stream, buffer, more).await?;
        };
        let size = String::from_utf8_lossy(&buffer[at..line_end]).into_owned();
        let size = usize::from_str_radix(size.split(';').next().unwrap_or_default().trim(), 16)
            .map_err(|_| io::ErrorKind::InvalidData)?;
        let start = line_end + 2;
        fill(stream, buffer, start + size + 2).await?;
        body.extend_from_slice(&buffer[start..start + size]);
        at = start + size + 2;
        if size == 0 {
            return Ok((at, body));
        }
    }
}

async fn fill(
    stream: &mut (impl AsyncRead + Unpin),
    buffer: &mut Vec<u8>,
    length: usize,
) -> io::Result<()> {
    while buffer.len() < length {
        if stream.read_buf(buffer).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpStream;

    use super::*;

    /// Says some bytes to a recorder, and takes what comes until it has been silent or closed.
    fn say(recorder: &Recorder, bytes: &[u8], expected: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", recorder.port())).expect("it listens");
        stream
            .set_read_timeout(Some(Duration::from_secs(5)))
            .expect("a socket");
        stream.write_all(bytes).expect("it reads");
        let (mut answer, mut part) = (Vec::new(), [0; 4096]);
        while !answer.ends_with(expected.as_bytes()) {
            let length = stream.read(&mut part).expect("it answers in time");
            assert_ne!(length, 0, "it closed after {answer:?}");
            answer.extend_from_slice(&part[..length]);
        }
        String::from_utf8(answer).expect("text")
    }

    #[test]
    fn what_is_forwarded_is_recorded_and_unchanged() {
        let upstream = Recorder::answering(|request| ok("text/plain", &request.body));
        let recorder = Recorder::forwarding(&format!("127.0.0.1:{}", upstream.port()));
        let first =
            b"POST /a?b=c HTTP/1.1\r\nHost: x\r\ncontent-LENGTH: 5\r\nX-A:  1 \r\n\r\nhello";
        let second = b"POST /d HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
        // Both at once, on one connection.
        let answer = say(&recorder, &[first.as_slice(), second].concat(), "abcde");
        assert_eq!(answer.matches("HTTP/1.1 200 OK\r\n").count(), 2, "{answer}");
        assert_eq!(recorder.requests(), upstream.requests());
        let requests = recorder.requests();
        assert_eq!(
            (requests[0].path(), requests[0].body.as_slice()),
            ("/a?b=c", &b"hello"[..])
        );
        assert_eq!(
            requests[0].headers[1],
            ("content-LENGTH".to_owned(), "5".to_owned())
        );
        assert_eq!(
            (requests[1].line.as_str(), requests[1].body.as_slice()),
            ("POST /d HTTP/1.1", &b"abcde"[..])
        );
        assert_eq!((recorder.connections(), upstream.connections()), (1, 1));
    }

    #[test]
    fn an_answer_in_chunks_and_one_that_ends_with_its_connection_are_forwarded() {
        for (answer, end) in [
            (
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
                "0\r\n\r\n",
            ),
            ("HTTP/1.1 204 No Content\r\n\r\n", "\r\n\r\n"),
        ] {
            let upstream = Recorder::answering(move |_| answer.as_bytes().to_vec());
            let recorder = Recorder::forwarding(&format!("127.0.0.1:{}", upstream.port()));
            assert_eq!(say(&recorder, b"GET / HTTP/1.1\r\n\r\n", end), answer);
        }
        let upstream = crate::servers::Faulty::saying("HTTP/1.0 200 OK\r\n\r\nuntil the end", true);
        let recorder = Recorder::forwarding(upstream.uri().trim_start_matches("http://"));
        assert!(
            say(&recorder, b"GET / HTTP/1.1\r\n\r\n", "until the end")
                .starts_with("HTTP/1.0 200 OK")
        );
    }
}
