//! `cases.txt` as tests, a section each, and what a line of text cannot say.

use super::*;
use routes::Effect;

const CAP: u64 = 1000;

fn allowance(origin: &str) -> Allowance {
    Allowance {
        origin: Some(Origin::parse(origin).expect(origin)),
        request_bytes: CAP,
        rows: CAP,
        policy: Policy::full(),
        call: Scope::of(Effects::of(&Effect::ALL)),
    }
}

/// What the policy of a case says.
fn allowed(text: &str) -> Allowance {
    let mut allowance = Allowance {
        request_bytes: 1 << 26,
        ..allowance("http://127.0.0.1:19530")
    };
    let mut words = text.split_whitespace();
    let mode = words.next().expect("a mode");
    let mode = Mode::ALL.into_iter().find(|known| known.name() == mode);
    let mut policy = Policy::new(mode.expect(text));
    for word in words {
        let (name, value) = word.split_once('=').expect(word);
        let parts = || value.split(',').filter(|part| !part.is_empty());
        let names = || Names::parse(parts()).expect(value);
        let effect = |part: &str| {
            let mut all = Effect::ALL.into_iter();
            all.find(|known| known.as_str() == part).expect(part)
        };
        match name {
            "allow" => policy = policy.allow(effect(value)),
            "collections" => policy = policy.collections(names()),
            "databases" => policy = policy.databases(names()),
            "outside" => policy = policy.outside(value),
            "tool" => {
                let effects: Vec<Effect> = parts().map(effect).collect();
                allowance.call = Scope::of(Effects::of(&effects));
            }
            "within" => {
                let database = (value != "-").then_some(value);
                allowance.call = allowance.call.clone().within(database);
            }
            "call" => {
                let subjects = Subjects {
                    collections: names(),
                    ..Subjects::default()
                };
                allowance.call = allowance.call.clone().about(subjects);
            }
            "origin" => allowance.origin = Some(Origin::parse(value).expect(value)),
            "rows" => allowance.rows = value.parse().expect(value),
            _ => panic!("`{word}`"),
        }
    }
    allowance.policy = policy;
    allowance
}

/// An empty object of so many bytes, where it fits.
fn object(bytes: u64) -> Vec<u8> {
    let mut text = vec![b' '; usize::try_from(bytes).expect("small")];
    if let [first, .., last] = text.as_mut_slice() {
        (*first, *last) = (b'{', b'}');
    }
    text
}

/// `METHOD URI`, as the egress hook would hand it over: what the `http` crate cannot hold as a URI never comes so far.
fn framed(case: &str, allowance: &mut Allowance) -> String {
    let mut words = case.split_whitespace();
    let (Some(method), Some(uri)) = (words.next(), words.next()) else {
        panic!("`{case}` is no METHOD URI");
    };
    let Ok(uri) = uri.parse::<http::Uri>() else {
        return Rule::Malformed.to_string();
    };
    let default = (method != "GET").then_some(2);
    let (mut declared, mut came, mut trailers, mut aborted) =
        (default, default.unwrap_or(0), false, false);
    for word in words {
        match word.split_once('=') {
            Some(("length", "none")) => declared = None,
            Some(("length", number)) => declared = Some(number.parse().expect(number)),
            Some(("body", number)) => came = number.parse().expect(number),
            None if word == "trailers" => trailers = true,
            None if word == "aborted" => aborted = true,
            _ => panic!("`{word}` in `{case}`"),
        }
    }
    allowance.request_bytes = CAP;
    let kept = came.min(declared.unwrap_or(0)).min(CAP);
    let authority = uri.authority().map(|authority| authority.as_str());
    let whole = WholeRequest {
        method,
        scheme: uri.scheme_str().unwrap_or_default(),
        authority: authority.unwrap_or_default(),
        path: uri.path(),
        query: uri.query(),
        declared,
        came,
        body: Bytes::from(object(kept)),
        trailers,
        aborted,
    };
    match admit(allowance, whole) {
        Ok(admitted) => {
            let asked = uri.path_and_query().expect("a path").as_str();
            assert_eq!(admitted.path_and_query(), asked);
            assert_eq!(Some(admitted.origin()), allowance.origin.as_ref());
            "sent".to_owned()
        }
        Err(refusal) => refusal.rule.to_string(),
    }
}

/// `OPERATION BODY-or-QUERY`, well framed.
fn ruling(operation: &str, content: &str, allowance: &Allowance) -> String {
    let route = routes::named(operation).expect(operation);
    let get = route.method == Method::Get;
    let body = if get { "" } else { content };
    let origin = allowance.origin.as_ref().expect("an origin");
    let whole = WholeRequest {
        method: route.method.as_str(),
        scheme: origin.scheme().name(),
        authority: &origin.authority(),
        path: route.path,
        query: (get && !content.is_empty()).then_some(content),
        declared: (!get).then_some(body.len() as u64),
        came: body.len() as u64,
        body: Bytes::from(body.to_owned()),
        trailers: false,
        aborted: false,
    };
    match admit(allowance, whole) {
        Ok(_) => "sent".to_owned(),
        Err(refusal) => {
            assert_eq!(refusal.operation, Some(route.name));
            refusal.rule.to_string()
        }
    }
}

/// `OPERATION STATUS BODY` of an answer.
fn shown(case: &str, allowance: &Allowance) -> String {
    let mut words = case.splitn(3, ' ');
    let mut word = || words.next().expect(case);
    let (operation, status, body) = (word(), word(), word());
    let route = routes::named(operation).expect(operation);
    let filtered = filter(
        allowance,
        route,
        status.parse().expect(status),
        Bytes::from(body.to_owned()),
    );
    match filtered {
        Ok(shown) if shown == body => "shown".to_owned(),
        Ok(shown) => format!("shown {}", String::from_utf8_lossy(&shown)),
        Err(refusal) => {
            assert_eq!(refusal.operation, Some(route.name));
            refusal.rule.to_string()
        }
    }
}

/// `NAME QUESTION STATUS BODY` of an answer to the host's own question.
fn means(case: &str, allowance: &Allowance) -> String {
    let mut words = case.splitn(4, ' ');
    let mut word = || words.next().expect(case);
    let (name, question, status, body) = (word(), word(), word(), word());
    let questions = [
        ("alias", Question::Alias),
        ("exists", Question::Exists),
        ("listed", Question::Listed),
    ];
    let known = questions.into_iter().find(|(word, _)| *word == question);
    let (_, question) = known.expect(question);
    let has = format!(r#"{{"collectionName":"{name}"}}"#);
    let asker = admitted("collections.has", &has, allowance);
    let status = status.parse().expect(status);
    match meaning(
        allowance,
        &asker.names()[0],
        question,
        status,
        body.as_bytes(),
    ) {
        Ok(None) => "listed".to_owned(),
        Ok(Some(next)) => {
            let next = questions.into_iter().find(|(_, known)| *known == next);
            format!("asks {}", next.expect("it is one").0)
        }
        Err(refusal) => refusal.rule.to_string(),
    }
}

/// A POST of `body` to an authority and a path, well framed.
fn post<'a>(authority: &'a str, path: &'a str, body: &Bytes) -> WholeRequest<'a> {
    WholeRequest {
        method: "POST",
        scheme: "http",
        authority,
        path,
        query: None,
        declared: Some(body.len() as u64),
        came: body.len() as u64,
        body: body.clone(),
        trailers: false,
        aborted: false,
    }
}

fn admitted(operation: &str, body: &str, allowance: &Allowance) -> Admitted {
    let route = routes::named(operation).expect(operation);
    let whole = post("127.0.0.1:19530", route.path, &Bytes::from(body.to_owned()));
    admit(allowance, whole).expect(body)
}

fn verdict(request: &str, of: &str) -> String {
    let mut allowance = allowed(of);
    let (first, rest) = request.split_once(' ').unwrap_or((request, ""));
    match first {
        "answer" => shown(rest, &allowance),
        "means" => means(rest, &allowance),
        _ if routes::named(first).is_some() => ruling(first, rest, &allowance),
        _ => framed(request, &mut allowance),
    }
}

/// The sections of the file: heading, as the name of a function, and lines.
fn sections() -> Vec<(String, Vec<&'static str>)> {
    let mut sections: Vec<(String, Vec<&str>)> = Vec::new();
    for line in include_str!("cases.txt").lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            let plain = heading.replace('\'', "").to_lowercase();
            let words = plain.split(|letter: char| !letter.is_ascii_alphanumeric());
            let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
            sections.push((words.join("_"), Vec::new()));
        } else if let Some((_, lines)) = sections.last_mut()
            && !line.starts_with('#')
            && !line.is_empty()
        {
            lines.push(line);
        }
    }
    sections
}

/// Each case of a section; how many there are.
fn check(section: &str) {
    let sections = sections();
    let lines = sections.iter().find(|(heading, _)| heading == section);
    let (_, lines) = lines.expect(section);
    let mut wrong = String::new();
    for line in lines {
        let mut parts = line.rsplitn(3, " | ");
        let mut part = || parts.next().expect(line);
        let (expected, of, request) = (part(), part(), part());
        let got = verdict(request, of);
        if got != expected {
            wrong.push_str(&format!("{line}\n   got {got}\n"));
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
    assert!(!lines.is_empty(), "{section}");
}

/// A test for each heading of `cases.txt`.
macro_rules! sections {
    ($($test:ident)*) => {
        $(
            #[test]
            fn $test() {
                check(stringify!($test));
            }
        )*

        #[test]
        fn every_section_of_the_cases_is_a_test() {
            let headings: Vec<String> = sections().into_iter().map(|(heading, _)| heading).collect();
            assert_eq!(headings, [$(stringify!($test)),*]);
        }
    };
}

sections! {
    t01_milvus_own_routes_leave_under_the_tables_own_path
    t11_another_scheme_is_refused
    t02_another_host_or_port_is_refused_and_spellings_of_this_one_that_others_read_as_another
    t01_t03_t05_t32_a_path_is_a_rows_byte_for_byte
    t06_the_method_is_the_rows
    t08_a_query_stands_on_v1s_get_only_with_known_keys_each_once_in_plain_characters
    t06_t07_a_body_is_declared_whole_within_the_cap_and_without_trailers
    t02_origins_are_compared_normalised
    t29_a_mode_lets_out_its_classes
    t29_loss_that_is_not_called_drop_is_none_of_no_drops
    t27_t28_milvus_contacts_and_reads_only_what_the_operator_names
    t27_t78_an_analyzer_stays_inside_by_what_is_built_in_all_else_is_a_place_to_be_named
    t27_functions_rerankers_and_chains_stay_inside_by_what_is_built_in
    t29_of_a_map_that_milvus_reads_a_closed_set_of_nothing_else_leaves
    t82_parameters_of_an_index_name_no_file
    t28_a_place_is_left_by_no_dots_coded_or_not
    t22_t23_t24_t30_under_a_list_of_collections_every_name_counts
    t18_t22_under_a_list_of_databases_one_has_to_be_named
    t15_t16_t17_t19_t20_nothing_passes_that_milvus_readers_read_differently
    t26_t55_a_call_does_no_more_than_its_tool_says_to_no_other_collection_than_its_arguments_name
    t26_a_call_stays_in_its_database
    no_more_rows_leave_in_one_request_than_the_limit
    t24_an_alias_counts_as_the_collection_that_it_leads_to
    t25_answers_tell_no_name_that_is_not_listed
    t25_error_texts_tell_no_name_that_is_not_listed
}

#[test]
fn the_cases_are_at_least_five_hundred() {
    let count: usize = sections().iter().map(|(_, lines)| lines.len()).sum();
    assert!(count >= 500, "{count} cases");
}

#[test]
fn t14_without_an_endpoint_nothing_leaves() {
    let nothing = Allowance {
        origin: None,
        ..allowance("http://127.0.0.1:19530")
    };
    let case = "POST http://127.0.0.1:19530/v2/vectordb/collections/list";
    assert_eq!(framed(case, &mut nothing.clone()), "no-endpoint");
}

#[test]
fn t07_what_leaves_is_what_came_and_its_path_is_the_rows_own() {
    let body = Bytes::from_static(b"{\"collectionName\":\"docs\"}");
    let path = String::from("/v2/vectordb/collections/has");
    let whole = post("LOCALHOST:19530", &path, &body);
    let admitted = admit(&allowance("http://localhost:19530"), whole).expect("is a route");
    assert_eq!(admitted.body(), &body);
    assert_eq!(
        admitted.body().as_ptr(),
        body.as_ptr(),
        "the very buffer that was checked"
    );
    assert_ne!(admitted.route().path.as_ptr(), path.as_ptr());
    assert_eq!(admitted.origin().authority(), "localhost:19530");
}

#[test]
fn t32_a_route_that_is_never_let_out_is_told_from_one_that_nobody_knows() {
    let detail = |path: &str| {
        let whole = post("localhost:19530", path, &Bytes::from_static(b"{}"));
        let refusal = admit(&allowance("http://localhost:19530"), whole).expect_err(path);
        assert_eq!(refusal.rule, Rule::Path);
        refusal.detail
    };
    assert_eq!(
        detail("/v2/vectordb/users/list"),
        "`/v2/vectordb/users/list` is never let out: it is about users, roles and privileges"
    );
    assert_eq!(
        detail("/v2/vectordb/users"),
        "`/v2/vectordb/users` is no route"
    );
}

#[test]
fn t65_refusals_show_foreign_text_escaped_and_cut() {
    let whole = WholeRequest {
        method: "POST",
        scheme: "http",
        authority: &format!("a\u{1b}[31m{}", "b".repeat(500)),
        path: "/",
        query: None,
        declared: None,
        came: 0,
        body: Bytes::new(),
        trailers: false,
        aborted: false,
    };
    let refusal = admit(&allowance("http://localhost:19530"), whole).expect_err("another host");
    assert!(
        refusal.detail.is_ascii()
            && !refusal.detail.contains('\u{1b}')
            && refusal.detail.len() < 200
    );
}

#[test]
fn t26_t74_the_names_of_a_call_are_those_of_its_top_level() {
    let names = |text: &str| names_in(text).expect(text).collections.to_string();
    let strict = r#"{"collection_name":"docs","data":[{"collection_name":"hr"}],"text":"hr"}"#;
    assert_eq!(names(strict), "docs");
    assert_eq!(
        names(r#"{"collection_names":["a","b"],"alias_name":"c","newCollectionName":"d"}"#),
        "a, b, c, d"
    );
    assert_eq!(
        (names("").as_str(), names(" { } ").as_str()),
        ("none", "none")
    );
    // What only speaks of a collection names none.
    let words =
        r#"{"collection_description":"hr","about_alias":"hr","names":"hr","n\u0061me":"hr"}"#;
    assert_eq!(names(words), "none");
}

#[test]
fn t26_t46_a_call_is_about_few_collections() {
    let of = |count: usize| {
        let names: Vec<String> = (0..count).map(|at| format!("\"a{at}\"")).collect();
        names_in(&format!("{{\"collections\":[{}]}}", names.join(",")))
    };
    assert!(of(64).is_ok_and(|names| names.collections.hold("a63")));
    let error = of(65).expect_err("one more");
    assert_eq!(error.problem, "expected at most 64 names, got 65");
    // The same one again, and what is no name, are none more.
    let again = format!("{{\"collections\":[{}\"a b\"]}}", "\"a\",".repeat(100));
    assert!(names_in(&again).is_ok_and(|names| names.collections.count() == 1));
}

#[test]
fn t28_a_scheme_alone_covers_nothing() {
    for known in ["https://", "https:/", "file:///", "s3:"] {
        assert!(!covers(known, &format!("{known}x")), "{known}");
        assert!(covers(known, known), "{known}");
    }
    assert!(covers("file:///data/", "file:///data/x") && covers("/data/", "/data/x"));
}

#[test]
fn t57_t74_arguments_that_readers_read_differently_are_the_callers_mistake() {
    for (arguments, argument, problem) in [
        ("{collection_name: 'docs'}", "", "a key is missing"),
        (
            r#"{"collection_name":"docs"} hr"#,
            "",
            "something stands behind the value",
        ),
        (r#"["docs"]"#, "", "expected a JSON object"),
        ("null", "", "expected a JSON object"),
        (
            r#"{"filter":"id == 77","filter":"id > 0"}"#,
            "filter",
            "a key stands twice",
        ),
        (
            r#"{"filter":"a","limit":3,"f\u0069lter":"b"}"#,
            "filter",
            "a key stands twice",
        ),
        (
            r#"{"data":[{"id":1},{"id":3,"v":[0],"id":4}]}"#,
            "data[1].id",
            "a key stands twice",
        ),
        (
            r#"{"data":[{"id":1},{"a":{"b":1,"b":2}}]}"#,
            "data[1].a.b",
            "a key stands twice",
        ),
        (
            r#"{"query_text":"\ud83d"}"#,
            "query_text",
            "a surrogate stands alone",
        ),
        (
            r#"{"data":[{"x":1,"v":[0,1,1e309]}]}"#,
            "data[0].v[2]",
            "a number is beyond every reader",
        ),
        (
            r#"{"limit":1e999}"#,
            "limit",
            "a number is beyond every reader",
        ),
        (r#"{"limit":01}"#, "limit", "a comma or an end is missing"),
        (r#"{"limit":NaN}"#, "limit", "a value is none of JSON's"),
        ("{\"a\":1,}", "a", "a key is missing"),
    ] {
        let error = names_in(arguments).expect_err(arguments);
        assert_eq!(error.argument, argument, "{arguments}");
        assert!(
            error.problem.contains(problem),
            "{arguments}: {}",
            error.problem
        );
    }
    let deep = format!("{{\"a\":{}", "[".repeat(1 << 20));
    assert!(names_in(&deep).is_err());
    let name = format!("{{\"\u{1b}{}\":1e999}}", "k".repeat(1 << 16));
    let error = names_in(&name.replace('\u{1b}', "\\u001b")).expect_err("no number");
    assert!(error.argument.is_ascii() && error.argument.len() < 500);
}

#[test]
fn t21_a_body_that_is_deep_or_long_is_read_in_linear_time_and_without_a_stack() {
    let allowance = Allowance {
        request_bytes: 1 << 26,
        ..allowance("http://localhost:19530")
    };
    let deep = "[".repeat(10_000_000);
    let body = |data: &str| format!(r#"{{"collectionName":"docs","data":{data}}}"#);
    assert_eq!(ruling("entities.insert", &body(&deep), &allowance), "json");
    let keys: Vec<String> = (0..200_000).map(|key| format!("\"{key}\":1")).collect();
    let wide = format!("[{{{}}}]", keys.join(","));
    assert_eq!(ruling("entities.insert", &body(&wide), &allowance), "sent");
}

#[test]
fn t21_t46_what_is_kept_of_a_body_is_bounded() {
    let row = |operation| routes::named(operation).expect("in the table");
    let files = format!("{{\"files\":[{}0]}}", "0,".repeat(100_000));
    let reading = body::read(row("jobs.import.create").keys, files.as_bytes());
    let places = reading.map(|reading| reading.outside.len());
    assert!(places.is_ok_and(|places| places < 5000), "of 100,001");
    // Places that may be used: as many as are kept, and not one more, which nobody would have looked at.
    let imports = |count: usize| {
        let files = vec!["[\"a/b\"]"; count].join(",");
        let body = format!("{{\"collectionName\":\"docs\",\"files\":[{files}]}}");
        ruling("jobs.import.create", &body, &allowed("full outside=a/"))
    };
    assert_eq!(
        (imports(4096).as_str(), imports(4097).as_str()),
        ("sent", "outside")
    );
    assert_eq!(imports(4098), "outside");
    // Many keys of one object after the other pass, in objects that are open at the same time they do not.
    let keys = |count: usize| {
        (0..count)
            .rev()
            .map(|key| format!("\"k{key}\":0"))
            .collect::<Vec<_>>()
    };
    let read = |text: &str| body::read(row("entities.insert").keys, text.as_bytes());
    // `data` is one, too.
    let row_of = |count: usize| format!("{{\"data\":[{{{}}}]}}", keys(count).join(","));
    assert!(read(&row_of((1 << 18) - 1)).is_ok() && read(&row_of(1 << 18)).is_err());
    let many = keys(200_000).join(",");
    let after = format!("{{\"data\":[{{{many}}},{{{many}}}]}}");
    let inside = format!("{{\"data\":[{{{many},\"m\":{{{many}}}}}]}}");
    assert!(read(&after).is_ok());
    assert!(read(&inside).is_err_and(|fault| fault.rule == Rule::Json));
}

#[test]
fn t25_t40_under_a_list_a_message_is_withheld_whatever_its_size() {
    let listed = allowed("full collections=docs");
    let route = routes::named("entities.query").expect("in the table");
    let message = format!("collection {}", "zz,".repeat(1 << 22));
    let answer = format!("{{\"code\":1100,\"message\":\"{message}\"}}");
    let shown = filter(&listed, route, 200, answer.into()).expect("an error passes");
    assert_eq!(
        shown,
        "{\"code\":1100,\"message\":\"withheld by the host: its policy lists names\"}"
    );
}

/// Else it would be for Milvus' default database, whatever the call's is.
#[test]
fn t26_every_route_that_names_a_collection_can_name_its_database() {
    for route in routes::all() {
        let names = |key: &routes::Key| {
            let kind = key.verdict.name_kind();
            kind.is_some_and(|kind| kind != routes::NameKind::Database)
        };
        let can = route.key(body::DATABASE).is_some();
        assert!(can || !route.keys.iter().any(names), "{}", route.name);
    }
}

#[test]
fn t26_a_name_that_ends_in_an_asterisk_is_a_beginning_in_lists_only() {
    assert!(Names::parse(["d*"]).is_ok_and(|names| names.hold("docs")));
    assert!(!Names::exact(["d*"]).hold("docs"));
    assert!(Names::exact(["docs"]).hold("docs"));
}

#[test]
fn t21_texts_hold_json_in_texts_to_a_depth() {
    let ruled = |depth: usize| {
        let mut text = String::from("{}");
        for _ in 0..depth {
            let nested =
                serde_json::json!({"type": "language_identifier", "analyzers": {"a": text}});
            text = serde_json::json!({"tokenizer": nested}).to_string();
        }
        let body = serde_json::json!({"text": ["a"], "analyzerParams": text}).to_string();
        ruling("common.run_analyzer", &body, &allowed("full"))
    };
    assert_eq!((ruled(3).as_str(), ruled(4).as_str()), ("sent", "json"));
}

#[test]
fn t34_a_user_in_an_authority_is_refused_and_not_repeated() {
    let path = "/v2/vectordb/collections/list";
    let whole = post(
        "root:s3cret@localhost:19530",
        path,
        &Bytes::from_static(b"{}"),
    );
    let refusal = admit(&allowance("http://localhost:19530"), whole).expect_err("has a user");
    assert_eq!(refusal.rule, Rule::Authority);
    assert!(!refusal.detail.contains("s3cret"), "{refusal}");
    let told = refusal.to_string();
    assert!(
        told.starts_with("rule `authority`: there is a user"),
        "{told}"
    );
}

#[test]
fn a_policy_is_told_in_words() {
    let of = |text: &str| allowed(text).policy.to_string();
    assert_eq!(
        of("read-only"),
        "classes: read\ncollections: all\ndatabases: all\noutside Milvus: none"
    );
    assert_eq!(
        of("append allow=erase collections=docs,docs_* databases= outside=in/"),
        "classes: read, write, erase, outbound\ncollections: docs, docs_*\ndatabases: none\noutside Milvus: in/"
    );
    let effects = Effects::of(&[Effect::Read, Effect::AccessControl]);
    assert_eq!(format!("{effects:?}"), r#"{"read", "access-control"}"#);
}

#[test]
fn t24_the_host_asks_what_each_name_means_in_requests_that_read() {
    let lists = "full collections=docs,docs_* databases=a";
    let body = r#"{"dbName":"a","collectionName":"docs","newCollectionName":"docs_2"}"#;
    let asker = admitted("collections.rename", body, &allowed(lists));
    assert_eq!(asker.names().len(), 2);
    let asks = |question| {
        let asked = asker.asks(&asker.names()[1], question);
        assert_eq!(asked.effects(), Effects::of(&[Effect::Read]));
        assert_eq!((asked.origin(), asked.names().len()), (asker.origin(), 0));
        let body = String::from_utf8(asked.body().to_vec()).expect("text");
        format!("{} {body}", asked.path_and_query())
    };
    assert_eq!(
        asks(Question::FIRST),
        r#"/v2/vectordb/aliases/describe {"dbName":"a","aliasName":"docs_2"}"#
    );
    assert_eq!(
        asks(Question::Exists),
        "/v1/vector/collections/describe?dbName=a&collectionName=docs_2 "
    );
    assert_eq!(asks(Question::Listed), "/v1/vector/collections?dbName=a ");
    let twice = r#"{"collectionName":"docs","newCollectionName":"docs"}"#;
    let asker = admitted(
        "collections.rename",
        twice,
        &allowed("full collections=docs"),
    );
    let [name] = asker.names() else {
        panic!("{:?}", asker.names());
    };
    let listed = asker.asks(name, Question::Listed);
    assert_eq!(listed.path_and_query(), "/v1/vector/collections");
    assert_eq!(
        admitted("collections.rename", twice, &allowed("full")).names(),
        []
    );
    assert_eq!(
        admitted("collections.list", "{}", &allowed("full collections=docs")).names(),
        []
    );
}

/// What becomes of a request in a call that is for another one of its caller's.
fn beside(own: (&str, &str), sent: (&str, &str)) -> String {
    let mut allowed = allowed("full allow=outbound outside=s3://x/ outside=s3://y/");
    let scope = Scope::of_request(own.0, own.1).expect(own.0);
    allowed.call = scope.within(Some("mine"));
    ruling(sent.0, sent.1, &allowed)
}

#[test]
fn t26_a_callers_own_request_lets_out_that_and_nothing_else() {
    let query = "entities.query";
    let docs = r#"{"collectionName":"docs","filter":"id > 0"}"#;
    let named = |database: &str| docs.replacen('{', &format!(r#"{{"dbName":"{database}","#), 1);
    let mine = named("mine");
    for (own, sent) in [(docs, mine.as_str()), (&mine, &mine)] {
        assert_eq!(beside((query, own), (query, sent)), "sent");
    }
    assert_eq!(
        beside(
            ("collections.list", " { }"),
            ("collections.list", r#" {"dbName":"mine" }"#)
        ),
        "sent"
    );
    for (sent, rule) in [
        (
            (query, mine.replace("docs", "hr").as_str()),
            "call-collection",
        ),
        ((query, r#"{"dbName":"mine"}"#), "call-collection"),
        ((query, named("theirs").as_str()), "call-database"),
        ((query, docs), "call-database"),
        (("entities.get", mine.as_str()), "call-route"),
        (("collections.drop", mine.as_str()), "call-route"),
        ((query, mine.replace("id > 0", "").as_str()), "call-body"),
        ((query, mine.replace('}', " }").as_str()), "call-body"),
        (
            (query, mine.replace('}', r#","limit":5}"#).as_str()),
            "call-body",
        ),
        (
            (query, docs.replace('}', r#","dbName":"mine"}"#).as_str()),
            "call-body",
        ),
    ] {
        assert_eq!(beside((query, docs), sent), rule, "{sent:?}");
    }
    let export = |place: &str| {
        format!(
            r#"{{"dbName":"mine","collectionName":"docs","snapshotName":"s","targetS3Path":"{place}"}}"#
        )
    };
    let (x, deeper, y) = (
        export("s3://x/"),
        export("s3://x/deeper"),
        export("s3://y/"),
    );
    for (sent, ruled) in [(&x, "sent"), (&deeper, "call-body"), (&y, "call-body")] {
        let export = "jobs.snapshot.export";
        assert_eq!(beside((export, &x), (export, sent)), ruled, "{sent}");
    }
}

#[test]
fn t18_a_database_is_made_or_lost_where_the_caller_names_it() {
    let (new, mine) = (r#"{"dbName":"new"}"#, r#"{"dbName":"mine"}"#);
    for route in ["databases.create", "databases.drop", "databases.describe"] {
        assert_eq!(beside((route, new), (route, new)), "sent");
        let other = r#"{"dbName":"other"}"#;
        let refused = beside((route, new), (route, other));
        assert_eq!(refused, "call-database", "{route}");
    }
    // Elsewhere the name says where, and that is the call's own.
    let there = r#"{"dbName":"new","collectionName":"docs"}"#;
    let route = "collections.describe";
    let refused = beside((route, there), (route, there));
    assert_eq!(refused, "call-database");
    // A tool's arguments name one as well.
    let subjects = names_in(r#"{"database_name":"new","db_name":"a","text":"b"}"#).expect("strict");
    assert_eq!(subjects.databases.to_string(), "a, new");
    let mut allowed = allowed("full");
    let everything = Effects::of(&Effect::ALL);
    allowed.call = Scope::of(everything).about(subjects).within(None);
    assert_eq!(ruling("databases.drop", new, &allowed), "sent");
    assert_eq!(ruling("databases.drop", mine, &allowed), "call-database");
}

#[test]
fn t26_what_names_no_collection_leaves_a_call_that_is_about_none() {
    let (nameless, jobs) = ("jobs.import.get_progress", r#"{"jobId":"7"}"#);
    let mut allowed = allowed("full");
    for (arguments, ruled) in [
        ("{}", "sent"),
        (r#"{"collection_name":"docs"}"#, "call-collection"),
    ] {
        let subjects = names_in(arguments).expect("strict");
        allowed.call = Scope::of(Effects::of(&Effect::ALL)).about(subjects);
        assert_eq!(ruling(nameless, jobs, &allowed), ruled, "{arguments}");
    }
}

#[test]
fn a_request_of_a_caller_that_is_none_is_told_so() {
    for (route, body, argument) in [
        ("entities.nothing", "{}", "route"),
        ("/v2/vectordb/entities/query", "{}", "route"),
        ("entities.query", "", "body"),
        ("entities.query", "[]", "body"),
        ("entities.query", r#"{"collectionName":"a b"}"#, "body"),
        ("entities.query", r#"{"colectionName":"docs"}"#, "body"),
        ("entities.query", r#"{"limit":1,"limit":2}"#, "body"),
    ] {
        let error = Scope::of_request(route, body).expect_err(body);
        assert_eq!(error.argument, argument, "{route} {body}");
    }
}
