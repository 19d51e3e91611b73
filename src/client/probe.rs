//! Which dialect a server speaks: at most two requests, reading ones.

use super::Client;
use crate::contract::server::ServerInfo;
use crate::dialect::{self, HttpAnswer, envelope};
use crate::error::{Error, ErrorKind};
use crate::operations::collections::ListCollections;
use routes::{Dialect, Route, Server};

/// Asks v2 for the list of collections; its plain 404 means v1, which is then asked.
///
/// With authentication on, a server without v2 answers 401 to a wrong credential before it looks at the path: then
/// the dialect stays open, and the error is `unauthenticated`.
///
/// # Errors
/// `protocol` if what answers is no Milvus, `unauthenticated`, or why no answer came.
pub fn probe(client: &mut Client<'_>) -> Result<ServerInfo, Error> {
    let answer = list(client, Dialect::V2)?;
    if answer.status != 404 {
        return read(&routes::collections::LIST, &answer, Dialect::V2);
    }
    let answer = list(client, Dialect::V1)?;
    read(&routes::v1::COLLECTIONS_LIST, &answer, Dialect::V1)
}

/// Asks for the collections of the connection's database.
fn list(client: &mut Client<'_>, dialect: Dialect) -> Result<HttpAnswer, Error> {
    let encoded = dialect::encode(dialect, &ListCollections {}, client.database())?;
    client.exchange(encoded)
}

fn read(route: &Route, answer: &HttpAnswer, dialect: Dialect) -> Result<ServerInfo, Error> {
    match envelope::decode(route, answer) {
        Ok(_) => Ok(ServerInfo {
            server: Server::new(dialect).to_string(),
            version: None,
        }),
        // Milvus' own refusal tells the dialect as well as an answer does.
        Err(error) if error.milvus_code.is_some() && error.kind != ErrorKind::Unauthenticated => {
            Ok(ServerInfo {
                server: Server::new(dialect).to_string(),
                version: None,
            })
        }
        Err(error) if error.kind == ErrorKind::Unsupported => {
            let cause = anyhow::anyhow!("neither REST v2 nor REST v1 answers there");
            Err(Error {
                http_status: error.http_status,
                ..Error::protocol(&cause)
            })
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::scripted::{Scripted, connection};

    #[test]
    fn a_server_that_answers_v2_speaks_v2() {
        let mut transport = Scripted::new().data("[]");
        let info = probe(&mut Client::new(&mut transport, connection()).unwrap()).unwrap();
        assert_eq!(info.server, "rest=v2");
    }

    #[test]
    fn a_404_leads_to_v1() {
        let mut transport = Scripted::new()
            .answers(404, "404 page not found")
            .answers(200, r#"{"code":200,"data":[]}"#);
        let info = probe(&mut Client::new(&mut transport, connection()).unwrap()).unwrap();
        assert_eq!(info.server, "rest=v1");
    }

    #[test]
    fn the_connections_database_is_named_in_both_dialects() {
        let mut transport = Scripted::new()
            .answers(404, "404 page not found")
            .answers(200, r#"{"code":200,"data":[]}"#);
        let mut named = connection();
        named.database = Some("d".into());
        probe(&mut Client::new(&mut transport, named).unwrap()).unwrap();
        assert_eq!(transport.sent[0].body["dbName"], "d");
        assert_eq!(transport.sent[1].query.as_deref(), Some("dbName=d"));
    }

    #[test]
    fn what_is_no_milvus_is_a_protocol_error() {
        let mut transport = Scripted::new().answers(404, "nginx").answers(404, "nginx");
        let error = probe(&mut Client::new(&mut transport, connection()).unwrap()).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Protocol);
        let mut transport = Scripted::new().answers(200, "<html>");
        let error = probe(&mut Client::new(&mut transport, connection()).unwrap()).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Protocol);
    }

    #[test]
    fn a_wrong_credential_is_said_so() {
        let mut transport = Scripted::new().answers(
            401,
            r#"{"code":1800,"message":"user hasn't authenticated"}"#,
        );
        let error = probe(&mut Client::new(&mut transport, connection()).unwrap()).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unauthenticated);
    }
}
