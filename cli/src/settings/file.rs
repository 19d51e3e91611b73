//! The settings file: its keys, and which of them a file that was only found may set.
//!
//! A file named with `--config` may set everything but the token. `milvus-host.toml` in the working directory is read
//! without being named, and so may come with a folder that somebody else made: it sets `HARMLESS` keys and no others,
//! so that a new key is refused there until it is listed, and it lengthens no call.

use super::connection::{DialectName, JsonFieldsName};
use crate::failure::Failure;
use crate::files;
use host_harness::{LimitKind, Limits};
use serde::Deserialize;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

/// The file that is read without being named.
const FOUND: &str = "milvus-host.toml";

/// What it may set: nothing that decides whom to trust, what is let out, where something is written, or which rows a
/// delete is about.
const HARMLESS: [&str; 2] = ["dialect", "timeout_ms"];

/// The largest settings file, in bytes.
const MAX_BYTES: u64 = 1 << 20;

/// What a settings file says.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    pub(crate) uri: Option<String>,
    pub(crate) database: Option<String>,
    pub(super) dialect: Option<DialectName>,
    pub(super) json_fields: Option<JsonFieldsName>,
    pub(crate) ca_cert: Option<PathBuf>,
    pub(crate) client_cert: Option<PathBuf>,
    pub(crate) client_key: Option<PathBuf>,
    pub(crate) addresses: Option<Vec<IpAddr>>,
    pub(crate) token_file: Option<PathBuf>,
    pub(crate) token_command: Option<Vec<String>>,
    pub(crate) timeout_ms: Option<u64>,
    pub(crate) component: Option<PathBuf>,
    pub(super) component_sha256: Option<String>,
    pub(crate) audit: Option<String>,
    pub(crate) audit_max_bytes: Option<u64>,
    #[serde(default)]
    pub(super) limits: super::limits::Table,
    pub(super) policy: Option<super::policy::Table>,
    /// The folder that the file is in: paths in it are from there, wherever it is read.
    #[serde(skip)]
    folder: PathBuf,
}

impl File {
    /// A file that was named.
    pub(super) fn named(path: &Path) -> Result<Self, Failure> {
        let text = files::read_public(path, "the settings file", MAX_BYTES)?;
        parse(path, table(path, &text)?)
    }

    /// The file of the working directory, if there is one.
    pub(super) fn found() -> Result<Self, Failure> {
        let path = Path::new(FOUND);
        match files::read_found(path, "the settings file", MAX_BYTES)? {
            Some(text) => harmless(path, &text),
            None => Ok(Self::default()),
        }
    }

    /// What the file means by a name of a file.
    pub(crate) fn beside(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder.join(name)
    }

    /// A path that the file names.
    pub(crate) fn path(&self, path: Option<&PathBuf>) -> Option<PathBuf> {
        path.map(|path| self.beside(path))
    }
}

fn table(path: &Path, text: &str) -> Result<toml::Table, Failure> {
    text.parse().map_err(|error| wrong(path, &error))
}

fn parse(path: &Path, table: toml::Table) -> Result<File, Failure> {
    let mut file: File = table.try_into().map_err(|error| wrong(path, &error))?;
    file.folder = path.parent().unwrap_or(Path::new("")).to_owned();
    Ok(file)
}

fn wrong(path: &Path, error: &toml::de::Error) -> Failure {
    Failure::usage(format!("{}: {}", path.display(), error.message()))
}

fn harmless(path: &Path, text: &str) -> Result<File, Failure> {
    let table = table(path, text)?;
    let foreign = table.keys().find(|key| !HARMLESS.contains(&key.as_str()));
    let foreign = foreign.cloned();
    let file = parse(path, table)?;
    let refused = |what: String| {
        let failure = Failure::usage(format!(
            "{} in the working directory sets {what}",
            path.display()
        ));
        failure.with_hint(format!("if the file is yours: --config {}", path.display()))
    };
    if let Some(name) = foreign {
        return Err(refused(format!(
            "`{name}`, which only a file that you name may set"
        )));
    }
    let longest = Limits::default().get(LimitKind::CallTime);
    match file.timeout_ms {
        Some(time) if time > longest => Err(refused(format!(
            "`timeout_ms` to {time}: more than {longest} only a file that you name may set"
        ))),
        _ => Ok(file),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t36_a_file_of_the_working_directory_cannot_say_whom_to_trust() {
        for setting in [
            "uri = \"http://evil\"",
            "database = \"theirs\"",
            "json_fields = \"native\"",
            "token_file = \"x\"",
            "token_command = [\"x\"]",
            "ca_cert = \"x\"",
            "client_cert = \"x\"",
            "client_key = \"x\"",
            "addresses = [\"127.0.0.1\"]",
            "component = \"x\"",
            "audit = \"x\"",
            "[policy]\nmode = \"full\"",
            "[policy]",
            "[limits]\nhandles = 5",
        ] {
            let failure = harmless(Path::new(FOUND), setting).expect_err(setting);
            assert_eq!(failure.code, crate::failure::USAGE);
        }
    }

    #[test]
    fn a_file_of_the_working_directory_may_set_what_harms_nobody() {
        let text = "dialect = \"v1\"\ntimeout_ms = 5";
        let settings = harmless(Path::new(FOUND), text).expect("both may be set");
        assert!(settings.dialect.is_some());
        assert_eq!(settings.timeout_ms, Some(5));
    }

    #[test]
    fn t36_a_file_of_the_working_directory_lengthens_no_call() {
        let longest = Limits::default().get(LimitKind::CallTime);
        for (time, allowed) in [(1, true), (longest, true), (longest + 1, false)] {
            let read = harmless(Path::new(FOUND), &format!("timeout_ms = {time}"));
            assert_eq!(read.is_ok(), allowed, "{time}: {read:?}");
        }
    }

    #[test]
    fn an_unknown_setting_is_an_error() {
        assert!(harmless(Path::new("mine.toml"), "databse = \"words\"").is_err());
    }
}
