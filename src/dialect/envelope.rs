//! What both dialects answer: `{"code": ..., "data": ...}`, or `{"code": ..., "message": ...}`.
//!
//! Success is 200 in v1, and in v2 up to 2.4.6; it is 0 since (`httpserver/constant.go`), always with `data`: without it
//! 200 is an error, a partition that is not there. Ordinary errors come with HTTP 200 and a code in the body;
//! authentication, privileges, paths and time-outs use the status, too.

use super::{HttpAnswer, codes};
use crate::error::{Error, ErrorKind, ErrorSource, Outcome, Retry};
use crate::operations::Reply;
use crate::values::json::Members;
use routes::{Effect, Route};
use serde_json::value::RawValue;

/// The longest text of the server that an error carries, in characters.
const MAX_SERVER_TEXT: usize = 600;

/// The reply in an answer.
///
/// # Errors
/// Milvus' own error by its code; an HTTP status where there is no envelope; `protocol` for anything else.
pub fn decode(route: &Route, answer: &HttpAnswer) -> Result<Reply, Error> {
    let Some(envelope) = Envelope::read(&answer.body) else {
        return Err(without_envelope(route, answer));
    };
    let Envelope {
        code,
        message,
        data,
        beside,
    } = envelope;
    let done = code == 0 || code == 200 && data.is_some();
    match answer.status {
        200..=299 if done => Ok(Reply {
            data: data.unwrap_or_else(|| RawValue::NULL.to_owned()),
            beside,
        }),
        status => Err(from_code(route, status, code, &message.unwrap_or_default())),
    }
}

/// Milvus' envelope.
struct Envelope {
    code: i64,
    message: Option<String>,
    data: Option<Box<RawValue>>,
    beside: Members,
}

impl Envelope {
    fn read(body: &[u8]) -> Option<Self> {
        let Members(members) = serde_json::from_slice(body).ok()?;
        let (mut code, mut message, mut data, mut beside) = (None, None, None, Members::default());
        for (name, value) in members {
            match name.as_str() {
                "code" => code = Some(serde_json::from_str(value.get()).ok()?),
                "message" => message = serde_json::from_str(value.get()).ok()?,
                "data" => data = (value.get() != "null").then_some(value),
                _ => beside.0.push((name, value)),
            }
        }
        Some(Self {
            code: code?,
            message,
            data,
            beside,
        })
    }
}

fn from_code(route: &Route, status: u16, code: i64, message: &str) -> Error {
    let code = i32::try_from(code).unwrap_or(i32::MAX);
    let meaning = codes::look_up(code);
    let kind = match status {
        401 => ErrorKind::Unauthenticated,
        403 => ErrorKind::PermissionDenied,
        _ => meaning.kind,
    };
    let refused = meaning.nothing_done || matches!(status, 401 | 403);
    let message = clean(message);
    let message = if message.is_empty() {
        format!("Milvus answered code {code}")
    } else {
        message
    };
    Error {
        source: ErrorSource::Server,
        milvus_code: Some(code),
        ..by_effect(route, kind, message, refused, meaning.retriable, status)
    }
}

/// An answer of something before Milvus, or of a server that lacks the route.
fn without_envelope(route: &Route, answer: &HttpAnswer) -> Error {
    let status = answer.status;
    let (kind, message, refused, retriable) = match status {
        401 => (
            ErrorKind::Unauthenticated,
            "the server wants a credential, or another one".to_owned(),
            true,
            false,
        ),
        403 => (
            ErrorKind::PermissionDenied,
            "the credential does not allow it".to_owned(),
            true,
            false,
        ),
        404 | 405 => (
            ErrorKind::Unsupported,
            format!(
                "this server has no {}: Milvus has it since {}",
                route.path, route.since
            ),
            true,
            false,
        ),
        408 => (
            ErrorKind::Timeout,
            "Milvus ran out of time".to_owned(),
            false,
            false,
        ),
        413 => (
            ErrorKind::LimitExceeded,
            "the request is too large for the server".to_owned(),
            true,
            false,
        ),
        429 => (
            ErrorKind::RateLimited,
            "the server asks to slow down".to_owned(),
            true,
            true,
        ),
        502..=504 => (
            ErrorKind::Unavailable,
            "Milvus is not available".to_owned(),
            false,
            true,
        ),
        300..=399 => (
            ErrorKind::Protocol,
            "the server answered a redirection, which is never followed: is the endpoint right?"
                .to_owned(),
            true,
            false,
        ),
        500..=599 => (
            ErrorKind::Server,
            "the server failed without saying why".to_owned(),
            false,
            false,
        ),
        _ => (
            ErrorKind::Protocol,
            "the answer is not Milvus' JSON: does another program answer at this endpoint?"
                .to_owned(),
            false,
            false,
        ),
    };
    let message = format!("{message} (HTTP {status})");
    by_effect(route, kind, message, refused, retriable, status)
}

/// Outcome and advice by what the request may have changed.
fn by_effect(
    route: &Route,
    kind: ErrorKind,
    message: String,
    nothing_done: bool,
    retriable: bool,
    status: u16,
) -> Error {
    let reads = route.effect == Effect::Read;
    let outcome = if reads || nothing_done {
        Outcome::NotApplied
    } else {
        Outcome::Unknown
    };
    let retry = match (outcome, retriable) {
        (Outcome::NotApplied, true) => Retry::Safe,
        (Outcome::NotApplied, false) if reads && kind == ErrorKind::Timeout => Retry::Safe,
        (Outcome::NotApplied, false) => Retry::Never,
        (Outcome::Unknown | Outcome::PartlyApplied | Outcome::Applied, _) => Retry::AfterCheck,
    };
    Error {
        http_status: Some(status),
        ..Error::new(kind, message)
    }
    .with_outcome(outcome)
    .with_retry(retry)
    .of(route)
}

/// The server's text as an error carries it: no control characters, no vectors, cut.
fn clean(text: &str) -> String {
    let mut cleaned = String::new();
    let mut numbers = 0;
    for word in text.split_whitespace() {
        let bare = word.trim_matches(|c: char| matches!(c, '[' | ']' | ',' | '(' | ')'));
        let numeric = !bare.is_empty() && bare.split(',').all(|part| part.parse::<f64>().is_ok());
        numbers = if numeric {
            numbers + bare.split(',').count()
        } else {
            0
        };
        if numbers > 3 {
            if !cleaned.ends_with("...") {
                cleaned.push_str(" ...");
            }
            continue;
        }
        if !cleaned.is_empty() {
            cleaned.push(' ');
        }
        cleaned.extend(word.chars().filter(|c| !c.is_control()));
    }
    if cleaned.chars().count() > MAX_SERVER_TEXT {
        cleaned = cleaned.chars().take(MAX_SERVER_TEXT).collect();
        cleaned.push_str("...");
    }
    cleaned
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operations::Operation as _;
    use crate::operations::collections::ListCollections;
    use crate::operations::entities::Insert;

    fn answer(status: u16, body: &str) -> HttpAnswer {
        HttpAnswer {
            status,
            body: body.as_bytes().to_vec(),
        }
    }

    fn insert() -> &'static Route {
        Insert::ROUTE
    }

    fn list() -> &'static Route {
        ListCollections::ROUTE
    }

    #[test]
    fn success_is_code_0_and_code_200() {
        for body in [r#"{"code":0,"data":["a"]}"#, r#"{"code":200,"data":["a"]}"#] {
            let reply = decode(list(), &answer(200, body)).unwrap();
            assert_eq!(reply.data.get(), r#"["a"]"#);
        }
    }

    #[test]
    fn code_200_without_data_is_a_partition_that_is_not_there() {
        let error = decode(
            insert(),
            &answer(
                200,
                r#"{"code":200,"message":"partition not found[partition=p]"}"#,
            ),
        )
        .unwrap_err();
        assert_eq!(
            (error.kind, error.milvus_code, error.outcome),
            (ErrorKind::NotFound, Some(200), Outcome::NotApplied)
        );
    }

    #[test]
    fn the_code_decides_also_beside_a_real_status() {
        for status in [200, 400, 500] {
            let error = decode(
                list(),
                &answer(
                    status,
                    r#"{"code":100,"message":"can't find collection[collection=x]"}"#,
                ),
            )
            .unwrap_err();
            assert_eq!(
                (error.kind, error.milvus_code),
                (ErrorKind::NotFound, Some(100))
            );
            assert_eq!(error.source, ErrorSource::Server);
        }
    }

    #[test]
    fn a_status_without_an_envelope_is_typed() {
        let cases = [
            (401, ErrorKind::Unauthenticated),
            (403, ErrorKind::PermissionDenied),
            (404, ErrorKind::Unsupported),
            (408, ErrorKind::Timeout),
            (429, ErrorKind::RateLimited),
            (503, ErrorKind::Unavailable),
            (307, ErrorKind::Protocol),
            (200, ErrorKind::Protocol),
        ];
        for (status, kind) in cases {
            assert_eq!(
                decode(list(), &answer(status, "<html>")).unwrap_err().kind,
                kind,
                "{status}"
            );
        }
    }

    #[test]
    fn a_missing_route_names_the_version_that_has_it() {
        let error = decode(insert(), &answer(404, "404 page not found")).unwrap_err();
        assert!(error.message.contains("since 2.3.13"), "{}", error.message);
    }

    #[test]
    fn a_write_that_was_rejected_by_the_limiter_may_be_repeated() {
        let error = decode(
            insert(),
            &answer(
                200,
                r#"{"code":1807,"message":"request is rejected by limiter"}"#,
            ),
        )
        .unwrap_err();
        assert_eq!(
            (error.outcome, error.retry),
            (Outcome::NotApplied, Retry::Safe)
        );
    }

    #[test]
    fn a_write_that_failed_inside_is_in_doubt() {
        let error =
            decode(insert(), &answer(200, r#"{"code":65535,"message":"boom"}"#)).unwrap_err();
        assert_eq!(
            (error.outcome, error.retry),
            (Outcome::Unknown, Retry::AfterCheck)
        );
    }

    #[test]
    fn t56_the_servers_text_is_cut_and_shows_no_vector() {
        assert_eq!(
            clean("bad vector [0.1 0.2 0.3 0.4 0.5] given"),
            "bad vector [0.1 0.2 0.3 ... given"
        );
        assert_eq!(clean("a\u{1b}[31mb"), "a[31mb");
        assert!(clean(&"x".repeat(5_000)).len() < 700);
    }
}
