//! Where Milvus is: scheme and authority of the connection's URI.

use crate::error::Error;
use std::fmt;

/// Scheme and authority, checked for being an origin and nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// `http` or `https`.
    pub secure: bool,
    /// Host and, where given, port.
    pub authority: String,
}

impl Target {
    /// Reads a connection's URI: `http://` or `https://`, host, optional port. One trailing slash is taken.
    ///
    /// # Errors
    /// `invalid-argument`; the URI itself is not shown, since people put credentials there.
    pub fn parse(uri: &str) -> Result<Self, Error> {
        let wrong = |problem: &str| {
            Err(Error::invalid(
                "uri",
                format_args!("expected http:// or https://, a host and perhaps a port, {problem}"),
            ))
        };
        let (secure, rest) = if let Some(rest) = uri.strip_prefix("https://") {
            (true, rest)
        } else if let Some(rest) = uri.strip_prefix("http://") {
            (false, rest)
        } else {
            return wrong("came another scheme or none");
        };
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        if authority.contains('@') {
            return wrong("came a user before the host: pass the credential as token");
        }
        if authority.is_empty() {
            return wrong("came no host");
        }
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte);
        if !authority.bytes().all(allowed) {
            return wrong("came a path, a query or a character that no host has");
        }
        Ok(Self {
            secure,
            authority: authority.to_owned(),
        })
    }

    /// `http` or `https`.
    pub fn scheme(&self) -> &'static str {
        if self.secure { "https" } else { "http" }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}://{}", self.scheme(), self.authority)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_taken() {
        for (uri, scheme, authority) in [
            ("http://127.0.0.1:19530", "http", "127.0.0.1:19530"),
            (
                "https://in01.serverless.gcp.vectordb.zillizcloud.com/",
                "https",
                "in01.serverless.gcp.vectordb.zillizcloud.com",
            ),
            ("http://[::1]:19530", "http", "[::1]:19530"),
        ] {
            let target = Target::parse(uri).unwrap();
            assert_eq!(
                (target.scheme(), target.authority.as_str()),
                (scheme, authority)
            );
        }
    }

    #[test]
    fn everything_but_an_origin_is_refused_without_showing_it() {
        for uri in [
            "",
            "milvus:19530",
            "ftp://a",
            "http://",
            "http://root:Milvus@a",
            "http://a/v2",
            "http://a?x",
            "http://a b",
        ] {
            let error = Target::parse(uri).unwrap_err();
            assert_eq!(error.argument.as_deref(), Some("uri"), "{uri}");
            assert!(!error.message.contains("Milvus@"), "{}", error.message);
        }
    }
}
