//! The system's log: a datagram for each line to the socket of a syslog daemon or of journald.
//!
//! As RFC 3164 has it, without time and host name, which the daemon adds and a line has within: journald takes no
//! RFC 5424.

use std::io::{self, Write};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where the daemon listens.
#[cfg(not(target_vendor = "apple"))]
pub(super) const SOCKET: &str = "/dev/log";
/// Where the daemon listens.
#[cfg(target_vendor = "apple")]
pub(super) const SOCKET: &str = "/var/run/syslog";

/// Facility `authpriv` (10), severity `info` (6).
const PRIORITY: u8 = 10 << 3 | 6;

/// How long a line may wait for a daemon that does not read.
const PATIENCE: Duration = Duration::from_millis(200);

/// The log.
#[derive(Debug)]
pub(super) struct Syslog {
    path: PathBuf,
    socket: UnixDatagram,
}

impl Syslog {
    /// Connects to the daemon at `path`.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self {
            socket: connect(path)?,
            path: path.to_owned(),
        })
    }
}

impl Write for Syslog {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        let mut message = format!("<{PRIORITY}>milvus-host[{}]: ", std::process::id()).into_bytes();
        message.extend_from_slice(text);
        if let Err(error) = self.socket.send(&message) {
            if error.kind() == io::ErrorKind::WouldBlock {
                return Err(error);
            }
            // A daemon that was started anew has another socket.
            self.socket = connect(&self.path)?;
            self.socket.send(&message)?;
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn connect(path: &Path) -> io::Result<UnixDatagram> {
    let socket = UnixDatagram::unbound()?;
    socket.connect(path)?;
    socket.set_write_timeout(Some(PATIENCE))?;
    Ok(socket)
}
