//! `milvus-host local`: a local Milvus, until Ctrl-C. The one way in which a server is started, for people, tests and
//! the demo.

use crate::failure::Failure;
use crate::local::environment;
use crate::local::program::Program;
use crate::local::server::{Options, Server};
use crate::output::outln;
use serde_json::json;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tokio::io::AsyncReadExt;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Milvus' own port.
const PORT: u16 = 19_530;

/// Arguments of the command.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  milvus-host local                                 http://127.0.0.1:19530, gone with Ctrl-C
  milvus-host local --data-dir ./milvus-data        rows stay for the next time
  MILVUS_TOKEN=root:Milvus milvus-host local --auth who has no token is refused
  milvus-host local --server standalone             a full Milvus 2.3.5, REST API v1
  milvus-host local --port 0 --json                 for programs: a free port, one line of JSON when ready,
                                                    stops when its standard input closes

It is Milvus Lite with Milvus' REST API v2, or a full Milvus; both are run by Python (3.11 to 3.13), installed once.")]
pub(crate) struct Arguments {
    /// Which server
    #[arg(long, value_enum, default_value_t = Program::Lite)]
    server: Program,
    /// Port on 127.0.0.1; 0 takes a free one [default: 19530, with --json 0]
    #[arg(long)]
    port: Option<u16>,
    /// Folder of the data [default: a temporary one, removed at the end]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Let in only who has the token in MILVUS_TOKEN (`user:password`)
    #[arg(long)]
    auth: bool,
    /// Folder of the installation [default: ~/.cache/milvus-host, or below `$XDG_CACHE_HOME`]
    #[arg(long, env = "MILVUS_LOCAL_HOME", value_name = "DIR")]
    home: Option<PathBuf>,
    /// Python to install with
    #[arg(long, env = "MILVUS_PYTHON", value_name = "PROGRAM")]
    python: Option<PathBuf>,
    /// Install only.
    #[arg(long)]
    install: bool,
    /// For programs: one line of JSON when ready; stops when standard input closes.
    #[arg(long)]
    pub(crate) json: bool,
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let mut signals = Signals::new().map_err(|error| Failure::local(error.to_string()))?;
    let token = token(arguments.auth, arguments.server)?;
    let home = environment::home(arguments.home.clone())?;
    let start = async {
        let installed = environment::prepare(
            arguments.server,
            &home,
            arguments.python.as_deref(),
            |words| eprintln!("{words}"),
        )
        .await?;
        if arguments.install {
            return Ok(None);
        }
        let options = Options {
            port: arguments
                .port
                .unwrap_or(if arguments.json { 0 } else { PORT }),
            data_dir: arguments.data_dir.as_deref(),
            token: token.as_deref(),
        };
        let start = Server::start(&installed, &options);
        told(start, |seconds| {
            eprintln!(
                "{} is starting, {seconds} s until now",
                arguments.server.name()
            );
        })
        .await
        .map(Some)
    };
    // A signal before the server is ready drops what was started, which ends with it.
    let server = tokio::select! {
        server = start => server?,
        () = signals.next() => None,
    };
    let Some(mut server) = server else {
        return Ok(());
    };
    announce(&server, &arguments);
    let result = tokio::select! {
        failure = server.ended() => Err(failure),
        () = end_of_input(), if arguments.json => Ok(()),
        () = signals.next() => Ok(()),
    };
    server.stop().await;
    result
}

/// Waits for what may take long, and says so every few seconds: a full Milvus reads a folder that was used for half a
/// minute and longer.
async fn told<T>(work: impl Future<Output = T>, say: impl Fn(u64)) -> T {
    const EVERY: Duration = Duration::from_secs(5);
    let (mut work, started) = (std::pin::pin!(work), Instant::now());
    loop {
        match tokio::time::timeout(EVERY, &mut work).await {
            Ok(done) => return done,
            Err(_) => say(started.elapsed().as_secs()),
        }
    }
}

/// What asks a program to stop.
struct Signals([Signal; 3]);

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self([
            signal(SignalKind::interrupt())?,
            signal(SignalKind::terminate())?,
            signal(SignalKind::hangup())?,
        ]))
    }

    async fn next(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.0;
        tokio::select! {
            _ = interrupt.recv() => (),
            _ = terminate.recv() => (),
            _ = hangup.recv() => (),
        }
    }
}

fn token(wanted: bool, program: Program) -> Result<Option<String>, Failure> {
    if !wanted {
        return Ok(None);
    }
    let token = std::env::var("MILVUS_TOKEN").unwrap_or_default();
    program.check_token(&token)?;
    Ok(Some(token))
}

fn announce(server: &Server, arguments: &Arguments) {
    let ready = &server.ready;
    let program = arguments.server;
    if !ready.isolated {
        eprintln!(
            "this machine lets no program make a network namespace: Milvus' own ports, other than this one, are open \
             to its network"
        );
    }
    if arguments.json {
        outln!(
            "{}",
            json!({
                "uri": ready.uri,
                "pid": ready.pid,
                "data_dir": ready.data_dir,
                "server": program.name(),
                "version": ready.version,
            })
        );
        return;
    }
    let data = if arguments.data_dir.is_some() {
        "rows stay in"
    } else {
        "rows are gone at the end, from"
    };
    outln!(
        "{} {} answers at {} ({}); {data} {}",
        program.name(),
        ready.version,
        ready.uri,
        program.speaks(),
        ready.data_dir
    );
    outln!(
        "Ctrl-C stops it. Now, elsewhere: milvus-host --uri {} doctor",
        ready.uri
    );
}

/// The end of standard input: for programs, which hold its other end and so cannot leave a server behind.
async fn end_of_input() {
    let mut input = tokio::io::stdin();
    let mut sink = [0_u8; 256];
    while input.read(&mut sink).await.is_ok_and(|count| count > 0) {}
}
