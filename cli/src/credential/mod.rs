//! Where the token comes from: a command, a file, or the environment. A command or a file is asked again when Milvus no
//! longer knows the token, so that it can change while the program runs.

mod command;

use crate::failure::Failure;
use crate::files;
use crate::settings::File;
use clap::builder::NonEmptyStringValueParser;
use command::TokenCommand;
use host_harness::Credential;
use std::path::PathBuf;
use std::sync::OnceLock;

#[derive(Debug, clap::Args)]
pub(crate) struct Flags {
    /// File with the token (`user:password` or an API key); or put the token itself into MILVUS_TOKEN
    #[arg(
        long,
        env = "MILVUS_TOKEN_FILE",
        global = true,
        value_name = "FILE",
        help_heading = "Settings"
    )]
    token_file: Option<PathBuf>,
    /// Command that prints the token, split at blanks and run without a shell
    #[arg(
        long,
        env = "MILVUS_TOKEN_COMMAND",
        global = true,
        value_name = "COMMAND",
        value_parser = NonEmptyStringValueParser::new(),
        help_heading = "Settings"
    )]
    token_command: Option<String>,
    /// For those who try: a command line is no place for a secret.
    #[arg(long, global = true, hide = true, value_name = "TOKEN")]
    token: Option<String>,
}

impl Flags {
    /// Whether the token is the one that the settings file names, and no flag or variable says otherwise.
    pub(crate) fn take_it_from(&self, file: &File) -> bool {
        self.named().is_ok_and(|kind| kind.is_none())
            && (file.token_file.is_some() || file.token_command.is_some())
    }

    /// Decides where the token comes from.
    pub(crate) fn resolve(&self, file: &File) -> Result<Source, Failure> {
        if self.token.is_some() {
            return Err(Failure::usage(
                "the token is never an argument, where every program can read it",
            )
            .with_hint("MILVUS_TOKEN=user:password in the environment, or --token-file FILE"));
        }
        // What was named beats the token in the environment: it is the more deliberate of the two.
        let kind = match self.named()? {
            Some(kind) => kind,
            None => in_file(file)?.unwrap_or(Kind::Environment),
        };
        Ok(Source {
            kind,
            credential: OnceLock::new(),
        })
    }

    /// What flags or variables name.
    fn named(&self) -> Result<Option<Kind>, Failure> {
        let words = self.token_command.as_ref();
        let words = words.map(|text| text.split_whitespace().map(str::to_owned).collect());
        one_of(
            self.token_file.clone(),
            words,
            "--token-file and --token-command, or their variables,",
        )
    }
}

/// What the settings file names.
fn in_file(file: &File) -> Result<Option<Kind>, Failure> {
    let mut words = file.token_command.clone();
    // A path is from the file's folder, as its others are; a plain name is looked for in PATH.
    if let Some(program) = words.as_mut().and_then(|words| words.first_mut())
        && program.contains('/')
    {
        *program = file.beside(&*program).display().to_string();
    }
    one_of(
        file.path(file.token_file.as_ref()),
        words,
        "the settings file's `token_file` and `token_command`",
    )
}

fn one_of(
    path: Option<PathBuf>,
    words: Option<Vec<String>>,
    both: &str,
) -> Result<Option<Kind>, Failure> {
    match (path, words) {
        (Some(_), Some(_)) => Err(Failure::usage(format!(
            "{both} both say where the token comes from: name one"
        ))),
        (None, Some(words)) => TokenCommand::new(words).map(|command| Some(Kind::Command(command))),
        (path, None) => Ok(path.map(Kind::File)),
    }
}

/// Where the token comes from, and the credential that came of it.
#[derive(Debug)]
pub(crate) struct Source {
    kind: Kind,
    credential: OnceLock<Option<Credential>>,
}

#[derive(Clone, Debug)]
enum Kind {
    /// `MILVUS_TOKEN`, which may be unset.
    Environment,
    /// A file that holds it.
    File(PathBuf),
    /// A command that prints it.
    Command(TokenCommand),
}

impl Source {
    /// The credential, if there is one. Read once; a file or a command again when Milvus does not know it.
    pub(crate) fn credential(&self) -> Result<Option<Credential>, Failure> {
        if let Some(known) = self.credential.get() {
            return Ok(known.clone());
        }
        let credential = self.kind.read()?.map(Credential::new);
        let credential = match (credential, self.kind.clone()) {
            (Some(credential), kind @ (Kind::File(_) | Kind::Command(_))) => {
                Some(credential.renewed_by(move || {
                    kind.read().unwrap_or_else(|failure| {
                        eprintln!(
                            "warning: Milvus does not know the token, and there is no new one"
                        );
                        failure.show(false);
                        None
                    })
                }))
            }
            (credential, _) => credential,
        };
        Ok(self.credential.get_or_init(|| credential).clone())
    }
}

impl Kind {
    fn read(&self) -> Result<Option<String>, Failure> {
        let mut text = match self {
            Self::Environment => {
                let token = std::env::var("MILVUS_TOKEN").ok();
                return Ok(token.filter(|token| !token.is_empty()));
            }
            Self::File(path) => files::read_secret(path, "the token file")?,
            Self::Command(command) => command.run()?,
        };
        let end = text.trim_end_matches(['\r', '\n']).len();
        text.truncate(end);
        // Handed over, not copied: whoever has it wipes it.
        Ok(Some(std::mem::take(&mut *text)))
    }
}
