//! What an operator can do where a rule of the policy refuses.

use host_harness::Rule;

const ENDPOINT: &str =
    "only the configured endpoint can be reached; a well-behaved component asks for no other";
const ROUTES: &str =
    "only Milvus' own REST routes are let out; update the harness if Milvus has a new one";
const LISTS: &str = "only what the policy lists can be reached; add it to the list if it should be";
const CALL: &str = "the component did more than it was called for: nothing was sent";
const BODY: &str = "the body is none that Milvus documents: nothing was sent";
const FAULTY: &str = "the component is faulty: nothing was sent";

/// What can be done about a refusal by this rule.
pub(crate) fn about(rule: Rule) -> &'static str {
    match rule {
        Rule::NoEndpoint => "pass an endpoint with the call",
        Rule::RequestCount => "raise `Limits::requests_per_call`, or make several calls",
        Rule::Rate => "wait, or raise what `Limits` lets out per minute; nothing was sent",
        Rule::AtOnce => "wait for answers first, or raise `Limits::requests_at_once`",
        Rule::Malformed | Rule::Length | Rule::Trailers | Rule::Body | Rule::Unfinished => FAULTY,
        Rule::Scheme | Rule::Authority => ENDPOINT,
        Rule::Path | Rule::Method | Rule::Query => ROUTES,
        Rule::RequestBytes => "send less in one call, or raise `Limits::request_bytes`",
        Rule::Rows => "send fewer rows in one request, or raise `Limits::rows_per_request`",
        Rule::Json | Rule::Duplicate | Rule::Key | Rule::Name => BODY,
        Rule::Effect => {
            "allow the class that it names beside the mode, or choose a mode that has it; `outbound` wants the place outside"
        }
        Rule::Collection | Rule::Database | Rule::Nameless | Rule::Answer => LISTS,
        Rule::Alias => {
            "add the collection to the list if it may be reached, or have the alias point at a listed one"
        }
        Rule::Outside => "name the endpoint or the path in the policy if Milvus may use it",
        Rule::Tool | Rule::CallRoute | Rule::Call | Rule::CallDatabase | Rule::CallBody => CALL,
        _ => "update this program: the rule is newer",
    }
}
