//! What a call answers.

use std::fmt;
use std::ops::Deref;

use crate::text::escaped;

/// What a call answered, and whether the component tried something that it may not.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer<T> {
    /// The component's answer.
    pub value: T,
    /// Requests of this call that the host refused. A component that behaves has none: it then tried what the policy, the
    /// call or a limit does not let out, and went on. The audit has a line for each.
    pub refused: u32,
}

impl<T> Answer<T> {
    pub(crate) fn map<U>(self, change: impl FnOnce(T) -> U) -> Answer<U> {
        Answer {
            value: change(self.value),
            refused: self.refused,
        }
    }
}

impl<T> Deref for Answer<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: fmt::Display> fmt::Display for Answer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}

/// The text that a tool answered: JSON, if the component does what its contract says. Formatted, it holds nothing that
/// steers a terminal or begins a line: such characters are escaped as JSON escapes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Json(pub(crate) String);

impl Json {
    /// The text as the component answered it: for a parser, not for a terminal or a log.
    #[must_use]
    pub fn raw(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&escaped(&self.0))
    }
}
