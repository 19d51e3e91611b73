//! Reads a body once, strictly, along its row of the table.
//!
//! Milvus reads one body with up to four readers that disagree (`handler_v2.go: wrapperPost`, `utils.go`): Go's
//! `encoding/json` (the last of two keys counts, `null` keeps an earlier value, objects merge, keys fold case with U+017F
//! and U+212A), sonic (folds otherwise), gjson (the first of two keys counts, exact case) and a scanner for `data`. So this
//! one lets through only what all of them read alike: exactly one RFC 8259 value to the last byte, UTF-8, no lone
//! surrogate, no key twice in one object after unescaping, at any depth, and in every object that the row knows only the
//! row's own keys, spelt exactly. It is iterative, goes over the bytes once and builds no tree.

use std::borrow::Cow;

use routes::{Effect, Key, Keys, NameKind, Open, Others, Verdict};

use super::effects::Effects;
use super::json::{Broken, Scanner};
use super::names::is_name;
use super::origin::shown;
use super::rules::Rule;

/// Objects and lists inside each other. Milvus' own readers end at 10,000.
const MAX_DEPTH: usize = 64;
/// Keys of the objects that are open at a time. A sparse vector is an object with a key for each of its entries.
const MAX_KEYS: usize = 1 << 18;
/// Places outside Milvus that one request names.
const MAX_OUTSIDE: usize = 4096;
/// Texts that hold JSON whose texts hold JSON.
const MAX_TEXTS: u8 = 4;
/// The key of the database that a request is for. Without it Milvus takes a header's, then `default`.
pub(super) const DATABASE: &str = "dbName";

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
        if key.name == DATABASE {
            self.database = Some(text.to_owned());
        }
        self.named(kind, text);
        Ok(())
    }

    fn named(&mut self, kind: NameKind, text: &str) {
        match kind {
            NameKind::Collection | NameKind::Alias => self.collections.push(text.to_owned()),
            NameKind::Database => self.databases.push(text.to_owned()),
        }
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

/// Reads any JSON as strictly as a body. What it names are the texts in those members of its top level whose name
/// `named_by` knows.
///
/// # Errors
/// Where in the value the fault is, such as `data[2].id`, and what it is.
pub(super) fn read_any(
    text: &str,
    named_by: fn(&str) -> Option<NameKind>,
) -> Result<Reading, (String, Fault)> {
    let (mut reader, mut reading) = (Reader::new(text, 0), Reading::default());
    reader.named_by = named_by;
    match reader.run(Shape::Open(Open::FREE), &mut reading) {
        Ok(()) => Ok(reading),
        Err(fault) => Err((reader.path(), fault)),
    }
}

/// What may stand at a place.
#[derive(Clone, Copy)]
enum Shape {
    /// The value of this key, or an element of it.
    Value(&'static Key),
    /// One object with exactly these keys.
    Closed(&'static [Key]),
    /// A list of such objects.
    List(&'static [Key]),
    /// An object with any keys, whose values all have one shape.
    Map(&'static Keys),
    /// An object with keys that are not a closed set, or any JSON.
    Open(&'static Open),
    /// Scalars.
    Flat,
    /// Any JSON, in which each text names a place outside Milvus.
    Place,
}

impl Shape {
    /// What a value, an object in it or a list in it is read as.
    fn inner(self) -> Self {
        match self {
            Self::Value(key) => Self::of(&key.keys),
            shape => shape,
        }
    }

    fn of(keys: &'static Keys) -> Self {
        match keys {
            Keys::None => Self::Flat,
            Keys::Object(keys) => Self::Closed(keys),
            Keys::List(keys) => Self::List(keys),
            Keys::Map(values) => Self::Map(values),
            Keys::Open(open) => Self::Open(open),
        }
    }
}

/// An object or a list that is open.
enum Frame {
    Object {
        shape: Shape,
        /// Where its keys begin among those of all open objects.
        keys: usize,
        /// How many places outside were named before it.
        places: usize,
        /// Something in it leads out of Milvus, so that it has to name a place of its own.
        leads_out: bool,
    },
    List {
        elements: Shape,
        count: usize,
    },
}

struct Reader<'a> {
    scanner: Scanner<'a>,
    frames: Vec<Frame>,
    /// The keys so far of all objects that are open.
    keys: Vec<Cow<'a, str>>,
    /// How many texts this text stands in.
    texts: u8,
    /// What members of the top level name without a row that says so.
    named_by: fn(&str) -> Option<NameKind>,
    /// What the member that is being read names.
    naming: Option<NameKind>,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str, texts: u8) -> Self {
        Self {
            scanner: Scanner::new(text),
            frames: Vec::new(),
            keys: Vec::new(),
            texts,
            named_by: |_| None,
            naming: None,
        }
    }

    fn run(&mut self, shape: Shape, reading: &mut Reading) -> Result<(), Fault> {
        self.value(shape, reading)?;
        while let Some(frame) = self.frames.last_mut() {
            let (close, first) = match frame {
                Frame::Object { keys, .. } => (b'}', self.keys.len() == *keys),
                Frame::List { count, .. } => {
                    *count += 1;
                    (b']', *count == 1)
                }
            };
            self.scanner.space();
            if self.scanner.next_is(close) {
                self.close(reading)?;
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

    /// Ends the object or list that is open.
    fn close(&mut self, reading: &mut Reading) -> Result<(), Fault> {
        let Some(Frame::Object {
            keys,
            places,
            leads_out,
            ..
        }) = self.frames.last()
        else {
            self.frames.pop();
            return Ok(());
        };
        let (from, leads_out) = (*keys, *leads_out && reading.outside.len() == *places);
        let keys = &mut self.keys[from..];
        // By length, then by bytes: the indices of a sparse vector ascend so.
        let order =
            |key: &Cow<'a, str>, next: &Cow<'a, str>| (key.len(), key).cmp(&(next.len(), next));
        if !keys.is_sorted_by(|key, next| order(key, next).is_lt()) {
            keys.sort_unstable_by(order);
            if let Some(twice) = keys.windows(2).position(|pair| pair[0] == pair[1]) {
                // The last key is the one that a path shows.
                self.keys.truncate(from + twice + 1);
                return Err(self.broken_by(Rule::Duplicate, "a key stands twice"));
            }
        }
        self.keys.truncate(from);
        self.frames.pop();
        if leads_out {
            reading.outside(None);
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
        if self.keys.len() >= MAX_KEYS {
            return Err(Fault::new(
                Rule::Json,
                format!("an object, with those around it, has more than {MAX_KEYS} keys"),
            ));
        }
        if self.frames.len() == 1 {
            self.naming = (self.named_by)(&key);
        }
        self.keys.push(key);
        self.value(value, reading)
    }

    /// What may stand in the value of `key`, and what its presence does.
    fn below(&mut self, shape: Shape, key: &str, reading: &mut Reading) -> Result<Shape, Fault> {
        let (keys, others) = match shape {
            Shape::Closed(keys) => (keys, Others::Refused),
            Shape::Open(open) => (open.keys, open.others),
            Shape::Map(values) => return Ok(Shape::of(values)),
            Shape::Place => return Ok(Shape::Place),
            Shape::Value(_) | Shape::List(_) | Shape::Flat => return Err(self.misplaced()),
        };
        let Some(known) = Key::named(keys, key) else {
            return match others {
                Others::Free => Ok(Shape::Open(Open::FREE)),
                Others::Outbound => {
                    self.raise(Effect::Outbound, reading);
                    Ok(Shape::Place)
                }
                Others::Refused => {
                    let (key, known) = (shown(key), keys.iter().map(|key| key.name));
                    let known = known.collect::<Vec<_>>().join(", ");
                    Err(self.broken_by(Rule::Key, &format!("expected one of {known}, got `{key}`")))
                }
            };
        };
        if known.verdict == Verdict::Forbidden {
            return Err(Fault::new(
                Rule::Key,
                format!("`{}` is never let out", known.name),
            ));
        }
        if let Some(raise) = known.raises
            && raise.unless.is_empty()
        {
            self.raise(raise.to, reading);
        }
        Ok(Shape::Value(known))
    }

    /// What this value of a key makes of its object, where that depends on the value; whether it does anything.
    fn raised_by(&mut self, key: &Key, value: &str, reading: &mut Reading) -> bool {
        let effect = key.raises.and_then(|raise| raise.by(value));
        effect
            .inspect(|effect| self.raise(*effect, reading))
            .is_some()
    }

    /// The object that is open is of this class, too.
    fn raise(&mut self, effect: Effect, reading: &mut Reading) {
        reading.effects.insert(effect);
        if effect == Effect::Outbound {
            let mut objects = self.frames.iter_mut().rev();
            let object = objects.find(|frame| matches!(frame, Frame::Object { .. }));
            if let Some(Frame::Object { leads_out, .. }) = object {
                *leads_out = true;
            }
        }
    }

    fn value(&mut self, shape: Shape, reading: &mut Reading) -> Result<(), Fault> {
        self.scanner.space();
        let inner = shape.inner();
        let rows = matches!(inner, Shape::Open(Open { rows: true, .. }));
        if rows {
            let alone = self.frames.len() == 1 && self.scanner.peek() == Some(b'{');
            let listed = self.frames.len() == 2 && matches!(self.frames[1], Frame::List { .. });
            reading.rows += u64::from(alone || listed);
        }
        match self.scanner.peek() {
            Some(b'{') => {
                match inner {
                    Shape::Flat | Shape::List(_) => return Err(self.misplaced()),
                    // Its keys are said as well, and nobody lists those.
                    Shape::Place => reading.outside(None),
                    _ => {}
                }
                self.scanner.at += 1;
                self.open(Frame::Object {
                    shape: inner,
                    keys: self.keys.len(),
                    places: reading.outside.len(),
                    leads_out: false,
                })
            }
            Some(b'[') => {
                let elements = match (shape, inner) {
                    (_, Shape::List(keys)) => Shape::Closed(keys),
                    (Shape::Value(key), Shape::Flat) if key.verdict.name_kind().is_some() => {
                        return Err(no_name(key));
                    }
                    (Shape::Value(key), Shape::Flat) => {
                        self.raised_by(key, "[", reading);
                        shape
                    }
                    (Shape::Value(key), Shape::Open(_)) if key.raises.is_none() => inner,
                    (_, Shape::Open(_) | Shape::Place | Shape::Flat) => shape,
                    _ => return Err(self.misplaced()),
                };
                self.scanner.at += 1;
                self.open(Frame::List { elements, count: 0 })
            }
            Some(b'"') => {
                self.scanner.at += 1;
                let text = self.scanner.string()?;
                self.scalar(shape, Some(&text), &text, reading)
            }
            Some(_) => {
                let start = self.scanner.at;
                self.scanner.plain()?;
                let plain = &self.scanner.text[start..self.scanner.at];
                let listed = rows && self.frames.len() == 2;
                if let (Shape::Open(_), Some(Frame::List { count, .. }), false) =
                    (shape, self.frames.last_mut(), listed)
                {
                    self.scanner.more_numbers(count)?;
                }
                self.scalar(shape, None, plain, reading)
            }
            None => Err(self.broken("a value is missing")),
        }
    }

    fn open(&mut self, frame: Frame) -> Result<(), Fault> {
        if self.frames.len() >= MAX_DEPTH {
            return Err(Fault::new(
                Rule::Json,
                format!("it is deeper than {MAX_DEPTH}"),
            ));
        }
        self.frames.push(frame);
        Ok(())
    }

    /// A text, or a number, boolean or null where there is none; `value` is how it is spelled.
    fn scalar(
        &mut self,
        shape: Shape,
        text: Option<&str>,
        value: &str,
        reading: &mut Reading,
    ) -> Result<(), Fault> {
        if let Shape::Value(key) = shape {
            let raised = self.raised_by(key, value, reading);
            if raised && key.verdict == Verdict::Outbound {
                reading.outside(text);
            }
            match text {
                Some(text) => reading.name(key, text)?,
                None if key.verdict.name_kind().is_some() => return Err(no_name(key)),
                None => {}
            }
        }
        if let (Some(kind), Some(text)) = (self.naming, text) {
            reading.named(kind, text);
        }
        match (shape.inner(), text) {
            (Shape::Place, _) => reading.outside(text),
            (Shape::Closed(_) | Shape::List(_) | Shape::Map(_), _)
            | (
                Shape::Open(Open {
                    others: Others::Refused,
                    ..
                }),
                Some(_),
            ) => {
                return Err(self.misplaced());
            }
            (Shape::Open(open), Some(text)) if open.texts_hold_json => {
                return self.held(open, text, reading);
            }
            _ => {}
        }
        Ok(())
    }

    /// A text that may hold JSON which Milvus reads.
    fn held(&self, open: &'static Open, text: &str, reading: &mut Reading) -> Result<(), Fault> {
        if !text.trim_start().starts_with(['{', '[']) {
            return Ok(());
        }
        if self.texts >= MAX_TEXTS {
            return Err(Fault::new(Rule::Json, "texts hold JSON in texts too deep"));
        }
        Reader::new(text, self.texts + 1).run(Shape::Open(open), reading)
    }

    /// The way to where the reader stands: `data[2].id`.
    fn path(&self) -> String {
        let mut path = String::new();
        for (place, frame) in self.frames.iter().enumerate() {
            match frame {
                Frame::List { count, .. } => {
                    path.push_str(&format!("[{}]", count.saturating_sub(1)))
                }
                Frame::Object { keys, .. } => {
                    let next = self.frames[place + 1..]
                        .iter()
                        .find_map(|frame| match frame {
                            Frame::Object { keys, .. } => Some(*keys),
                            Frame::List { .. } => None,
                        });
                    if let Some(key) = self.keys[*keys..next.unwrap_or(self.keys.len())].last() {
                        let dot = if path.is_empty() { "" } else { "." };
                        path.push_str(&format!("{dot}{}", shown(key)));
                    }
                }
            }
        }
        path
    }

    // ── faults: a place and a reason; of the text no more than a key ────────────

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
