//! A request as its caller wrote it, to any route of the table.

use super::Client;
use super::keys::{self, DATABASE};
use crate::dialect::{self, Encoded};
use crate::error::Error;
use crate::operations::Reply;
use crate::values::filter::is_identifier;
use crate::values::json::Members;
use routes::{Method, Route};
use serde_json::Value;

/// The database that Milvus takes where none is named.
const DEFAULT_DATABASE: &str = "default";

/// Sends `body`, the text of a JSON object, to the route of this name. The answer is Milvus' object without `code` and
/// `message`.
///
/// # Errors
/// `invalid-argument` naming `route` or the key of the body, before anything is sent; or Milvus' own.
pub fn call(client: &mut Client<'_>, route: &str, body: &str) -> Result<String, Error> {
    let Some(route) = routes::named(route) else {
        return Err(Error::invalid(
            "route",
            "expected `family.action` of a route of the table, such as `entities.query`",
        ));
    };
    let keys = keys::read("body", body)?;
    keys::check("body", &keys, route.keys)?;
    let database = database_of(route, client.database(), &keys)?;
    let (query, body) = match route.method {
        Method::Post => (None, with_database(body, database.as_deref()).into_bytes()),
        Method::Get => (query(&keys, database.as_deref())?, Vec::new()),
    };
    let encoded = Encoded { route, query, body };
    client.repeat(route, |client| {
        let answer = client.exchange(encoded.clone())?;
        let Reply { data, beside } = dialect::envelope::decode(route, &answer)?;
        let mut members = Members(vec![("data".to_owned(), data)]);
        members.0.extend(beside.0);
        Ok(members.text())
    })
}

/// The connection's database, if the body has to be given it.
fn database_of(
    route: &Route,
    database: Option<&str>,
    keys: &Members,
) -> Result<Option<String>, Error> {
    // There it is what the request is about, and not where.
    if route.name.starts_with("databases.") || route.key(DATABASE).is_none() {
        return Ok(None);
    }
    let Some(given) = keys.get(DATABASE) else {
        return Ok(database.map(str::to_owned));
    };
    let expected = database.unwrap_or(DEFAULT_DATABASE);
    if serde_json::from_str::<String>(given.get()).is_ok_and(|given| given == expected) {
        return Ok(None);
    }
    Err(Error::invalid(
        DATABASE,
        format_args!("expected the connection's database, `{expected}`, or none; got another one"),
    ))
}

/// A body as it was written, with the database as its first member: a host that knows the caller's text finds it there.
fn with_database(body: &str, database: Option<&str>) -> String {
    let (Some(database), Some((open, rest))) = (database, body.split_once('{')) else {
        return body.to_owned();
    };
    let comma = if rest.trim_start().starts_with('}') {
        ""
    } else {
        ","
    };
    format!(
        "{open}{{\"{DATABASE}\":{}{comma}{rest}",
        Value::from(database)
    )
}

/// The members as a query: both `GET` routes take names only.
fn query(keys: &Members, database: Option<&str>) -> Result<Option<String>, Error> {
    let given = keys.0.iter().map(|(name, value)| {
        let text = serde_json::from_str::<String>(value.get()).unwrap_or_default();
        (name.as_str(), text)
    });
    let database = database.map(|database| (DATABASE, database.to_owned()));
    let mut pairs = Vec::new();
    for (name, value) in given.chain(database) {
        if value.contains('$') || !is_identifier(&value) {
            return Err(Error::invalid(
                name,
                "expected a name of letters, digits and underscores: REST v1 takes it in a query",
            ));
        }
        pairs.push(format!("{name}={value}"));
    }
    Ok((!pairs.is_empty()).then(|| pairs.join("&")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::scripted::{Scripted, connection};
    use crate::error::{ErrorKind, Outcome};

    fn sends(database: Option<&str>, route: &str, body: &str) -> (Scripted, Result<String, Error>) {
        let mut transport = Scripted::new().answers(
            200,
            r#"{"code":0,"message":"","data":[1.50],"topks":[1],"cost":0}"#,
        );
        let mut connection = connection();
        connection.database = database.map(str::to_owned);
        let mut client = Client::new(&mut transport, connection).unwrap();
        let answer = call(&mut client, route, body);
        (transport, answer)
    }

    #[test]
    fn a_body_is_sent_as_written_and_the_answer_keeps_what_stands_beside_data() {
        let body = r#"{"collectionName":"docs","filter":"id > 9007199254740993.0","limit":1}"#;
        let (transport, answer) = sends(None, "entities.query", body);
        assert_eq!(transport.sent[0].bytes, body.as_bytes());
        assert_eq!(answer.unwrap(), r#"{"data":[1.50],"topks":[1],"cost":0}"#);
    }

    #[test]
    fn the_connections_database_is_added_where_it_says_where() {
        let sent = |route: &str, body: &str| sends(Some("d"), route, body).0.sent.remove(0);
        assert_eq!(sent("collections.list", "{}").bytes, br#"{"dbName":"d"}"#);
        assert_eq!(
            sent("databases.drop", r#"{"dbName":"x"}"#).bytes,
            br#"{"dbName":"x"}"#
        );
        assert_eq!(sent("databases.describe", "{}").bytes, b"{}");
        let listed = sent("v1.collections.describe", r#"{"collectionName":"c"}"#);
        assert_eq!(listed.query.as_deref(), Some("collectionName=c&dbName=d"));
    }

    #[test]
    fn what_is_no_request_is_refused_before_it_is_sent() {
        for (route, body, argument) in [
            ("entities.nothing", "{}", "route"),
            ("entities.query", "[]", "body"),
            ("entities.query", r#"{"limit":1,"limit":2}"#, "body"),
            ("entities.query", r#"{"colectionName":"c"}"#, "body"),
            ("entities.query", r#"{"dbName":"other"}"#, "dbName"),
            ("entities.query", r#"{"dbName":null}"#, "dbName"),
            (
                "v1.collections.describe",
                r#"{"collectionName":"a&b=c"}"#,
                "collectionName",
            ),
            (
                "v1.collections.describe",
                r#"{"collectionName":5}"#,
                "collectionName",
            ),
        ] {
            let (transport, answer) = sends(Some("d"), route, body);
            let error = answer.unwrap_err();
            assert_eq!(error.kind, ErrorKind::InvalidArgument, "{route} {body}");
            assert_eq!(error.argument.as_deref(), Some(argument), "{route} {body}");
            assert!(transport.sent.is_empty(), "{route} {body}");
        }
    }

    #[test]
    fn a_read_is_repeated_and_a_write_is_in_doubt() {
        let busy = r#"{"code":1,"message":"service not ready"}"#;
        for (route, body, tries, outcome) in [
            ("collections.list", "{}", 3, Outcome::NotApplied),
            (
                "collections.flush",
                r#"{"collectionName":"c"}"#,
                1,
                Outcome::Unknown,
            ),
        ] {
            let mut transport = Scripted::new()
                .answers(200, busy)
                .answers(200, busy)
                .answers(200, busy);
            let mut client = Client::new(&mut transport, connection()).unwrap();
            let error = call(&mut client, route, body).unwrap_err();
            assert_eq!(
                (error.outcome, transport.sent.len()),
                (outcome, tries),
                "{route}"
            );
        }
    }
}
