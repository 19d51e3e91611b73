//! Takes a credential out of what Milvus answers, in whatever form it stands there.
//!
//! | form | how each of its characters may stand |
//! |---|---|
//! | as it is | itself, `\u00XX` or `\xXX` in any case, `%XX`, `%25XX` and so on, behind any number of backslashes: JSON, JSON within JSON, and all mixed |
//! | hexadecimal | as above, in any case; blanks, `:` and `-` may stand between |
//! | base64, at each place within longer text, both alphabets | as above; blanks and line breaks may stand between |
//!
//! What is looked for is the secret part: the password of `user:password`, or all of an API key.
//!
//! Time is linear in the text: where following what begins like a secret takes more than [`STEPS`] for each byte, which
//! takes a server that means it, the rest of the text is taken out. And time does not tell how much of a secret a text
//! holds: a component that could measure that would learn it letter by letter. So the beginnings of all forms, [`WINDOW`]
//! bytes of the secret in each, are searched for at once, bit-parallel (Baeza-Yates and Gonnet's Shift-And), with the same
//! steps whatever they are; see [`Lane`]. Only a whole window is seen in the time.

use std::collections::VecDeque;

use zeroize::Zeroizing;

/// What stands for a credential in a text that held it. Never longer than what it replaces.
const MARK: &[u8] = b"[redacted]";
const SHORT_MARK: &[u8] = b"[...]";
/// Milvus' shortest password; a shorter text would be found in innocent answers.
const SHORTEST: usize = 6;
/// A password is looked for without its user from this length on. Milvus' public default, `Milvus`, is no secret.
const SHORTEST_ALONE: usize = 8;
/// How many bytes of a secret are searched for at once: as many as have room for all of their forms in 64 bits.
const WINDOW: usize = 9;
/// Bytes that mean nothing in some form.
const GAPS: [u8; 6] = *b" \t\r\n:-";
/// Steps for each byte of a text on the ways of what begins like a secret: some four times what a text of nothing but secrets
/// takes. A server can have more of them taken by what is spelled in many ways in front of half a secret, without end.
const STEPS: usize = 16;
/// More than the longest spelling of a byte, and a power of two.
const AHEAD: usize = 8;

/// Looks for credentials.
pub struct Redaction {
    /// One for each token that is long enough.
    lanes: Vec<Lane>,
}

/// One secret in all of its forms.
///
/// A text is read from its end to its beginning. A set of bits says for a place in it which tails of the forms' first
/// letters stand right there, however they are spelled.
struct Lane {
    needles: Vec<Needle>,
    /// For each byte, the bits whose letter it is, and those of the forms in which it means nothing, but for the whole
    /// ones: a match begins at a letter.
    bytes: Zeroizing<Vec<[u64; 2]>>,
    /// The bits of the last letters, where a match may end.
    last: u64,
    /// The bits that say that all letters stand there.
    whole: u64,
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

/// What stands in front of a place, and decides how it may be read.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Behind {
    Anything,
    /// Whatever the backslash was spelled as.
    Backslash,
    Percent,
}

impl Redaction {
    /// Looks for these, where they have at least 6 bytes; of `user:password`, for a password of at least 8 alone, and for
    /// a shorter one with the bytes before it that make 9 of them. Backslashes do not count.
    #[must_use]
    pub fn new<'a>(tokens: impl IntoIterator<Item = &'a str>) -> Self {
        Self {
            lanes: tokens.into_iter().filter_map(Lane::new).collect(),
        }
    }

    /// Replaces what is found by `[redacted]`; says how often.
    ///
    /// Replaced, not refused: a token may well be a word that stands in somebody's rows.
    pub fn redact(&self, text: &mut Vec<u8>) -> u64 {
        let starts = self.starts(text);
        let mut ways = Ways {
            steps: text.len().saturating_mul(STEPS).saturating_add(1 << 16),
            ..Ways::default()
        };
        let (mut count, mut read, mut written) = (0, 0, 0);
        for start in starts.ascending() {
            if start < read {
                continue;
            }
            let Some(end) = self.end(text, start, &mut ways) else {
                continue;
            };
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

    fn starts(&self, text: &[u8]) -> Places {
        let mut starts = Places::default();
        for lane in &self.lanes {
            lane.starts(text, &mut starts);
        }
        starts
    }

    /// Where the longest ends of what begins at `start`.
    fn end(&self, text: &[u8], start: usize, ways: &mut Ways) -> Option<usize> {
        let needles = self.lanes.iter().flat_map(|lane| &lane.needles);
        needles
            .filter_map(|needle| needle.end(text, start, ways))
            .max()
    }
}

impl std::fmt::Debug for Redaction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Redaction(..)")
    }
}

/// The part of a token that is looked for.
fn secret(token: &str) -> &str {
    let letters = |text: &str| text.bytes().filter(|byte| *byte != b'\\').count();
    match token.split_once(':') {
        None => token,
        Some((_, password)) if letters(password) >= SHORTEST_ALONE => password,
        Some(_) => {
            let tails = token.char_indices().map(|(at, _)| &token[at..]);
            let mut short = tails.filter(|tail| letters(tail) <= WINDOW);
            short.next().unwrap_or_default()
        }
    }
}

impl Lane {
    fn new(token: &str) -> Option<Self> {
        let secret = secret(token);
        let plain = without_backslashes(secret);
        if plain.len() < SHORTEST {
            return None;
        }
        let secret = secret.as_bytes();
        let mut lane = Self {
            needles: Vec::new(),
            bytes: Zeroizing::new(vec![[0; 2]; 1 << 8]),
            last: 0,
            whole: 0,
        };
        let mut bit = 1;
        let mut add = |bytes, form| bit = lane.add(Needle { bytes, form }, bit);
        add(plain, Form::Plain);
        add(hexadecimal(secret), Form::Hexadecimal);
        (0..3).for_each(|shift| add(base64_within(secret, shift), Form::Base64));
        Some(lane)
    }

    /// Adds a form from `bit` on; answers the bit behind it.
    fn add(&mut self, needle: Needle, mut bit: u64) -> u64 {
        let form = needle.form;
        self.last |= bit;
        let window = needle.window();
        for (place, letter) in needle.bytes[..window].iter().rev().enumerate() {
            let whole = place + 1 == window;
            self.whole |= if whole { bit } else { 0 };
            let spellings = [*letter, letter.to_ascii_uppercase(), b'-', b'_'];
            for byte in spellings
                .into_iter()
                .filter(|byte| form.letter(*byte) == *letter)
            {
                self.bytes[usize::from(byte)][0] |= bit;
            }
            for byte in GAPS.into_iter().filter(|byte| form.is_gap(*byte) && !whole) {
                self.bytes[usize::from(byte)][1] |= bit;
            }
            bit <<= 1;
        }
        self.needles.push(needle);
        bit
    }

    /// Notes where a form's first letters begin.
    fn starts(&self, text: &[u8], starts: &mut Places) {
        // What stands at the next places, for each of `Behind`: no spelling of a byte is longer.
        let mut ahead = [[0_u64; 3]; AHEAD];
        let mut here = 0;
        let mut next = text.last().copied().unwrap_or_default();
        for at in (0..text.len()).rev() {
            let value = next;
            next = at.checked_sub(1).map_or(0, |before| text[before]);
            // By far the most ends no spelling of a backslash or a `%`.
            if SECOND[usize::from(value)] & FIRST[usize::from(next)] == 0 {
                here = self.letter(value, here);
            } else {
                for behind in [Behind::Backslash, Behind::Percent] {
                    ahead[(at + 1) % AHEAD][behind as usize] =
                        self.bits(behind, text, at + 1, &ahead);
                }
                here = self.bits(Behind::Anything, text, at, &ahead);
            }
            ahead[at % AHEAD][0] = here;
            if here & self.whole != 0 {
                starts.add(at, text.len());
            }
        }
    }

    /// What stands at a place, by what stands at the next ones.
    fn bits(&self, behind: Behind, text: &[u8], at: usize, ahead: &[[u64; 3]; AHEAD]) -> u64 {
        let mut bits = 0;
        behind.readings(text, at, |value, end| {
            let [anything, backslash, percent] = ahead[end % AHEAD];
            bits |= match value {
                b'\\' => backslash,
                b'%' => self.letter(value, anything) | percent,
                _ => self.letter(value, anything),
            };
        });
        bits
    }

    /// What stands where `value` does, by what stands behind it.
    #[inline]
    fn letter(&self, value: u8, behind: u64) -> u64 {
        let [letters, gaps] = self.bytes[usize::from(value)];
        (behind << 1 | self.last) & letters | behind & gaps
    }
}

/// How a backslash or a `%` may end: as itself behind anything, as `5c`, as `25`. A bit for each of the three in both
/// tables, by the byte and by the one before it.
const SECOND: [u8; 1 << 8] = {
    let mut table = [0; 1 << 8];
    (table[b'\\' as usize], table[b'%' as usize]) = (1, 1);
    (table[b'c' as usize], table[b'C' as usize]) = (2, 2);
    table[b'5' as usize] = 4;
    table
};
const FIRST: [u8; 1 << 8] = {
    let mut table = [1; 1 << 8];
    (table[b'5' as usize], table[b'2' as usize]) = (1 | 2, 1 | 4);
    table
};

/// Where the letters so far may end, and whether they are the needle's.
#[derive(Default)]
struct Ways {
    now: VecDeque<Way>,
    next: VecDeque<Way>,
    /// Steps that may still be taken in this text.
    steps: usize,
}

type Way = (usize, Behind, bool);

impl Needle {
    /// How many of its letters are searched for at once.
    fn window(&self) -> usize {
        let most = match self.form {
            Form::Plain => WINDOW,
            Form::Hexadecimal => WINDOW * 2,
            Form::Base64 => WINDOW * 4 / 3,
        };
        most.min(self.bytes.len())
    }

    /// The end of the longest spelling that begins at `start`.
    ///
    /// A wrong way is followed where no right one is left, to the end of the window and behind it to the end of the
    /// needle, so that the time does not say where it went wrong. Where all steps are taken, the rest of the text is the
    /// spelling: too much rather than too little.
    fn end(&self, text: &[u8], start: usize, ways: &mut Ways) -> Option<usize> {
        let (Ways { now, next, steps }, window) = (ways, self.window());
        now.clear();
        next.clear();
        now.push_back((start, Behind::Anything, true));
        for (place, letter) in self.bytes.iter().enumerate() {
            if place == window && !now.iter().any(|(_, _, right)| *right) {
                return None;
            }
            // By far the most: one way, and a byte that stands for itself.
            if now.len() == 1
                && let Some((at, Behind::Anything, right)) = now.front_mut()
                && let Some(&byte) = text.get(*at)
                && !matches!(byte, b'\\' | b'%')
                && !self.form.is_gap(byte)
            {
                *at += 1;
                *right &= self.form.letter(byte) == *letter;
                *steps = steps.saturating_sub(1);
                continue;
            }
            while let Some((at, behind, right)) = now.pop_front() {
                let Some(left) = steps.checked_sub(1) else {
                    return Some(text.len());
                };
                *steps = left;
                behind.readings(text, at, |value, end| {
                    if value == b'\\' {
                        reach(now, (end, Behind::Backslash, right));
                    } else if self.form.is_gap(value) {
                        reach(now, (end, Behind::Anything, right));
                    } else {
                        if value == b'%' {
                            reach(now, (end, Behind::Percent, right));
                        }
                        let right = right & (self.form.letter(value) == *letter);
                        // Of the wrong ways one is enough.
                        if right || next.is_empty() {
                            reach(next, (end, Behind::Anything, right));
                        }
                    }
                });
            }
            if next.iter().any(|(_, _, right)| *right) {
                next.retain(|(_, _, right)| *right);
            } else {
                next.truncate(1);
            }
            std::mem::swap(now, next);
        }
        let right = now.iter().filter(|(_, _, right)| *right);
        right.map(|(end, ..)| *end).max()
    }
}

/// Adds a way, in their order, each place once.
fn reach(ways: &mut VecDeque<Way>, (at, behind, right): Way) {
    match ways.binary_search_by_key(&(at, behind), |(at, behind, _)| (*at, *behind)) {
        Ok(known) => ways[known].2 |= right,
        Err(gap) => ways.insert(gap, (at, behind, right)),
    }
}

impl Behind {
    /// What the byte at `at` may mean, and where its spelling ends.
    fn readings(self, text: &[u8], at: usize, mut found: impl FnMut(u8, usize)) {
        let rest = &text[at..];
        let Some(&first) = rest.first() else { return };
        if self != Self::Percent {
            found(first, at + 1);
        }
        let (digits, escaped) = match (self, first) {
            (Self::Percent, _) => (0, true),
            (Self::Backslash, b'u') => (3, rest[1..].starts_with(b"00")),
            (Self::Backslash, b'x') => (1, true),
            (Self::Backslash, b'n' | b'r' | b't') => return found(b'\n', at + 1),
            _ => return,
        };
        let digit = |at| char::from(*rest.get(at)?).to_digit(16);
        if let (true, Some(high), Some(low)) = (escaped, digit(digits), digit(digits + 1)) {
            found((high << 4 | low) as u8, at + digits + 2);
        }
    }
}

/// Places in a text, as a bit for each; none as long as there is none.
#[derive(Default)]
struct Places(Vec<u64>);

impl Places {
    fn add(&mut self, at: usize, of: usize) {
        if self.0.is_empty() {
            self.0.resize(of.div_ceil(64), 0);
        }
        self.0[at / 64] |= 1 << (at % 64);
    }

    fn ascending(&self) -> impl Iterator<Item = usize> {
        let words = self.0.iter().enumerate().filter(|(_, word)| **word != 0);
        words.flat_map(|(place, word)| {
            let bits = (0..64).filter(move |bit| word >> bit & 1 == 1);
            bits.map(move |bit| place * 64 + bit)
        })
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
        match self {
            Self::Plain => false,
            Self::Hexadecimal => GAPS.contains(&byte),
            Self::Base64 => GAPS[..4].contains(&byte),
        }
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
