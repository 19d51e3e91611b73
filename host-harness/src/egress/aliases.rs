//! What the names of a request mean. Where the operator lists collections, a listed name can be an alias that leads
//! elsewhere: so the host asks Milvus itself, before a request that changes anything and beside one that only reads, once
//! for each call and name, and again after the call has changed something.
//!
//! Somebody else who moves an alias between the answer and the request is not seen.

use std::sync::Arc;

use policy::{Admitted, Allowance, Name, Question, Refusal, Rule};
use tokio::sync::Mutex;

use super::Call;
use super::record::Record;
use crate::endpoint::Endpoint;
use crate::transport::{Bounds, TransportError};

/// What a call knows of names.
#[derive(Default)]
pub(crate) struct Meanings(Mutex<Known>);

#[derive(Default)]
struct Known {
    /// These lead to what is listed, or to nothing.
    names: Vec<Name>,
    asked: u32,
}

/// Why a request may not leave, or its answer not come in.
pub(super) enum Unclear {
    /// A name leads elsewhere, or Milvus does not say where.
    Refused(Refusal),
    /// Milvus cannot be asked: it cannot have seen the question either.
    Unreachable(TransportError),
}

impl Unclear {
    pub(super) fn into_refusal(self) -> Refusal {
        match self {
            Self::Refused(refusal) => refusal,
            Self::Unreachable(error) => untold(error),
        }
    }
}

fn untold(error: TransportError) -> Refusal {
    let why = error.name();
    Refusal::new(
        Rule::Alias,
        format!("Milvus does not say what its names mean: {why}"),
    )
}

impl Meanings {
    /// The call has changed something: what was known may be so no longer.
    pub(super) async fn forget(&self) {
        self.0.lock().await.names.clear();
    }
}

/// The names of one request, and how they are asked for.
pub(super) struct Asking<'a> {
    pub(super) names: Vec<Name>,
    /// Makes the questions, and is not sent.
    pub(super) asker: Admitted,
    pub(super) allowance: &'a Allowance,
    pub(super) endpoint: &'a Endpoint,
    pub(super) bounds: &'a Bounds<'a>,
}

impl Asking<'_> {
    /// One request of a call asks at a time, so that no name is asked for twice.
    pub(super) async fn know(&self, call: &Arc<Call>) -> Result<(), Unclear> {
        let mut known = call.meanings.0.lock().await;
        for name in &self.names {
            if known.names.contains(name) {
                continue;
            }
            known.asked = known.asked.saturating_add(1);
            let most = call.limits.requests_per_call;
            if known.asked > most {
                let detail = format!("what a name means is asked at most {most} times in a call");
                return Err(Unclear::Refused(Refusal::new(Rule::RequestCount, detail)));
            }
            self.ask(call, name).await?;
            known.names.push(name.clone());
        }
        Ok(())
    }

    async fn ask(&self, call: &Arc<Call>, name: &Name) -> Result<(), Unclear> {
        let mut next = Some(Question::FIRST);
        while let Some(question) = next {
            let asked = self.asker.asks(name, question);
            let mut record = Record::ask(call, &asked);
            let answer = self.endpoint.transport().send(asked, self.bounds).await;
            let answer = answer.map_err(|error| {
                record.failed(error);
                if error.before_sending() {
                    Unclear::Unreachable(error)
                } else {
                    Unclear::Refused(untold(error))
                }
            })?;
            record.answered(&answer, None);
            next = policy::meaning(
                self.allowance,
                name,
                question,
                answer.status(),
                &answer.body(),
            )
            .map_err(Unclear::Refused)?;
        }
        Ok(())
    }
}
