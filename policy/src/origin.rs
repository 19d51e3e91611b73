//! An origin: scheme, host and port, normalised so that equal origins are equal values.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// How the endpoint is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// Plain HTTP.
    Http,
    /// HTTP over TLS.
    Https,
}

impl Scheme {
    /// `http` or `https`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        [Self::Http, Self::Https]
            .into_iter()
            .find(|scheme| text.eq_ignore_ascii_case(scheme.name()))
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum HostName {
    Address(IpAddr),
    /// Lower case, letters, digits and hyphens in labels.
    Dns(String),
}

/// Where Milvus is: scheme, host and port, and nothing else.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    scheme: Scheme,
    host: HostName,
    port: u16,
}

/// Why a text is no origin. Parts that may hold a credential are never repeated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OriginError {
    /// The text does not begin with a known scheme.
    #[error(
        "expected an origin such as `http://127.0.0.1:19530`: it begins with neither `http://` nor `https://`"
    )]
    Scheme,
    /// There is a user or a password in it.
    #[error("an origin carries no user and no password: give the token as the credential")]
    UserInfo,
    /// There is more than scheme, host and port.
    #[error("an origin is scheme, host and port: there is a {0} after it, leave it out")]
    Trailing(&'static str),
    /// The host is no DNS name, IPv4 or bracketed IPv6 address.
    #[error(
        "`{0}` is no host: expected a DNS name in ASCII (an international one in its `xn--` form) without a trailing dot, an IPv4 address of four decimal numbers, or an IPv6 address in brackets without a zone"
    )]
    Host(String),
    /// The port is no number of 1 to 65535.
    #[error(
        "`{0}` is no port: expected 1 to 65535 in plain digits (Milvus listens on 19530; without a port it is 80 for http and 443 for https)"
    )]
    Port(String),
}

impl Origin {
    /// Reads `http://host`, `https://host`, with an optional port; one trailing `/` is let pass.
    /// Without a port it is the scheme's, 80 or 443, **not** Milvus' 19530.
    ///
    /// # Errors
    /// Says what was expected and what came; see [`OriginError`].
    pub fn parse(text: &str) -> Result<Self, OriginError> {
        let (scheme, rest) = text.split_once("://").ok_or(OriginError::Scheme)?;
        let scheme = Scheme::parse(scheme).ok_or(OriginError::Scheme)?;
        let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
        let (authority, after) = rest.split_at(end);
        match after.as_bytes() {
            [] | [b'/'] => {}
            [b'?', ..] => return Err(OriginError::Trailing("query")),
            [b'#', ..] => return Err(OriginError::Trailing("fragment")),
            _ => return Err(OriginError::Trailing("path")),
        }
        Self::from_parts(scheme, authority)
    }

    /// As [`Origin::parse`], from a scheme and the text between `//` and the path.
    pub(super) fn from_parts(scheme: Scheme, authority: &str) -> Result<Self, OriginError> {
        if authority.contains('@') {
            return Err(OriginError::UserInfo);
        }
        // Within brackets colons belong to the address.
        let split = match authority.rfind(']') {
            Some(bracket) => bracket + 1,
            None => authority.find(':').unwrap_or(authority.len()),
        };
        let (host, port) = authority.split_at(split);
        let port = match port.strip_prefix(':') {
            Some(digits) => parse_port(digits)?,
            None if port.is_empty() => scheme.default_port(),
            None => return Err(OriginError::Host(shown(authority))),
        };
        let host = parse_host(host).ok_or_else(|| OriginError::Host(shown(host)))?;
        Ok(Self { scheme, host, port })
    }

    /// The scheme.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The port, the scheme's default where none was given.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The host as it stands in a URI: IPv6 in brackets.
    #[must_use]
    pub fn host(&self) -> String {
        match &self.host {
            HostName::Address(IpAddr::V6(address)) => format!("[{address}]"),
            HostName::Address(IpAddr::V4(address)) => address.to_string(),
            HostName::Dns(name) => name.clone(),
        }
    }

    /// Host and, unless it is the scheme's default, port: what stands in `Host`.
    #[must_use]
    pub fn authority(&self) -> String {
        if self.port == self.scheme.default_port() {
            self.host()
        } else {
            format!("{}:{}", self.host(), self.port)
        }
    }

    /// The host's address, where it is one and no name.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        match self.host {
            HostName::Address(address) => Some(address),
            HostName::Dns(_) => None,
        }
    }

    /// Whether the host is this machine: `localhost`, `127.0.0.0/8`, `[::1]`.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        match &self.host {
            HostName::Address(address) => address.is_loopback(),
            HostName::Dns(name) => name == "localhost",
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme.name(), self.authority())
    }
}

/// Foreign text for an error: cut, and nothing in it that a terminal obeys.
pub(super) fn shown(text: &str) -> String {
    text.chars()
        .take(80)
        .flat_map(char::escape_default)
        .collect()
}

fn parse_port(digits: &str) -> Result<u16, OriginError> {
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
    match digits.parse() {
        Ok(port) if plain => Ok(port),
        _ => Err(OriginError::Port(shown(digits))),
    }
}

fn parse_host(text: &str) -> Option<HostName> {
    if let Some(inner) = text.strip_prefix('[') {
        let address: Ipv6Addr = inner.strip_suffix(']')?.parse().ok()?;
        return Some(HostName::Address(IpAddr::V6(address)));
    }
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    if text.len() > 253 || !text.split('.').all(is_label) {
        return None;
    }
    // A name whose last label reads as a number is an address to most resolvers (`127.1`, `0x7f.1`): only the
    // plain form of four decimal numbers is one here, every other is refused.
    let last = text.rsplit('.').next()?;
    let hexadecimal = last
        .get(..2)
        .is_some_and(|start| start.eq_ignore_ascii_case("0x"));
    if hexadecimal || last.bytes().all(|byte| byte.is_ascii_digit()) {
        let address: Ipv4Addr = text.parse().ok()?;
        return Some(HostName::Address(IpAddr::V4(address)));
    }
    Some(HostName::Dns(text.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t02_origins_are_normalised() {
        for (text, normal) in [
            ("http://127.0.0.1:19530", "http://127.0.0.1:19530"),
            ("http://127.0.0.1:19530/", "http://127.0.0.1:19530"),
            ("HTTP://LocalHost:19530", "http://localhost:19530"),
            ("http://milvus", "http://milvus"),
            ("http://milvus:80", "http://milvus"),
            ("https://milvus:443", "https://milvus"),
            ("https://milvus:80", "https://milvus:80"),
            (
                "https://in01-1.Zilliz.example:65535",
                "https://in01-1.zilliz.example:65535",
            ),
            ("http://[::1]:19530", "http://[::1]:19530"),
            ("http://[0:0:0:0:0:0:0:1]:1", "http://[::1]:1"),
            ("http://[2001:DB8::5]", "http://[2001:db8::5]"),
            (
                "http://xn--bcher-kva.example",
                "http://xn--bcher-kva.example",
            ),
            ("http://1a.example", "http://1a.example"),
        ] {
            assert_eq!(
                Origin::parse(text).map(|origin| origin.to_string()),
                Ok(normal.to_owned()),
                "{text}"
            );
        }
    }

    #[test]
    fn t02_everything_else_is_refused_with_what_is_wrong() {
        let host = |text: &str| OriginError::Host(text.to_owned());
        let port = |text: &str| OriginError::Port(text.to_owned());
        for (text, error) in [
            ("", OriginError::Scheme),
            ("127.0.0.1:19530", OriginError::Scheme),
            ("tcp://127.0.0.1:19530", OriginError::Scheme),
            ("http:/127.0.0.1", OriginError::Scheme),
            (" http://milvus", OriginError::Scheme),
            ("http://root:Milvus@milvus", OriginError::UserInfo),
            ("http://milvus:19530@evil", OriginError::UserInfo),
            ("http://@milvus", OriginError::UserInfo),
            ("http://milvus/v2", OriginError::Trailing("path")),
            ("http://milvus//", OriginError::Trailing("path")),
            ("http://milvus\\evil", OriginError::Trailing("path")),
            ("http://milvus?db=a", OriginError::Trailing("query")),
            ("http://milvus/?db=a", OriginError::Trailing("path")),
            ("http://milvus#a", OriginError::Trailing("fragment")),
            ("http://", host("")),
            ("http://:19530", host("")),
            ("http://milvus.", host("milvus.")),
            ("http://.milvus", host(".milvus")),
            ("http://a..b", host("a..b")),
            ("http://-a", host("-a")),
            ("http://a_b", host("a_b")),
            ("http://a b", host("a b")),
            ("http://a%2eb", host("a%2eb")),
            ("http://b\u{fc}cher", host("b\\u{fc}cher")),
            ("http://127.1", host("127.1")),
            ("http://0x7f.1", host("0x7f.1")),
            ("http://0x7f000001", host("0x7f000001")),
            ("http://0X7F.1", host("0X7F.1")),
            ("http://017700000001", host("017700000001")),
            ("http://0177.0.0.1", host("0177.0.0.1")),
            ("http://127.0.0.1.", host("127.0.0.1.")),
            ("http://1.2.3", host("1.2.3")),
            ("http://milvus.0x7f", host("milvus.0x7f")),
            ("http://\u{ff4d}ilvus", host("\\u{ff4d}ilvus")),
            (
                "http://milvus\u{3002}example",
                host("milvus\\u{3002}example"),
            ),
            ("http://127.0.0.\u{661}", host("127.0.0.\\u{661}")),
            ("http://[127.0.0.1]", host("[127.0.0.1]")),
            ("http://[v1.a]", host("[v1.a]")),
            ("http://2130706433", host("2130706433")),
            ("http://127.0.0.01", host("127.0.0.01")),
            ("http://127.0.0.256", host("127.0.0.256")),
            ("http://::1", port(":1")),
            ("http://[::1", port(":1")),
            ("http://[::1%25e]", host("[::1%25e]")),
            ("http://[fe80::1%eth0]:1", host("[fe80::1%eth0]")),
            ("http://[::1]19530", host("[::1]19530")),
            ("http://[]", host("[]")),
            ("http://milvus:", port("")),
            ("http://milvus:0", port("0")),
            ("http://milvus:00080", port("00080")),
            ("http://milvus:+80", port("+80")),
            ("http://milvus:-1", port("-1")),
            ("http://milvus:65536", port("65536")),
            (
                "http://milvus:99999999999999999999",
                port("99999999999999999999"),
            ),
            ("http://milvus:19530:1", port("19530:1")),
            ("http://milvus:\u{661}", port("\\u{661}")),
            ("http://milvus: 80", port(" 80")),
        ] {
            assert_eq!(Origin::parse(text), Err(error), "{text}");
        }
        let long = format!("http://{}", "a".repeat(64));
        assert!(matches!(Origin::parse(&long), Err(OriginError::Host(_))));
        let longest = format!("http://{}", ["a"; 127].join("."));
        assert!(Origin::parse(&longest).is_ok(), "253 bytes");
        let long = format!("http://{}", ["a"; 128].join("."));
        assert!(matches!(Origin::parse(&long), Err(OriginError::Host(_))));
    }

    #[test]
    fn t02_an_origin_tells_its_port_and_the_address_that_it_is_written_as() {
        let parts = |text: &str| {
            let origin = Origin::parse(text).expect(text);
            (
                origin.port(),
                origin.address().map(|address| address.to_string()),
            )
        };
        assert_eq!(
            parts("https://127.0.0.1"),
            (443, Some("127.0.0.1".to_owned()))
        );
        assert_eq!(parts("http://[::1]:19530"), (19530, Some("::1".to_owned())));
        assert_eq!(parts("http://milvus"), (80, None));
    }

    #[test]
    fn t34_a_credential_in_an_origin_is_not_repeated() {
        let error = Origin::parse("http://root:s3cret-token@milvus").expect_err("has a user");
        assert!(!format!("{error}{error:?}").contains("s3cret"));
    }

    #[test]
    fn t11_only_this_machine_is_loopback() {
        for (text, loopback) in [
            ("http://localhost", true),
            ("http://127.8.9.1", true),
            ("http://[::1]", true),
            ("http://localhost.example", false),
            ("http://10.0.0.1", false),
            ("http://0.0.0.0", false),
            ("http://[::ffff:127.0.0.1]", false),
        ] {
            assert_eq!(
                Origin::parse(text).expect(text).is_loopback(),
                loopback,
                "{text}"
            );
        }
    }
}
