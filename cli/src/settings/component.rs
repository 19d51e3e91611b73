//! Which component, whether it has to be a certain one, and where its compiled code is kept.

use super::file::File;
use super::limits;
use crate::failure::Failure;
use crate::{cache, files};
use clap::builder::{FalseyValueParser, NonEmptyStringValueParser};
use host_harness::{Host, HostBuilder, LimitKind, Limits};
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Args)]
pub(super) struct Flags {
    /// Another component than the one inside
    #[arg(
        long,
        env = "MILVUS_COMPONENT",
        global = true,
        value_name = "FILE",
        help_heading = "Settings"
    )]
    component: Option<PathBuf>,
    /// SHA-256 that the component has to have, or it is not run [default: any]
    #[arg(
        long,
        env = "MILVUS_COMPONENT_SHA256",
        global = true,
        value_name = "SHA256",
        value_parser = NonEmptyStringValueParser::new(),
        help_heading = "Settings"
    )]
    component_sha256: Option<String>,
    /// Keep no compiled code: compile the component at each start [default: kept in ~/.cache/milvus-host/compiled, or
    /// below `$XDG_CACHE_HOME`]
    #[arg(
        long,
        env = "MILVUS_NO_CACHE",
        global = true,
        value_parser = FalseyValueParser::new(),
        help_heading = "Settings"
    )]
    no_cache: bool,
}

impl Flags {
    pub(super) fn resolve(&self, file: &File) -> Result<Component, Failure> {
        let flag = self.component_sha256.clone();
        let flag = flag.map(|pin| ("--component-sha256", pin));
        let key = file.component_sha256.clone();
        let pin = flag.or_else(|| key.map(|pin| ("component_sha256", pin)));
        Ok(Component {
            file: self
                .component
                .clone()
                .or_else(|| file.path(file.component.as_ref())),
            pin: pin.map(|(name, pin)| digest(name, &pin)).transpose()?,
            cache: cache::folder()
                .filter(|_| !self.no_cache)
                .map(|folder| folder.join("compiled")),
        })
    }
}

/// A SHA-256 that was given, as `sha256:` and its digits. `name` says where, in errors.
pub(crate) fn digest(name: &str, text: &str) -> Result<String, Failure> {
    let digits = text.strip_prefix("sha256:").unwrap_or(text);
    if digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        Ok(format!("sha256:{}", digits.to_ascii_lowercase()))
    } else {
        Err(Failure::usage(format!(
            "{name}: expected a SHA-256, 64 hexadecimal digits, came {} characters",
            digits.chars().count()
        ))
        .with_hint("`milvus-host inspect` shows the digest of a component"))
    }
}

/// The one that is run.
#[derive(Debug)]
pub(crate) struct Component {
    /// None: the one inside.
    file: Option<PathBuf>,
    pin: Option<String>,
    cache: Option<PathBuf>,
}

impl Component {
    /// Its bytes, where it is not the one inside. A file beyond the limit of a component is not read.
    pub(crate) fn bytes(&self, limits: &Limits) -> Result<Option<Vec<u8>>, Failure> {
        let Some(path) = &self.file else {
            return Ok(None);
        };
        let cap = limits.get(LimitKind::ComponentBytes);
        let remedy = limits::advice(LimitKind::ComponentBytes, cap).unwrap_or_default();
        files::read_bytes(path, "the component", cap, &remedy).map(Some)
    }

    /// The digest that it has to have, `sha256:` before the digits.
    pub(crate) fn pin(&self) -> Option<&str> {
        self.pin.as_deref()
    }

    /// Where its compiled code is kept.
    pub(crate) fn cache(&self) -> Option<&Path> {
        self.cache.as_deref()
    }

    /// A host with it.
    pub(super) fn builder(&self, limits: &Limits) -> Result<HostBuilder, Failure> {
        let mut builder = match self.bytes(limits)? {
            Some(bytes) => Host::builder().component(bytes),
            None => Host::builder().embedded(),
        };
        builder = builder.limits(limits.clone());
        if let Some(pin) = &self.pin {
            builder = builder.digest(pin);
        }
        if let Some(folder) = &self.cache {
            builder = builder.cache(folder);
        }
        Ok(builder)
    }
}
