//! Takes a credential out of what Milvus answers, in whatever form it stands there.
//!
//! | form | how each of its characters may stand |
//! |---|---|
//! | as it is | itself, `\u00XX` or `\xXX` in any case, `%XX` (`%25XX`), behind any number of backslashes: JSON, JSON within JSON, and all mixed |
//! | hexadecimal | as above, in any case; blanks, `:` and `-` may stand between |
//! | base64, at each place within longer text, both alphabets | as above; blanks and line breaks may stand between |
//!
//! One pass forward, no tree, no regular expression: time is linear in the text (times the length of the token, if that
//! repeats itself), and the text is changed in place.

use zeroize::Zeroizing;

/// What stands for a credential in a text that held it. Never longer than what it replaces.
const MARK: &[u8] = b"[redacted]";
const SHORT_MARK: &[u8] = b"[...]";
/// Milvus' shortest password; a shorter text would be found in innocent answers.
const SHORTEST: usize = 6;
/// A password is looked for without its user from this length on. Milvus' public default, `Milvus`, is no secret.
const SHORTEST_ALONE: usize = 8;
/// Signs of escaping, and gaps, that are looked behind in front of one letter; a row of the same plain ones counts as one.
const IN_FRONT: usize = 12;
/// How often the `%` of a `%XX` may be escaped itself.
const PERCENTS: usize = 2;

/// Looks for credentials, and for the password of each `user:password`.
pub struct Redaction {
    needles: Vec<Needle>,
    /// Which needles begin with a byte.
    firsts: Zeroizing<Vec<Vec<usize>>>,
    /// A bit for each two bytes with which a spelling of a needle may begin.
    beginnings: Zeroizing<Vec<u64>>,
}

struct Needle {
    bytes: Zeroizing<Vec<u8>>,
    form: Form,
}

#[derive(Clone, Copy, PartialEq)]
enum Form {
    Plain,
    Hexadecimal,
    Base64,
}

impl Redaction {
    /// Looks for these, where they have at least 6 bytes, and for passwords of at least 8; backslashes do not count.
    #[must_use]
    pub fn new<'a>(tokens: impl IntoIterator<Item = &'a str>) -> Self {
        let secrets = tokens.into_iter().flat_map(|token| {
            let alone = token.split_once(':').map(|(_, word)| word);
            [(Some(token), SHORTEST), (alone, SHORTEST_ALONE)]
        });
        let mut redaction = Self {
            needles: Vec::new(),
            firsts: Zeroizing::new(vec![Vec::new(); 1 << 8]),
            beginnings: Zeroizing::new(vec![0; 1 << 10]),
        };
        for (secret, shortest) in secrets {
            let Some(secret) = secret else { continue };
            let plain = without_backslashes(secret);
            if plain.len() < shortest {
                continue;
            }
            redaction.add(plain, Form::Plain);
            let secret = secret.as_bytes();
            redaction.add(hexadecimal(secret), Form::Hexadecimal);
            for shift in 0..3 {
                redaction.add(base64_within(secret, shift), Form::Base64);
            }
        }
        redaction
    }

    fn add(&mut self, bytes: Zeroizing<Vec<u8>>, form: Form) {
        let (Some(&first), Some(&second)) = (bytes.first(), bytes.get(1)) else {
            return;
        };
        let all = || 0..=u8::MAX;
        for one in all().filter(|byte| form.letter(*byte) == first) {
            let follows = |byte: &u8| {
                form.letter(*byte) == second || form.is_gap(*byte) || matches!(byte, b'\\' | b'%')
            };
            all().filter(follows).for_each(|two| self.begins(one, two));
            self.begins(b'\\', one);
            self.firsts[usize::from(one)].push(self.needles.len());
        }
        b"\\ux%".iter().for_each(|two| self.begins(b'\\', *two));
        all()
            .filter(u8::is_ascii_hexdigit)
            .for_each(|two| self.begins(b'%', two));
        self.needles.push(Needle { bytes, form });
    }

    fn begins(&mut self, one: u8, two: u8) {
        let (word, bit) = place(one, two);
        self.beginnings[word] |= bit;
    }

    /// Replaces what is found by `[redacted]`; says how often.
    ///
    /// Replaced, not refused: a token may well be a word that stands in somebody's rows.
    pub fn redact(&self, text: &mut Vec<u8>) -> u64 {
        let (mut count, mut read, mut written) = (0, 0, 0);
        while let Some((start, end)) = self.find(text, read) {
            let mark = if end - start < MARK.len() {
                SHORT_MARK
            } else {
                MARK
            };
            text.copy_within(read..start, written);
            written += start - read;
            text[written..written + mark.len()].copy_from_slice(mark);
            written += mark.len();
            read = end;
            count += 1;
        }
        if count > 0 {
            text.copy_within(read.., written);
            let length = written + text.len() - read;
            text[length..].fill(0);
            text.truncate(length);
        }
        count
    }

    /// Whether anything is found.
    #[must_use]
    pub fn finds(&self, text: &[u8]) -> bool {
        self.find(text, 0).is_some()
    }

    /// The first place at or behind `from`.
    fn find(&self, text: &[u8], from: usize) -> Option<(usize, usize)> {
        let (mut ends, mut read) = (Ends::default(), from);
        for (at, pair) in text.windows(2).enumerate().skip(from) {
            let (word, bit) = place(pair[0], pair[1]);
            if self.beginnings[word] & bit == 0 {
                continue;
            }
            // What stands behind signs of escaping was looked at from the first of them.
            if matches!(pair[0], b'\\' | b'%') && at < read {
                continue;
            }
            let mut longest = None;
            read = Form::Plain.readings(text, at, |value, behind| {
                for needle in &self.firsts[usize::from(value)] {
                    longest = longest.max(self.needles[*needle].end(text, behind, &mut ends));
                }
            });
            if let Some(end) = longest {
                return Some((at, end));
            }
        }
        None
    }
}

impl std::fmt::Debug for Redaction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Redaction(..)")
    }
}

fn place(one: u8, two: u8) -> (usize, u64) {
    (
        usize::from(one) << 2 | usize::from(two >> 6),
        1 << (two & 63),
    )
}

/// Where the spellings of a needle's beginning end: more than one place where a `%`, `u` or `x` may stand for itself or
/// begin an escape.
#[derive(Default)]
struct Ends {
    now: Vec<usize>,
    next: Vec<usize>,
}

impl Needle {
    /// The end of the longest spelling whose first letter ends at `at`.
    fn end(&self, text: &[u8], at: usize, ends: &mut Ends) -> Option<usize> {
        let Ends { now, next } = ends;
        now.clear();
        now.push(at);
        for letter in self.bytes.iter().skip(1) {
            // By far the most: one letter, that stands for itself or for nothing that is looked for.
            if let [at] = now.as_mut_slice() {
                let byte = *text.get(*at)?;
                if byte != b'%' && self.form.letter(byte) == *letter {
                    *at += 1;
                    continue;
                }
                if !matches!(byte, b'\\' | b'%') && !self.form.is_gap(byte) {
                    return None;
                }
            }
            next.clear();
            for at in now.iter() {
                self.form.readings(text, *at, |value, end| {
                    if self.form.letter(value) == *letter {
                        next.push(end);
                    }
                });
            }
            next.sort_unstable();
            next.dedup();
            std::mem::swap(now, next);
        }
        now.last().copied()
    }
}

impl Form {
    /// The letter of a needle that a byte of a text stands for.
    fn letter(self, byte: u8) -> u8 {
        match (self, byte) {
            (Self::Hexadecimal, _) => byte.to_ascii_lowercase(),
            (Self::Base64, b'-') => b'+',
            (Self::Base64, b'_') => b'/',
            _ => byte,
        }
    }

    /// Whether a byte may stand between two letters, and means nothing.
    fn is_gap(self, byte: u8) -> bool {
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' => self != Self::Plain,
            b':' | b'-' => self == Self::Hexadecimal,
            _ => false,
        }
    }

    /// What the next letter at `at` may be, and where its spelling ends. Answers how far it read in front of one.
    fn readings(self, text: &[u8], mut at: usize, mut found: impl FnMut(u8, usize)) -> usize {
        let mut escaped = false;
        for _ in 0..IN_FRONT {
            let rest = &text[at..];
            let Some(&first) = rest.first() else { break };
            let mut behind = None;
            let mut read = |value: u8, length: usize| {
                if value == b'\\' || self.is_gap(value) {
                    behind = Some((at + length, value == b'\\'));
                } else {
                    found(value, at + length);
                }
            };
            if first == b'\\' || self.is_gap(first) {
                let same = rest.iter().take_while(|byte| **byte == first);
                read(first, same.count());
            } else {
                read(first, 1);
            }
            match first {
                b'%' => percent(rest, read),
                b'u' if escaped && rest[1..].starts_with(b"00") => hex(rest, 3, read),
                b'x' if escaped => hex(rest, 1, read),
                b'n' | b'r' | b't' if escaped && self != Self::Plain => read(b'\n', 1),
                _ => {}
            }
            let Some(next) = behind else { break };
            (at, escaped) = next;
        }
        at
    }
}

/// Reads `%XX`, `%25XX` and so on.
fn percent(text: &[u8], mut read: impl FnMut(u8, usize)) {
    let mut at = 1;
    while at <= 1 + 2 * PERCENTS {
        hex(text, at, &mut read);
        if !text[at..].starts_with(b"25") {
            return;
        }
        at += 2;
    }
}

/// Reads two hexadecimal digits at `at`.
fn hex(text: &[u8], at: usize, mut read: impl FnMut(u8, usize)) {
    let digit = |at| char::from(*text.get(at)?).to_digit(16);
    if let (Some(high), Some(low)) = (digit(at), digit(at + 1)) {
        read((high << 4 | low) as u8, at + 2);
    }
}

fn without_backslashes(secret: &str) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(secret.len()));
    bytes.extend(secret.bytes().filter(|byte| *byte != b'\\'));
    bytes
}

fn hexadecimal(secret: &[u8]) -> Zeroizing<Vec<u8>> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = Zeroizing::new(Vec::with_capacity(secret.len() * 2));
    for byte in secret {
        text.extend([byte >> 4, byte & 15].map(|digit| DIGITS[usize::from(digit)]));
    }
    text
}

/// The characters of base64 that `secret` alone decides when it stands `shift` bytes behind a multiple of three.
fn base64_within(secret: &[u8], shift: usize) -> Zeroizing<Vec<u8>> {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bit = |at: usize| (secret[at / 8] >> (7 - at % 8)) & 1;
    let bits = secret.len() * 8;
    let first = (6 - shift * 8 % 6) % 6;
    let mut text = Zeroizing::new(Vec::with_capacity(bits / 6));
    for at in (first..).step_by(6).take_while(|at| at + 6 <= bits) {
        let six = (at..at + 6).fold(0, |sum, at| sum << 1 | bit(at));
        text.push(LETTERS[usize::from(six)]);
    }
    text
}

#[cfg(test)]
mod tests;
