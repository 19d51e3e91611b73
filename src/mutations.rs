//! Texts changed at random, always the same ones: what tests feed to readers that trust nobody.

/// Values that readers stumble over.
const VALUES: [&str; 24] = [
    "null",
    "true",
    "false",
    "0",
    "-0",
    "1",
    "-1",
    "200",
    "1.5",
    "1e5",
    "1e999",
    "-1e-999",
    "9007199254740993",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775809",
    "18446744073709551616",
    "\"\"",
    "\"1\"",
    "\"-9223372036854775808\"",
    "\"docs\"",
    "\"hr\"",
    "[]",
    "{}",
];

/// Parts that make a text another one, or none.
const PARTS: [&str; 27] = [
    "01",
    "NaN",
    "\"collection_name\":",
    "\"collectionName\":\"hr\",",
    "collection_name:'hr',",
    "\"dbName\":\"other\",",
    "\"code\":0,",
    "\"code\":200,",
    "\"data\":",
    "\"topks\":[1,2],",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "'",
    "\\",
    "\\u0000",
    "\\ud800",
    "\u{0}",
    "\u{feff}",
    "\u{202e}",
    "\u{17f}",
    "/*",
    "%2f..%2f",
];

/// How many cases are tried, of so many in a long run: of each million as many as `MILVUS_CASES` says, which is all of
/// them in `cargo xtask test --long`.
pub(crate) fn cases(long: usize) -> usize {
    let set = std::env::var("MILVUS_CASES").ok();
    let of_a_million = set.map_or(100_000, |number| number.parse().expect("a number"));
    long / 1_000 * of_a_million / 1_000
}

/// A source of changes.
#[derive(Debug)]
pub(crate) struct Mutations(u64);

impl Mutations {
    /// The same seed gives the same changes.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    /// A number below `end`, which is not 0. xorshift64*.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16;
        usize::try_from(number).unwrap_or(0) % end
    }

    /// `text` with one change, or with a few.
    pub(crate) fn of(&mut self, text: &[u8]) -> Vec<u8> {
        let mut bytes = text.to_vec();
        for _ in 0..=self.below(8).saturating_sub(4) {
            self.change(&mut bytes);
        }
        bytes
    }

    fn change(&mut self, bytes: &mut Vec<u8>) {
        let at = self.below(bytes.len() + 1);
        let end = (at + self.below(24)).min(bytes.len());
        match self.below(12) {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(at..end)),
            2 => {
                let part = bytes[at..end].to_vec();
                let to = self.below(bytes.len() + 1);
                drop(bytes.splice(to..to, part));
            }
            3 => {
                let byte = u8::try_from(self.below(256)).unwrap_or(0);
                if let Some(known) = bytes.get_mut(at) {
                    *known = byte;
                }
            }
            4 => {
                let depth = 1 << self.below(10);
                let open = if self.below(2) == 0 { "[" } else { "{\"a\":" };
                drop(bytes.splice(at..at, open.repeat(depth).into_bytes()));
            }
            5 => {
                let part = PARTS[self.below(PARTS.len())];
                drop(bytes.splice(at..at, part.bytes()));
            }
            _ => {
                let (start, end) = token(bytes, at);
                let value = VALUES[self.below(VALUES.len())];
                drop(bytes.splice(start..end, value.bytes()));
            }
        }
    }
}

/// The word, number or text around a place.
fn token(bytes: &[u8], at: usize) -> (usize, usize) {
    let ends = |byte: &u8| b",:[]{} \n".contains(byte);
    let start = bytes[..at]
        .iter()
        .rposition(ends)
        .map_or(0, |place| place + 1);
    let end = bytes[at..]
        .iter()
        .position(ends)
        .map_or(bytes.len(), |length| at + length);
    (start, end)
}

#[test]
fn changes_differ_from_each_other_and_not_from_run_to_run() {
    let text = br#"{"code":0,"data":[1,"a"]}"#;
    let some = |seed| {
        let mut mutations = Mutations::new(seed);
        (0..1000).map(|_| mutations.of(text)).collect::<Vec<_>>()
    };
    assert_eq!(some(1), some(1));
    let mut all = some(1);
    assert_ne!(all, some(2));
    all.sort();
    all.dedup();
    assert!(all.len() > 600, "{}", all.len());
}
