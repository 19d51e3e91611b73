use super::*;

const TOKEN: &str = "root.M1lvus/secret?~>";

fn redacted_of(tokens: &[&str], text: &str) -> (String, u64) {
    let mut bytes = text.as_bytes().to_vec();
    let count = Redaction::new(tokens.iter().copied()).redact(&mut bytes);
    (String::from_utf8(bytes).expect("text"), count)
}

fn redacted(text: &str) -> (String, u64) {
    redacted_of(&[TOKEN], text)
}

/// The same numbers in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((self.0 >> 11) % sides as u64) as usize
    }

    fn text(&mut self, letters: &[u8], length: usize) -> String {
        (0..length)
            .map(|_| char::from(letters[self.roll(letters.len())]))
            .collect()
    }

    /// What a credential may consist of: visible ASCII.
    fn token(&mut self) -> String {
        let visible: Vec<u8> = (b'!'..=b'~').collect();
        let length = 8 + self.roll(40);
        self.text(&visible, length)
    }
}

/// Writes `byte` in one of the ways that an encoder of some kind might.
fn spelled(byte: u8, way: usize) -> String {
    let letter = char::from(byte);
    let escaped = if letter.is_ascii_alphanumeric() {
        ""
    } else {
        "\\"
    };
    match way {
        0 => format!("\\u{byte:04x}"),
        1 => format!("\\u{byte:04X}"),
        2 => format!("\\\\u{byte:04x}"),
        3 => format!("\\\\\\\\u00{byte:02X}"),
        4 => format!("%{byte:02x}"),
        5 => format!("%{byte:02X}"),
        6 => format!("%25{byte:02X}"),
        7 => format!("\\x{byte:02x}"),
        8 => format!("{escaped}{letter}"),
        9 => format!("{escaped}{escaped}{escaped}{letter}"),
        10 => format!("\\u005cu{byte:04x}"),
        _ => letter.to_string(),
    }
}

#[test]
fn t33_the_token_is_taken_out_in_every_form() {
    for form in [
        TOKEN,
        "726f6f742e4d316c7675732f7365637265743f7e3e",
        "726F6F742E4D316C7675732F7365637265743F7E3E",
        "72 6f 6f 74 2e 4d 31 6c 76 75 73 2f 73 65 63 72 65 74 3f 7e 3e",
        "72-6F-6F-74-2E-4D-31-6C-76-75-73-2F-73-65-63-72-65-74-3F-7E-3E",
        "72:6f:6f:74:2e:4d:31:6c:76:75:73:2f:73:65:63:72:65:74:3f:7e:3e",
        "\\x72\\x6f\\x6f\\x74\\x2e\\x4d1lvus/secret?~>",
        "root%2EM1lvus%2Fsecret%3F~%3E",
        "root%2eM1lvus%2fsecret%3f~%3e",
        "r%6fot%252EM1lvus%25252fsecret?~>",
        "root.M1lvus/secret?~\\u003e",
        "\\u0072oot.M1lvus\\/secret?~\\u003E",
        "root.M1lvus\\\\\\/secret?~\\\\u003e",
        "root\\u002eM1lvus%2Fsecret%3f~\\\\\\\\u003E",
        "root.M1lvus%5Cu002fsecret?~>",
        "cm9vdC5NMWx2dXMvc2VjcmV0P34+",
        "cm9vdC5NMWx2dXMvc2VjcmV0P34-",
        "cm9vdC5NMWx2\\ndXMvc2VjcmV0\\r\\nP34\\u002B",
        "cm9vdC5NMWx2\r\n  dXMvc2VjcmV0%0AP34%2b",
    ] {
        assert_eq!(
            redacted(&format!("{{\"a\":\"{form}\"}}")),
            ("{\"a\":\"[redacted]\"}".to_owned(), 1),
            "{form}"
        );
        // What stands between its letters, and means nothing there, stays in front of it.
        let behind_a_gap = redacted(&format!("a - {form}"));
        assert_eq!(behind_a_gap, ("a - [redacted]".to_owned(), 1), "{form}");
    }
}

#[test]
fn t33_forms_that_follow_each_other_are_each_taken_out() {
    // As long as what is searched for at once: what stands behind a form is the next one's first letter.
    const SHORT: &str = "M1lvus-ok";
    let forms = [
        SHORT,
        "4d316c7675732d6f6b",
        "TTFsdnVzLW9r",
        "4d316c7675732D6F6B",
    ];
    for (first, second) in forms
        .iter()
        .flat_map(|first| forms.map(|second| (first, second)))
    {
        let (text, count) = redacted_of(&[SHORT], &format!("{first}{second}"));
        let left = text.replace("[redacted]", "").replace("[...]", "");
        assert_eq!((left.as_str(), count), ("", 2), "{first} {second}");
    }
}

#[test]
fn t33_base64_of_longer_text_around_the_token_is_taken_out_but_for_its_ends() {
    // `Bearer <token>`, `x<token>` and `xx<token>`: the outer characters belong to the neighbours.
    for (form, left) in [
        (
            "QmVhcmVyIHJvb3QuTTFsdnVzL3NlY3JldD9+Pg==",
            "QmVhcmVyIH[redacted]g==",
        ),
        ("eHJvb3QuTTFsdnVzL3NlY3JldD9-Pg==", "eH[redacted]g=="),
        ("eHhyb290Lk0xbHZ1cy9zZWNyZXQ/fj4=", "eHh[redacted]4="),
        ("eHhyb290Lk0xbHZ1cy9zZWNyZXQ_fj4=", "eHh[redacted]4="),
    ] {
        assert_eq!(redacted(form), (left.to_owned(), 1), "{form}");
    }
}

#[test]
fn t33_100_000_random_tokens_are_found_however_their_characters_are_written() {
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    for case in 0..100_000 {
        let token = dice.token();
        let plain: String = token.chars().filter(|letter| *letter != '\\').collect();
        if plain.len() < SHORTEST {
            continue;
        }
        // From no character to all of them in a form of its own, or all in the same.
        let (share, same) = (dice.roll(13), dice.roll(12));
        let user = token.len() - secret(&token).len();
        let (mut before_it, mut form) = (String::new(), String::new());
        for (at, byte) in token.bytes().enumerate() {
            let way = match share {
                12 => same,
                _ if dice.roll(12) < share => dice.roll(12),
                _ => 11,
            };
            let part = if at < user { &mut before_it } else { &mut form };
            part.push_str(&spelled(byte, way));
        }
        let (before, after) = (dice.roll(20), dice.roll(20));
        let before = dice.text(b"abc ,:;{}[]0123456789.", before) + &before_it;
        let after = dice.text(b"abc ,:;{}[]0123456789.", after);
        let (clean, count) = redacted_of(&[&token], &format!("{before}{form}{after}"));
        // Of a `\` at its end, some may be left; to a `%`, digits behind it may belong.
        let vague = token.ends_with(['\\', '%']);
        let marks = ["[redacted]", "[...]"].map(|mark| format!("{before}{mark}"));
        assert!(
            count == 1
                && marks.iter().any(|mark| {
                    let rest = clean.strip_prefix(mark);
                    rest == Some(&after) || rest.is_some() && vague
                }),
            "{case}: `{token}` as `{form}` between `{before}` and `{after}` became `{clean}`"
        );
    }
}

#[test]
fn t33_random_tokens_are_found_in_base64_and_hexadecimal_within_longer_text() {
    use std::fmt::Write as _;
    let mut dice = Dice(0xd1b5_4a32_d192_ed03);
    for case in 0..20_000 {
        let token = dice.token();
        if token.bytes().filter(|byte| *byte != b'\\').count() < SHORTEST {
            continue;
        }
        let (before, after) = (dice.roll(5), dice.roll(5));
        let inner = [
            dice.text(b"ab\"1", before),
            token.clone(),
            dice.text(b"ab\"1", after),
        ]
        .concat();
        // Whole bytes: the encoder's own zeros stand where no text follows.
        let mut base64 = base64_within(inner.as_bytes(), 0).to_vec();
        base64.push(b'=');
        if case % 2 == 0 {
            for byte in &mut base64 {
                *byte = match *byte {
                    b'+' => b'-',
                    b'/' => b'_',
                    other => other,
                };
            }
        }
        for width in [4, 64, 76] {
            let lines: Vec<_> = base64.chunks(width).map(String::from_utf8_lossy).collect();
            let (_, count) = redacted_of(&[&token], &lines.join("\r\n"));
            assert!(count >= 1, "{case}: `{inner}` for `{token}` in base64");
        }
        let digits = inner.bytes().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02X}");
            text
        });
        assert!(
            redacted_of(&[&token], &digits).1 >= 1,
            "{case}: `{inner}` in hexadecimal"
        );
    }
}

#[test]
fn texts_without_the_token_stay_as_they_are() {
    let mut dice = Dice(0x2545_f491_4f6c_dd1d);
    let letters: Vec<u8> = (b' '..=b'~')
        .chain(*b"\\\\\\\\\\%%%%%uuu0000\n\r\"\"")
        .collect();
    for case in 0..100_000 {
        let token = dice.token();
        let length = dice.roll(400);
        let text = dice.text(&letters, length);
        assert_eq!(
            redacted_of(&[&token], &text),
            (text.clone(), 0),
            "{case}: `{token}`"
        );
    }
    for text in [
        "",
        "r",
        "root",
        "root.M1lvus/secret?~",
        "M1lvus/secret?~",
        "\\",
        "%",
        "\\u00",
    ] {
        assert_eq!(redacted(text), (text.to_owned(), 0), "{text}");
    }
}

#[test]
fn what_only_looks_like_an_escape_is_none() {
    for text in [
        "u0061n-api-key",
        "x61n-api-key",
        "\\u0161n-api-key",
        "\\61n-api-key",
        "%6n-api-key",
        // Base64 of it, with a letter too many.
        "YW4tYXnBpLWtleQ==",
        // Behind a blank, what would be an escape behind a backslash.
        "YW4 u0074YXBpLWtleQ==",
        "YW4 x74YXBpLWtleQ==",
        "YW4 ntYXBpLWtleQ==",
    ] {
        assert_eq!(redacted_of(&["an-api-key"], text), (text.to_owned(), 0));
    }
}

#[test]
fn several_places_are_taken_out_and_the_rest_stays() {
    let text = format!("{TOKEN}, {TOKEN}{TOKEN} and {}", &TOKEN[..10]);
    assert_eq!(
        redacted(&text),
        (
            format!("[redacted], [redacted][redacted] and {}", &TOKEN[..10]),
            3
        )
    );
}

#[test]
fn what_was_json_is_json_afterwards() {
    for json in [
        "{\"a\":\"\\\\\\u0072oot.M1lvus/secret?~>\\n\"}",
        "{\"a\":\"\\nroot.M1lvus/secret?~>\"}",
        "[\"\\\\root.M1lvus\\/secret?~>\",\"\\\"\"]",
    ] {
        let (clean, count) = redacted(json);
        assert_eq!(count, 1, "{json}");
        let read: Result<serde_json::Value, _> = serde_json::from_str(&clean);
        assert!(read.is_ok(), "{json} became {clean}");
    }
    // `\root`: a carriage return in JSON. It goes with what stands behind it.
    assert_eq!(
        redacted("[\"\\root.M1lvus/secret?~>\"]").0,
        "[\"[redacted]\"]"
    );
}

#[test]
fn t33_t79_a_password_alone_is_taken_out_if_it_is_long_enough_to_be_a_secret() {
    for (token, text, left) in [
        ("root:long-enough", "it is long-enough", "it is [redacted]"),
        ("root:8letters", "8letters", "[...]"),
        ("root:with:colon", "with:colon", "[redacted]"),
        ("root:long-enough", "bG9uZy1lbm91Z2g=", "[redacted]g="),
        (
            "root:Milvus",
            "Milvus has no secret",
            "Milvus has no secret",
        ),
        ("root:7letter", "7letter", "7letter"),
        ("root:7letter", "root:7letter", "roo[...]"),
        ("root:7letter", "cm9vdDo3bGV0dGVy", "cm9v[redacted]"),
        ("an-api-key", "an-api-key", "[redacted]"),
        ("an-api-key", "an-api", "an-api"),
    ] {
        assert_eq!(redacted_of(&[token], text).0, left, "{token}");
    }
}

#[test]
fn a_short_token_is_not_searched_for() {
    assert_eq!(redacted_of(&["a:bcd"], "a:bcd"), ("a:bcd".to_owned(), 0));
    assert_eq!(redacted_of(&["a:bcde"], "a:bcde"), ("[...]".to_owned(), 1));
    // Backslashes mean nothing in a text that may be escaped.
    assert_eq!(redacted_of(&["\\\\\\\\\\abc"], "abc \\\\\\abc").1, 0);
    assert_eq!(redacted_of(&[], "anything"), ("anything".to_owned(), 0));
    assert_eq!(redacted_of(&[""], "anything"), ("anything".to_owned(), 0));
}

#[test]
fn t33_every_one_of_several_tokens_is_taken_out() {
    let tokens = ["root:the-old-one", "root:the-new-one"];
    assert_eq!(
        redacted_of(&tokens, "root:the-new-one the-old-one root:the-old-one"),
        ("root:[redacted] [redacted] root:[redacted]".to_owned(), 3)
    );
    // The longer of two that begin alike, whichever came first.
    for tokens in [
        ["the-token", "the-token-and-more"],
        ["the-token-and-more", "the-token"],
    ] {
        let (clean, _) = redacted_of(&tokens, "a the-token-and-more.");
        assert_eq!(clean, "a [redacted].");
    }
}

#[test]
fn a_text_never_grows() {
    for token in ["abcdef", "root:abc", TOKEN] {
        let mut text = token.repeat(1000).into_bytes();
        let (length, capacity) = (text.len(), text.capacity());
        assert_eq!(Redaction::new([token]).redact(&mut text), 1000);
        assert!(text.len() <= length && text.capacity() == capacity);
    }
}

#[test]
fn what_is_printed_of_it_shows_nothing() {
    assert_eq!(format!("{:?}", Redaction::new([TOKEN])), "Redaction(..)");
}

/// Every text has an answer, and no answer holds the token.
#[test]
fn t33_a_million_texts_of_escapes_and_pieces_of_the_token_are_read_to_their_end() {
    let mut dice = Dice(0x853c_49e6_748f_ea9b);
    let tokens = [
        "%25u005c%2525x5c",
        "uu00xx%%",
        "\\u0072\\x72%72",
        "aaaaaaab",
        "root:%41\\\\\"/",
    ];
    let pieces: Vec<&[u8]> = vec![
        b"\\", b"\\\\", b"\\u00", b"\\u005c", b"\\x", b"%", b"%25", b"%5C", b"25", b"u00", b"72",
        b"5c", b"41", b"a", b"aaaa", b"b", b"u", b"x", b"\"", b"/", b"root:", b" ", b"\n", b"n",
        b"\xff", b"ABCD", b"Q",
    ];
    let redactions = tokens.map(|token| Redaction::new([token]));
    for case in 0..1_000_000 {
        let token = tokens[case % tokens.len()];
        let mut text = Vec::new();
        for _ in 0..dice.roll(24) {
            text.extend_from_slice(pieces[dice.roll(pieces.len())]);
        }
        if case % 3 == 0 {
            let at = dice.roll(text.len() + 1);
            text.splice(at..at, token.bytes());
        }
        redactions[case % tokens.len()].redact(&mut text);
        let held = text
            .windows(token.len())
            .any(|part| part == token.as_bytes());
        assert!(
            !held,
            "{case}: `{token}` in {}",
            String::from_utf8_lossy(&text)
        );
    }
}

/// A server can put a run of bytes that are spelled in many ways in front of what begins like a secret and is none.
#[test]
fn t33_t40_what_stands_in_front_of_half_a_secret_takes_no_time_without_end() {
    let secrets = [
        "cecret-tok.n-of-many-letters",
        "s3cret-tok.n-of-many-letters",
        "hecret-tok.n-of-many",
    ];
    let base64 = |text: &str| {
        let letters = base64_within(text.as_bytes(), 0);
        String::from_utf8_lossy(&letters).into_owned()
    };
    for secret in secrets {
        for run in [
            "\\", "\\u005c", "%5c", "%255c", "\\%5c", "%0a", "\\t", "%20",
        ] {
            for half in [
                secret[1..10].to_owned(),
                secret[..10].to_owned(),
                base64(&secret[..12])[1..].to_owned(),
            ] {
                let part = run.repeat((1 << 16) / run.len()) + &half + "!";
                let text = format!("{part}{part}{secret}");
                let started = std::time::Instant::now();
                let (shown, count) = redacted_of(&[secret], &text);
                assert!(count >= 1 && !shown.contains(secret), "{run} {half}");
                // It takes a second at most; each of them followed from each place took hours.
                assert!(started.elapsed().as_secs() < 20, "{run} {half}");
            }
        }
    }
}
