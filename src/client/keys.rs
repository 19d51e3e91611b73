//! Members of a request's object that its caller wrote himself.

use crate::dialect::Encoded;
use crate::error::Error;
use crate::values::json::Members;
use routes::{Key, Method};

/// The key of the database that a request is for: it is the connection's.
pub(super) const DATABASE: &str = "dbName";

/// Reads the text of a JSON object.
///
/// # Errors
/// `invalid-argument` naming `argument`: it is none, or repeats a name.
pub fn read(argument: &str, text: &str) -> Result<Members, Error> {
    serde_json::from_str(text).map_err(|_| {
        Error::invalid(
            argument,
            "expected the text of a JSON object, each name once",
        )
    })
}

/// Whether each of them is one of `known`.
pub fn check(argument: &str, keys: &Members, known: &'static [Key]) -> Result<(), Error> {
    let foreign = |(name, _): &&(String, _)| Key::named(known, name).is_none();
    let Some((name, _)) = keys.0.iter().find(foreign) else {
        return Ok(());
    };
    let known: Vec<&str> = known.iter().map(|key| key.name).collect();
    Err(Error::invalid(
        argument,
        format_args!("expected one of {}, got `{name}`", known.join(", ")),
    ))
}

/// Adds further keys to a request, none of which it may set itself.
pub(super) fn add(keys: &Members, encoded: &mut Encoded) -> Result<(), Error> {
    check("extra", keys, encoded.route.keys)?;
    if keys.0.is_empty() {
        return Ok(());
    }
    if encoded.route.method == Method::Get {
        return Err(Error::invalid(
            "extra",
            "expected none: REST v1 takes this request as a GET, without a body",
        ));
    }
    let mut joined: Members =
        serde_json::from_slice(&encoded.body).map_err(|cause| Error::protocol(&cause.into()))?;
    for (name, value) in &keys.0 {
        if name == DATABASE || joined.get(name).is_some() {
            return Err(Error::invalid(
                "extra",
                format_args!("expected keys that the request does not set itself, got `{name}`"),
            ));
        }
        joined.0.push((name.clone(), value.clone()));
    }
    encoded.body = joined.text().into_bytes();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use routes::Route;

    fn added(route: &'static Route, body: &str, keys: &str) -> Result<String, Error> {
        let mut encoded = Encoded {
            route,
            query: None,
            body: body.as_bytes().to_vec(),
        };
        add(&read("extra", keys)?, &mut encoded)?;
        Ok(String::from_utf8(encoded.body).unwrap())
    }

    #[test]
    fn keys_join_those_of_the_request_and_repeat_none() {
        let (query, body) = (&routes::entities::QUERY, r#"{"collectionName":"c"}"#);
        assert_eq!(
            added(query, body, r#"{"limit":1.50}"#).unwrap(),
            r#"{"collectionName":"c","limit":1.50}"#
        );
        assert_eq!(added(query, body, "{}").unwrap(), body);
        for keys in [
            r#"{"collectionName":"d"}"#,
            r#"{"dbName":"d"}"#,
            r#"{"limit":1,"limit":2}"#,
            r#"{"Limit":1}"#,
            "[]",
            "",
        ] {
            let error = added(query, body, keys).unwrap_err();
            assert_eq!(error.argument.as_deref(), Some("extra"), "{keys}");
        }
    }

    #[test]
    fn a_get_takes_no_keys() {
        let describe = &routes::v1::COLLECTIONS_DESCRIBE;
        assert_eq!(added(describe, "", "{}").unwrap(), "");
        let error = added(describe, "", r#"{"collectionName":"d"}"#).unwrap_err();
        assert_eq!(error.argument.as_deref(), Some("extra"));
    }
}
