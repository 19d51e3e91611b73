//! What tests need of a full Milvus that REST v1 has no route for: `milvus_rpc.py`, one process beside the shared server.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use serde_json::{Value, json};

use super::local::{LocalMilvus, Standalone, TOKEN};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/servers/milvus_rpc.py");

/// How many run: each does one thing at a time, and a load takes seconds.
const PROCESSES: usize = 3;

/// The processes. They end with this program, since their standard inputs close.
#[derive(Debug)]
pub(crate) struct Grpc {
    processes: [Mutex<Pipes>; PROCESSES],
    turns: AtomicUsize,
}

#[derive(Debug)]
struct Pipes {
    _process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Grpc {
    /// The one beside the shared full Milvus.
    pub(crate) fn shared() -> &'static Self {
        static SHARED: OnceLock<Grpc> = OnceLock::new();
        SHARED.get_or_init(|| Self {
            processes: std::array::from_fn(|_| Mutex::new(Pipes::start())),
            turns: AtomicUsize::new(0),
        })
    }

    /// Makes, indexes and loads a collection that arguments of `milvus_create_collection` describe by fields.
    pub(crate) fn create(&self, arguments: &Value) {
        self.ask(&json!({ "create": arguments }));
    }

    /// Waits until reads of a collection see what was written.
    pub(crate) fn settle(&self, collection: &str) {
        self.ask(&json!({ "settle": collection }));
    }

    /// Makes an alias, or moves it.
    pub(crate) fn alias(&self, alias: &str, collection: &str) {
        self.ask(&json!({ "alias": [alias, collection] }));
    }

    fn ask(&self, request: &Value) {
        let turn = self.turns.fetch_add(1, Ordering::Relaxed);
        let mut line = String::new();
        {
            let process = &self.processes[turn % PROCESSES];
            let mut pipes = process.lock().unwrap_or_else(PoisonError::into_inner);
            writeln!(pipes.input, "{request}").expect("it reads");
            pipes.output.read_line(&mut line).expect("it answers");
        }
        assert_eq!(line.trim_end(), "{}", "{request}");
    }
}

impl Pipes {
    fn start() -> Self {
        let milvus = LocalMilvus::of(Standalone);
        // The Python that runs the server has what this needs.
        let arguments = std::fs::read(format!("/proc/{}/cmdline", milvus.server()));
        let arguments = arguments.expect("the server runs");
        let python = arguments.split(|byte| *byte == 0).next();
        let python = String::from_utf8(python.expect("a program").to_vec()).expect("a path");
        let mut process = Command::new(python)
            .args([SCRIPT, milvus.address()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it can be started");
        let mut input = process.stdin.take().expect("it is piped");
        let output = BufReader::new(process.stdout.take().expect("it is piped"));
        writeln!(input, "{TOKEN}").expect("it reads");
        Self {
            _process: process,
            input,
            output,
        }
    }
}
