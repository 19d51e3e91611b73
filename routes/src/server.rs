//! What a server speaks, as the text that a host and a component hand each other.

use core::fmt;

use crate::Dialect;

/// How a server reads and answers JSON fields over REST (`proxy.http.nativeJSONResponse`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JsonFields {
    /// As text, which a write unwraps: Milvus up to 3.0.2.
    Old,
    /// As the documents they are.
    Native,
    /// As text, by a newer Milvus that is set so.
    Text,
}

impl JsonFields {
    /// Every way.
    pub const ALL: [Self; 3] = [Self::Old, Self::Native, Self::Text];

    /// As settings spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Old => "old",
            Self::Native => "native",
            Self::Text => "text",
        }
    }
}

/// What a server speaks: `rest=v1` or `rest=v2`, then perhaps `;json=old`, `;json=native` or `;json=text`.
///
/// ```
/// use routes::{Dialect, JsonFields, Server};
///
/// let server = Server::parse("rest=v2;json=native").unwrap();
/// assert_eq!((server.rest, server.json), (Dialect::V2, Some(JsonFields::Native)));
/// assert!(Server::parse("rest=v2; json=native").is_none());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Server {
    /// Its REST API.
    pub rest: Dialect,
    /// How it has JSON fields. `None`: it is not known.
    pub json: Option<JsonFields>,
}

impl Server {
    /// A server of this API.
    #[must_use]
    pub const fn new(rest: Dialect) -> Self {
        Self { rest, json: None }
    }

    /// Reads the text; `None` for any other.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (rest, json) = match text.split_once(';') {
            None => (text, None),
            Some((rest, json)) => {
                let name = json.strip_prefix("json=")?;
                let known = JsonFields::ALL.into_iter().find(|way| way.as_str() == name);
                (rest, Some(known?))
            }
        };
        let rest = match rest.strip_prefix("rest=")? {
            "v1" => Dialect::V1,
            "v2" => Dialect::V2,
            _ => return None,
        };
        Some(Self { rest, json })
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rest={}", self.rest)?;
        match self.json {
            Some(json) => write!(f, ";json={}", json.as_str()),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate alloc;

    use super::*;
    use alloc::string::ToString as _;

    #[test]
    fn the_grammar_of_a_server_is_closed() {
        for rest in ["rest=v1", "rest=v2"] {
            for json in ["", ";json=old", ";json=native", ";json=text"] {
                let text = [rest, json].concat();
                let server = Server::parse(&text).expect("a server");
                assert_eq!(server.to_string(), text);
            }
        }
        for text in [
            "",
            "v2",
            "rest=",
            "rest=v3",
            "REST=v2",
            "rest=v2;",
            "rest=v2;json=",
            "rest=v2;json=new",
            "rest=v2;json=old;json=old",
            "json=old",
            "json=old;rest=v2",
            " rest=v2",
            "rest=v2\n",
            "rest=v2;x=1",
        ] {
            assert_eq!(Server::parse(text), None, "{text:?}");
        }
    }
}
