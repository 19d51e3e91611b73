//! Which server: what is installed for each, how it is started, and what it says of itself.

use crate::failure::Failure;
use std::path::PathBuf;
use std::time::Duration;

/// The least bytes of a password (Milvus 2.3.5, `proxy.minPasswordLength`).
const MIN_PASSWORD: usize = 6;
/// The most bytes of a password (Milvus 2.3.5, `proxy.maxPasswordLength`).
const MAX_PASSWORD: usize = 256;

/// A server that can be started here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Program {
    /// Milvus Lite with REST API v2
    Lite,
    /// A full Milvus 2.3.5 with REST API v1, Linux on x86-64 only
    Standalone,
}

impl Program {
    /// What people call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Lite => "Milvus Lite",
            Self::Standalone => "Milvus",
        }
    }

    /// What it speaks.
    pub(crate) fn speaks(self) -> &'static str {
        match self {
            Self::Lite => "REST v2, gRPC",
            Self::Standalone => "REST v1, gRPC",
        }
    }

    /// The name of its Python package.
    pub(crate) fn package(self) -> &'static str {
        match self {
            Self::Lite => "milvus_gateway",
            Self::Standalone => "milvus_standalone",
        }
    }

    /// The package's files, in this binary.
    pub(crate) fn sources(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Lite => include!(concat!(env!("OUT_DIR"), "/milvus_gateway.rs")),
            Self::Standalone => include!(concat!(env!("OUT_DIR"), "/milvus_standalone.rs")),
        }
    }

    /// What it needs, pinned by version and hash.
    pub(crate) fn requirements(self) -> &'static str {
        match self {
            Self::Lite => include_str!("../../../local-milvus/requirements.txt"),
            Self::Standalone => include_str!("../../../local-milvus/standalone-requirements.txt"),
        }
    }

    /// What its installation takes.
    pub(crate) fn size(self) -> &'static str {
        match self {
            Self::Lite => "about 110 MB to fetch",
            Self::Standalone => "about 65 MB to fetch, 300 MB on disk",
        }
    }

    /// The folder in its virtual environment where its engine is unpacked by a module of the package; none if its
    /// engine is a Python package itself.
    pub(crate) fn engine(self) -> Option<&'static str> {
        match self {
            Self::Lite => None,
            Self::Standalone => Some("engine"),
        }
    }

    /// The variable from which it takes the token.
    pub(crate) fn token_variable(self) -> &'static str {
        match self {
            Self::Lite => "MILVUS_GATEWAY_TOKEN",
            Self::Standalone => "MILVUS_STANDALONE_TOKEN",
        }
    }

    /// How long it may take until it answers. A full Milvus reads a folder that was used for half a minute and longer.
    pub(crate) fn patience(self) -> Duration {
        match self {
            Self::Lite => Duration::from_secs(90),
            Self::Standalone => Duration::from_secs(200),
        }
    }

    /// Whether this machine can run it.
    pub(crate) fn check_machine(self) -> Result<(), Failure> {
        let fits = cfg!(all(target_os = "linux", target_arch = "x86_64"));
        if self == Self::Standalone && !fits {
            return Err(
                Failure::local("the standalone server is there for Linux on x86-64 only")
                    .with_hint("--server lite runs here, too"),
            );
        }
        Ok(())
    }

    /// Whether it can let in who has this token, and nobody else.
    pub(crate) fn check_token(self, token: &str) -> Result<(), Failure> {
        let Some((user, password)) = token.split_once(':') else {
            return Err(Failure::usage(
                "--auth takes the token from MILVUS_TOKEN, as `user:password`",
            )
            .with_hint("MILVUS_TOKEN=root:Milvus milvus-host local --auth"));
        };
        if self == Self::Standalone
            && (user != "root" || !(MIN_PASSWORD..=MAX_PASSWORD).contains(&password.len()))
        {
            return Err(Failure::usage(format!(
                "a standalone Milvus has one user, `root`, with a password of {MIN_PASSWORD} to {MAX_PASSWORD} bytes"
            ))
            .with_hint("MILVUS_TOKEN=root:Milvus milvus-host local --server standalone --auth"));
        }
        Ok(())
    }
}

/// What is installed for a program.
#[derive(Debug)]
pub(crate) struct Installed {
    /// Which.
    pub(crate) program: Program,
    /// The Python of the virtual environment.
    pub(crate) python: PathBuf,
    /// The folder that holds the package.
    pub(crate) sources: PathBuf,
    /// The folder of the unpacked engine.
    pub(crate) engine: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t70_a_standalone_lets_in_root_with_a_password_that_milvus_takes() {
        let long = format!("root:{}", "x".repeat(257));
        for token in ["me:secret", "root:short", &long, "root", ""] {
            let failure = Program::Standalone.check_token(token).expect_err(token);
            assert_eq!(failure.code, crate::failure::USAGE);
        }
        assert!(Program::Standalone.check_token("root:with:colon").is_ok());
        assert!(Program::Lite.check_token("me:x").is_ok());
    }

    #[test]
    fn t69_both_packages_are_in_the_binary_with_their_pins() {
        for program in [Program::Lite, Program::Standalone] {
            let names: Vec<&str> = program.sources().iter().map(|(name, _)| *name).collect();
            assert!(names.contains(&"__main__.py"), "{names:?}");
            assert!(program.requirements().contains("--hash=sha256:"));
        }
        assert!(
            Program::Standalone
                .requirements()
                .contains("\nmilvus==2.3.5 ")
        );
    }
}
