//! Text of others for people: what could steer a terminal, or write a line that looks like somebody else's, is taken out.

/// Text in one line, without control, escape and direction characters: `\n` becomes a blank, the others U+FFFD.
#[must_use]
pub fn clean(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\n' => ' ',
            c if steers(c) => '\u{fffd}',
            c => c,
        })
        .collect()
}

/// Text in one line with such characters as JSON escapes them: the same JSON if it was some, where they can stand in
/// strings only. Tabs and line breaks between JSON's tokens become blanks.
#[must_use]
pub fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\t' | '\r' => safe.push(' '),
            c if steers(c) => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    safe.push_str(&format!("\\u{unit:04x}"));
                }
            }
            c => safe.push(c),
        }
    }
    safe
}

/// Whether a character moves, hides or turns what a terminal shows: C0 and C1 controls, bidirectional and zero-width
/// ones, fillers, and the tags, which no font shows and models read. Selectors of variants pass: emoji have them.
#[must_use]
pub fn steers(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    /// Sequences that terminals obey, by OSC 52 and 8, CSI, C1, turned and hidden text.
    const HOSTILE: &str = "a\u{1b}]52;c;eA==\u{7}\u{1b}]8;;http://x\u{1b}\\b\u{1b}[2Jc\u{9b}31m\u{90}\u{202e}d\u{200b}\u{2066}\u{e0041}e\r\u{8}f\ng";

    #[test]
    fn t59_text_of_others_stays_in_its_line_and_steers_nothing() {
        for shown in [clean(HOSTILE), escaped(HOSTILE)] {
            assert!(!shown.chars().any(steers), "{shown:?}");
            assert!(shown.starts_with('a') && shown.ends_with('g'));
        }
        assert_eq!(clean("x\nhint: y"), "x hint: y");
    }

    #[test]
    fn t59_what_is_escaped_is_the_same_json() {
        let told = json!({HOSTILE: [HOSTILE, 1, "plain, \u{e9}\u{1f600}"]});
        let out = escaped(&format!("{{\t\"x\":\r\n{told}}}"));
        let read: Value = serde_json::from_str(&out).expect("JSON");
        assert_eq!(read, json!({"x": told}));
        assert!(out.contains("plain, \u{e9}\u{1f600}"));
    }
}
