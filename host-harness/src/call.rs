//! The life of a call: it takes a place, runs in a fresh instance, and ends so that nothing of it is left.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};
use wasmtime::Store;
use wasmtime::component::Instance;

use crate::answer::Answer;
use crate::audit::{Audit, Line};
use crate::budget::Budget;
use crate::contain::{Panicked, contained};
use crate::egress::{Call, Meanings, Traffic};
use crate::endpoint::Endpoint;
use crate::error::{CallError, WriteFailure};
use crate::sandbox::bindings::{entities, types};
use crate::sandbox::{Guest, LimitKind, Limits, Sandbox};

/// What the calls of a host share.
pub(crate) struct Calls {
    pub(crate) limits: Limits,
    audit: Audit,
    budget: Budget,
    places: Arc<Semaphore>,
    last: AtomicU64,
}

impl Calls {
    pub(crate) fn new(limits: Limits, audit: Audit) -> Self {
        Self {
            budget: Budget::new(limits.budget_bytes),
            places: Arc::new(Semaphore::new(limits.concurrent_calls as usize)),
            last: AtomicU64::new(0),
            limits,
            audit,
        }
    }

    /// Takes a place among the calls, and arms a store for it. What the host asks for a call (`by_host`) is in that
    /// call's place.
    pub(crate) fn open<'a>(
        &self,
        sandbox: &'a Sandbox,
        endpoint: Option<&Endpoint>,
        tool: &str,
        by_host: bool,
    ) -> Result<Running<'a>, CallError> {
        let call = Arc::new(Call {
            id: self.last.fetch_add(1, Ordering::Relaxed) + 1,
            // A line cuts it, and says so.
            tool: tool.chars().take(512).collect(),
            endpoint: endpoint.cloned(),
            scope: OnceLock::new(),
            limits: self.limits.clone(),
            budget: self.budget.of_a_call(),
            audit: self.audit.clone(),
            deadline: Instant::now() + self.limits.request_time(),
            traffic: Traffic::default(),
            meanings: Meanings::default(),
        });
        let mut over = Over {
            call: Arc::clone(&call),
            by_host,
            started: Instant::now(),
            result: "cancelled",
        };
        let place = (!by_host).then(|| Arc::clone(&self.places).try_acquire_owned());
        let Ok(place) = place.transpose() else {
            over.result = CallError::Overloaded.name();
            return Err(CallError::Overloaded);
        };
        Ok(Running {
            sandbox,
            store: sandbox.store(Arc::clone(&call), &self.limits),
            gate: Gate(call),
            over,
            _place: place,
        })
    }
}

/// A call between its begin and its end.
pub(crate) struct Running<'a> {
    sandbox: &'a Sandbox,
    // In this order: nothing more leaves, then the instance goes, then the summary is written, and the place is given
    // back last.
    gate: Gate,
    pub(crate) store: Store<Guest>,
    over: Over,
    _place: Option<OwnedSemaphorePermit>,
}

/// Closes the way out when it is dropped: before the instance goes, whose half-written bodies then look complete.
struct Gate(Arc<Call>);

impl Drop for Gate {
    fn drop(&mut self) {
        self.0.traffic.end();
    }
}

/// Any component's failure carries the error record; `Rest` is what else it says.
pub(crate) trait Failure {
    type Rest;

    fn split(self) -> (types::Error, Self::Rest);
}

impl Failure for types::Error {
    type Rest = ();

    fn split(self) -> (Self, ()) {
        (self, ())
    }
}

impl Failure for entities::WriteError {
    type Rest = (entities::WriteReport, u32);

    fn split(self) -> (types::Error, Self::Rest) {
        (self.cause, (self.confirmed, self.resume_at))
    }
}

/// How a call failed.
pub(crate) struct CallFailure<R> {
    error: CallError,
    /// What the component said beside its error. `None`: it was ended.
    rest: Option<R>,
    /// Requests that had been let out.
    sent: u32,
}

impl<R> From<CallError> for CallFailure<R> {
    fn from(error: CallError) -> Self {
        Self {
            error,
            rest: None,
            sent: 0,
        }
    }
}

impl From<CallFailure<()>> for CallError {
    fn from(failure: CallFailure<()>) -> Self {
        failure.error
    }
}

impl CallFailure<(entities::WriteReport, u32)> {
    /// Of a write of so many rows. Where nobody is left to say what is in, every row is in doubt if anything was let out.
    pub(crate) fn into_write(self, rows: u32) -> WriteFailure {
        let nothing = entities::WriteReport {
            rows: 0,
            ids: None,
            requests: 0,
            extra: None,
        };
        let resume_at = if self.sent == 0 { 0 } else { rows };
        let (confirmed, resume_at) = self.rest.unwrap_or((nothing, resume_at));
        WriteFailure {
            error: self.error,
            confirmed,
            resume_at,
        }
    }
}

/// What the component's error is, by what the host has noted of the call.
fn judged(call: &Call, mut error: types::Error, exceeded: Option<LimitKind>) -> CallError {
    let mut noted = call.traffic.noted().clone();
    noted
        .refusals
        .retain(|refusal| LimitKind::of(refusal.rule).is_none());
    // The component counts its time in whole milliseconds.
    let late = Instant::now() + Duration::from_millis(5) >= call.deadline
        && error.kind == types::ErrorKind::Timeout;
    let limit = noted.limit.or(exceeded);
    let limit = limit.or(late.then_some(LimitKind::CallTime));
    if let Some(wait) = noted.wait
        && limit == Some(LimitKind::AdminPerMinute)
    {
        error.retry_after_ms = Some(u32::try_from(wait.as_millis()).unwrap_or(u32::MAX));
        if error.outcome == types::Outcome::NotApplied {
            error.retry = types::Retry::Safe;
        }
    }
    match (limit, noted.unreachable) {
        _ if !noted.refusals.is_empty() => CallError::Refused {
            refusals: noted.refusals,
            error,
        },
        (Some(limit), _) => CallError::Limit {
            limit,
            value: call.limits.get(limit),
            error: Some(error),
        },
        (None, Some(reason)) => CallError::Unreachable { reason, error },
        (None, None) => CallError::Tool(error),
    }
}

/// Why work within a call did not come to an end of its own.
pub(crate) enum Cut {
    Time,
    Panic,
}

/// Runs the work of a call within its time, and keeps a panic in it.
pub(crate) async fn within<T>(time: Duration, work: impl Future<Output = T>) -> Result<T, Cut> {
    match timeout(time, contained(work)).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(Panicked)) => Err(Cut::Panic),
        Err(_) => Err(Cut::Time),
    }
}

impl Running<'_> {
    /// Makes an instance for the call.
    pub(crate) async fn instance(&mut self) -> wasmtime::Result<Instance> {
        self.sandbox
            .instance
            .instantiate_async(&mut self.store)
            .await
    }

    pub(crate) fn call(&self) -> &Call {
        &self.over.call
    }

    /// Ends the call: nothing more leaves, the instance goes, and what was on its way is waited for.
    pub(crate) async fn close<T, E: Failure>(
        self,
        ended: Result<wasmtime::Result<Result<T, E>>, Cut>,
    ) -> Result<Answer<T>, CallFailure<E::Rest>> {
        // The place is given back last.
        let Self {
            _place,
            gate,
            store,
            mut over,
            ..
        } = self;
        drop(gate);
        let call = Arc::clone(&over.call);
        let exceeded = store.data().meter.exceeded();
        drop(store);
        // Dropping the store has cancelled them: this is for the order of audit lines, and no reason to hang.
        let _ = timeout(Duration::from_secs(1), call.traffic.settled()).await;
        let (error, rest) = match ended {
            Ok(Ok(Ok(value))) => {
                over.result = "ok";
                let refused = call.traffic.refused();
                return Ok(Answer { value, refused });
            }
            Ok(Ok(Err(error))) => {
                let (error, rest) = error.split();
                (judged(&call, error, exceeded), Some(rest))
            }
            // Its tools could not be listed, or its arguments not be read.
            Ok(Err(error)) => match error.downcast() {
                Ok(error) => (error, None),
                Err(error) => (CallError::ended(&error, exceeded, &call.limits), None),
            },
            Err(Cut::Time) => (CallError::limit(LimitKind::CallTime, &call.limits), None),
            Err(Cut::Panic) => {
                let text = "a panic in the host was caught; this is a fault of the host";
                (CallError::Sandbox(text.to_owned()), None)
            }
        };
        over.result = error.name();
        let sent = call.traffic.sent();
        Err(CallFailure { error, rest, sent })
    }
}

/// Writes the summary when it is dropped, whatever way the call ended.
struct Over {
    call: Arc<Call>,
    /// The host made this call for another.
    by_host: bool,
    started: Instant,
    result: &'static str,
}

impl Drop for Over {
    fn drop(&mut self) {
        let (call, traffic) = (&self.call, &self.call.traffic);
        let line = Line::of_call(call.id, &call.tool, self.by_host)
            .text("result", self.result)
            .number("sent", traffic.sent())
            .number("refused", traffic.refused())
            .number_unless_zero("asked", traffic.asked());
        call.audit.write(line.milliseconds(self.started.elapsed()));
    }
}
