//! Reads a body once, strictly, along its row of the table.
//!
//! Milvus reads one body with up to four readers that disagree (`handler_v2.go: wrapperPost`, `utils.go`): Go's
//! `encoding/json` (the last of two keys counts, `null` keeps an earlier value, objects merge, keys fold case with U+017F
//! and U+212A), sonic (folds otherwise), gjson (the first of two keys counts, exact case) and a scanner for `data`. So this
//! one lets through only what all of them read alike: exactly one RFC 8259 value to the last byte, UTF-8, no lone
//! surrogate, no key twice in one object after unescaping, at any depth, and in every object that the row knows only the
//! row's own keys, spelt exactly. It is iterative, goes over the bytes once and builds no tree.

use std::borrow::Cow;
use std::collections::HashSet;

use routes::{Effect, Key, Keys, NameKind, Open, Verdict};

use super::effects::Effects;
use super::json::{Broken, Scanner};
use super::names::is_name;
use super::rules::Rule;

/// Objects and lists inside each other. Milvus' own readers end at 10,000.
const MAX_DEPTH: usize = 64;
/// Keys of the objects that are open at a time. A sparse vector is an object with a key for each of its entries.
const MAX_KEYS: usize = 1 << 18;
/// Places outside Milvus that one request names.
const MAX_OUTSIDE: usize = 4096;
/// An emptied set of so many keys is not kept for the next object.
const LARGE: usize = 1 << 12;
/// Texts that hold JSON whose texts hold JSON.
const MAX_TEXTS: u8 = 4;
/// The key of the database that a request is for. Without it Milvus takes a header's, then `default`.
pub(super) const DATABASE: &str = "dbName";
/// Up to here the keys of an object are compared one by one.
const FEW: usize = 12;

/// What a request names and does.
#[derive(Debug, Default)]
pub(super) struct Reading {
    /// What its keys raise it to, beside its row's own.
    pub(super) effects: Effects,
    /// Collections and aliases, in the order in which they stand.
    pub(super) collections: Vec<String>,
    /// Databases, in the order in which they stand: a rename has two.
    pub(super) databases: Vec<String>,
    /// The database that the request is for, where it says so itself.
    pub(super) database: Option<String>,
    /// Whom Milvus is to contact, or which object it is to read or write. `None`: it is no text.
    pub(super) outside: Vec<Option<String>>,
    /// Rows that it inserts or replaces.
    pub(super) rows: u64,
}

impl Reading {
    /// Takes a place outside Milvus; one more than may be named stands for all that follow, and no policy allows it.
    fn outside(&mut self, place: Option<&str>) {
        if self.outside.len() < MAX_OUTSIDE {
            self.outside.push(place.map(str::to_owned));
        } else if self.outside.len() == MAX_OUTSIDE {
            self.outside.push(None);
        }
    }

    /// Takes a name, as text of a body or of a query.
    pub(super) fn name(&mut self, key: &Key, text: &str) -> Result<(), Fault> {
        let Some(kind) = key.verdict.name_kind() else {
            return Ok(());
        };
        if !is_name(text) {
            return Err(no_name(key));
        }
        match kind {
            NameKind::Collection | NameKind::Alias => self.collections.push(text.to_owned()),
            NameKind::Database => {
                if key.name == DATABASE {
                    self.database = Some(text.to_owned());
                }
                self.databases.push(text.to_owned());
            }
        }
        Ok(())
    }
}

/// Why a body is not let out.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) rule: Rule,
    pub(super) detail: String,
}

impl Fault {
    fn new(rule: Rule, detail: impl Into<String>) -> Self {
        Self {
            rule,
            detail: detail.into(),
        }
    }
}

impl From<Broken> for Fault {
    fn from(Broken { why, at }: Broken) -> Self {
        Self::new(Rule::Json, format!("{why} (at byte {at})"))
    }
}

/// Reads `body` along `keys`, the top level of its row.
pub(super) fn read(keys: &'static [Key], body: &[u8]) -> Result<Reading, Fault> {
    let text = std::str::from_utf8(body).map_err(|error| {
        Fault::new(
            Rule::Json,
            format!("byte {} is no UTF-8", error.valid_up_to()),
        )
    })?;
    let mut reading = Reading::default();
    Reader::new(text, 0).run(Shape::Closed(keys), &mut reading)?;
    Ok(reading)
}

/// What may stand at a place.
#[derive(Clone, Copy)]
enum Shape {
    /// One object with exactly these keys.
    Closed(&'static [Key]),
    /// A list of such objects.
    List(&'static [Key]),
    /// An object with any keys, whose values are such objects.
    Map(&'static [Key]),
    /// Any JSON; some names in it may be marked.
    Open(&'static Open),
    /// No object: the value of this key, or an element of it.
    Flat(&'static Key),
    /// Any JSON that says whom Milvus is to contact, or which object it is to use.
    Place(&'static Open),
}

impl Shape {
    /// Of the value of `key`.
    fn of(key: &'static Key) -> Self {
        match key.keys {
            Keys::None => Self::Flat(key),
            Keys::Object(keys) => Self::Closed(keys),
            Keys::List(keys) => Self::List(keys),
            Keys::Map(keys) => Self::Map(keys),
            Keys::Open(open) => Self::Open(open),
        }
    }
}

/// An object or a list that is open.
enum Frame<'a> {
    Object {
        shape: Shape,
        seen: Seen<'a>,
        /// How many places outside were named before it.
        places: usize,
        /// Something in it leads out of Milvus, so that it has to name a place of its own.
        leads_out: bool,
    },
    List {
        elements: Shape,
        first: bool,
    },
}

/// The keys of one object so far.
struct Seen<'a> {
    /// All of them, while they ascend or are few.
    keys: Vec<Cow<'a, str>>,
    /// Each is greater than the one before, by length, then by its bytes: the indices of a sparse vector come so.
    ascending: bool,
    /// All of them, when they are neither.
    many: HashSet<Cow<'a, str>>,
}

impl Default for Seen<'_> {
    fn default() -> Self {
        Self {
            keys: Vec::new(),
            ascending: true,
            many: HashSet::new(),
        }
    }
}

impl<'a> Seen<'a> {
    fn count(&self) -> usize {
        self.keys.len().max(self.many.len())
    }

    /// False if the key was there.
    fn add(&mut self, key: Cow<'a, str>) -> bool {
        if !self.many.is_empty() {
            return self.many.insert(key);
        }
        let greater = |last: &Cow<'a, str>| (last.len(), last) < (key.len(), &key);
        self.ascending &= self.keys.last().is_none_or(greater);
        if !self.ascending {
            if self.keys.len() >= FEW {
                self.many.extend(self.keys.drain(..));
                return self.many.insert(key);
            }
            if self.keys.contains(&key) {
                return false;
            }
        }
        self.keys.push(key);
        true
    }

    /// Emptied, for another object; `None` if it was large.
    fn cleared(mut self) -> Option<Self> {
        let large = self.keys.capacity().max(self.many.capacity()) > LARGE;
        self.keys.clear();
        self.ascending = true;
        self.many.clear();
        (!large).then_some(self)
    }
}

struct Reader<'a> {
    scanner: Scanner<'a>,
    frames: Vec<Frame<'a>>,
    /// Emptied sets, for the next objects.
    spare: Vec<Seen<'a>>,
    /// Keys of the objects that are open.
    keys: usize,
    /// How many texts this text stands in.
    texts: u8,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str, texts: u8) -> Self {
        Self {
            scanner: Scanner::new(text),
            frames: Vec::new(),
            spare: Vec::new(),
            keys: 0,
            texts,
        }
    }

    fn run(mut self, shape: Shape, reading: &mut Reading) -> Result<(), Fault> {
        self.value(shape, reading)?;
        while let Some(frame) = self.frames.last_mut() {
            let (close, first) = match frame {
                Frame::Object { seen, .. } => (b'}', seen.count() == 0),
                Frame::List { first, .. } => (b']', std::mem::replace(first, false)),
            };
            self.scanner.space();
            if self.scanner.next_is(close) {
                if let Some(Frame::Object {
                    seen,
                    places,
                    leads_out,
                    ..
                }) = self.frames.pop()
                {
                    self.keys -= seen.count();
                    self.spare.extend(seen.cleared());
                    if leads_out && reading.outside.len() == places {
                        reading.outside(None);
                    }
                }
                continue;
            }
            if !first && !self.scanner.next_is(b',') {
                return Err(self.broken("a comma or an end is missing"));
            }
            self.member(reading)?;
        }
        self.scanner.space();
        if self.scanner.at < self.scanner.text.len() {
            return Err(self.broken("something stands behind the value"));
        }
        Ok(())
    }

    /// The next member of an object, or element of a list.
    fn member(&mut self, reading: &mut Reading) -> Result<(), Fault> {
        self.scanner.space();
        let shape = match self.frames.last() {
            Some(Frame::List { elements, .. }) => return self.value(*elements, reading),
            Some(Frame::Object { shape, .. }) => *shape,
            None => return Ok(()),
        };
        let key = self.scanner.key()?;
        let value = self.below(shape, &key, reading)?;
        if let Some(Frame::Object { seen, .. }) = self.frames.last_mut() {
            self.keys += 1;
            if self.keys > MAX_KEYS {
                return Err(Fault::new(
                    Rule::Json,
                    format!("an object, with those around it, has more than {MAX_KEYS} keys"),
                ));
            }
            if !seen.add(key) {
                return Err(self.broken_by(Rule::Duplicate, "a key stands twice"));
            }
        }
        self.value(value, reading)
    }

    /// What may stand in the value of `key`, and what its presence does.
    fn below(&mut self, shape: Shape, key: &str, reading: &mut Reading) -> Result<Shape, Fault> {
        match shape {
            Shape::Closed(keys) => {
                let Some(known) = Key::named(keys, key) else {
                    return Err(self.broken_by(Rule::Key, "a key is none of this operation's"));
                };
                if known.verdict == Verdict::Forbidden {
                    return Err(Fault::new(
                        Rule::Key,
                        format!("`{}` is never let out", known.name),
                    ));
                }
                // Those of a flat value depend on it: see `scalar`. An object cannot be named by an operator.
                if let Some(raise) = known.raises
                    && !matches!(known.keys, Keys::None)
                {
                    reading.effects.insert(raise.to);
                    if raise.to == Effect::Outbound {
                        reading.outside(None);
                    }
                }
                Ok(Shape::of(known))
            }
            Shape::Map(keys) => Ok(Shape::Closed(keys)),
            Shape::Open(open) | Shape::Place(open) => Ok(match open.mark(key) {
                Some(mark) if mark.raise.unless.is_empty() => {
                    reading.effects.insert(mark.raise.to);
                    match mark.raise.to {
                        Effect::Outbound => Shape::Place(open),
                        _ => Shape::Open(open),
                    }
                }
                Some(mark) => {
                    if !self.excused(mark.raise) {
                        self.raise(mark.raise.to, reading);
                    }
                    Shape::Open(open)
                }
                None => Shape::Open(open),
            }),
            Shape::List(_) | Shape::Flat(_) => Err(self.misplaced()),
        }
    }

    /// What this value of a flat key makes of its object: a text, or `None` for any other.
    fn raised_by(&mut self, key: &Key, text: Option<&str>, reading: &mut Reading) {
        if let Some(effect) = key.raises.and_then(|raise| raise.by(text)) {
            self.raise(effect, reading);
        }
    }

    /// The object that is open is of this class, too.
    fn raise(&mut self, effect: Effect, reading: &mut Reading) {
        reading.effects.insert(effect);
        if effect == Effect::Outbound {
            let objects = self.frames.iter_mut().rev();
            let mut flags = objects.filter_map(|frame| match frame {
                Frame::Object { leads_out, .. } => Some(leads_out),
                Frame::List { .. } => None,
            });
            flags.next().into_iter().for_each(|flag| *flag = true);
        }
    }

    /// Whether the value that follows is a text that excuses a mark. It is read again as a value.
    fn excused(&self, raise: routes::Raise) -> bool {
        let mut ahead = Scanner {
            text: self.scanner.text,
            at: self.scanner.at,
        };
        ahead.next_is(b'"')
            && ahead
                .string()
                .is_ok_and(|text| raise.by(Some(&text)).is_none())
    }

    fn value(&mut self, shape: Shape, reading: &mut Reading) -> Result<(), Fault> {
        self.scanner.space();
        if let Shape::Open(Open { rows: true, .. }) = shape {
            let alone = self.frames.len() == 1 && self.scanner.peek() == Some(b'{');
            let listed = self.frames.len() == 2 && matches!(self.frames[1], Frame::List { .. });
            reading.rows += u64::from(alone || listed);
        }
        match self.scanner.peek() {
            Some(b'{') => {
                let shape = match shape {
                    Shape::Closed(_) | Shape::Map(_) | Shape::Open(_) => shape,
                    Shape::Place(open) => {
                        reading.outside(None);
                        Shape::Open(open)
                    }
                    Shape::List(_) | Shape::Flat(_) => return Err(self.misplaced()),
                };
                self.scanner.at += 1;
                let seen = self.spare.pop().unwrap_or_default();
                self.open(Frame::Object {
                    shape,
                    seen,
                    places: reading.outside.len(),
                    leads_out: false,
                })
            }
            Some(b'[') => {
                let elements = match shape {
                    Shape::List(keys) => Shape::Closed(keys),
                    Shape::Flat(key) if key.verdict.name_kind().is_some() => {
                        return Err(no_name(key));
                    }
                    Shape::Flat(key) => {
                        self.raised_by(key, None, reading);
                        shape
                    }
                    Shape::Open(_) | Shape::Place(_) => shape,
                    Shape::Closed(_) | Shape::Map(_) => return Err(self.misplaced()),
                };
                self.scanner.at += 1;
                self.open(Frame::List {
                    elements,
                    first: true,
                })
            }
            Some(b'"') => {
                self.scanner.at += 1;
                let text = self.scanner.string()?;
                self.scalar(shape, Some(&text), reading)
            }
            Some(_) => {
                self.scanner.plain()?;
                let within = matches!(self.frames.last(), Some(Frame::List { .. }));
                if let Shape::Open(Open { rows, .. }) = shape
                    && within
                    && !(*rows && self.frames.len() == 2)
                {
                    self.scanner.more_numbers()?;
                }
                self.scalar(shape, None, reading)
            }
            None => Err(self.broken("a value is missing")),
        }
    }

    fn open(&mut self, frame: Frame<'a>) -> Result<(), Fault> {
        if self.frames.len() >= MAX_DEPTH {
            return Err(Fault::new(
                Rule::Json,
                format!("it is deeper than {MAX_DEPTH}"),
            ));
        }
        self.frames.push(frame);
        Ok(())
    }

    /// A text, or a number, boolean or null where there is none.
    fn scalar(
        &mut self,
        shape: Shape,
        text: Option<&str>,
        reading: &mut Reading,
    ) -> Result<(), Fault> {
        match shape {
            Shape::Closed(_) | Shape::List(_) | Shape::Map(_) => Err(self.misplaced()),
            Shape::Flat(key) => {
                self.raised_by(key, text, reading);
                if key.verdict == Verdict::Outbound {
                    reading.outside(text);
                }
                match text {
                    Some(text) => reading.name(key, text),
                    None if key.verdict.name_kind().is_some() => Err(no_name(key)),
                    None => Ok(()),
                }
            }
            Shape::Place(open) => {
                reading.outside(text);
                self.inner(open, text, reading)
            }
            Shape::Open(open) => self.inner(open, text, reading),
        }
    }

    /// A text that may hold JSON which Milvus reads.
    fn inner(
        &self,
        open: &'static Open,
        text: Option<&str>,
        reading: &mut Reading,
    ) -> Result<(), Fault> {
        let Some(text) = text.filter(|_| open.texts_hold_json) else {
            return Ok(());
        };
        if !text.trim_start().starts_with(['{', '[']) {
            return Ok(());
        }
        if self.texts >= MAX_TEXTS {
            return Err(Fault::new(Rule::Json, "texts hold JSON in texts too deep"));
        }
        Reader::new(text, self.texts + 1).run(Shape::Open(open), reading)
    }

    // ── faults: a place and a reason, never the text ────────────

    fn broken(&self, why: &'static str) -> Fault {
        self.scanner.broken(why).into()
    }

    fn broken_by(&self, rule: Rule, why: &str) -> Fault {
        Fault::new(rule, format!("{why} (at byte {})", self.scanner.at))
    }

    fn misplaced(&self) -> Fault {
        self.broken_by(Rule::Key, "a value is not of its key's kind")
    }
}

fn no_name(key: &Key) -> Fault {
    Fault::new(
        Rule::Name,
        format!("`{}` holds what is no name in Milvus", key.name),
    )
}
