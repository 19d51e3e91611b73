//! Where the token comes from: a file, or the environment.

use crate::failure::Failure;
use crate::files;
use crate::settings::File;
use host_harness::Credential;
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub(crate) struct Flags {
    /// File with the token (`user:password` or an API key); MILVUS_TOKEN holds it, too
    #[arg(
        long,
        env = "MILVUS_TOKEN_FILE",
        global = true,
        value_name = "FILE",
        help_heading = "Settings"
    )]
    token_file: Option<PathBuf>,
    /// For those who try: a command line is no place for a secret.
    #[arg(long, global = true, hide = true, value_name = "TOKEN")]
    token: Option<String>,
}

impl Flags {
    /// Decides where the token comes from.
    pub(crate) fn resolve(&self, file: &File) -> Result<Source, Failure> {
        if self.token.is_some() {
            return Err(Failure::usage(
                "the token is never an argument, where every program can read it",
            )
            .with_hint("MILVUS_TOKEN=user:password in the environment, or --token-file FILE"));
        }
        // A file that was named beats the environment: it is the more deliberate of the two.
        let path = self
            .token_file
            .clone()
            .or_else(|| file.path(file.token_file.as_ref()));
        Ok(path.map_or(Source::Environment, Source::File))
    }
}

/// Where the token comes from.
#[derive(Debug)]
pub(crate) enum Source {
    /// `MILVUS_TOKEN`, which may be unset.
    Environment,
    /// A file that holds it.
    File(PathBuf),
}

impl Source {
    /// The credential, if there is one.
    pub(crate) fn credential(&self) -> Result<Option<Credential>, Failure> {
        let token = match self {
            Self::Environment => std::env::var("MILVUS_TOKEN")
                .ok()
                .filter(|token| !token.is_empty()),
            Self::File(path) => {
                let token = files::read_secret(path, "the token file")?;
                Some(token.trim_end_matches(['\r', '\n']).to_owned())
            }
        };
        Ok(token.map(Credential::new))
    }
}
