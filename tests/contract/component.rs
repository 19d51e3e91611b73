//! The cases of REST v2, end to end: through the sandbox to Milvus Lite, by `rest`, and by the tool and the typed function
//! that send the operation, where their arguments can express the case. What is about HTTP itself runs raw, in the
//! gateway's own tests.
//!
//! A new route has these tests when its contract file is there, a new operation when a tool sends it.

use std::collections::{BTreeMap, BTreeSet};

use host_harness::collections::CollectionRequest;
use host_harness::partitions::PartitionRequest;
use host_harness::{
    CallError, Credential, Endpoint, ErrorKind, ErrorSource, Policy, Rule, ToolError,
};
use milvus_plugin::tools::TOOLS;
use routes::Route;
use serde_json::{Value, json};

use super::files::{self, Contract};
use crate::servers::local::{LocalMilvus, Stage, TOKEN, host, post, unique};

/// Keys whose arguments have another name than theirs in snake case.
const RENAMED: [(&str, &str); 5] = [
    ("autoID", "auto_id"),
    ("exprParams", "filter_params"),
    ("groupingField", "group_by_field"),
    ("id", "ids"),
    ("dbName", ""),
];

/// Contracts of REST v2 that no operation is written for yet. The list may only shrink.
const WITHOUT_OPERATION: &[&str] = &[
    "v2/aliases/alter",
    "v2/aliases/create",
    "v2/aliases/describe",
    "v2/aliases/drop",
    "v2/aliases/list",
    "v2/collections/add_function",
    "v2/collections/add_function_field",
    "v2/collections/alter_function",
    "v2/collections/alter_properties",
    "v2/collections/compact",
    "v2/collections/drop_function",
    "v2/collections/drop_function_field",
    "v2/collections/drop_properties",
    "v2/collections/fields/add",
    "v2/collections/fields/alter_properties",
    "v2/collections/fields/drop",
    "v2/collections/flush",
    "v2/collections/get_compaction_state",
    "v2/collections/refresh_load",
    "v2/collections/rename",
    "v2/collections/struct_fields/add",
    "v2/collections/truncate",
    "v2/common/run_analyzer",
    "v2/databases/alter",
    "v2/databases/alter_properties",
    "v2/databases/create",
    "v2/databases/describe",
    "v2/databases/drop",
    "v2/databases/drop_properties",
    "v2/databases/list",
    "v2/entities/advanced_search",
    "v2/indexes/alter_properties",
    "v2/indexes/create",
    "v2/indexes/describe",
    "v2/indexes/drop",
    "v2/indexes/drop_properties",
    "v2/indexes/list",
    "v2/jobs/external_collection/describe",
    "v2/jobs/external_collection/list",
    "v2/jobs/external_collection/refresh",
    "v2/jobs/import/abort",
    "v2/jobs/import/commit",
    "v2/jobs/import/create",
    "v2/jobs/import/describe",
    "v2/jobs/import/get_progress",
    "v2/jobs/import/list",
    "v2/jobs/snapshot/describe",
    "v2/jobs/snapshot/export",
    "v2/jobs/snapshot/list",
    "v2/jobs/snapshot/restore_external",
    "v2/partitions/get_stats",
    "v2/partitions/list",
    "v2/partitions/load",
    "v2/partitions/release",
];

/// Why a case cannot be told to a tool.
const NO_TOOL: &str = "no tool sends it";
const NO_ARGUMENT: &str = "it has a key that is no argument of the tool";
const NO_BODY: &str = "its point is the HTTP request itself";

/// Cases in which the component takes what Milvus refuses, since its meaning is plain.
const TAKEN: [&str; 1] = ["v2/entities/insert: a single object is refused"];

/// What the cases have Milvus use outside of it.
const PLACES: [&str; 3] = ["x", "tei", "http://tei.example"];

/// Rules by which the policy refuses, through `rest`, what Milvus refuses as well: no place is named where Milvus is led
/// outside, or another database is.
const REFUSED: [Rule; 2] = [Rule::Outside, Rule::CallDatabase];

/// Cases of what Milvus reads leniently: the host takes no key that is not spelt as the table has it.
const STRICTER: [&str; 1] =
    ["v2/collections/has: keys match without case, and unknown ones are ignored"];

/// What Milvus answers and a tool does not show: the numbers of fields.
const NOT_SHOWN: (&str, &str) = ("collections.describe", "id");

/// What `$collection` and its like mean in one case.
#[derive(Default)]
struct Names(BTreeMap<String, Value>);

impl Names {
    fn fresh() -> Self {
        let names = ["collection", "other", "alias", "database"];
        Self(
            names
                .map(|name| (name.to_owned(), json!(unique(name))))
                .into(),
        )
    }

    /// `value` with every name filled in; one that is the whole text keeps its type.
    fn fill(&self, value: &Value) -> Value {
        match value {
            Value::Object(members) => {
                let members = members.iter();
                members
                    .map(|(name, value)| (name.clone(), self.fill(value)))
                    .collect()
            }
            Value::Array(items) => items.iter().map(|item| self.fill(item)).collect(),
            Value::String(text) => self.text(text),
            other => other.clone(),
        }
    }

    fn text(&self, text: &str) -> Value {
        let whole = text.strip_prefix('$').and_then(|name| self.0.get(name));
        whole.cloned().unwrap_or_else(|| {
            let mut filled = text.to_owned();
            for (name, value) in &self.0 {
                let value = value
                    .as_str()
                    .map_or_else(|| value.to_string(), str::to_owned);
                filled = filled.replace(&format!("${name}"), &value);
            }
            filled.into()
        })
    }
}

/// A case, with all that it takes to run it.
struct Case<'a> {
    contract: &'a Contract,
    route: &'static Route,
    content: &'a Value,
    names: Names,
}

impl Case<'_> {
    fn place(&self) -> String {
        let name = self.content["name"].as_str().expect("a case has a name");
        format!("{}: {name}", self.contract.name)
    }

    /// The requests of `given` or `then`, preparations taken apart: route, body, the entry.
    fn steps(&self, what: &Value) -> Vec<(String, Value, Value)> {
        let given = files::beside("given");
        let mut steps = Vec::new();
        for entry in what.as_array().into_iter().flatten() {
            match entry.as_str() {
                Some(name) => steps.extend(self.steps(&given["v2"][name])),
                None => {
                    let entry = entry.as_object().expect("a step is an object");
                    let (route, body) = entry
                        .iter()
                        .find(|(name, _)| name.contains('/'))
                        .expect("a step has a route");
                    steps.push((route.clone(), body.clone(), json!(entry)));
                }
            }
        }
        steps
    }

    fn send(&self, route: &str, body: &Value) -> Value {
        let address = LocalMilvus::shared().address();
        post(address, route, &self.names.fill(body), Some(TOKEN))
    }

    fn prepare(&mut self) {
        for (route, body, entry) in self.steps(&self.content["given"]) {
            let answer = self.send(&route, &body);
            if entry["answer"].is_null() {
                assert_eq!(
                    answer["code"],
                    0,
                    "{}: given {route}: {answer}",
                    self.place()
                );
            }
            for (name, way) in entry["remember"].as_object().into_iter().flatten() {
                let way = way.as_array().expect("a way is a list").iter();
                let found = way.fold(&answer["data"], |at, part| match part.as_u64() {
                    Some(position) => &at[usize::try_from(position).expect("a position")],
                    None => &at[part.as_str().expect("a name")],
                });
                self.names.0.insert(name.clone(), found.clone());
            }
        }
    }

    /// Tool and arguments that say what the case's request says.
    fn told(&self) -> Result<(&'static str, Value), &'static str> {
        let choices = TOOLS.iter().map(|tool| (tool, tool.choosing(self.route)));
        let mut choices = choices.filter_map(|(tool, chosen)| Some((tool, chosen?)));
        let (tool, mut arguments) = choices.next().ok_or(NO_TOOL)?;
        let request = &self.content["request"];
        let plain = request.as_object().is_some_and(|parts| parts.len() == 1);
        let body = request["body"]
            .as_object()
            .filter(|_| plain)
            .ok_or(NO_BODY)?;
        let definition = tool.definition().expect("a definition");
        for (key, value) in body {
            let renamed = RENAMED.iter().find(|(known, _)| known == key);
            let name = renamed.map_or_else(|| snake(key), |(_, name)| (*name).to_owned());
            let (name, value) = match (name.as_str(), self.route.name, value.as_array()) {
                // The connection's, and a text there.
                ("", ..) if value.is_string() => continue,
                ("data", "entities.search", Some(queries)) => match queries.as_slice() {
                    [query] if query.is_string() => ("query_text".to_owned(), query),
                    [query] => ("query_vector".to_owned(), query),
                    _ => return Err(NO_ARGUMENT),
                },
                _ => (name, value),
            };
            if definition.input_schema["properties"][&name].is_null() {
                return Err(NO_ARGUMENT);
            }
            arguments.insert(name, self.names.fill(value));
        }
        Ok((tool.name, arguments.into()))
    }

    /// The case's body, if it is about a body and nothing else.
    fn body(&self) -> Option<Value> {
        let request = self.content["request"].as_object()?;
        let alone = request.len() == 1 && self.content["request"]["body"].is_object();
        alone.then(|| self.names.fill(&self.content["request"]["body"]))
    }

    /// What the case's request is sent to. The files and models of the cases may be used.
    fn endpoint(&self) -> Endpoint {
        let mut policy = Policy::full();
        for place in PLACES {
            policy = policy.outside(place);
        }
        let mut builder = Endpoint::builder(LocalMilvus::shared().uri(), policy)
            .credential(Credential::new(TOKEN.to_owned()));
        if let Value::String(name) = self.names.fill(&self.content["request"]["body"]["dbName"]) {
            builder = builder.database(name);
        }
        builder.build().expect("an endpoint")
    }

    /// Whether an answer is what the case says: its values are there, or its code.
    fn judge(&self, answer: &Result<Value, CallError>) -> Result<(), String> {
        let expected = self.names.fill(&self.content["answer"]);
        match answer {
            Ok(answer) => {
                let (mut wanted, mut found) = (Vec::new(), Vec::new());
                let mut data = expected["data"].clone();
                if self.route.name == NOT_SHOWN.0 {
                    remove(NOT_SHOWN.1, &mut data);
                }
                leaves(&data, &mut wanted);
                leaves(answer, &mut found);
                member_names(answer, &mut found);
                let lacking = wanted.iter().find(|value| !found.contains(value));
                match lacking.filter(|_| !answer.is_null()) {
                    _ if expected["data"].is_null() => {
                        Err(format!("expected {expected}, came {answer}"))
                    }
                    Some(value) => Err(format!("expected {value} in {answer}")),
                    None => Ok(()),
                }
            }
            Err(CallError::Tool(error)) if expected["data"].is_null() => {
                let same = error.milvus_code.map(Value::from).as_ref() == Some(&expected["code"]);
                let refused = refused_here(error);
                (same || refused)
                    .then_some(())
                    .ok_or_else(|| format!("expected {expected}, came {error:?}"))
            }
            Err(CallError::Refused { refusals, .. })
                if expected["data"].is_null()
                    && refusals
                        .iter()
                        .all(|refusal| REFUSED.contains(&refusal.rule)) =>
            {
                Ok(())
            }
            Err(error) => Err(format!("expected {expected}, came {error:?}")),
        }
    }

    /// What is so afterwards, asked raw.
    fn check_then(&self) {
        for (route, body, entry) in self.steps(&self.content["then"]) {
            let answer = self.send(&route, &body);
            let expected = self.names.fill(&entry["answer"]);
            assert_eq!(
                answer["code"],
                expected["code"],
                "{}: then {route}: {answer}",
                self.place()
            );
            let (mut wanted, mut found) = (Vec::new(), Vec::new());
            leaves(&expected["data"], &mut wanted);
            leaves(&answer["data"], &mut found);
            let lacking = wanted.iter().find(|value| !found.contains(value));
            assert_eq!(lacking, None, "{}: then {route}: {answer}", self.place());
        }
    }

    fn clean(&self) {
        for (route, body) in [
            ("aliases/drop", json!({"aliasName": "$alias"})),
            ("collections/drop", json!({"collectionName": "$collection"})),
            ("collections/drop", json!({"collectionName": "$other"})),
            (
                "collections/drop",
                json!({"dbName": "$database", "collectionName": "$collection"}),
            ),
            ("databases/drop", json!({"dbName": "$database"})),
        ] {
            self.send(route, &body);
        }
    }
}

/// The component or the host refused the arguments: nothing was sent.
fn refused_here(error: &ToolError) -> bool {
    error.kind == ErrorKind::InvalidArgument && error.source != ErrorSource::Server
}

fn snake(key: &str) -> String {
    let mut name = String::new();
    for letter in key.chars() {
        if letter.is_ascii_uppercase() {
            name.push('_');
        }
        name.push(letter.to_ascii_lowercase());
    }
    name
}

/// The plain values in a JSON value, as text. Patterns of the contract's language, marks of lists and empty texts aside.
fn leaves(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            let certain = members
                .iter()
                .filter(|(name, _)| !name.ends_with('?') && *name != "…");
            certain.for_each(|(_, value)| leaves(value, found));
        }
        Value::Array(items) => items.iter().for_each(|item| leaves(item, found)),
        Value::String(text) if text.is_empty() || text.starts_with('<') || text.contains('…') => {
        }
        Value::String(text) => found.push(text.clone()),
        Value::Number(number) => {
            let whole = number.as_i64().map(|number| number.to_string());
            found.push(whole.unwrap_or_else(|| number.as_f64().unwrap_or_default().to_string()));
        }
        Value::Bool(flag) => found.push(flag.to_string()),
        Value::Null => {}
    }
}

/// Removes a member wherever it stands.
fn remove(name: &str, value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.remove(name);
            members.values_mut().for_each(|value| remove(name, value));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| remove(name, item)),
        _ => {}
    }
}

/// The names of members in a JSON value: a tool shows a list of names and values as an object.
fn member_names(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            found.extend(members.keys().cloned());
            members
                .values()
                .for_each(|value| member_names(value, found));
        }
        Value::Array(items) => items.iter().for_each(|item| member_names(item, found)),
        _ => {}
    }
}

/// What the typed function that sends an operation answers; `null` where its answer has another form than the tool's.
async fn typed(case: &Case<'_>, endpoint: &Endpoint) -> Option<Result<Value, CallError>> {
    let body = case.names.fill(&case.content["request"]["body"]);
    let text = |key: &str| body[key].as_str().map(str::to_owned);
    let partition = || {
        Some(PartitionRequest {
            collection_name: text("collectionName")?,
            partition_name: text("partitionName")?,
            extra: None,
        })
    };
    Some(match case.route.name {
        "collections.describe" => {
            let described = host()
                .describe_schema(
                    endpoint,
                    &CollectionRequest {
                        collection_name: text("collectionName")?,
                        extra: None,
                    },
                )
                .await;
            described.map(|_| Value::Null)
        }
        "partitions.create" => {
            let created = host().create_partition(endpoint, &partition()?).await;
            created.map(|_| Value::Null)
        }
        "partitions.has" => {
            let has = host().has_partition(endpoint, &partition()?).await;
            has.map(|has| has.value.into())
        }
        "partitions.drop" => {
            let dropped = host().drop_partition(endpoint, &partition()?).await;
            dropped.map(|_| Value::Null)
        }
        _ => return None,
    })
}

/// How a case is run.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    Tool,
    Typed,
    Rest,
}

impl Way {
    fn name(self) -> &'static str {
        match self {
            Self::Tool => "by a tool",
            Self::Typed => "by a typed function",
            Self::Rest => "by rest",
        }
    }
}

impl Case<'_> {
    /// Sends the case's request. `None`: no typed function sends it.
    async fn run(&self, way: Way, stage: &Stage) -> Option<Result<Value, CallError>> {
        match way {
            Way::Tool => {
                let (tool, arguments) = self.told().expect("it was told before");
                Some(stage.try_call(tool, &arguments.to_string()).await)
            }
            Way::Typed => typed(self, &stage.endpoint).await,
            Way::Rest => {
                let body = self.body()?.to_string();
                let answer = host().rest(&stage.endpoint, self.route.name, &body).await;
                Some(answer.map(|answer| serde_json::from_str(answer.raw()).expect("JSON")))
            }
        }
    }
}

#[test]
fn every_contract_has_an_operation_or_is_listed() {
    let routes = milvus_plugin::operations::ROUTES.concat();
    let known: BTreeSet<&str> = routes.iter().map(|route| route.path).collect();
    assert_eq!(known.len(), routes.len(), "two operations have one route");
    let all = files::all();
    let all = all
        .iter()
        .filter(|contract| contract.name.starts_with("v2/"));
    let without = all.filter(|contract| !known.contains(contract.route().1));
    let without: Vec<&str> = without.map(|contract| contract.name.as_str()).collect();
    assert_eq!(without, WITHOUT_OPERATION);
}

#[tokio::test]
#[expect(clippy::print_stdout, reason = "shown with --nocapture")]
async fn each_case_is_true_through_the_sandbox() {
    let mut counts = BTreeMap::<&str, usize>::new();
    let mut wrong = Vec::new();
    for contract in files::all() {
        let (method, path) = contract.route();
        let Some(route) =
            routes::find(method, path.as_bytes()).filter(|_| contract.name.starts_with("v2/"))
        else {
            continue;
        };
        for content in contract
            .cases()
            .iter()
            .filter(|case| case["on"]["local"] == true)
        {
            for way in [Way::Tool, Way::Typed, Way::Rest] {
                let mut case = Case {
                    contract: &contract,
                    route,
                    content,
                    names: Names::fresh(),
                };
                if way == Way::Rest && case.body().is_none() {
                    *counts.entry("only raw").or_default() += 1;
                    continue;
                }
                if way != Way::Rest
                    && let Err(why) = case.told()
                {
                    *counts.entry(why).or_default() += usize::from(way == Way::Tool);
                    continue;
                }
                case.prepare();
                let stage = Stage::before(case.endpoint());
                stage.requests();
                let Some(answer) = case.run(way, &stage).await else {
                    continue;
                };
                let sent = stage.requests();
                let one = way == Way::Rest
                    || case.told().is_ok_and(|(tool, _)| {
                        let mut tools = TOOLS.iter();
                        tools.any(|known| known.name == tool && !known.choices().is_empty())
                    });
                assert!(sent <= 1 || !one, "{}: {sent} requests", case.place());
                let kind = match &answer {
                    Err(CallError::Tool(error)) if refused_here(error) => "refused here",
                    Err(CallError::Refused { .. }) => "refused by the policy",
                    Err(_) => "refused by Milvus",
                    Ok(_) => "answered",
                };
                *counts.entry(way.name()).or_default() += 1;
                *counts.entry(kind).or_default() += 1;
                let place = case.place();
                match case.judge(&answer) {
                    Err(_) if answer.is_ok() && TAKEN.contains(&place.as_str()) => {}
                    Err(_) if way == Way::Rest && STRICTER.contains(&place.as_str()) => {}
                    Err(problem) => wrong.push(format!("{place}: {}: {problem}", way.name())),
                    Ok(()) => case.check_then(),
                }
                case.clean();
            }
        }
    }
    println!("{counts:#?}");
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(
        counts["by a tool"] > 150 && counts["by rest"] > 350,
        "the cases are not run: {counts:?}"
    );
}
