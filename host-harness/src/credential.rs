//! The credential: held in memory that is wiped, shown to nobody, added to a request when it leaves, taken out of
//! answers, and renewed when Milvus no longer knows it. Nothing but this file reads the token.
//!
//! What cannot be wiped are the copies that others make on its way: hyper's and rustls' buffers, and the kernel's.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hyper::body::Bytes;
use hyper::header::HeaderValue;
use policy::Redaction;
use tokio::time::{Instant, timeout_at};
use zeroize::Zeroizing;

/// How long a call waits for a new token.
const RENEWAL_TIME: Duration = Duration::from_secs(10);

/// An API key, or `user:password`, that may be renewed. Clones are one credential. `Debug` prints `Credential(..)`.
#[derive(Clone)]
pub struct Credential {
    state: Arc<Mutex<State>>,
    source: Option<Arc<Source>>,
    interval: Duration,
}

type Source = dyn Fn() -> Option<String> + Send + Sync;

struct State {
    token: Arc<Token>,
    /// When it was last asked for another one.
    asked: Option<Instant>,
    asking: bool,
}

/// How many tokens before the one in use are looked for in answers.
const BEFORE: usize = 16;

/// One token: as it is, as it is sent, and as it is looked for together with those before it.
struct Token {
    text: Arc<Zeroizing<String>>,
    authorization: Option<HeaderValue>,
    /// Those that were in use before it, the last one first.
    before: Vec<Arc<Zeroizing<String>>>,
    redaction: Redaction,
}

impl Credential {
    /// The least time between two renewals, unless [`Credential::renewal_interval`] says another.
    pub const RENEWAL_INTERVAL: Duration = Duration::from_secs(30);

    /// Takes the token. Whether it can stand in a header is checked when the endpoint is built. Answers are searched
    /// for it; see [`policy::Redaction`] for what of it, and from which length on.
    #[must_use]
    pub fn new(token: String) -> Self {
        let state = State {
            token: Arc::new(Token::new(token, None)),
            asked: None,
            asking: false,
        };
        Self {
            state: Arc::new(Mutex::new(state)),
            source: None,
            interval: Self::RENEWAL_INTERVAL,
        }
    }

    /// Asks `source` for another token when Milvus does not know the one in use: answers HTTP 401, or its codes 1400 or
    /// 1800. `None` says that there is none; why is for the source to report.
    ///
    /// It runs on a thread where it may block; the call that was refused waits for it for ten seconds at most, other
    /// calls go on meanwhile. Two never run at a time. No request is sent again: the next one carries the new token.
    #[must_use]
    pub fn renewed_by(
        mut self,
        source: impl Fn() -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        self.source = Some(Arc::new(source));
        self
    }

    /// The least time between two renewals, so that a server that refuses everything cannot have them without end.
    #[must_use]
    pub fn renewal_interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// Whether the token can be sent: visible ASCII, at least one character.
    pub(crate) fn is_sendable(&self) -> bool {
        self.lock().token.authorization.is_some()
    }

    /// The token for one request.
    pub(crate) fn show(&self) -> Shown {
        Shown {
            token: Arc::clone(&self.lock().token),
            credential: self.clone(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a token that a source answered; what became of it.
    fn take(&self, answered: Option<String>) -> Renewal {
        let mut state = self.lock();
        state.asking = false;
        let Some(text) = answered else {
            return Renewal::Failed;
        };
        let token = Token::new(text, Some(&state.token));
        if token.text == state.token.text {
            return Renewal::Unchanged;
        }
        if token.authorization.is_none() {
            return Renewal::Failed;
        }
        state.token = Arc::new(token);
        Renewal::Renewed
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential(..)")
    }
}

impl Token {
    fn new(text: String, before: Option<&Self>) -> Self {
        let text = Arc::new(Zeroizing::new(text));
        let known = before
            .iter()
            .flat_map(|token| [&token.text].into_iter().chain(&token.before));
        let known = known.filter(|known| **known != text);
        let before: Vec<_> = known.take(BEFORE).map(Arc::clone).collect();
        let looked_for = [&text].into_iter().chain(&before);
        Self {
            redaction: Redaction::new(looked_for.map(|token| token.as_str())),
            authorization: authorization(&text),
            text,
            before,
        }
    }
}

/// `Bearer <token>`, in memory that is wiped, and marked as sensitive so that HTTP code neither logs nor indexes it.
fn authorization(token: &str) -> Option<HeaderValue> {
    const SCHEME: &str = "Bearer ";
    if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return None;
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(SCHEME.len() + token.len()));
    bytes.extend_from_slice(SCHEME.as_bytes());
    bytes.extend_from_slice(token.as_bytes());
    let mut value = HeaderValue::from_maybe_shared(Bytes::from_owner(bytes)).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// What became of a renewal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Renewal {
    Renewed,
    /// The source answered the token in use.
    Unchanged,
    /// The source answered none, or one that cannot be sent.
    Failed,
    /// The source did not answer in time. What it answers later is taken.
    Late,
}

impl Renewal {
    /// Stable name, for audit lines.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Renewed => "renewed",
            Self::Unchanged => "unchanged",
            Self::Failed => "renewal-failed",
            Self::Late => "renewal-late",
        }
    }
}

/// The token that one request shows to Milvus.
#[derive(Clone)]
pub(crate) struct Shown {
    credential: Credential,
    token: Arc<Token>,
}

impl Shown {
    pub(crate) fn authorization(&self) -> Option<HeaderValue> {
        self.token.authorization.clone()
    }

    /// Takes the token, those before it, and those that followed meanwhile, out of an answer; says how often.
    pub(crate) fn redact(&self, answer: &mut Vec<u8>) -> u64 {
        let now = Arc::clone(&self.credential.lock().token);
        let more = if Arc::ptr_eq(&now, &self.token) {
            0
        } else {
            now.redaction.redact(answer)
        };
        more + self.token.redaction.redact(answer)
    }

    /// Whether a header holds a token.
    pub(crate) fn is_in(&self, header: &[u8]) -> bool {
        self.redact(&mut header.to_vec()) > 0
    }

    /// Milvus did not know the token: asks the source for another one, unless there is another one already, or it was
    /// asked within the interval.
    pub(crate) async fn refused(&self, deadline: Instant) -> Option<Renewal> {
        let source = Arc::clone(self.credential.source.as_ref()?);
        let now = Instant::now();
        {
            let mut state = self.credential.lock();
            let interval = self.credential.interval;
            let lately = |asked: Instant| now.duration_since(asked) < interval;
            if !Arc::ptr_eq(&state.token, &self.token)
                || state.asking
                || state.asked.is_some_and(lately)
            {
                return None;
            }
            (state.asking, state.asked) = (true, Some(now));
        }
        let credential = self.credential.clone();
        let asking = tokio::task::spawn_blocking(move || {
            let answered = catch_unwind(AssertUnwindSafe(|| source()));
            credential.take(answered.unwrap_or(None))
        });
        match timeout_at(deadline.min(now + RENEWAL_TIME), asking).await {
            Ok(ended) => Some(ended.unwrap_or(Renewal::Failed)),
            Err(_) => Some(Renewal::Late),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    const OLD: &str = "root:the-old-token";
    const NEW: &str = "root:the-new-token";

    /// A credential whose source counts, and answers `NEW` followed by the count.
    fn counting() -> (Credential, Arc<AtomicU32>) {
        let asked = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&asked);
        let credential = Credential::new(OLD.to_owned()).renewed_by(move || {
            Some(format!(
                "{NEW}-{}",
                count.fetch_add(1, Ordering::Relaxed) + 1
            ))
        });
        (credential, asked)
    }

    fn sent(credential: &Credential) -> String {
        let value = credential.show().authorization().unwrap();
        value.to_str().unwrap().to_owned()
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(5)
    }

    #[test]
    fn t34_debug_shows_nothing() {
        let credential = Credential::new(OLD.to_owned()).renewed_by(|| Some(NEW.to_owned()));
        assert_eq!(format!("{credential:?}"), "Credential(..)");
        let value = credential.show().authorization();
        assert_eq!(format!("{:?}", value.unwrap()), "Sensitive");
    }

    #[test]
    fn a_token_that_no_header_can_hold_is_not_sendable() {
        for (token, sendable) in [
            ("root:Milvus", true),
            ("", false),
            ("a b", false),
            ("a\r\nX: y", false),
            ("\u{fc}", false),
        ] {
            let credential = Credential::new(token.to_owned());
            assert_eq!(credential.is_sendable(), sendable, "{token:?}");
        }
    }

    #[tokio::test]
    async fn a_refused_token_is_renewed_and_the_next_request_carries_the_new_one() {
        let (credential, asked) = counting();
        let ended = credential.show().refused(soon()).await;
        assert_eq!(
            (ended, asked.load(Ordering::Relaxed)),
            (Some(Renewal::Renewed), 1)
        );
        assert_eq!(sent(&credential), format!("Bearer {NEW}-1"));
        assert_eq!(sent(&credential.clone()), format!("Bearer {NEW}-1"));
    }

    #[tokio::test]
    async fn t38_whoever_refuses_everything_has_one_renewal_in_an_interval() {
        let (credential, asked) = counting();
        for _ in 0..100 {
            credential.show().refused(soon()).await;
        }
        assert_eq!(asked.load(Ordering::Relaxed), 1);
        let interval = Duration::from_millis(50);
        let often = credential.renewal_interval(interval);
        tokio::time::sleep(interval).await;
        assert_eq!(often.show().refused(soon()).await, Some(Renewal::Renewed));
        assert_eq!(asked.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn a_token_that_was_replaced_already_is_not_renewed_again() {
        let (credential, asked) = counting();
        let credential = credential.renewal_interval(Duration::ZERO);
        let (first, second) = (credential.show(), credential.show());
        assert_eq!(first.refused(soon()).await, Some(Renewal::Renewed));
        assert_eq!(second.refused(soon()).await, None);
        assert_eq!(asked.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn a_source_without_another_token_or_with_a_bad_one_leaves_the_old_one() {
        for (answer, ended) in [
            (None, Renewal::Failed),
            (Some(OLD), Renewal::Unchanged),
            (Some(""), Renewal::Failed),
            (Some("two words"), Renewal::Failed),
        ] {
            let credential =
                Credential::new(OLD.to_owned()).renewed_by(move || answer.map(str::to_owned));
            assert_eq!(credential.show().refused(soon()).await, Some(ended));
            assert_eq!(sent(&credential), format!("Bearer {OLD}"));
        }
        let panicking = Credential::new(OLD.to_owned()).renewed_by(|| panic!("on purpose"));
        assert_eq!(
            panicking.show().refused(soon()).await,
            Some(Renewal::Failed)
        );
        let fixed = Credential::new(OLD.to_owned());
        assert_eq!(fixed.show().refused(soon()).await, None);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn while_a_source_takes_its_time_others_go_on_and_ask_no_second_time() {
        let (answer, wait) = std::sync::mpsc::channel::<()>();
        let wait = Mutex::new(wait);
        let credential = Credential::new(OLD.to_owned())
            .renewed_by(move || {
                let _ = wait.lock().unwrap().recv();
                Some(NEW.to_owned())
            })
            .renewal_interval(Duration::ZERO);
        let at_once = Instant::now() + Duration::from_millis(20);
        assert_eq!(
            credential.show().refused(at_once).await,
            Some(Renewal::Late)
        );
        assert_eq!(credential.show().refused(soon()).await, None);
        assert_eq!(sent(&credential), format!("Bearer {OLD}"));
        answer.send(()).unwrap();
        while sent(&credential) != format!("Bearer {NEW}") {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    #[tokio::test]
    async fn t33_the_old_token_and_the_new_one_are_taken_out_of_answers_of_either() {
        let credential = Credential::new(OLD.to_owned()).renewed_by(|| Some(NEW.to_owned()));
        let before = credential.show();
        before.refused(soon()).await;
        for shown in [before, credential.show()] {
            let mut answer = format!("{OLD} {NEW}").into_bytes();
            assert_eq!(shown.redact(&mut answer), 2);
            assert_eq!(answer, b"root:[redacted] root:[redacted]");
            assert!(shown.is_in(OLD.as_bytes()) && shown.is_in(NEW.as_bytes()));
        }
    }

    #[tokio::test]
    async fn t33_the_last_sixteen_tokens_are_taken_out_of_answers() {
        let (credential, _) = counting();
        let credential = credential.renewal_interval(Duration::ZERO);
        let mut tokens = Vec::new();
        for _ in 0..BEFORE + 2 {
            tokens.push(sent(&credential).replace("Bearer ", ""));
            let renewed = credential.show().refused(soon()).await;
            assert_eq!(renewed, Some(Renewal::Renewed));
        }
        let shown = credential.show();
        let known = tokens.iter().filter(|token| shown.is_in(token.as_bytes()));
        assert_eq!(known.count(), BEFORE);
    }
}
