//! `cases.txt` as a test, and properties over random bytes.

use super::*;

const CAP: u64 = 1000;

fn allowance(origin: &str) -> Allowance {
    Allowance {
        origin: Some(Origin::parse(origin).expect(origin)),
        request_bytes: CAP,
        rows: CAP,
        policy: Policy::default(),
        call: Policy::default().allow(routes::Effect::Outbound),
    }
}

/// An empty object of so many bytes, where it fits.
fn object(bytes: u64) -> Vec<u8> {
    let mut text = vec![b' '; usize::try_from(bytes).expect("small")];
    if let [first, .., last] = text.as_mut_slice() {
        (*first, *last) = (b'{', b'}');
    }
    text
}

/// Runs one case as the egress hook would: what the `http` crate cannot hold as a URI never reaches the policy.
fn verdict(allowance: &Allowance, case: &str) -> String {
    let mut words = case.split_whitespace();
    let (Some(method), Some(uri)) = (words.next(), words.next()) else {
        panic!("`{case}` is no METHOD URI");
    };
    let Ok(uri) = uri.parse::<http::Uri>() else {
        return "unparsable".to_owned();
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
    let kept = came.min(declared.unwrap_or(0)).min(CAP);
    let whole = WholeRequest {
        method,
        scheme: uri.scheme_str().unwrap_or_default(),
        authority: uri
            .authority()
            .map(|authority| authority.as_str())
            .unwrap_or_default(),
        path: uri.path(),
        query: uri.query(),
        declared,
        came,
        body: Bytes::from(object(kept)),
        trailers,
        aborted,
    };
    match admit(allowance, whole) {
        Ok(admitted) => format!(
            "sent {} {}",
            admitted.route().name,
            admitted.path_and_query()
        ),
        Err(refusal) => format!("refused {}", refusal.rule),
    }
}

#[test]
fn every_case_of_the_file_has_its_verdict() {
    let mut allowed = None;
    let (mut count, mut wrong) = (0, String::new());
    for line in include_str!("requests.txt")
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
    {
        if let Some(origin) = line.strip_prefix("origin ") {
            allowed = Some(allowance(origin));
        } else if !line.starts_with('#') {
            let (case, expected) = line.split_once(" | ").expect(line);
            let got = verdict(allowed.as_ref().expect("an origin first"), case);
            if got != expected.trim() {
                wrong.push_str(&format!(
                    "{case}\n   expected {}\n   got      {got}\n",
                    expected.trim()
                ));
            }
            count += 1;
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
    assert!(count >= 60, "{count} cases");
}

#[test]
fn t14_without_an_endpoint_nothing_leaves() {
    let nothing = Allowance {
        origin: None,
        request_bytes: CAP,
        rows: CAP,
        policy: Policy::default(),
        call: Policy::default().allow(routes::Effect::Outbound),
    };
    let case = "POST http://127.0.0.1:19530/v2/vectordb/collections/list";
    assert_eq!(verdict(&nothing, case), "refused no-endpoint");
}

#[test]
fn t07_what_leaves_is_what_came_and_its_path_is_the_rows_own() {
    let body = Bytes::from_static(b"{\"collectionName\":\"docs\"}");
    let path = String::from("/v2/vectordb/collections/has");
    let whole = WholeRequest {
        method: "POST",
        scheme: "http",
        authority: "LOCALHOST:19530",
        path: &path,
        query: None,
        declared: Some(body.len() as u64),
        came: body.len() as u64,
        body: body.clone(),
        trailers: false,
        aborted: false,
    };
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

/// Marsaglia's xorshift: the same sequence in every run.
struct Sequence(u64);

impl Sequence {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[usize::try_from(self.next() % from.len() as u64).expect("small")]
    }

    /// Sometimes a plausible text, sometimes one with a byte changed, added or taken away, sometimes noise.
    fn text(&mut self, plausible: &[&str]) -> String {
        let mut bytes = self.pick(plausible).as_bytes().to_vec();
        let changes = if self.next().is_multiple_of(4) {
            self.next() % 4
        } else {
            0
        };
        for _ in 0..changes {
            let at = usize::try_from(self.next() % (bytes.len() as u64 + 1)).expect("small");
            let byte = self.next().to_le_bytes()[0];
            match self.next() % 3 {
                0 => bytes.insert(at, byte),
                1 if at < bytes.len() => bytes[at] = byte,
                _ => bytes.truncate(at),
            }
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

#[test]
fn no_input_panics_and_only_exact_requests_pass() {
    let allowed = allowance("http://127.0.0.1:19530");
    let mut random = Sequence(0x9e37_79b9_7f4a_7c15);
    let mut passed = 0;
    for _ in 0..100_000 {
        let method = random.text(&["POST", "POST", "GET"]);
        let scheme = random.text(&["http", "https", "HTTP"]);
        let authority = random.text(&[
            "127.0.0.1:19530",
            "127.0.0.1:19530",
            "[::1]:19530",
            "u@127.0.0.1:19530",
        ]);
        let path = random.text(&[
            "/v2/vectordb/collections/list",
            "/v1/vector/collections",
            "//",
            "/%2e",
        ]);
        let query = random.text(&["collectionName=a", "dbName=a&collectionName=b", ""]);
        let (declared, came) = (random.next() % 4, random.next() % 4);
        let whole = WholeRequest {
            method: &method,
            scheme: &scheme,
            authority: &authority,
            path: &path,
            query: random.next().is_multiple_of(2).then_some(query.as_str()),
            declared: (!random.next().is_multiple_of(4)).then_some(declared),
            came,
            body: Bytes::from(object(came)),
            trailers: random.next().is_multiple_of(8),
            aborted: random.next().is_multiple_of(8),
        };
        if let Ok(admitted) = admit(&allowed, whole) {
            passed += 1;
            assert_eq!(admitted.origin().to_string(), "http://127.0.0.1:19530");
            assert_eq!(
                (admitted.route().method.as_str(), admitted.route().path),
                (method.as_str(), path.as_str())
            );
            assert!(!authority.contains('@') && scheme.eq_ignore_ascii_case("http"));
            assert!(admitted.body().len() as u64 == came && (came == declared || method == "GET"));
        }
    }
    assert!(
        passed > 100,
        "{passed} passed: the generator hardly meets the rules"
    );
}

/// A policy as `policies.txt` writes it.
fn policy(text: &str) -> Policy {
    let mut words = text.split_whitespace();
    let mode = words.next().expect("a mode");
    let mode = Mode::ALL.into_iter().find(|known| known.name() == mode);
    let mut policy = Policy::new(mode.expect(text));
    for word in words {
        let (name, value) = word.split_once('=').expect(word);
        let names = || Names::parse(value.split(',').filter(|name| !name.is_empty())).expect(value);
        policy = match name {
            "allow" => {
                let effect = routes::Effect::ALL
                    .into_iter()
                    .find(|known| known.as_str() == value);
                policy.allow(effect.expect(value))
            }
            "collections" => policy.collections(names()),
            "databases" => policy.databases(names()),
            "outside" => policy.outside(value),
            _ => panic!("`{word}`"),
        };
    }
    policy
}

/// What becomes of a request: `sent`, or the rule.
fn ruling(operation: &str, content: &str, allowance: &Allowance) -> String {
    let route = routes::all()
        .find(|route| route.name == operation)
        .expect(operation);
    let get = route.method == Method::Get;
    let body = if get { "" } else { content };
    let whole = WholeRequest {
        method: route.method.as_str(),
        scheme: "http",
        authority: "localhost:19530",
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
        Err(refusal) => refusal.rule.to_string(),
    }
}

#[test]
fn every_case_of_the_policies_has_its_verdict() {
    let (mut count, mut wrong) = (0, String::new());
    for line in include_str!("policies.txt").lines() {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let mut parts = line.rsplitn(3, " | ");
        let (expected, of, request) = (parts.next(), parts.next(), parts.next());
        let (expected, of, request) =
            (expected.expect(line), of.expect(line), request.expect(line));
        let (operation, content) = request.split_once(' ').unwrap_or((request, ""));
        let allowance = Allowance {
            policy: policy(of),
            request_bytes: 1 << 20,
            ..allowance("http://localhost:19530")
        };
        let got = ruling(operation, content, &allowance);
        if got != expected {
            wrong.push_str(&format!("{line}\n   got {got}\n"));
        }
        count += 1;
    }
    assert!(wrong.is_empty(), "\n{wrong}");
    assert!(count >= 150, "{count} cases");
}

#[test]
fn t26_a_call_reaches_no_other_class_and_no_other_collection_than_it_is_for() {
    let call = |effects: &[routes::Effect], names: &[&str]| Allowance {
        call: Policy::of(Effects::of(effects))
            .collections(Names::parse(names.iter().copied()).expect("names")),
        ..allowance("http://localhost:19530")
    };
    use routes::Effect::{Read, Write};
    let search = call(&[Read], &["docs"]);
    let query = |name: &str| format!(r#"{{"collectionName":"{name}","filter":""}}"#);
    assert_eq!(ruling("entities.query", &query("docs"), &search), "sent");
    assert_eq!(
        ruling("entities.query", &query("hr"), &search),
        "call-collection"
    );
    let insert = r#"{"collectionName":"docs","data":[{}]}"#;
    assert_eq!(ruling("entities.insert", insert, &search), "tool-effect");
    assert_eq!(
        ruling("entities.insert", insert, &call(&[Read, Write], &["docs"])),
        "sent"
    );
    assert_eq!(
        ruling("collections.list", "{}", &call(&[Read], &[])),
        "sent"
    );
    assert_eq!(
        ruling("collections.list", "{}", &call(&[], &[])),
        "tool-effect"
    );
}

#[test]
fn t26_the_names_of_a_call_are_those_of_its_top_level() {
    let strict = r#"{"collection_name":"docs","data":[{"collection_name":"hr"}],"text":"hr"}"#;
    assert_eq!(names_in(strict), ["docs"]);
    assert_eq!(
        names_in(r#"{"collection_names":["a","b"],"alias_name":"c"}"#),
        ["a", "b", "c"]
    );
    assert_eq!(names_in(""), Vec::<String>::new());
    assert_eq!(
        names_in("{collection_name: 'docs'}"),
        ["collection_name", "docs"]
    );
}

#[test]
fn t25_a_list_of_names_shows_only_those_that_are_listed() {
    let allowed = |text: &str| Allowance {
        policy: policy(text),
        ..allowance("http://localhost:19530")
    };
    let filtered = |route: &'static Route, of: &str, answer: &str| {
        filter(&allowed(of), route, 200, Bytes::from(answer.to_owned()))
            .map(|body| String::from_utf8(body.to_vec()).expect("text"))
            .map_err(|refusal| refusal.rule)
    };
    let list = r#"{"code":0, "data":["docs","hr","docs_2"]}"#;
    let shown = r#"{"code":0, "data":["docs","docs_2"]}"#;
    let only = "full collections=docs,docs_*";
    assert_eq!(
        filtered(&routes::collections::LIST, only, list).as_deref(),
        Ok(shown)
    );
    assert_eq!(
        filtered(&routes::v1::COLLECTIONS_LIST, only, list).as_deref(),
        Ok(shown)
    );
    assert_eq!(
        filtered(&routes::collections::LIST, "full", list).as_deref(),
        Ok(list)
    );
    let described = |name: &str| {
        format!(r#"{{"code":0,"data":{{"collectionName":"{name}","aliases":["hr_a","docs_a"]}}}}"#)
    };
    assert_eq!(
        filtered(&routes::collections::DESCRIBE, only, &described("docs")).as_deref(),
        Ok(r#"{"code":0,"data":{"collectionName":"docs","aliases":["docs_a"]}}"#)
    );
    assert_eq!(
        filtered(&routes::collections::DESCRIBE, only, &described("hr")),
        Err(Rule::Answer)
    );
    for broken in [
        r#"{"data":["docs"],"data":["hr"]}"#,
        r#"{"data":[1]}"#,
        r#"{"data":["hr""#,
    ] {
        assert_eq!(
            filtered(&routes::collections::LIST, only, broken),
            Err(Rule::Answer),
            "{broken}"
        );
    }
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
