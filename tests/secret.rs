//! The forms in which a credential may stand somewhere, written by encoders of these tests, which share nothing with
//! what looks for them.

use std::fmt::Write as _;

/// Each with a name, for messages.
pub(crate) fn forms(token: &str) -> Vec<(&'static str, String)> {
    let password = token
        .split_once(':')
        .map_or(token, |(_, password)| password);
    let each = |write: &dyn Fn(usize, u8) -> String| -> String {
        let bytes = token.bytes().enumerate();
        bytes.map(|(at, byte)| write(at, byte)).collect()
    };
    let letter = |byte: u8| char::from(byte).to_string();
    let mut forms = vec![
        ("as it is", token.to_owned()),
        ("the password", password.to_owned()),
        ("hexadecimal", each(&|_, byte| format!("{byte:02x}"))),
        ("HEXADECIMAL", each(&|_, byte| format!("{byte:02X}"))),
        (
            "hexadecimal with colons",
            each(&|at, byte| format!("{}{byte:02x}", if at == 0 { "" } else { ":" })),
        ),
        (
            "percent",
            each(&|_, byte| {
                if byte.is_ascii_alphanumeric() {
                    letter(byte)
                } else {
                    format!("%{byte:02X}")
                }
            }),
        ),
        (
            "percent throughout",
            each(&|_, byte| format!("%{byte:02x}")),
        ),
        ("percent twice", each(&|_, byte| format!("%25{byte:02X}"))),
        ("\\u", each(&|_, byte| format!("\\u{byte:04x}"))),
        ("\\U", each(&|_, byte| format!("\\u{byte:04X}"))),
        (
            "\\u of the first",
            each(&|at, byte| {
                if at == 0 {
                    format!("\\u{byte:04x}")
                } else {
                    letter(byte)
                }
            }),
        ),
        (
            "\\u within JSON within JSON",
            each(&|_, byte| format!("\\\\u{byte:04x}")),
        ),
        (
            "all mixed",
            each(&|at, byte| match at % 4 {
                0 => format!("\\u{byte:04x}"),
                1 => letter(byte),
                2 => format!("%{byte:02x}"),
                _ => format!("\\\\u{byte:04X}"),
            }),
        ),
        ("base64", base64(token.as_bytes())),
        ("base64 of the password", base64(password.as_bytes())),
        (
            "base64 for URLs",
            base64(token.as_bytes()).replace('+', "-").replace('/', "_"),
        ),
    ];
    // What `before` and the end have no part in.
    for (name, before) in [
        ("base64 behind one byte", "x"),
        ("base64 behind two bytes", "xx"),
    ] {
        let text = base64(format!("{before}{token}").as_bytes());
        let whole = (before.len() + token.len()) * 8 / 6;
        forms.push((name, text[(before.len() * 8).div_ceil(6)..whole].to_owned()));
    }
    forms
}

/// What holds none of them.
#[track_caller]
pub(crate) fn is_nowhere_in(token: &str, text: &str, what: &str) {
    for (name, form) in forms(token) {
        assert!(
            !text.contains(&form),
            "{what} holds the token ({name}, `{form}`): {text}"
        );
    }
}

pub(crate) fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let word = three
            .iter()
            .fold(0_u32, |word, byte| word << 8 | u32::from(*byte))
            << (8 * (3 - three.len()));
        for digit in 0..=three.len() {
            text.push(char::from(DIGITS[(word >> (18 - 6 * digit) & 63) as usize]));
        }
    }
    let _ = write!(text, "{}", "=".repeat((3 - bytes.len() % 3) % 3));
    text
}
