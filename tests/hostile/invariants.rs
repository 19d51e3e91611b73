//! What holds for every component: shown by programs that nobody wrote. A program is a list of steps made up at
//! random, most of them requests with some part wrong; the guest's `script` does them. What became of them is read
//! from the listener and the audit, never from what the guest says.
//!
//! The dice begin with [`SEED`], so that every run tries the same; a failure prints the program that did it.

use std::collections::HashMap;
use std::sync::OnceLock;
use std::time::Duration;

use host_harness::{Credential, Effect, Endpoint, Limits, Mode, Names, Policy};
use serde_json::{Value, json};

use super::{Seen, Stage, attacks, mark, narrow};
use crate::servers::{Elsewhere, Recorded, Recorder, ok};

const SEED: u64 = 0x006d_696c_7675_7321;
/// Programs of most tests, and how many of them share a server.
const PROGRAMS: usize = 400;
const BLOCK: usize = 40;
/// A call's time here. Few programs use it up.
const BRIEF: Duration = Duration::from_millis(500);
const TOKEN: &str = "root:s3cret-of-the-host";

/// What a well-behaved component sends.
const GOOD: &[(&str, &str, &str)] = &[
    (
        "POST",
        "/v2/vectordb/collections/list",
        r#"{"dbName":"default"}"#,
    ),
    (
        "POST",
        "/v2/vectordb/collections/describe",
        r#"{"collectionName":"docs"}"#,
    ),
    (
        "POST",
        "/v2/vectordb/entities/query",
        r#"{"collectionName":"docs","filter":"id > 1","outputFields":["*"]}"#,
    ),
    (
        "POST",
        "/v2/vectordb/entities/search",
        r#"{"collectionName":"docs","data":[[0.5,0.25]],"annsField":"vector","limit":3}"#,
    ),
    (
        "POST",
        "/v2/vectordb/entities/insert",
        r#"{"collectionName":"docs","data":[{"id":1,"vector":[0.1,0.2]}]}"#,
    ),
    (
        "POST",
        "/v2/vectordb/entities/delete",
        r#"{"collectionName":"docs","filter":"id == 1"}"#,
    ),
    (
        "POST",
        "/v2/vectordb/collections/drop",
        r#"{"collectionName":"docs"}"#,
    ),
    (
        "POST",
        "/v2/vectordb/collections/rename",
        r#"{"collectionName":"docs","newCollectionName":"docs_2"}"#,
    ),
    ("GET", "/v1/vector/collections?dbName=default", ""),
    (
        "GET",
        "/v1/vector/collections/describe?collectionName=docs",
        "",
    ),
];
/// What stands in place of a part. Empty texts are parts, too; `MILVUS` and `EVIL` are the two servers.
const METHODS: &[&str] = &["GET", "PUT", "post", "CONNECT", "DELETE", "Post", ""];
const SCHEMES: &[&str] = &["https", "ftp", "HTTP", "", "h2"];
const AUTHORITIES: &[&str] = &[
    "EVIL",
    "MILVUS@EVIL",
    "user@MILVUS",
    "localhost:1",
    "MILVUS.",
    "[::1]:80",
    "127.1",
    "",
];
const PATHS: &[&str] = &[
    "/expr",
    "/v2/vectordb/users/create",
    "//EVIL/v2/vectordb/collections/list",
    "http://EVIL/",
    "/v2/vectordb/collections/%64rop",
    "/v2/vectordb/collections/list?dbName=hr",
    "*",
];
const HEADERS: &[(&str, &str)] = &[
    ("DB-Name", "hr"),
    ("Authorization", "Bearer stolen"),
    ("Host", "EVIL"),
    ("Content-Length", "7"),
    ("Transfer-Encoding", "chunked"),
    ("Request-Timeout", "1"),
    ("Content-Type", "application/grpc"),
    ("Connection", "close, authorization"),
    ("Cookie", "a=b"),
    ("x", "1\r\nDB-Name: hr"),
];
/// What is put into a body somewhere.
const PIECES: &[&str] = &[
    "\"",
    "{",
    "}",
    "[",
    ",",
    "\\u0000",
    "\u{0}",
    "\u{ff}",
    "\u{ef}\u{bb}\u{bf}",
    " ",
    "null",
    "1e999",
    "\"collectionName\":\"hr\",",
    "\"COLLECTIONNAME\":\"hr\",",
    "\"dbName\":\"hr\",",
    "{}",
    "/**/",
];

/// SplitMix64.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) as usize % sides
    }

    /// True so many times of a hundred.
    fn chance(&mut self, percent: usize) -> bool {
        self.roll(100) < percent
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.roll(from.len())]
    }
}

/// What programs are to be like.
#[derive(Clone, Copy, PartialEq)]
enum Manners {
    /// Any, those without end included.
    Endless,
    /// Any that ends by itself, or is ended by a trap.
    Wild,
    /// They say the same whenever they are run: they wait for all that they ask, and end by themselves.
    Steady,
}

/// The steps of a program.
fn program(dice: &mut Dice, manners: Manners, servers: &Servers) -> Vec<Value> {
    let (wild, endless) = (manners != Manners::Steady, manners == Manners::Endless);
    let mut steps: Vec<_> = (0..=dice.roll(6))
        .map(|_| match dice.roll(100) {
            0..8 => json!({ "do": "wait" }),
            8..12 if wild => json!({ "do": "give up" }),
            12..18 => json!({ "do": "sleep", "milliseconds": dice.roll(4) }),
            18..20 if wild => json!({ "do": "return" }),
            20..23 if wild => json!({ "do": "trap" }),
            23 if endless => json!({ "do": "loop" }),
            _ => request(dice, manners, servers),
        })
        .collect();
    if !wild || dice.chance(70) {
        steps.push(json!({ "do": "wait" }));
    }
    steps.push(json!({ "do": "look", "mark": mark(TOKEN) }));
    steps
}

/// A request, as it should be or with up to three parts wrong.
fn request(dice: &mut Dice, manners: Manners, servers: &Servers) -> Value {
    let (method, path, body) = dice.pick(GOOD);
    let mut body = body.to_owned();
    if dice.chance(20) {
        body = body.replace("docs", dice.pick(&["hr", "docs_3", "docsx", "Docs"]));
    }
    let mut step = json!({ "do": "request", "method": method, "path": path, "body": body });
    let declared = body.chars().count();
    if method == "POST" {
        step["declared"] = json!(declared);
    }
    if dice.chance(35) {
        step["at_once"] = json!(true);
    }
    for _ in 0..dice.pick(&[0, 0, 1, 1, 1, 2, 3]) {
        wrong(dice, manners, &mut step);
    }
    let text = step.to_string();
    let text = text
        .replace("MILVUS", &format!("127.0.0.1:{}", servers.milvus.port()))
        .replace("EVIL", &servers.elsewhere.authority());
    serde_json::from_str(&text).expect("replaced within texts")
}

/// Makes one part of a request wrong.
fn wrong(dice: &mut Dice, manners: Manners, step: &mut Value) {
    match dice.roll(12) {
        0 => step["method"] = json!(dice.pick(METHODS)),
        1 => step["scheme"] = json!(dice.pick(SCHEMES)),
        2 => step["authority"] = json!(dice.pick(AUTHORITIES)),
        3 => step["path"] = json!(dice.pick(PATHS)),
        4 => {
            let path = text(step, "path");
            if path.len() < 2 {
                return;
            }
            let at = 1 + dice.roll(path.len() - 1);
            let (before, after) = path.split_at(at);
            step["path"] = json!(match dice.roll(5) {
                0 => format!("{before}/{after}"),
                1 => format!("{before}%{:02x}{}", after.as_bytes()[0], &after[1..]),
                2 => format!("{before}{}", &after[1..]),
                3 => format!("{path}{}", dice.pick(&["/", "?", "?a=b", ";", "#"])),
                _ => path.to_uppercase(),
            });
        }
        5 => {
            step["headers"] = (0..=dice.roll(3))
                .map(|_| dice.pick(HEADERS))
                .map(|(name, value)| json!([name, value]))
                .collect();
        }
        6 => {
            let length = text(step, "body").chars().count() as u64;
            step["declared"] = match dice.roll(5) {
                0 => Value::Null,
                1 => json!(length + 1),
                2 => json!(length.saturating_sub(1)),
                3 => json!(0),
                _ => json!(u64::MAX - dice.roll(3) as u64),
            };
        }
        7 => step["end"] = json!("trailers"),
        8 if manners != Manners::Steady => {
            let open = manners == Manners::Endless && dice.chance(50);
            step["end"] = json!(if open { "open" } else { "dropped" });
            step["at_once"] = json!(true);
        }
        9 => step[dice.pick(&["scheme", "authority", "path"])] = json!(false),
        _ => {
            let letters: Vec<char> = text(step, "body").chars().collect();
            let at = dice.roll(letters.len() + 1);
            let (before, after) = letters.split_at(at);
            let skipped = dice.pick(&[0, 0, 1, 3]).min(after.len());
            let body: String = before
                .iter()
                .copied()
                .chain(dice.pick(PIECES).chars())
                .chain(after[skipped..].iter().copied())
                .collect();
            // Mostly as long as is said, so that it is the body that is looked at.
            if step["declared"].is_u64() && dice.chance(90) {
                step["declared"] = json!(body.chars().count());
            }
            step["body"] = json!(body);
        }
    }
}

fn text(step: &Value, key: &str) -> String {
    step[key].as_str().unwrap_or("/").to_owned()
}

/// How the server answers.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Temper {
    /// As Milvus.
    Plain,
    /// It sends everybody elsewhere.
    Redirecting,
    /// It repeats the credential in some form.
    Echoing,
    /// In every way but the right one.
    Wicked,
}

/// Who listens.
struct Servers {
    milvus: Recorder,
    elsewhere: Elsewhere,
}

impl Servers {
    fn start(temper: Temper) -> Self {
        let elsewhere = Elsewhere::start();
        let to = elsewhere.authority();
        let milvus = Recorder::answering(move |request| answer(temper, &to, request));
        Self { milvus, elsewhere }
    }
}

/// A function of the request alone, so that the same question has the same answer.
fn answer(temper: Temper, elsewhere: &str, request: &Recorded) -> Vec<u8> {
    // Whether a name is an alias, which the host asks where collections are listed: none is.
    if request.path() == "/v2/vectordb/aliases/describe" {
        return ok(
            "application/json",
            br#"{"code":1600,"message":"alias not found"}"#,
        );
    }
    let number = request.body.iter().fold(request.line.len(), |sum, byte| {
        sum.wrapping_mul(31) + usize::from(*byte)
    });
    let redirect = |status: usize| {
        format!(
            "HTTP/1.1 {status} Go\r\nLocation: http://{elsewhere}{}\r\nContent-Length: 0\r\n\r\n",
            request.path()
        )
        .into_bytes()
    };
    let token = request.header("authorization").unwrap_or_default();
    match temper {
        Temper::Plain => ok(
            "application/json",
            format!(r#"{{"code":0,"data":[],"number":{number}}}"#).as_bytes(),
        ),
        Temper::Redirecting => redirect([300, 301, 302, 303, 305, 307, 308][number % 7]),
        Temper::Echoing => {
            let hexadecimal: String = token.bytes().map(|byte| format!("{byte:02x}")).collect();
            let percent = token.replace(':', "%3A");
            let text = [token, &hexadecimal, &percent][number % 3];
            ok(
                "application/json",
                format!(r#"{{"code":0,"data":["{text}"]}}"#).as_bytes(),
            )
        }
        Temper::Wicked => match number % 9 {
            0 => redirect(307),
            1 => b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort".to_vec(),
            2 => b"\0\x01\x02 no http\r\n\r\n".to_vec(),
            3 => [b"HTTP/1.1 200 OK\r\n".to_vec(), vec![b'x'; 200_000]].concat(),
            4 => ok("application/json", "[".repeat(100_000).as_bytes()),
            5 => b"HTTP/1.1 100 Continue\r\n\r\n".repeat(200),
            6 => b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n\x1f\x8b"
                .to_vec(),
            7 => format!("HTTP/1.1 500 {token}\r\nX-Echo: {token}\r\nContent-Length: 0\r\n\r\n")
                .into_bytes(),
            _ => ok("application/json", &[b'7'; 2 << 20]),
        },
    }
}

/// What an operator said.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Said {
    Nothing,
    ReadOnly,
    /// Only `docs` and what begins with `docs_`.
    Docs,
}

fn endpoint(uri: &str, said: Said, token: bool) -> Endpoint {
    let endpoint = Endpoint::builder(
        uri,
        match said {
            Said::Nothing => Policy::full(),
            Said::ReadOnly => Policy::new(Mode::ReadOnly),
            Said::Docs => {
                Policy::full().collections(Names::parse(["docs", "docs_*"]).expect("names"))
            }
        },
    );
    let endpoint = if token {
        endpoint.credential(Credential::new(TOKEN.to_owned()))
    } else {
        endpoint
    };
    endpoint.build().expect("an origin on this machine")
}

fn stage() -> &'static Stage {
    static STAGE: OnceLock<Stage> = OnceLock::new();
    STAGE.get_or_init(|| {
        Stage::new(Limits {
            call_time: BRIEF,
            ..narrow()
        })
    })
}

/// Runs programs against a server, each followed by what must hold after it, and all by what must hold of what came.
async fn play(name: &str, temper: Temper, manners: Manners, programs: usize) {
    let mut dice = Dice(SEED ^ name.len() as u64);
    let stage = stage();
    let (mut sent, mut refused) = (0, 0);
    for block in 0..programs / BLOCK {
        let said = [Said::Nothing, Said::ReadOnly, Said::Docs][block % 3];
        let token = block % 2 == 0;
        let servers = Servers::start(temper);
        let endpoint = endpoint(&servers.milvus.uri(), said, token);
        let mut handed = Vec::new();
        let (mut let_out, mut asked) = (0, 0);
        for _ in 0..BLOCK {
            let steps = program(&mut dice, manners, &servers);
            let arguments =
                json!({ "collections": ["docs", "docs_2", "docs_3", "hr"], "steps": steps });
            let seen = stage.attack_at(&endpoint, attacks::SCRIPT, arguments).await;
            after(&steps, &seen);
            let_out += seen.sent();
            asked += seen.asked.len() as u64;
            sent += seen.sent();
            refused += seen.summary["refused"].as_u64().expect("a number");
            handed.extend(steps);
            if seen.result() != "ok" {
                stage.still_works().await;
            }
        }
        // What left as its call ended has come by then.
        tokio::time::sleep(Duration::from_millis(50)).await;
        let came = servers.milvus.requests();
        assert_eq!(servers.elsewhere.connections(), 0, "{name}, block {block}");
        arrived(&came, &handed, &servers.milvus, said, token);
        let own = came
            .iter()
            .filter(|request| asked_by_the_host(request))
            .count();
        assert!(
            (came.len() - own) as u64 <= let_out,
            "{} came, {let_out} were let out: {name}, block {block}",
            came.len() - own
        );
        assert!(
            servers.milvus.connections() as u64 <= let_out + asked && own as u64 <= asked,
            "{name}, block {block}"
        );
    }
    println!("{name}: {programs} programs, {sent} requests let out, {refused} refused");
    let few = programs as u64 / 4;
    assert!(
        sent > few && refused > few,
        "both were tried: {sent}, {refused}"
    );
}

/// What holds after each program: its time, its lines, and that the credential is nowhere.
fn after(steps: &[Value], seen: &Seen) {
    let program = || json!(steps);
    assert!(
        seen.time < BRIEF + super::SLACK,
        "took {:?}: {}",
        seen.time,
        program()
    );
    let requests = steps.iter().filter(|step| step["do"] == "request").count() as u64;
    let refused = seen.summary["refused"].as_u64().expect("a number");
    assert!(seen.sent() + refused <= requests, "{seen:?}: {}", program());
    assert_eq!(
        seen.requests.len() as u64,
        seen.sent() + refused,
        "a line for each: {seen:?}: {}",
        program()
    );
    let told = format!("{seen:?}");
    for form in [TOKEN, "s3cret", "7333637265742d6f66"] {
        assert!(!told.contains(form), "{told}: {}", program());
    }
    if let Ok(answer) = &seen.answer {
        let said = answer["said"].as_array().expect("a list");
        // Whoever ends by a return does not look.
        if let Some(found) = said.iter().find_map(|said| said["found"].as_u64()) {
            assert_eq!(found, 0, "it is in memory: {}", program());
        }
    }
}

fn asked_by_the_host(request: &Recorded) -> bool {
    request.line == "POST /v2/vectordb/aliases/describe HTTP/1.1"
}

/// What holds of all that came: each is a whole request of a program, byte for byte, each program's at most once; its
/// path is a row's, its headers are the host's, and it is within what the operator said.
fn arrived(came: &[Recorded], handed: &[Value], milvus: &Recorder, said: Said, token: bool) {
    let mut whole: HashMap<(String, Vec<u8>), usize> = HashMap::new();
    for step in handed.iter().filter(|step| step["do"] == "request") {
        let body: Vec<u8> = text_or_none(step, "body")
            .chars()
            .map(|letter| letter as u8)
            .collect();
        let method = step["method"].as_str().unwrap_or_default();
        let length = step["declared"].as_u64();
        let length = length.or((method == "GET").then_some(0));
        // A GET has no body that could be given up.
        let ended = step["end"].is_null() || method == "GET" && step["end"] == "dropped";
        if ended && length == Some(body.len() as u64) {
            let path = text_or_none(step, "path");
            // A fragment is no part of what is sent.
            let path = path.split('#').next().unwrap_or_default();
            let line = format!("{method} {path} HTTP/1.1");
            *whole.entry((line, body)).or_default() += 1;
        }
    }
    for request in came {
        let (method, rest) = request.line.split_once(' ').expect("a request line");
        let path = rest.split([' ', '?']).next().unwrap_or_default();
        let route = routes::find(method, path.as_bytes());
        let route = route.unwrap_or_else(|| panic!("`{}` is no row", request.line));
        headers_are_the_hosts(request, milvus, token);
        let names: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        if said == Said::Docs {
            for key in ["collectionName", "newCollectionName", "aliasName"] {
                let name = names[key].as_str().unwrap_or("docs");
                assert!(name == "docs" || name.starts_with("docs_"), "{request:?}");
            }
            if asked_by_the_host(request) {
                continue;
            }
        }
        if said == Said::ReadOnly {
            assert_eq!(route.effect, Effect::Read, "{request:?}");
        }
        let key = (request.line.clone(), request.body.clone());
        let left = whole.get_mut(&key).filter(|left| **left > 0);
        *left.unwrap_or_else(|| panic!("no program sent this: {request:?}: {}", json!(handed))) -=
            1;
    }
}

fn text_or_none(step: &Value, key: &str) -> String {
    step[key].as_str().unwrap_or_default().to_owned()
}

/// The set of headers, and each value but the length and the credential, is the same for every request.
fn headers_are_the_hosts(request: &Recorded, milvus: &Recorder, token: bool) {
    let mut expected = vec![
        ("accept", "application/json".to_owned()),
        ("accept-encoding", "identity".to_owned()),
        ("accept-type-allow-int64", "true".to_owned()),
        ("host", format!("127.0.0.1:{}", milvus.port())),
        (
            "user-agent",
            format!("milvus-host/{}", env!("CARGO_PKG_VERSION")),
        ),
    ];
    if request.line.starts_with("POST") {
        expected.push(("content-length", request.body.len().to_string()));
        expected.push(("content-type", "application/json".to_owned()));
    }
    if token {
        expected.push(("authorization", format!("Bearer {TOKEN}")));
    }
    expected.sort();
    let mut came: Vec<_> = request
        .headers
        .iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), value.clone()))
        .collect();
    came.sort();
    let came: Vec<_> = came
        .iter()
        .map(|(name, value)| (name.as_str(), value.clone()))
        .collect();
    assert_eq!(came, expected, "{request:?}");
}

#[tokio::test]
async fn what_arrives_is_what_was_checked_and_every_header_is_the_hosts() {
    play("what arrives", Temper::Plain, Manners::Wild, PROGRAMS).await;
}

#[tokio::test]
async fn whatever_a_server_answers_nobody_else_is_connected_to() {
    play("nobody else", Temper::Redirecting, Manners::Wild, PROGRAMS).await;
}

#[tokio::test]
async fn no_program_finds_a_credential_that_is_repeated() {
    play("the credential", Temper::Echoing, Manners::Wild, PROGRAMS).await;
}

#[tokio::test]
async fn every_program_ends_in_time_and_the_next_call_works() {
    play(
        "in time, next works",
        Temper::Wicked,
        Manners::Endless,
        PROGRAMS / 5,
    )
    .await;
}

/// Two calls share nothing that they can write: whatever ran before or runs beside, a program says the same.
#[tokio::test]
async fn the_order_of_calls_changes_no_answer() {
    let mut dice = Dice(SEED);
    // A host of its own: its calls are not taken one at a time, and their lines would be taken for another test's.
    let stage = Stage::new(Limits::default());
    let servers = Servers::start(Temper::Plain);
    let endpoint = endpoint(&servers.milvus.uri(), Said::Docs, true);
    let programs: Vec<String> = (0..100)
        .map(|_| program(&mut dice, Manners::Steady, &servers))
        .map(|steps| json!({ "collections": ["docs", "docs_2", "hr"], "steps": steps }).to_string())
        .collect();
    let run = async |program: &String| {
        stage
            .host
            .call_tool(&endpoint, attacks::SCRIPT, program)
            .await
    };
    let mut first = Vec::new();
    for program in &programs {
        first.push(run(program).await.expect("it ends by itself"));
    }
    let mut order: Vec<usize> = (0..programs.len()).collect();
    for last in (1..order.len()).rev() {
        order.swap(last, dice.roll(last + 1));
    }
    for at in order.iter().copied() {
        let again = run(&programs[at]).await.expect("it ends by itself");
        assert_eq!(again, first[at], "{}", programs[at]);
    }
    for pair in order.chunks_exact(2) {
        let (one, other) = tokio::join!(run(&programs[pair[0]]), run(&programs[pair[1]]));
        assert_eq!(
            one.expect("it ends"),
            first[pair[0]],
            "{}",
            programs[pair[0]]
        );
        assert_eq!(
            other.expect("it ends"),
            first[pair[1]],
            "{}",
            programs[pair[1]]
        );
    }
}
