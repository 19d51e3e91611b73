//! The audit line of one request, the component's or the host's own: begun when it is made, written when it is over,
//! whatever way it ends.

use std::borrow::Cow;
use std::sync::Arc;

use policy::{Admitted, Effects, Facts, Refusal, Rule};
use routes::Effect;
use tokio::time::Instant;

use super::Call;
use super::traffic::OnItsWay;
use crate::audit::Line;
use crate::credential::Renewal;
use crate::transport::{Answer, TransportError};

pub(crate) struct Record {
    call: Arc<Call>,
    by_host: bool,
    /// Which of the call's requests it is, from 1.
    pub(super) number: u32,
    /// How many were on their way when it began, itself included.
    pub(super) at_once: u32,
    method: &'static str,
    path: String,
    started: Instant,
    admitted: Option<Facts>,
    pub(super) request_bytes: u64,
    sending: bool,
    over: bool,
    _on_its_way: Option<OnItsWay>,
}

impl Record {
    pub(super) fn begin(call: &Arc<Call>, method: &str, path: &str) -> Self {
        let (number, at_once, on_its_way) = call.traffic.begin();
        Self {
            call: Arc::clone(call),
            by_host: false,
            number,
            at_once,
            method: known(method),
            path: path.to_owned(),
            started: Instant::now(),
            admitted: None,
            request_bytes: 0,
            sending: false,
            over: false,
            _on_its_way: on_its_way,
        }
    }

    /// A question that the host asks itself, for a request that waits for its answer.
    pub(super) fn ask(call: &Arc<Call>, question: &Admitted) -> Self {
        call.traffic.count_asked();
        let route = question.route();
        Self {
            call: Arc::clone(call),
            by_host: true,
            number: 0,
            at_once: 0,
            method: route.method.as_str(),
            path: route.path.to_owned(),
            started: Instant::now(),
            admitted: Some(question.facts().clone()),
            request_bytes: question.body().len() as u64,
            sending: true,
            over: false,
            _on_its_way: None,
        }
    }

    /// It may leave.
    pub(super) fn admitted(&mut self, request: &Admitted) {
        self.admitted = Some(request.facts().clone());
    }

    /// From here on Milvus may have seen it.
    pub(super) fn sending(&mut self) {
        self.sending = true;
        self.call.traffic.count_sent();
    }

    pub(super) fn refused(&mut self, refusal: Refusal) {
        self.over = true;
        self.call.traffic.count_refused();
        // Refusals beyond the number of requests that a call may make are counted, not written.
        if self.number > self.call.limits.requests_per_call.saturating_add(1) {
            return;
        }
        let operation = refusal.operation.filter(|_| self.admitted.is_none());
        let line = self.line("refused").text("rule", refusal.rule.name());
        self.write(line.text_if("operation", operation));
        self.call.traffic.note(refusal);
    }

    /// Milvus answered; `withheld` says why the component does not see it.
    pub(super) fn answered(&mut self, answer: &Answer, withheld: Option<Refusal>) {
        self.over = true;
        let line = self
            .line("sent")
            .number("response_bytes", answer.bytes())
            .number("status", answer.status())
            .number_unless_zero("redacted", answer.redacted)
            .text_if("credential", answer.renewal.map(Renewal::name))
            .text_if(
                "withheld",
                withheld.as_ref().map(|refusal| refusal.rule.name()),
            );
        self.write(line.text("outcome", "answered"));
        if self.by_host {
            return;
        }
        self.call.traffic.reached(None, None);
        if let Some(refusal) = withheld {
            self.call.traffic.note(refusal);
        }
    }

    pub(super) fn failed(&mut self, error: TransportError) {
        self.over = true;
        let line = if self.sending {
            let outcome = if error.before_sending() {
                "not-sent"
            } else {
                "unknown"
            };
            self.line("sent").text("outcome", outcome)
        } else {
            self.call.traffic.count_refused();
            let rule = match &self.admitted {
                // What its names mean could not be asked.
                Some(_) => Rule::Alias.name(),
                None => "budget-bytes",
            };
            self.line("refused").text("rule", rule)
        };
        self.write(line.text("error", error.name()));
        if self.by_host {
            return;
        }
        self.call.traffic.reached(error.connection(), error.limit());
    }

    fn line(&self, verdict: &'static str) -> Line {
        let origin = self
            .call
            .endpoint
            .as_ref()
            .map(|endpoint| endpoint.origin().to_string());
        let line = Line::of_call(self.call.id, &self.call.tool, self.by_host)
            .text("verdict", verdict)
            .text("method", self.method)
            .text("path", &self.shown_path())
            .number("request_bytes", self.request_bytes)
            .text_if("origin", origin.as_deref());
        let Some(facts) = &self.admitted else {
            return line;
        };
        let classes: Vec<&str> = facts.effects.iter().map(Effect::as_str).collect();
        let line = line
            .text("operation", facts.route.name)
            .text("effect", &classes.join(","));
        if facts.effects == Effects::of(&[Effect::Read]) {
            return line;
        }
        // What was changed has to be known afterwards.
        line.names("databases", &facts.databases)
            .names("collections", &facts.collections)
    }

    /// A path that is no route's can be any text that the component knows of.
    fn shown_path(&self) -> Cow<'_, str> {
        match (&self.admitted, &self.call.endpoint) {
            (None, Some(endpoint)) => Cow::Owned(endpoint.transport().hide(&self.path)),
            _ => Cow::Borrowed(&self.path),
        }
    }

    fn write(&self, line: Line) {
        self.call
            .audit
            .write(line.milliseconds(self.started.elapsed()));
    }
}

/// The method, if it is one of HTTP's own: any other is text of the component.
fn known(method: &str) -> &'static str {
    const METHODS: [&str; 9] = [
        "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH",
    ];
    let known = METHODS.into_iter().find(|known| *known == method);
    known.unwrap_or("other")
}

impl Drop for Record {
    /// The component, its call or its caller went away in the middle.
    fn drop(&mut self) {
        if !self.by_host {
            self.call.traffic.over();
        }
        if self.over {
            return;
        }
        if self.sending {
            self.write(
                self.line("sent")
                    .text("outcome", "unknown")
                    .text("error", "cancelled"),
            );
        } else {
            self.refused(Refusal::new(
                Rule::Unfinished,
                "it was given up before it was whole",
            ));
        }
    }
}
