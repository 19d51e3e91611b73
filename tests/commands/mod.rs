//! The command line as people see it: the program itself, with a built environment and a folder of its own.

mod audit;
mod call;
mod credential;
mod doctor;
mod files;
mod help;
mod inspect;
mod local;
mod network;
mod output;
mod policy;
mod process;
mod rest;
mod retention;
mod settings;
mod surroundings;
mod tools;

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::servers::local::{LocalMilvus, TOKEN, command, unique};

/// How long a command may take.
const DEADLINE: Duration = Duration::from_secs(30);

/// A folder that goes with its owner.
#[derive(Debug)]
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let path = std::env::temp_dir().join(unique("milvus-commands"));
        std::fs::create_dir(&path).expect("the temporary folder can be written");
        Self(path)
    }

    fn path(&self) -> &Path {
        &self.0
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, text).expect("the folder can be written");
        path
    }

    /// A file that nobody else can read.
    fn write_secret(&self, name: &str, text: &str) -> PathBuf {
        let path = self.write(name, text);
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(&path, mode).expect("it is ours");
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Whether the tests run as root, who alone can act for other users.
fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

/// What a command did.
#[derive(Debug)]
struct Ran {
    code: i32,
    output: String,
    errors: String,
}

/// Runs a command in a folder of its own, with no environment but what it needs to run and `variables`.
fn run(arguments: &[&str], variables: &[(&str, &str)]) -> Ran {
    run_in(&Folder::new(), arguments, variables)
}

fn run_in(folder: &Folder, arguments: &[&str], variables: &[(&str, &str)]) -> Ran {
    let mut command = command();
    command
        .args(arguments)
        .envs(variables.iter().copied())
        .current_dir(folder.path());
    ran(command, "")
}

/// Runs a command against the shared Milvus, with its token.
fn milvus(arguments: &[&str]) -> Ran {
    run(
        arguments,
        &[
            ("MILVUS_URI", LocalMilvus::shared().uri()),
            ("MILVUS_TOKEN", TOKEN),
        ],
    )
}

/// Runs `command` to its end, with this as its standard input.
fn ran(mut command: Command, input: &str) -> Ran {
    use std::io::Write as _;
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let child = child.as_mut().expect("it can be started");
    let _ = child
        .stdin
        .take()
        .expect("it is piped")
        .write_all(input.as_bytes());
    let output = reading(child.stdout.take().expect("it is piped"));
    let errors = reading(child.stderr.take().expect("it is piped"));
    let status = ended(child);
    let [output, errors] = [output, errors].map(|thread| thread.join().expect("it reads"));
    Ran {
        code: status.code().expect("an exit code"),
        output,
        errors,
    }
}

fn reading(mut stream: impl Read + Send + 'static) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut text = String::new();
        let _ = stream.read_to_string(&mut text);
        text
    })
}

/// Waits for the end of a process, within the deadline.
fn ended(child: &mut Child) -> ExitStatus {
    let mut status = None;
    let over = wait_until(|| {
        status = child.try_wait().expect("it is a child");
        status.is_some()
    });
    if !over {
        let _ = child.kill();
        panic!("it did not end within {DEADLINE:?}");
    }
    status.expect("it ended")
}

/// Waits until something holds, within the deadline.
fn wait_until(mut holds: impl FnMut() -> bool) -> bool {
    let until = Instant::now() + DEADLINE;
    while Instant::now() < until {
        if holds() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    false
}

/// What a program prints for people, with what differs from run to run replaced, and without blanks at the ends of
/// lines.
fn stable(text: &str) -> String {
    let text = text.replace(LocalMilvus::shared().uri(), "http://127.0.0.1:PORT");
    let lines: Vec<String> = text
        .lines()
        .map(|line| digest_replaced(line.trim_end()))
        .collect();
    lines.join("\n")
}

/// `sha256:` and its 64 digits, shortened.
fn digest_replaced(line: &str) -> String {
    match line.split_once("sha256:") {
        Some((before, after)) => format!(
            "{before}sha256:DIGEST{}",
            after.get(64..).unwrap_or_default()
        ),
        None => line.to_owned(),
    }
}

/// Compares what people see with what they should, line by line.
#[track_caller]
fn shows(text: &str, expected: &str) {
    let expected: Vec<&str> = expected
        .trim_matches('\n')
        .lines()
        .map(str::trim_end)
        .collect();
    assert_eq!(
        stable(text).lines().collect::<Vec<_>>(),
        expected,
        "\n{}\n",
        stable(text)
    );
}
