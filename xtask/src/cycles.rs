//! Starts and stops each local server many times, a third of them by a kill, and looks for what is left: processes,
//! the port, files.

use crate::build;
use crate::run::{succeed, target};
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt;
use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

/// How many cycles there are, unless told otherwise.
pub(crate) const DEFAULT: usize = 50;

/// The servers there are.
pub(crate) const SERVERS: [&str; 2] = ["lite", "standalone"];

/// How long everything may take to be gone.
const GONE: Duration = Duration::from_secs(15);

/// Folders where the engine of a full Milvus leaves files when it runs alone.
const ENGINES: [&str; 2] = ["/run/milvus", "/tmp/milvus"];

/// What ends a cycle.
#[derive(Clone, Copy, Debug)]
enum End {
    Input,
    Signal(&'static str),
    KillHost,
    KillServer,
    KillEngine,
}

/// A third of the ends are kills, of each process in turn.
const ENDS: [End; 9] = [
    End::Input,
    End::Signal("TERM"),
    End::KillHost,
    End::Signal("INT"),
    End::Input,
    End::KillServer,
    End::Signal("HUP"),
    End::Signal("TERM"),
    End::KillEngine,
];

impl fmt::Display for End {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Input => formatter.write_str("input closed"),
            Self::Signal(name) => write!(formatter, "SIG{name}"),
            Self::KillHost => formatter.write_str("kill -9 of milvus-host"),
            Self::KillServer => formatter.write_str("kill -9 of the server"),
            Self::KillEngine => formatter.write_str("kill -9 of the engine"),
        }
    }
}

/// A running server. It ends when this is dropped.
pub(crate) struct Running {
    host: Child,
    input: Option<ChildStdin>,
    /// milvus-host, the server, and the engine where that is a process of its own.
    processes: Vec<u32>,
    address: SocketAddr,
    data: PathBuf,
}

/// Runs the cycles of some servers.
///
/// # Errors
/// A build fails, or a server does not start.
pub(crate) fn cycles(count: usize, servers: &[&str]) -> Result<ExitCode> {
    build::component(build::PROFILE)?;
    build::host(&crate::demo::PACKAGES)?;
    let mut left = 0;
    for server in servers {
        succeed(
            command().args(["local", "--server", server, "--install"]),
            "installing the local Milvus",
        )?;
        let (mut starts, mut stops, mut kills) = (Vec::new(), Vec::new(), 0);
        for number in 0..count {
            let end = ENDS[number % ENDS.len()];
            let files = files();
            let before = Instant::now();
            let running = Running::start(server)
                .with_context(|| format!("{server}, cycle {}", number + 1))?;
            starts.push(before.elapsed());
            if matches!(end, End::KillHost | End::KillServer | End::KillEngine) {
                kills += 1;
            }
            let before = Instant::now();
            let remains = running.end(end, &files)?;
            stops.push(before.elapsed());
            for what in &remains {
                println!("{server}, cycle {}, {end}: {what}", number + 1);
            }
            left += remains.len();
        }
        println!(
            "{server}: {count} cycles, {kills} killed; start {}, until nothing was left {}",
            spread(starts),
            spread(stops)
        );
    }
    println!("left over: {left}");
    Ok(if left == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The command line, with the installation that the tests share.
fn command() -> Command {
    let mut command = Command::new(target().join("release/milvus-host"));
    command.env("MILVUS_LOCAL_HOME", target().join("local-milvus"));
    command
}

/// `min / median / max s`.
fn spread(mut times: Vec<Duration>) -> String {
    times.sort();
    let at = |index: usize| times.get(index).map_or(0.0, Duration::as_secs_f64);
    let last = times.len().saturating_sub(1);
    format!(
        "{:.2} / {:.2} / {:.2} s",
        at(0),
        at(times.len() / 2),
        at(last)
    )
}

/// Temporary folders of servers, and what engines keep outside their folders.
fn files() -> BTreeSet<PathBuf> {
    let listed = |folder: &Path| -> Vec<PathBuf> {
        std::fs::read_dir(folder)
            .map(|entries| entries.flatten().map(|entry| entry.path()).collect())
            .unwrap_or_default()
    };
    let temporary = listed(&std::env::temp_dir())
        .into_iter()
        .filter(|path| path.to_string_lossy().contains("/milvus-local-"));
    let engines = ENGINES.iter().flat_map(|folder| listed(Path::new(folder)));
    temporary.chain(engines).collect()
}

/// Whether a process is there. One that ended and that nobody waited for is not.
fn runs(process: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{process}/stat")).is_ok_and(|stat| {
        stat.rsplit(") ")
            .next()
            .is_some_and(|rest| !rest.starts_with(['Z', 'X']))
    })
}

fn children(process: u32) -> Vec<u32> {
    std::fs::read_to_string(format!("/proc/{process}/task/{process}/children"))
        .unwrap_or_default()
        .split_whitespace()
        .filter_map(|child| child.parse().ok())
        .collect()
}

fn signal(name: &str, process: u32) -> Result<()> {
    succeed(
        Command::new("kill").args([format!("-{name}"), process.to_string()]),
        "kill",
    )
}

impl Running {
    pub(crate) fn start(server: &str) -> Result<Self> {
        let mut host = command()
            .args(["local", "--json", "--server", server])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let input = host.stdin.take();
        let output = host.stdout.take().context("the output is piped")?;
        let mut line = String::new();
        // It has a time limit of its own.
        BufReader::new(output).read_line(&mut line)?;
        let ready: Value = serde_json::from_str(&line).context("it is not ready")?;
        let [Some(uri), Some(data)] = ["uri", "data_dir"].map(|key| ready[key].as_str()) else {
            bail!("it says {line}")
        };
        let server = u32::try_from(ready["pid"].as_u64().context("it says its process")?)?;
        let mut processes = vec![host.id(), server];
        processes.extend(children(server));
        Ok(Self {
            host,
            input,
            processes,
            address: uri.trim_start_matches("http://").parse()?,
            data: data.into(),
        })
    }

    /// Where it listens.
    pub(crate) fn uri(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Ends it, and waits; what is left when the time is over.
    fn end(mut self, end: End, files_before: &BTreeSet<PathBuf>) -> Result<Vec<String>> {
        let (first, last) = (self.processes[0], self.processes[self.processes.len() - 1]);
        match end {
            End::Input => drop(self.input.take()),
            End::Signal(name) => signal(name, first)?,
            End::KillHost => signal("KILL", first)?,
            End::KillServer => signal("KILL", self.processes[1])?,
            End::KillEngine => signal("KILL", last)?,
        }
        let until = Instant::now() + GONE;
        let mut remains = self.remains(files_before)?;
        while !remains.is_empty() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(10));
            remains = self.remains(files_before)?;
        }
        Ok(remains)
    }

    fn remains(&mut self, files_before: &BTreeSet<PathBuf>) -> Result<Vec<String>> {
        self.host.try_wait()?;
        let mut remains: Vec<String> = self
            .processes
            .iter()
            .filter(|process| runs(**process))
            .map(|process| format!("process {process} runs"))
            .collect();
        if TcpStream::connect(self.address).is_ok() {
            remains.push(format!("something listens at {}", self.address));
        }
        let new = files();
        let new = new.difference(files_before).cloned();
        let data = self.data.exists().then(|| self.data.clone());
        remains.extend(
            new.chain(data)
                .map(|path| format!("{} is there", path.display())),
        );
        Ok(remains)
    }
}
