//! The real servers of the tests: Milvus Lite behind the project's gateway, and a full Milvus 2.3.5, each started as
//! people start it, with `milvus-host local`. One of each serves the whole test process and ends with it, since its
//! standard input closes.
//!
//! A test says on which it runs: it names a [`Server`] where it takes a stage or makes a collection, and who runs on
//! both loops over [`both`]. What REST v1 cannot do is asserted as `unsupported` in `tools::unsupported`.

use std::cell::RefCell;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, mpsc};
use std::time::Duration;

use host_harness::{
    Audit, CallError, Credential, Dialect, Endpoint, ErrorKind, Host, Policy, ToolError,
};
use serde_json::{Value, json};

use super::grpc::Grpc;
use super::tls::Certificate;

/// What lets a caller in.
pub(crate) const TOKEN: &str = "root:Milvus";

/// How long a server may take to start, its installation aside; a full Milvus on a used folder takes the longest.
const START: Duration = Duration::from_secs(200);
/// How long one plain request may take.
const REQUEST: Duration = Duration::from_secs(30);

/// The folder of the build, beside which this test program lies in `deps`.
pub(crate) fn profile_folder() -> PathBuf {
    let program = std::env::current_exe().expect("this program has a path");
    program
        .ancestors()
        .nth(2)
        .expect("it lies in a folder of a build")
        .to_owned()
}

/// The command line, built.
pub(crate) fn milvus_host() -> PathBuf {
    let path = profile_folder().join("milvus-host");
    assert!(
        path.exists(),
        "{} is missing: `cargo xtask test` builds it before the tests",
        path.display()
    );
    path
}

/// The folder with the installed Milvus Lite.
pub(crate) fn installation() -> PathBuf {
    profile_folder()
        .parent()
        .expect("a profile lies in the target folder")
        .join("local-milvus")
}

/// The command line with nothing of this program's environment but what it needs to run, and a cache of its own.
pub(crate) fn command() -> Command {
    let mut command = Command::new(milvus_host());
    command.env_clear().env("MILVUS_LOCAL_HOME", installation());
    command.env("XDG_CACHE_HOME", installation().with_file_name("cache"));
    for name in ["PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command
}

/// A name that no other test uses.
pub(crate) fn unique(what: &str) -> String {
    static LAST: AtomicU64 = AtomicU64::new(0);
    format!(
        "{what}_{}_{}",
        std::process::id(),
        LAST.fetch_add(1, Ordering::Relaxed)
    )
}

/// A server that tests run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Server {
    /// Milvus Lite behind the gateway: REST v2.
    Lite,
    /// Milvus 2.3.5: REST v1.
    Standalone,
}

pub(crate) use Server::{Lite, Standalone};

impl Server {
    /// What it speaks.
    pub(crate) fn spoken(self) -> host_harness::Server {
        host_harness::Server::new(match self {
            Lite => Dialect::V2,
            Standalone => Dialect::V1,
        })
    }

    /// Whether its queries answer a row of this key. Milvus 2.3.5 has a fault: it finds the largest int64 in a search,
    /// and in no query.
    pub(crate) fn queries(self, key: i64) -> bool {
        self == Lite || key != i64::MAX
    }
}

/// Each server, for a test that runs on both. It says which, so that a failure shows where it was.
pub(crate) fn both() -> impl Iterator<Item = Server> {
    [Lite, Standalone]
        .into_iter()
        .inspect(|server| println!("on {server:?}:"))
}

/// A running `milvus-host local`, killed when it is dropped.
#[derive(Debug)]
pub(crate) struct LocalMilvus {
    /// What it said when it was ready.
    pub(crate) ready: Value,
    pub(crate) process: Child,
    log: Log,
}

impl LocalMilvus {
    /// The gateway that all tests share. It lets in who has [`TOKEN`].
    pub(crate) fn shared() -> &'static Self {
        Self::of(Lite)
    }

    /// The server of a kind that all tests share. It lets in who has [`TOKEN`].
    pub(crate) fn of(server: Server) -> &'static Self {
        static LITE: OnceLock<LocalMilvus> = OnceLock::new();
        static STANDALONE: OnceLock<LocalMilvus> = OnceLock::new();
        let (shared, name) = match server {
            Lite => (&LITE, "lite"),
            Standalone => (&STANDALONE, "standalone"),
        };
        shared.get_or_init(|| {
            let mut command = command();
            command
                .args(["local", "--auth", "--server", name])
                .env("MILVUS_TOKEN", TOKEN);
            Self::start(command)
        })
    }

    /// Starts `command` with `--json`, and waits until it says that it is ready.
    pub(crate) fn start(mut command: Command) -> Self {
        command.arg("--json");
        Self::await_ready(command)
    }

    /// The gateway of the shared Milvus Lite once more, behind TLS. It lets in who has [`TOKEN`], and ends when it is
    /// dropped.
    pub(crate) fn behind_tls(certificate: &Certificate) -> Self {
        let process = format!("/proc/{}", Self::shared().server());
        let read = |what: &str| std::fs::read(format!("{process}/{what}")).expect("Linux");
        let first = |bytes: Vec<u8>, begin: &str| {
            let mut parts = bytes.split(|byte| *byte == 0).map(String::from_utf8_lossy);
            let found = parts.find_map(|part| part.strip_prefix(begin).map(str::to_owned));
            found.expect("it was started so")
        };
        let folder = std::env::temp_dir().join(unique("milvus-behind-tls"));
        std::fs::create_dir(&folder).expect("the temporary folder can be written");
        let file = |name: &str, text: &str| {
            let path = folder.join(name);
            std::fs::write(&path, text).expect("the folder can be written");
            path
        };
        let mut command = Command::new(first(read("cmdline"), ""));
        command
            .args([
                "-P",
                "-m",
                "milvus_gateway",
                "--stop-on-stdin-close",
                "--ephemeral",
                "--data-dir",
            ])
            .arg(folder.join("data"))
            .arg("--tls-cert")
            .arg(file("server.pem", &certificate.pem))
            .arg("--tls-key")
            .arg(file("server.key", &certificate.key))
            .env_clear()
            .env("PYTHONPATH", first(read("environ"), "PYTHONPATH="))
            .env("MILVUS_GATEWAY_TOKEN", TOKEN);
        let started = Self::await_ready(command);
        // It has read them.
        let _ = std::fs::remove_file(folder.join("server.key"));
        started
    }

    fn await_ready(mut command: Command) -> Self {
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut process = command.spawn().expect("milvus-host can be started");
        let log = Log::of(process.stderr.take().expect("it is piped"));
        let output = process.stdout.take().expect("it is piped");
        let (send, receive) = mpsc::channel();
        std::thread::spawn(move || {
            let mut lines = BufReader::new(output).lines();
            let _ = send.send(lines.next().and_then(Result::ok).unwrap_or_default());
            // Whoever writes on is not stopped by a full pipe.
            lines.for_each(drop);
        });
        let line = receive.recv_timeout(START).unwrap_or_default();
        let Ok(ready) = serde_json::from_str(&line) else {
            let _ = process.kill();
            let _ = process.wait();
            panic!(
                "`milvus-host local` was not ready within {START:?}; it said {line:?} and\n{}",
                log.tail()
            );
        };
        Self {
            ready,
            process,
            log,
        }
    }

    /// `http://127.0.0.1:<port>`.
    pub(crate) fn uri(&self) -> &str {
        self.ready["uri"]
            .as_str()
            .expect("it said where it answers")
    }

    /// `127.0.0.1:<port>`.
    pub(crate) fn address(&self) -> &str {
        self.uri().trim_start_matches("http://")
    }

    /// The process of the gateway, or of the supervisor: a child of the command line.
    pub(crate) fn server(&self) -> u64 {
        self.ready["pid"].as_u64().expect("it said its process")
    }

    /// The last of what it said to people.
    pub(crate) fn said(&self) -> String {
        self.log.tail()
    }

    /// Where its rows are.
    pub(crate) fn data_dir(&self) -> &Path {
        Path::new(
            self.ready["data_dir"]
                .as_str()
                .expect("it said where its rows are"),
        )
    }

    /// Says something to the REST API itself, for what the tools do not do; answers `data`.
    pub(crate) fn rest(&self, path: &str, body: &Value) -> Value {
        let answer = post(self.address(), path, body, Some(TOKEN));
        assert_eq!(answer["code"], 0, "{path}: {answer}\n{}", self.log.tail());
        answer["data"].clone()
    }
}

impl Drop for LocalMilvus {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The last of what a program says, kept while it runs.
#[derive(Clone, Debug)]
struct Log(Arc<Mutex<String>>);

impl Log {
    /// The longest text that is kept, in bytes.
    const KEPT: usize = 8192;

    fn of(mut stream: impl std::io::Read + Send + 'static) -> Self {
        let log = Self(Arc::default());
        let kept = Arc::clone(&log.0);
        std::thread::spawn(move || {
            let mut buffer = [0; 1024];
            while let Ok(count @ 1..) = stream.read(&mut buffer) {
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                kept.push_str(&String::from_utf8_lossy(&buffer[..count]));
                while kept.len() > Self::KEPT {
                    kept.remove(0);
                }
            }
        });
        log
    }

    fn tail(&self) -> String {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// An endpoint with [`TOKEN`] that speaks REST v2.
pub(crate) fn endpoint(uri: &str) -> Endpoint {
    endpoint_of(Lite, uri)
}

/// An endpoint with [`TOKEN`] that speaks what a server speaks.
pub(crate) fn endpoint_of(server: Server, uri: &str) -> Endpoint {
    Endpoint::builder(uri, Policy::full())
        .server(server.spoken())
        .credential(Credential::new(TOKEN.to_owned()))
        .build()
        .expect("an origin on this machine")
}

/// One plain request to the REST API v2, the answer's JSON whole.
pub(crate) fn post(address: &str, path: &str, body: &Value, token: Option<&str>) -> Value {
    send(address, &format!("/v2/vectordb/{path}"), body, token)
}

/// One plain `POST`, the answer's JSON whole.
pub(crate) fn send(address: &str, path: &str, body: &Value, token: Option<&str>) -> Value {
    let mut stream = TcpStream::connect(address).expect("the server listens");
    stream.set_read_timeout(Some(REQUEST)).expect("a socket");
    let body = body.to_string();
    let credential = token
        .map(|token| format!("Authorization: Bearer {token}\r\n"))
        .unwrap_or_default();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n{credential}\
         Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream
        .write_all(head.as_bytes())
        .and_then(|()| stream.write_all(body.as_bytes()))
        .expect("it reads");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("it answers in time");
    let text = String::from_utf8(answer).expect("it answers text");
    let (_, body) = text.split_once("\r\n\r\n").expect("a head and a body");
    let json =
        &body[body.find('{').expect("a JSON object")..=body.rfind('}').expect("a JSON object")];
    serde_json::from_str(json).unwrap_or_else(|error| panic!("{path}: {error}: {body}"))
}

thread_local! {
    /// Audit lines of this thread's calls: a test's runtime has one thread, and its sandbox writes there.
    static LINES: RefCell<Vec<Value>> = const { RefCell::new(Vec::new()) };
}

/// The host that all tests share.
pub(crate) fn host() -> &'static Host {
    static HOST: OnceLock<Host> = OnceLock::new();
    HOST.get_or_init(|| {
        let audit = Audit::to(|line: &str| {
            let line = serde_json::from_str(line).expect("an audit line is JSON");
            LINES.with_borrow_mut(|lines| lines.push(line));
        });
        Host::builder()
            .embedded()
            .audit(audit)
            .build()
            .expect("the component can be loaded")
    })
}

/// The shared host before an endpoint.
#[derive(Debug)]
pub(crate) struct Stage {
    /// Where its calls go.
    pub(crate) endpoint: Endpoint,
    /// The shared Milvus, if that is there.
    server: Option<Server>,
}

/// The shared host before the shared Milvus of a kind.
pub(crate) fn stage(server: Server) -> Stage {
    Stage {
        endpoint: endpoint_of(server, LocalMilvus::of(server).uri()),
        server: Some(server),
    }
}

impl Stage {
    /// The shared host before another server.
    pub(crate) fn before(endpoint: Endpoint) -> Self {
        Self {
            endpoint,
            server: None,
        }
    }

    /// The shared host before a shared Milvus, through a proxy.
    pub(crate) fn through(server: Server, proxy: &str) -> Self {
        Self {
            endpoint: endpoint_of(server, proxy),
            server: Some(server),
        }
    }

    /// Makes a collection. What a tool cannot make over REST v1 it refuses; then it is made over gRPC.
    pub(crate) async fn create(&self, name: &str, arguments: Value) {
        let arguments = of(name, arguments);
        let tool = "milvus_create_collection";
        match self.try_call(tool, &arguments.to_string()).await {
            Ok(_) => {}
            Err(CallError::Tool(error))
                if self.server == Some(Standalone) && error.kind == ErrorKind::Unsupported =>
            {
                assert!(error.message.contains(" of Milvus 2."), "{error:?}");
                Grpc::shared().create(&arguments);
            }
            Err(error) => panic!("{tool} {arguments}: {error:?}"),
        }
    }

    /// Waits until reads see what was written: over REST v1 none can ask for it.
    pub(crate) fn settle(&self, collection: &str) {
        if self.server == Some(Standalone) {
            Grpc::shared().settle(collection);
        }
    }

    /// Calls a tool.
    pub(crate) async fn try_call(&self, tool: &str, arguments: &str) -> Result<Value, CallError> {
        let answer = host().call_tool(&self.endpoint, tool, arguments).await?;
        Ok(serde_json::from_str(answer.raw()).expect("a tool answers JSON"))
    }

    /// Calls a tool that fails by an error of its own.
    pub(crate) async fn fails(&self, tool: &str, arguments: Value) -> ToolError {
        self.fails_by_text(tool, &arguments.to_string()).await
    }

    /// The same with arguments that need be no JSON.
    pub(crate) async fn fails_by_text(&self, tool: &str, arguments: &str) -> ToolError {
        match self.try_call(tool, arguments).await {
            Err(CallError::Tool(error) | CallError::Unreachable { error, .. }) => {
                assert!(
                    !format!("{error:?}").contains(TOKEN),
                    "the token is in an error: {error:?}"
                );
                error
            }
            other => panic!("{tool} {arguments}: expected a tool's error, came {other:?}"),
        }
    }

    /// Audit lines of this test's calls since the last look.
    pub(crate) fn lines(&self) -> Vec<Value> {
        LINES.take()
    }

    /// HTTP requests of this test's calls since the last look.
    pub(crate) fn requests(&self) -> u64 {
        let lines = self.lines();
        lines.iter().filter_map(|line| line["sent"].as_u64()).sum()
    }
}

/// `{"collection_name": name}` and `more`.
pub(crate) fn of(name: &str, more: Value) -> Value {
    let mut arguments = json!({ "collection_name": name });
    let members = arguments.as_object_mut().expect("it is one");
    members.extend(more.as_object().expect("an object of arguments").clone());
    arguments
}
