//! What the names of a request mean. Where the operator lists collections, a listed name can be an alias that leads
//! elsewhere: so the host asks Milvus itself, before the request leaves, once for each call and name, and again after the
//! call has changed something.
//!
//! Somebody else who moves an alias between the answer and the request is not seen.

use std::sync::Arc;

use policy::{Admitted, Allowance, Name, Question, Rule};
use tokio::sync::Mutex;

use super::record::Record;
use super::{Call, Stop};
use crate::endpoint::Endpoint;
use crate::transport::Bounds;

/// What a call knows of names.
#[derive(Default)]
pub(crate) struct Meanings(Mutex<Known>);

#[derive(Default)]
struct Known {
    /// These lead to what is listed, or to nothing.
    names: Vec<Name>,
    asked: u32,
}

impl Meanings {
    /// The call has changed something: what was known may be so no longer.
    pub(super) async fn forget(&self) {
        self.0.lock().await.names.clear();
    }
}

/// Asks what names mean, as requests of one kind are asked.
pub(super) struct Asker<'a> {
    pub(super) allowance: &'a Allowance,
    pub(super) endpoint: &'a Endpoint,
    pub(super) bounds: &'a Bounds<'a>,
}

impl Asker<'_> {
    /// Whether the names of `request` lead to what is listed, or to nothing. One request of a call asks at a time, so that
    /// no name is asked for twice.
    pub(super) async fn know(&self, call: &Arc<Call>, request: &Admitted) -> Result<(), Stop> {
        if request.names().is_empty() {
            return Ok(());
        }
        let mut known = call.meanings.0.lock().await;
        for name in request.names() {
            if known.names.contains(name) {
                continue;
            }
            known.asked = known.asked.saturating_add(1);
            let most = call.limits.requests_per_call;
            if known.asked > most {
                let detail = format!("what a name means is asked at most {most} times in a call");
                return Err(Stop::refuse(Rule::RequestCount, detail));
            }
            let mut next = Some(Question::FIRST);
            while let Some(question) = next {
                next = self
                    .ask(call, request.asks(name, question), name, question)
                    .await?;
            }
            known.names.push(name.clone());
        }
        Ok(())
    }

    async fn ask(
        &self,
        call: &Arc<Call>,
        asked: Admitted,
        name: &Name,
        question: Question,
    ) -> Result<Option<Question>, Stop> {
        let mut record = Record::ask(call, &asked);
        let answer = match self.endpoint.transport().send(asked, self.bounds).await {
            Ok(answer) => answer,
            Err(error) => {
                record.failed(error);
                // Milvus cannot be asked: it cannot have seen the question either.
                if error.before_sending() {
                    return Err(Stop::Failed(error));
                }
                let detail = format!("Milvus does not say what its names mean: {}", error.name());
                return Err(Stop::refuse(Rule::Alias, detail));
            }
        };
        record.answered(&answer, None);
        let (status, body) = (answer.status(), answer.body());
        policy::meaning(self.allowance, name, question, status, &body).map_err(Stop::Refused)
    }
}
