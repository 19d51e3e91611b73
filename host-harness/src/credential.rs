//! The credential: held in memory that is wiped, shown to nobody, added to a request when it leaves, and taken out
//! of answers. Nothing but this file reads the token.

use std::fmt;
use std::sync::Arc;

use hyper::header::{HeaderValue, InvalidHeaderValue};
use memchr::memmem;
use zeroize::Zeroizing;

/// An API key, or `user:password`. `Debug` prints `Credential(..)`.
#[derive(Clone)]
pub struct Credential(Arc<Secret>);

struct Secret {
    token: Zeroizing<String>,
    /// What to look for in answers: the token and its encodings.
    forms: Vec<Zeroizing<Vec<u8>>>,
}

/// Milvus' shortest password; a shorter text would be found in innocent answers.
const SHORTEST_REDACTED: usize = 6;
const MARK: &[u8] = b"[redacted]";

impl Credential {
    /// Takes the token. Whether it can stand in a header is checked when the endpoint is built. Answers are searched
    /// for tokens of at least 6 bytes.
    #[must_use]
    pub fn new(token: String) -> Self {
        let token = Zeroizing::new(token);
        let forms = if token.len() < SHORTEST_REDACTED {
            Vec::new()
        } else {
            forms_of(token.as_bytes())
        };
        Self(Arc::new(Secret { token, forms }))
    }

    /// `Bearer <token>`, marked as sensitive so that HTTP code neither logs nor indexes it.
    pub(crate) fn authorization(&self) -> Result<HeaderValue, InvalidHeaderValue> {
        let text = Zeroizing::new(format!("Bearer {}", *self.0.token));
        let mut value = HeaderValue::from_str(&text)?;
        value.set_sensitive(true);
        Ok(value)
    }

    /// Whether the token can be sent: visible ASCII, at least one character.
    pub(crate) fn is_sendable(&self) -> bool {
        !self.0.token.is_empty() && self.0.token.bytes().all(|byte| byte.is_ascii_graphic())
    }

    /// Replaces the token and its encodings by `[redacted]`; says how often.
    ///
    /// Replaced, not refused: the token may well be a word that stands in somebody's rows (`root:Milvus`).
    pub(crate) fn redact(&self, answer: Vec<u8>) -> (Vec<u8>, u64) {
        let mut answer = answer;
        let mut count = 0;
        for form in &self.0.forms {
            let finder = memmem::Finder::new(form.as_slice());
            if finder.find(&answer).is_none() {
                continue;
            }
            let mut clean = Vec::with_capacity(answer.len());
            let mut from = 0;
            for at in finder.find_iter(&answer) {
                clean.extend_from_slice(&answer[from..at]);
                clean.extend_from_slice(MARK);
                from = at + form.len();
                count += 1;
            }
            clean.extend_from_slice(&answer[from..]);
            answer = clean;
        }
        (answer, count)
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential(..)")
    }
}

/// The token as it is, in hexadecimal, percent-encoded, as JSON writes it (with and without the escapes that Go's
/// encoder adds for HTML, which is what Milvus answers through), and in base64 at each of the three places that it can
/// have within longer text, in both alphabets.
fn forms_of(token: &[u8]) -> Vec<Zeroizing<Vec<u8>>> {
    const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const URL: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let hexadecimal = |digits: &[u8; 16]| -> Vec<u8> {
        token
            .iter()
            .flat_map(|byte| {
                [
                    digits[usize::from(byte >> 4)],
                    digits[usize::from(byte & 15)],
                ]
            })
            .collect()
    };
    let percent = |upper: bool| -> Vec<u8> {
        token
            .iter()
            .flat_map(|byte| match byte {
                b'-' | b'.' | b'_' | b'~' => vec![*byte],
                byte if byte.is_ascii_alphanumeric() => vec![*byte],
                byte if upper => format!("%{byte:02X}").into_bytes(),
                byte => format!("%{byte:02x}").into_bytes(),
            })
            .collect()
    };
    let json = |html: &[u8]| -> Vec<u8> {
        token
            .iter()
            .flat_map(|byte| match byte {
                b'"' | b'\\' => vec![b'\\', *byte],
                byte if html.contains(byte) => format!("\\u{byte:04x}").into_bytes(),
                byte => vec![*byte],
            })
            .collect()
    };
    let mut forms = vec![
        token.to_vec(),
        hexadecimal(b"0123456789abcdef"),
        hexadecimal(b"0123456789ABCDEF"),
        percent(true),
        percent(false),
        json(b""),
        json(b"&<>"),
    ];
    for alphabet in [STANDARD, URL] {
        forms.extend((0..3).map(|shift| base64_within(token, shift, alphabet)));
    }
    forms.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
    forms.dedup();
    forms.into_iter().map(Zeroizing::new).collect()
}

/// The characters of base64 that `token` alone decides when it stands `shift` bytes after a multiple of three.
fn base64_within(token: &[u8], shift: usize, alphabet: &[u8; 64]) -> Vec<u8> {
    let bit = |at: usize| (token[at / 8] >> (7 - at % 8)) & 1;
    let bits = token.len() * 8;
    let first = (6 - shift * 8 % 6) % 6;
    (first..)
        .step_by(6)
        .take_while(|at| at + 6 <= bits)
        .map(|at| alphabet[usize::from((at..at + 6).fold(0, |sum, at| sum << 1 | bit(at)))])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "root:M1lvus/secret?~>";

    fn redacted(text: &str) -> (String, u64) {
        let (clean, count) = Credential::new(TOKEN.to_owned()).redact(text.as_bytes().to_vec());
        (String::from_utf8(clean).expect("text"), count)
    }

    #[test]
    fn t34_debug_shows_nothing() {
        let credential = Credential::new(TOKEN.to_owned());
        assert_eq!(format!("{credential:?}"), "Credential(..)");
        assert_eq!(
            format!("{:?}", credential.authorization().expect("visible ASCII")),
            "Sensitive"
        );
    }

    #[test]
    fn t33_the_token_is_taken_out_in_every_form() {
        for (form, kept) in [
            (TOKEN, ""),
            ("726f6f743a4d316c7675732f7365637265743f7e3e", ""),
            ("726F6F743A4D316C7675732F7365637265743F7E3E", ""),
            ("root%3AM1lvus%2Fsecret%3F~%3E", ""),
            ("root%3aM1lvus%2fsecret%3f~%3e", ""),
            ("root:M1lvus/secret?~\\u003e", ""),
            ("cm9vdDpNMWx2dXMvc2VjcmV0P34+", ""),
            ("cm9vdDpNMWx2dXMvc2VjcmV0P34-", ""),
        ] {
            assert_eq!(
                redacted(&format!("{{\"a\":\"{form}\"}}")),
                (format!("{{\"a\":\"[redacted]{kept}\"}}"), 1),
                "{form}"
            );
        }
        // `Bearer <token>`, `x<token>` and `xx<token>` in base64: the outer characters belong to the neighbours.
        for form in [
            "QmVhcmVyIHJvb3Q6TTFsdnVzL3NlY3JldD9+Pg==",
            "eHJvb3Q6TTFsdnVzL3NlY3JldD9+Pg==",
            "eHhyb290Ok0xbHZ1cy9zZWNyZXQ/fj4=",
        ] {
            let (clean, count) = redacted(form);
            assert!(count == 1 && clean.len() < 30, "{form} became {clean}");
        }
    }

    #[test]
    fn t33_several_places_are_taken_out_and_the_rest_stays() {
        let text = format!("{TOKEN}, {TOKEN} and {}", &TOKEN[..10]);
        assert_eq!(
            redacted(&text),
            (format!("[redacted], [redacted] and {}", &TOKEN[..10]), 2)
        );
        assert_eq!(redacted("nothing here"), ("nothing here".to_owned(), 0));
        assert_eq!(redacted(""), (String::new(), 0));
    }

    #[test]
    fn t33_a_short_token_is_not_searched_for() {
        let (clean, count) = Credential::new("a:b".to_owned()).redact(b"a:b".to_vec());
        assert_eq!((clean.as_slice(), count), (b"a:b".as_slice(), 0));
    }

    #[test]
    fn a_token_that_no_header_can_hold_is_not_sendable() {
        for (token, sendable) in [
            ("root:Milvus", true),
            ("", false),
            ("a b", false),
            ("a\r\nX: y", false),
            ("\u{fc}", false),
        ] {
            assert_eq!(
                Credential::new(token.to_owned()).is_sendable(),
                sendable,
                "{token:?}"
            );
        }
    }
}
