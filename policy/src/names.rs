//! Names in Milvus, and lists of them.

use std::collections::BTreeSet;
use std::fmt;

/// The longest name (`proxy.maxNameLength`), in bytes.
const MAX_NAME: usize = 255;

/// `[A-Za-z_][A-Za-z0-9_$]*`, as Milvus takes names (`proxy/util.go: validateCollectionName`).
pub(super) fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    text.len() <= MAX_NAME
        && bytes
            .next()
            .is_some_and(|first| first == b'_' || first.is_ascii_alphabetic())
        && bytes.all(|byte| byte == b'_' || byte == b'$' || byte.is_ascii_alphanumeric())
}

/// A list of names: exact ones, and beginnings (`docs_*`). An empty list holds nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names(Vec<String>);

/// Names in words.
pub(super) fn listed(names: &[String]) -> String {
    match names {
        [] => "none".to_owned(),
        names => names.join(", "),
    }
}

impl fmt::Display for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&listed(&self.0))
    }
}

impl Names {
    /// Reads a list.
    ///
    /// # Errors
    /// The first entry that is neither a name in Milvus nor the beginning of one and a `*`.
    pub fn parse<'a>(entries: impl IntoIterator<Item = &'a str>) -> Result<Self, String> {
        let mut names = Vec::new();
        for entry in entries {
            if !is_name(entry.strip_suffix('*').unwrap_or(entry)) {
                return Err(entry.to_owned());
            }
            names.push(entry.to_owned());
        }
        Ok(Self(names))
    }

    /// Exactly these names, each once, without beginnings. What is no name in Milvus is in no list.
    #[must_use]
    pub fn exact<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let names: BTreeSet<&str> = names.into_iter().filter(|name| is_name(name)).collect();
        Self(names.into_iter().map(str::to_owned).collect())
    }

    /// How many entries it has.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Whether a name is in it.
    #[must_use]
    pub fn hold(&self, name: &str) -> bool {
        self.0.iter().any(|entry| match entry.strip_suffix('*') {
            Some(beginning) => name.starts_with(beginning),
            None => name == entry,
        })
    }
}
