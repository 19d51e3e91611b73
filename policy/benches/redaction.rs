//! What it costs to look for a credential in a large answer, on good days and on the worst: `cargo bench -p
//! milvus-policy --bench redaction`. The time for a byte has to be about the same at both sizes of a row.

#![expect(clippy::print_stdout, reason = "it reports")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use policy::Redaction;

const TOKEN: &str = "root:s3cret-of-the-host";
const SIZES: [usize; 2] = [4 << 20, 64 << 20];

fn main() {
    let redaction = Redaction::new([TOKEN, "root:the-token-before-it"]);
    println!(
        "{:<44} {:>12} {:>12} {:>9}",
        "answer", "4 MiB", "64 MiB", "ns/byte"
    );
    for (name, piece) in [
        (
            "rows of text",
            r#"{"id":17,"text":"the rest of a row, so ordinary: \"it\" is"},"#,
        ),
        ("vectors", "0.0174325,-0.2340987,0.8743012,"),
        ("text in \\u escapes", "\\u4e2d\\u6587\\u0443\\u00e9"),
        (
            "JSON within JSON",
            r#"{\"id\":17,\\\"root\\\":\"C:\\\\root:s\"},"#,
        ),
        ("nothing but \\", "\\"),
        ("nothing but %25", "%25"),
        ("\\u005c without end", "\\u005c"),
        ("the first letter, again and again", "r"),
        ("the first letter, escaped", "\\u0072"),
        ("all but the last letter", "root:s3cret-of-the-hos"),
        (
            "the same, each letter escaped",
            r"\u0072\u006f\u006f\u0074:s3cret-of-the-hos",
        ),
        ("the token, again and again", TOKEN),
    ] {
        let times = SIZES.map(|size| {
            let text = piece.as_bytes().repeat(size / piece.len() + 1);
            median(&text, &redaction)
        });
        let each = times[1].as_secs_f64() * 1e9 / SIZES[1] as f64;
        println!(
            "{name:<44} {:>12.1?} {:>12.1?} {each:>9.2}",
            times[0], times[1]
        );
    }
    // Half of the secret in base64, whose first letter may be any of the spelled bytes before it.
    let times = SIZES.map(|size| {
        let text = ["%5c".repeat(size / 3).as_str(), "zNjcmV0LW9mLXRoZ!"].concat();
        median(text.as_bytes(), &redaction)
    });
    println!(
        "{:<44} {:>12.1?} {:>12.1?}",
        "half of it behind %5c", times[0], times[1]
    );
}

fn median(text: &[u8], redaction: &Redaction) -> Duration {
    let mut times: Vec<Duration> = (0..3)
        .map(|_| {
            let mut text = text.to_vec();
            let start = Instant::now();
            black_box(redaction.redact(&mut text));
            start.elapsed()
        })
        .collect();
    times.sort();
    times[1]
}
