//! Settings: flags, then `MILVUS_*`, then a file.
//!
//! A file named with `--config` may set everything but the token. `milvus-host.toml` in the working directory is read
//! without being named, and so may come with a folder that somebody else made: it sets neither the origin, nor the
//! component, the certificate, the audit or a danger; a file that tries is an error.

use crate::failure::Failure;
use host_harness::{
    Audit, Credential, Dialect, Effect, Endpoint, EndpointError, Host, Limits, Mode, Names, Policy,
};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where a local Milvus listens, too.
const DEFAULT_URI: &str = "http://127.0.0.1:19530";

/// The file that is read without being named.
const FILE: &str = "milvus-host.toml";

/// The largest file that is read as settings or as a token, in bytes.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// Flags of every command.
#[derive(Debug, clap::Args)]
pub(crate) struct Flags {
    /// Milvus' origin: http:// or https://, host, port [default: http://127.0.0.1:19530]
    #[arg(
        long,
        env = "MILVUS_URI",
        global = true,
        value_name = "ORIGIN",
        help_heading = "Settings"
    )]
    uri: Option<String>,
    /// File with the token (`user:password` or an API key); MILVUS_TOKEN holds it, too
    #[arg(
        long,
        env = "MILVUS_TOKEN_FILE",
        global = true,
        value_name = "FILE",
        help_heading = "Settings"
    )]
    token_file: Option<PathBuf>,
    /// Database [default: Milvus' own]
    #[arg(
        long,
        env = "MILVUS_DATABASE",
        global = true,
        value_name = "NAME",
        help_heading = "Settings"
    )]
    database: Option<String>,
    /// Dialect of Milvus' REST API [default: found out when a server has no v2]
    #[arg(
        long,
        env = "MILVUS_DIALECT",
        global = true,
        value_name = "DIALECT",
        help_heading = "Settings"
    )]
    dialect: Option<DialectName>,
    /// Time limit of a call in milliseconds [default: 60000]
    #[arg(
        long,
        env = "MILVUS_TIMEOUT_MS",
        global = true,
        value_name = "MS",
        help_heading = "Settings"
    )]
    timeout_ms: Option<u64>,
    /// Certificate authority of Milvus' certificate, PEM [default: the system's]
    #[arg(
        long,
        env = "MILVUS_CA_CERT",
        global = true,
        value_name = "FILE",
        help_heading = "Settings"
    )]
    ca_cert: Option<PathBuf>,
    /// Another component than the one inside
    #[arg(
        long,
        env = "MILVUS_COMPONENT",
        global = true,
        value_name = "FILE",
        help_heading = "Settings"
    )]
    component: Option<PathBuf>,
    /// Where audit lines go: `stderr` or a file [default: nowhere]
    #[arg(
        long,
        env = "MILVUS_AUDIT",
        global = true,
        value_name = "FILE",
        help_heading = "Settings"
    )]
    audit: Option<PathBuf>,
    /// Settings file [default: milvus-host.toml, which may not set what is trusted]
    #[arg(
        long,
        env = "MILVUS_CONFIG",
        global = true,
        value_name = "FILE",
        help_heading = "Settings"
    )]
    config: Option<PathBuf>,
    /// What the component may do: read-only, append, no-drop or full [default: full]
    #[arg(
        long,
        env = "MILVUS_MODE",
        global = true,
        value_name = "MODE",
        help_heading = "Policy"
    )]
    mode: Option<String>,
    /// A class that it may do beside: read, write, erase, drop, admin
    #[arg(long, global = true, value_name = "CLASS", help_heading = "Policy")]
    allow: Vec<String>,
    /// The only collections it may reach, a,b_* [default: all]
    #[arg(
        long,
        env = "MILVUS_COLLECTIONS",
        global = true,
        value_name = "NAMES",
        help_heading = "Policy"
    )]
    collections: Option<String>,
    /// The only databases it may reach; name one with --database [default: all]
    #[arg(
        long,
        env = "MILVUS_DATABASES",
        global = true,
        value_name = "NAMES",
        help_heading = "Policy"
    )]
    databases: Option<String>,
    /// A third party or an object that Milvus may use for it: the whole text, or a beginning that ends in /
    #[arg(long, global = true, value_name = "PLACE", help_heading = "Policy")]
    outside: Vec<String>,
    /// For those who try: a command line is no place for a secret.
    #[arg(long, global = true, hide = true, value_name = "TOKEN")]
    token: Option<String>,
    /// Send the token over plain http to another machine, where everybody on the way can read it
    #[arg(long, global = true, help_heading = "Settings")]
    danger_plaintext_token: bool,
}

/// A dialect, as a flag and a file spell it.
#[derive(Debug, Clone, Copy, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
enum DialectName {
    /// Milvus 2.2.9 to 2.3.12
    V1,
    /// Milvus 2.3.13 and later, Zilliz Cloud
    V2,
}

impl From<DialectName> for Dialect {
    fn from(name: DialectName) -> Self {
        match name {
            DialectName::V1 => Self::V1,
            DialectName::V2 => Self::V2,
        }
    }
}

/// A settings file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    uri: Option<String>,
    token_file: Option<PathBuf>,
    database: Option<String>,
    dialect: Option<DialectName>,
    timeout_ms: Option<u64>,
    ca_cert: Option<PathBuf>,
    component: Option<PathBuf>,
    audit: Option<PathBuf>,
    #[serde(default)]
    policy: Rules,
}

/// The part of a file that says what the component may do.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rules {
    mode: Option<String>,
    #[serde(default)]
    allow: Vec<String>,
    collections: Option<Vec<String>>,
    databases: Option<Vec<String>>,
    #[serde(default)]
    outside: Vec<String>,
}

impl Rules {
    /// Flags narrow and widen what a file says, setting by setting.
    fn under(self, flags: &Flags) -> Self {
        let list = |names: &String| {
            names
                .split(',')
                .map(|name| name.trim().to_owned())
                .collect()
        };
        let or = |flags: &[String], file: Vec<String>| {
            if flags.is_empty() {
                file
            } else {
                flags.to_vec()
            }
        };
        Self {
            // Classes of the file stand beside the file's mode, not beside another.
            allow: match &flags.mode {
                Some(_) => flags.allow.clone(),
                None => or(&flags.allow, self.allow),
            },
            mode: flags.mode.clone().or(self.mode),
            collections: flags.collections.as_ref().map(list).or(self.collections),
            databases: flags.databases.as_ref().map(list).or(self.databases),
            outside: or(&flags.outside, self.outside),
        }
    }

    fn policy(&self) -> Result<Policy, Failure> {
        let mode = match &self.mode {
            None => Mode::Full,
            Some(name) => named("--mode", name, &Mode::ALL, |mode| mode.name())?,
        };
        let mut policy = Policy::new(mode);
        for name in &self.allow {
            use Effect::{Admin, Drop, Erase, Read, Write};
            let classes = [Read, Write, Erase, Drop, Admin];
            policy = policy.allow(named("--allow", name, &classes, |effect| effect.as_str())?);
        }
        if let Some(list) = &self.collections {
            policy = policy.collections(names("--collections", list)?);
        }
        if let Some(list) = &self.databases {
            policy = policy.databases(names("--databases", list)?);
        }
        for place in &self.outside {
            policy = policy.outside(place.clone());
        }
        Ok(policy)
    }
}

fn named<T: Copy>(
    flag: &str,
    name: &str,
    known: &[T],
    spelt: impl Fn(&T) -> &'static str,
) -> Result<T, Failure> {
    known
        .iter()
        .find(|item| spelt(item) == name)
        .copied()
        .ok_or_else(|| {
            let words: Vec<&str> = known.iter().map(&spelt).collect();
            Failure::usage(format!("{flag}: expected one of {}", words.join(", ")))
        })
}

fn names(flag: &str, list: &[String]) -> Result<Names, Failure> {
    Names::parse(list.iter().map(String::as_str)).map_err(|_| {
        Failure::usage(format!(
            "{flag}: expected names as Milvus takes them, or beginnings and a `*`, between commas"
        ))
    })
}

/// Settings, put together.
#[derive(Debug)]
pub(crate) struct Settings {
    /// Milvus' origin.
    pub(crate) uri: String,
    token_file: Option<PathBuf>,
    /// Database.
    pub(crate) database: Option<String>,
    /// Dialect, where one was named.
    pub(crate) dialect: Option<Dialect>,
    timeout_ms: Option<u64>,
    ca_cert: Option<PathBuf>,
    component: Option<PathBuf>,
    audit: Option<PathBuf>,
    danger_plaintext_token: bool,
    policy: Policy,
}

impl Flags {
    /// Puts flags, environment and file together.
    pub(crate) fn resolve(&self) -> Result<Settings, Failure> {
        if self.token.is_some() {
            return Err(Failure::usage(
                "the token is never an argument, where every program can read it",
            )
            .with_hint("MILVUS_TOKEN=user:password in the environment, or --token-file FILE"));
        }
        let file = match &self.config {
            Some(path) => parse(path)?,
            None => found(Path::new(FILE))?,
        };
        Ok(Settings {
            uri: given(self.uri.as_ref())
                .or(file.uri)
                .unwrap_or_else(|| DEFAULT_URI.to_owned()),
            token_file: self.token_file.clone().or(file.token_file),
            database: given(self.database.as_ref()).or(file.database),
            dialect: self.dialect.or(file.dialect).map(Dialect::from),
            timeout_ms: self.timeout_ms.or(file.timeout_ms),
            ca_cert: self.ca_cert.clone().or(file.ca_cert),
            component: self.component.clone().or(file.component),
            audit: self.audit.clone().or(file.audit),
            danger_plaintext_token: self.danger_plaintext_token,
            policy: file.policy.under(self).policy()?,
        })
    }
}

/// A setting that is not empty: an empty variable counts as unset, as compose files write it.
fn given(setting: Option<&String>) -> Option<String> {
    setting.filter(|text| !text.is_empty()).cloned()
}

fn parse(path: &Path) -> Result<File, Failure> {
    let text = read(path, "the settings file")?;
    let mut file: File = toml::from_str(&text).map_err(|error| {
        Failure::usage(format!("{}: {}", path.display(), error.message())).with_hint(
            "known settings: uri, token_file, database, dialect, timeout_ms, ca_cert, component, audit, [policy]",
        )
    })?;
    // Paths in a file are from where the file is, wherever it is read.
    let folder = path.parent().unwrap_or(Path::new(""));
    for setting in [
        &mut file.token_file,
        &mut file.ca_cert,
        &mut file.component,
        &mut file.audit,
    ] {
        if let Some(named) = setting
            .as_mut()
            .filter(|named| named.as_os_str() != "stderr")
        {
            *named = folder.join(&named);
        }
    }
    Ok(file)
}

/// The file of the working directory: nothing that decides whom to trust.
fn found(path: &Path) -> Result<File, Failure> {
    if !path.exists() {
        return Ok(File::default());
    }
    let file = parse(path)?;
    let trusted = [
        ("uri", file.uri.is_some()),
        ("token_file", file.token_file.is_some()),
        ("ca_cert", file.ca_cert.is_some()),
        ("component", file.component.is_some()),
        ("audit", file.audit.is_some()),
        ("policy", file.policy != Rules::default()),
    ];
    match trusted.iter().find(|(_, set)| *set) {
        None => Ok(file),
        Some((name, _)) => Err(Failure::usage(format!(
            "{} in the working directory sets `{name}`, which only a file that you name may set",
            path.display()
        ))
        .with_hint(format!("if the file is yours: --config {}", path.display()))),
    }
}

fn read(path: &Path, what: &str) -> Result<String, Failure> {
    let wrong = |problem: String| Failure::usage(format!("{what} {}: {problem}", path.display()));
    let meta = std::fs::metadata(path).map_err(|error| wrong(error.to_string()))?;
    if !meta.is_file() || meta.len() > MAX_FILE_BYTES {
        return Err(wrong(format!(
            "expected a file of at most {MAX_FILE_BYTES} bytes"
        )));
    }
    std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))
}

impl Settings {
    /// The component's bytes where another one than the one inside is named.
    pub(crate) fn component(&self) -> Result<Option<Vec<u8>>, Failure> {
        let Some(path) = &self.component else {
            return Ok(None);
        };
        std::fs::read(path)
            .map(Some)
            .map_err(|error| Failure::usage(format!("the component {}: {error}", path.display())))
    }

    /// The limits of a call.
    pub(crate) fn limits(&self) -> Result<Limits, Failure> {
        let mut limits = Limits::default();
        if let Some(milliseconds) = self.timeout_ms {
            if !(1..=86_400_000).contains(&milliseconds) {
                return Err(Failure::usage(format!(
                    "--timeout-ms: expected 1 to 86400000 milliseconds, came {milliseconds}"
                )));
            }
            limits.call_time = Duration::from_millis(milliseconds);
        }
        Ok(limits)
    }

    /// The host with its component.
    pub(crate) fn host(&self) -> Result<Host, Failure> {
        let builder = match self.component()? {
            Some(bytes) => Host::builder().component(bytes),
            None => Host::builder().embedded(),
        };
        builder
            .limits(self.limits()?)
            .audit(self.audit()?)
            .build()
            .map_err(|error| {
                Failure::usage(error.to_string())
                    .with_hint("`milvus-host inspect` shows what a component asks for")
            })
    }

    fn audit(&self) -> Result<Audit, Failure> {
        let Some(path) = &self.audit else {
            return Ok(Audit::none());
        };
        let wrong = |error: std::io::Error| {
            Failure::usage(format!("the audit {}: {error}", path.display()))
        };
        if path.as_os_str() == "stderr" {
            return Audit::writer(std::io::stderr()).map_err(wrong);
        }
        let file = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .map_err(wrong)?;
        Audit::writer(file).map_err(wrong)
    }

    /// The endpoint, credential included.
    pub(crate) fn endpoint(&self) -> Result<Endpoint, Failure> {
        self.endpoint_in(self.dialect)
    }

    /// The endpoint, spoken to in a dialect that was found out.
    pub(crate) fn endpoint_in(&self, dialect: Option<Dialect>) -> Result<Endpoint, Failure> {
        let mut builder = Endpoint::builder(&self.uri).policy(self.policy.clone());
        if let Some(token) = self.token()? {
            builder = builder.credential(Credential::new(token));
        }
        if let Some(database) = &self.database {
            builder = builder.database(database.clone());
        }
        if let Some(dialect) = dialect {
            builder = builder.dialect(dialect);
        }
        if self.danger_plaintext_token {
            builder = builder.danger_plaintext_credential();
        }
        if let Some(path) = &self.ca_cert {
            builder = builder.ca_certificate(read(path, "the certificate")?);
        }
        builder.build().map_err(|error| match error {
            EndpointError::PlaintextCredential(origin) => Failure::usage(format!(
                "the token would go to {origin} unencrypted, where everybody on the way can read it"
            ))
            .with_hint("use https, or allow it with --danger-plaintext-token"),
            other => Failure::usage(other.to_string())
                .with_hint("--uri, MILVUS_URI or a file named with --config set the origin"),
        })
    }

    fn token(&self) -> Result<Option<String>, Failure> {
        // A file that was named beats the environment: it is the more deliberate of the two.
        if let Some(path) = &self.token_file {
            // Who writes the token in place of its file's name does not see it repeated.
            if !path.exists() {
                return Err(Failure::usage("the token file is not there")
                    .with_hint("--token-file and MILVUS_TOKEN_FILE name a file; MILVUS_TOKEN holds the token itself"));
            }
            let token = read(path, "the token file")?;
            return Ok(Some(token.trim_end_matches(['\r', '\n']).to_owned()));
        }
        Ok(std::env::var("MILVUS_TOKEN")
            .ok()
            .filter(|token| !token.is_empty()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, text: &str) -> PathBuf {
        let path =
            std::env::temp_dir().join(format!("milvus-host-{}-{name}.toml", std::process::id()));
        std::fs::write(&path, text).expect("the temporary folder can be written");
        path
    }

    #[test]
    fn a_file_of_the_working_directory_cannot_say_whom_to_trust() {
        for setting in [
            "uri = \"http://evil\"",
            "token_file = \"x\"",
            "ca_cert = \"x\"",
            "component = \"x\"",
            "audit = \"x\"",
            "[policy]\nmode = \"full\"",
        ] {
            let path = file("planted", setting);
            let failure = found(&path).expect_err(setting);
            assert_eq!(failure.code, crate::failure::USAGE);
            std::fs::remove_file(path).expect("it was just made");
        }
    }

    #[test]
    fn a_file_of_the_working_directory_may_set_what_harms_nobody() {
        let path = file("harmless", "database = \"words\"\ntimeout_ms = 5");
        let settings = found(&path).expect("both may be set");
        assert_eq!(
            (settings.database.as_deref(), settings.timeout_ms),
            (Some("words"), Some(5))
        );
        std::fs::remove_file(path).expect("it was just made");
    }

    #[test]
    fn an_unknown_setting_is_an_error() {
        let path = file("unknown", "databse = \"words\"");
        assert!(parse(&path).is_err());
        std::fs::remove_file(path).expect("it was just made");
    }
}
