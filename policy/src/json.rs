//! The grammar of RFC 8259, over text that is UTF-8 already. It makes nothing of what it reads.

use std::borrow::Cow;

/// Where and why text is no JSON. It shows nothing of the text.
#[derive(Debug)]
pub(super) struct Broken {
    pub(super) why: &'static str,
    pub(super) at: usize,
}

/// A place in a text.
pub(super) struct Scanner<'a> {
    pub(super) text: &'a str,
    pub(super) at: usize,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    pub(super) fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.text.as_bytes().get(self.at) {
            self.at += 1;
        }
    }

    pub(super) fn next_is(&mut self, byte: u8) -> bool {
        let is = self.text.as_bytes().get(self.at) == Some(&byte);
        self.at += usize::from(is);
        is
    }

    /// The rest of a text, from behind its first quote to behind its last, unescaped.
    pub(super) fn string(&mut self) -> Result<Cow<'a, str>, Broken> {
        let mut owned = String::new();
        let mut start = self.at;
        loop {
            match self.text.as_bytes().get(self.at) {
                Some(b'"') => {
                    let rest = &self.text[start..self.at];
                    self.at += 1;
                    if owned.is_empty() {
                        return Ok(Cow::Borrowed(rest));
                    }
                    owned.push_str(rest);
                    return Ok(Cow::Owned(owned));
                }
                Some(b'\\') => {
                    owned.push_str(&self.text[start..self.at]);
                    self.at += 1;
                    owned.push(self.escape()?);
                    start = self.at;
                }
                Some(0..=0x1F) => return Err(self.broken("a control character stands in a text")),
                Some(_) => self.at += 1,
                None => return Err(self.broken("a text has no end")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, Broken> {
        let letter = self.text.as_bytes().get(self.at).copied();
        self.at += 1;
        Ok(match letter {
            Some(plain @ (b'"' | b'\\' | b'/')) => char::from(plain),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{C}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                let first = self.hex()?;
                let code = match first {
                    0xD800..=0xDBFF if self.next_is(b'\\') && self.next_is(b'u') => {
                        let second = self.hex()?;
                        if !(0xDC00..=0xDFFF).contains(&second) {
                            return Err(self.broken("a surrogate stands alone"));
                        }
                        0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00)
                    }
                    other => other,
                };
                char::from_u32(code).ok_or_else(|| self.broken("a surrogate stands alone"))?
            }
            _ => return Err(self.broken("an escape is none")),
        })
    }

    fn hex(&mut self) -> Result<u32, Broken> {
        let digits = self.text.as_bytes().get(self.at..self.at + 4);
        let digits = digits.filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        let code = digits
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u32::from_str_radix(digits, 16).ok());
        self.at += 4;
        code.ok_or_else(|| self.broken("an escape is none"))
    }

    /// A number, `true`, `false` or `null`.
    pub(super) fn plain(&mut self) -> Result<(), Broken> {
        let word = match self.peek() {
            Some(b't') => "true",
            Some(b'f') => "false",
            Some(b'n') => "null",
            _ => return self.number(),
        };
        if !self.text.as_bytes()[self.at..].starts_with(word.as_bytes()) {
            return Err(self.broken("a value is none of JSON's"));
        }
        self.at += word.len();
        Ok(())
    }

    /// Within a list, behind a number: the numbers that follow, as long as nothing but a comma stands between. Most of
    /// what is sent is vectors, and this is the way through them. Each is counted, the one at fault too.
    pub(super) fn more_numbers(&mut self, count: &mut usize) -> Result<(), Broken> {
        let bytes = self.text.as_bytes();
        while let Some([b',', b'-' | b'0'..=b'9', ..]) = bytes.get(self.at..) {
            self.at += 1;
            *count += 1;
            self.number()?;
        }
        Ok(())
    }

    #[inline]
    fn number(&mut self) -> Result<(), Broken> {
        let (bytes, start) = (self.text.as_bytes(), self.at);
        let is = |at: usize, byte: u8| bytes.get(at) == Some(&byte);
        let mut at = start + usize::from(is(start, b'-'));
        let whole = at;
        at = if is(at, b'0') {
            at + 1
        } else {
            digits(bytes, at)
        };
        let mut complete = at > whole;
        if is(at, b'.') {
            let fraction = at + 1;
            at = digits(bytes, fraction);
            complete &= at > fraction;
        }
        let exponent = is(at, b'e') || is(at, b'E');
        if exponent {
            let power = at + 1 + usize::from(is(at + 1, b'-') || is(at + 1, b'+'));
            at = digits(bytes, power);
            complete &= at > power;
        }
        self.at = at;
        if !complete {
            return Err(self.broken("a value is none of JSON's"));
        }
        // Readers disagree on what a double cannot hold: some make it infinite, some an error.
        let number = &self.text[start..at];
        if (exponent || number.len() > 300) && number.parse::<f64>().is_ok_and(f64::is_infinite) {
            return Err(self.broken("a number is beyond every reader"));
        }
        Ok(())
    }

    /// A value of any kind, without looking at what is in it. Iterative.
    pub(super) fn skip(&mut self) -> Result<(), Broken> {
        let mut open = Vec::new();
        loop {
            self.space();
            match self.peek() {
                Some(opening @ (b'{' | b'[')) => {
                    self.at += 1;
                    open.push(opening + 2);
                }
                Some(closing @ (b'}' | b']')) if open.last() == Some(&closing) => {
                    self.at += 1;
                    open.pop();
                }
                Some(b'"') => {
                    self.at += 1;
                    self.string()?;
                }
                Some(b',' | b':') if !open.is_empty() => {
                    self.at += 1;
                    continue;
                }
                _ => {
                    self.plain()?;
                    if open.last() == Some(&b']') {
                        self.more_numbers(&mut 0)?;
                    }
                }
            }
            if open.is_empty() {
                return Ok(());
            }
        }
    }

    /// A key and its colon.
    pub(super) fn key(&mut self) -> Result<Cow<'a, str>, Broken> {
        if !self.next_is(b'"') {
            return Err(self.broken("a key is missing"));
        }
        let key = self.string()?;
        self.space();
        if !self.next_is(b':') {
            return Err(self.broken("a colon is missing"));
        }
        self.space();
        Ok(key)
    }

    /// The members of a list or an object, from behind its beginning to behind its end.
    pub(super) fn each(
        &mut self,
        close: u8,
        mut member: impl FnMut(&mut Self) -> Result<(), Broken>,
    ) -> Result<(), Broken> {
        self.space();
        if self.next_is(close) {
            return Ok(());
        }
        loop {
            self.space();
            member(self)?;
            self.space();
            if self.next_is(close) {
                return Ok(());
            }
            if !self.next_is(b',') {
                return Err(self.broken("a comma or an end is missing"));
            }
        }
    }

    pub(super) fn broken(&self, why: &'static str) -> Broken {
        Broken { why, at: self.at }
    }
}

/// Where the digits that stand at `at` end.
#[inline]
fn digits(bytes: &[u8], at: usize) -> usize {
    let mut at = at;
    while let Some(eight) = bytes.get(at..).and_then(<[u8]>::first_chunk) {
        // Eight at once: a byte's high bit is set in `others` if it is no digit. Nothing is carried into the next byte.
        let values = u64::from_le_bytes(*eight) ^ 0x3030_3030_3030_3030;
        let above_nine = (values & 0x7F7F_7F7F_7F7F_7F7F) + 0x7676_7676_7676_7676;
        let others = (above_nine | values) & 0x8080_8080_8080_8080;
        if others != 0 {
            return at + others.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    while bytes.get(at).is_some_and(u8::is_ascii_digit) {
        at += 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_end_at_the_first_byte_that_is_none_wherever_it_stands() {
        for length in 0..20 {
            for byte in (0..=u8::MAX).filter(|byte| !byte.is_ascii_digit()) {
                for behind in 0..9 {
                    let text = [&b"x"[..], &vec![b'9'; length], &[byte], &vec![b'0'; behind]];
                    assert_eq!(
                        digits(&text.concat(), 1),
                        1 + length,
                        "{length} {byte} {behind}"
                    );
                }
            }
            assert_eq!(digits(&vec![b'5'; length], 0), length);
        }
    }
}
