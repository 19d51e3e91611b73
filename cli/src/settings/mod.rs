//! Settings: flags, then `MILVUS_*`, then a file.
//!
//! A group of settings is a file here: its flags (`Flags`, flattened into the ones of every command), what becomes of
//! them together with the settings file (`resolve`), and what the rest of the program takes from it. The keys of the
//! settings file are in `file.rs`.

pub(crate) mod component;
mod connection;
mod file;
mod limits;
#[cfg(test)]
mod page;
mod policy;

use crate::failure::{Failure, REFUSED};
use crate::output::clean;
use crate::{audit, credential};
pub(crate) use file::File;
use host_harness::{BuildError, CompiledCode, Dialect, Endpoint, Host, Limits, Origin};
pub(crate) use limits::advice as raise;
use std::path::PathBuf;

/// Flags of every command.
#[derive(Debug, clap::Args)]
pub(crate) struct Flags {
    #[command(flatten)]
    connection: connection::Flags,
    #[command(flatten)]
    credential: credential::Flags,
    #[command(flatten)]
    limits: limits::Flags,
    #[command(flatten)]
    component: component::Flags,
    #[command(flatten)]
    audit: audit::Flags,
    /// Settings file [default: milvus-host.toml, which may not set what is trusted]
    #[arg(
        long,
        env = "MILVUS_CONFIG",
        global = true,
        value_name = "FILE",
        help_heading = "Settings"
    )]
    config: Option<PathBuf>,
    #[command(flatten)]
    policy: policy::Flags,
}

impl Flags {
    /// Puts flags, environment and file together. Nothing but the settings file is opened.
    pub(crate) fn resolve(&self) -> Result<Settings, Failure> {
        let file = match &self.config {
            Some(path) => File::named(path)?,
            None => File::found()?,
        };
        let connection = self.connection.resolve(&file);
        if self.credential.take_it_from(&file) {
            bound(&connection.uri, file.uri.as_deref())?;
        }
        Ok(Settings {
            connection,
            credential: self.credential.resolve(&file)?,
            limits: self.limits.resolve(&file)?,
            component: self.component.resolve(&file)?,
            audit: self.audit.resolve(&file)?,
            policy: self.policy.resolve(&file)?,
        })
    }
}

/// Settings, put together.
#[derive(Debug)]
pub(crate) struct Settings {
    connection: connection::Connection,
    credential: credential::Source,
    limits: Limits,
    component: component::Component,
    audit: audit::Destination,
    policy: host_harness::Policy,
}

impl Settings {
    /// Database.
    pub(crate) fn database(&self) -> Option<&str> {
        self.connection.database.as_deref()
    }

    /// Dialect, where one was named.
    pub(crate) fn dialect(&self) -> Option<Dialect> {
        self.connection.dialect
    }

    /// The component.
    pub(crate) fn component(&self) -> &component::Component {
        &self.component
    }

    /// The limits of a call.
    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The host with its component.
    pub(crate) fn host(&self) -> Result<Host, Failure> {
        let host = self
            .component
            .builder(&self.limits)?
            .audit(self.audit.open()?)
            .build()
            .map_err(|error| {
                let failure = Failure::usage(error.to_string());
                match error {
                    BuildError::Digest { .. } => failure.with_code(REFUSED),
                    BuildError::Limit { limit, value } => failure.with_hint(
                        limits::advice(limit, value)
                            .unwrap_or_else(|| "take another component".to_owned()),
                    ),
                    _ => failure.with_hint("`milvus-host inspect` shows what a component asks for"),
                }
            })?;
        if let CompiledCode::Kept { instead_of } = host.code()
            && let Some(reason) = instead_of
        {
            let reason = clean(&reason.to_string());
            eprintln!("warning: compiled code was not trusted, and was replaced: {reason}");
        }
        Ok(host)
    }

    /// The endpoint, credential included.
    pub(crate) fn endpoint(&self) -> Result<Endpoint, Failure> {
        self.endpoint_in(self.dialect())
    }

    /// The endpoint, spoken to in a dialect that was found out.
    pub(crate) fn endpoint_in(&self, dialect: Option<Dialect>) -> Result<Endpoint, Failure> {
        let mut builder = self.connection.builder(self.policy.clone())?;
        if let Some(credential) = self.credential.credential()? {
            builder = builder.credential(credential);
        }
        if let Some(server) = self.connection.server(dialect) {
            builder = builder.server(server);
        }
        builder.build().map_err(|error| connection::refused(&error))
    }

    /// The same place over TLS, without a credential.
    pub(crate) fn over_tls(&self, origin: &Origin) -> Option<Endpoint> {
        let builder = self.connection.over_tls(origin, self.policy.clone());
        builder.build().ok()
    }
}

/// The same command line for which an empty variable counts as unset, as compose files write it. Those of the policy are
/// left to it: a mode or a list that was meant and came out empty is an error there, and never no limit at all.
pub(crate) fn without_empty_variables(command: clap::Command) -> clap::Command {
    let policy = policy::Flags::variables();
    let unset = |argument: clap::Arg| {
        let name = argument.get_env().map(ToOwned::to_owned);
        let empty = name
            .filter(|name| !policy.contains(name))
            .and_then(std::env::var_os)
            .is_some_and(|value| value.is_empty());
        if empty {
            argument.env(None::<&'static str>)
        } else {
            argument
        }
    };
    command
        .mut_args(unset)
        .mut_subcommands(|command| command.mut_args(unset))
}

/// Whether the token that a settings file names may go to `uri`: if the file names an origin, the token was meant for
/// that one, and a variable that was inherited does not send it elsewhere.
fn bound(uri: &str, own: Option<&str>) -> Result<(), Failure> {
    let origin = |text: &str| Origin::parse(text).ok();
    match own {
        Some(own) if own != uri && origin(own) != origin(uri) => Err(Failure::usage(
            "the settings file names a token for its own `uri`, and --uri or MILVUS_URI names another origin",
        )
        .with_hint("name the token for that one, too: --token-file FILE")),
        _ => Ok(()),
    }
}
