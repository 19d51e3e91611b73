//! The main job on real data: a sandboxed component serves vector-store tools from a real Milvus.
//!
//! An embedder's program over the host library, as any other would be: it starts a local Milvus by
//! `milvus-host local --json`, and everything else goes through the component in its sandbox. `cargo xtask demo`
//! builds and runs it.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "it shows what happens")]

mod hostile;
mod milvus;
mod sample;
mod show;

use anyhow::{Context, Result, ensure};
use host_harness::{Audit, Credential, Endpoint, Host, Policy};
use sample::{Question, Word};
use serde_json::{Value, json};
use show::Steps;
use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::PathBuf;

/// The collection of the demo.
const COLLECTION: &str = "wordnet";

/// Rows of one insert, so that its progress can be seen.
const ROWS: usize = 500;

/// Hits of a search; the sample knows the exact ten best of each question.
const LIMIT: usize = 10;

fn main() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(demo())
}

async fn demo() -> Result<()> {
    let mut steps = Steps::new();
    let root =
        PathBuf::from(std::env::var_os("MILVUS_DEMO_ROOT").context("run `cargo xtask demo`")?);
    let target =
        PathBuf::from(std::env::var_os("MILVUS_DEMO_TARGET").context("run `cargo xtask demo`")?);

    steps.begin("a local Milvus, which wants a token");
    let server = milvus::start(&target).await?;
    steps.done(&format!(
        "Milvus Lite {} answers REST v2 at {}",
        server.version, server.uri
    ));

    steps.begin("the component in its sandbox");
    let host = Host::builder().embedded().audit(Audit::none()).build()?;
    let info = host.component();
    steps.done(&format!(
        "{} kB, {} imports, compiled; sha256:{}...",
        info.size / 1000,
        info.imports.len(),
        info.digest.get(..12).unwrap_or_default()
    ));
    for import in &info.imports {
        println!("       may use  {import}");
    }
    let endpoint = Endpoint::builder(&server.uri, Policy::full())
        .credential(Credential::new(server.token.clone()))
        .build()?;
    let shop = Shop {
        host: &host,
        endpoint: &endpoint,
    };

    let (words, questions) = (sample::words(&root)?, sample::questions(&root)?);
    create(&shop, &mut steps).await?;
    insert(&shop, &mut steps, &words).await?;
    search(&shop, &mut steps, &questions[0]).await?;
    recall(&shop, &mut steps, &questions).await?;
    filter_count_delete(&shop, &mut steps).await?;
    hostile::refused(&mut steps, &target, &server).await?;

    steps.begin("the end");
    shop.call(
        "milvus_drop_collection",
        &json!({"collection_name": COLLECTION}),
    )
    .await?;
    server.stop().await?;
    steps.done("collection dropped, Milvus stopped");
    steps.total();
    Ok(())
}

/// The tools, by name.
struct Shop<'a> {
    host: &'a Host,
    endpoint: &'a Endpoint,
}

impl Shop<'_> {
    async fn call(&self, tool: &str, arguments: &Value) -> Result<Value> {
        let answer = self
            .host
            .call_tool(self.endpoint, tool, &arguments.to_string())
            .await
            .with_context(|| format!("calling {tool}"))?;
        Ok(serde_json::from_str(answer.raw())?)
    }

    async fn count(&self, filter: &str) -> Result<u64> {
        let answer = self
            .call(
                "milvus_count",
                &json!({"collection_name": COLLECTION, "filter": filter}),
            )
            .await?;
        answer["count"].as_u64().context("a count is a number")
    }
}

async fn create(shop: &Shop<'_>, steps: &mut Steps) -> Result<()> {
    steps.begin("a collection from a schema, with a BM25 function and two indexes");
    shop.call(
        "milvus_create_collection",
        &json!({
            "collection_name": COLLECTION,
            "description": "WordNet glosses in twelve categories",
            "fields": [
                {"name": "id", "type": "Int64", "is_primary": true},
                {"name": "word", "type": "VarChar", "max_length": 64},
                {"name": "category", "type": "VarChar", "max_length": 16},
                {"name": "frequency", "type": "Int32"},
                {"name": "gloss", "type": "VarChar", "max_length": 1024, "enable_analyzer": true},
                {"name": "embedding", "type": "FloatVector", "dim": sample::DIM},
                {"name": "keywords", "type": "SparseFloatVector"}
            ],
            "functions": [
                {"name": "bm25", "type": "BM25", "input_field_names": ["gloss"], "output_field_names": ["keywords"]}
            ],
            "index_params": [
                {"field_name": "embedding", "index_type": "AUTOINDEX", "metric_type": "COSINE"},
                {"field_name": "keywords", "index_type": "SPARSE_INVERTED_INDEX", "metric_type": "BM25"}
            ]
        }),
    )
    .await?;
    steps.done("one HTTP request");
    Ok(())
}

async fn insert(shop: &Shop<'_>, steps: &mut Steps, words: &[Word]) -> Result<()> {
    steps.begin(&format!("{} words with their embeddings", words.len()));
    for (batch, rows) in words.chunks(ROWS).enumerate() {
        let report = shop
            .call(
                "milvus_insert",
                &json!({"collection_name": COLLECTION, "data": rows}),
            )
            .await?;
        ensure!(
            report["insert_count"] == rows.len(),
            "{} of {} rows are in",
            report["insert_count"],
            rows.len()
        );
        print!(
            "\r       {:>5} of {}",
            batch * ROWS + rows.len(),
            words.len()
        );
        std::io::stdout().flush()?;
    }
    println!();
    let count = shop.count("").await?;
    ensure!(count == words.len() as u64, "{count} rows are there");
    steps.done(&format!("{count} rows are there, counted by Milvus"));
    Ok(())
}

fn dense(question: &Question) -> Value {
    json!({
        "collection_name": COLLECTION, "anns_field": "embedding", "query_vector": question.embedding,
        "limit": LIMIT, "output_fields": ["word", "category", "gloss"]
    })
}

fn full_text(question: &Question) -> Value {
    json!({
        "collection_name": COLLECTION, "anns_field": "keywords", "query_text": question.text,
        "limit": LIMIT, "output_fields": ["word", "category", "gloss"]
    })
}

fn hybrid(question: &Question) -> Value {
    json!({
        "collection_name": COLLECTION,
        "searches": [
            {"anns_field": "embedding", "query_vector": question.embedding, "limit": 50},
            {"anns_field": "keywords", "query_text": question.text, "limit": 50}
        ],
        "rerank_strategy": "weighted", "weights": [0.8, 0.2],
        "limit": LIMIT, "output_fields": ["word", "category", "gloss"]
    })
}

async fn search(shop: &Shop<'_>, steps: &mut Steps, question: &Question) -> Result<()> {
    for (how, tool, arguments) in [
        (
            "by meaning (dense vectors)",
            "milvus_search",
            dense(question),
        ),
        ("by its words (BM25)", "milvus_search", full_text(question)),
        (
            "by both (hybrid, weighted 0.8 and 0.2)",
            "milvus_hybrid_search",
            hybrid(question),
        ),
    ] {
        steps.begin(&format!("\"{}\", {how}", question.text));
        let mut arguments = arguments;
        arguments["limit"] = json!(5);
        let answer = shop.call(tool, &arguments).await?;
        let hits = answer["hits"].as_array().context("a search answers hits")?;
        ensure!(!hits.is_empty(), "no hits");
        show::hits(hits);
        steps.done(&format!("{} hits", hits.len()));
    }
    Ok(())
}

/// The share of the exact ten best that each way of searching finds, over all questions.
async fn recall(shop: &Shop<'_>, steps: &mut Steps, questions: &[Question]) -> Result<()> {
    steps.begin(&format!(
        "recall over {} questions, against the exact ten best by cosine",
        questions.len()
    ));
    let mut found = [0_usize; 3];
    let mut wanted = 0;
    for question in questions {
        let exact: BTreeSet<i64> = question.exact_top10.iter().map(|hit| hit.id).collect();
        wanted += exact.len();
        let ways = [
            ("milvus_search", dense(question)),
            ("milvus_search", full_text(question)),
            ("milvus_hybrid_search", hybrid(question)),
        ];
        for (way, (tool, arguments)) in ways.into_iter().enumerate() {
            let answer = shop.call(tool, &arguments).await?;
            let hits = answer["hits"].as_array().context("a search answers hits")?;
            found[way] += hits
                .iter()
                .filter_map(|hit| hit["id"].as_i64())
                .filter(|id| exact.contains(id))
                .count();
        }
    }
    let [dense, words, both] = found.map(|found| show::percent(found, wanted));
    println!("       dense {dense}   full text {words}   hybrid {both}");
    ensure!(
        found[0] * 100 >= wanted * 95,
        "dense search finds {} of {wanted}",
        found[0]
    );
    steps.done(&format!(
        "{} searches; the truth is by meaning, so words alone find less of it",
        3 * questions.len()
    ));
    Ok(())
}

async fn filter_count_delete(shop: &Shop<'_>, steps: &mut Steps) -> Result<()> {
    steps.begin("frequent words for food, by a filter");
    let filter = "category == \"food\" and frequency > 20";
    let answer = shop
        .call(
            "milvus_query",
            &json!({"collection_name": COLLECTION, "filter": filter, "limit": 5, "output_fields": "word, frequency, gloss"}),
        )
        .await?;
    let rows = answer["rows"].as_array().context("a query answers rows")?;
    ensure!(!rows.is_empty(), "no rows");
    show::rows(rows, &["word", "frequency", "gloss"]);
    steps.done(&format!("{} rows match in all", shop.count(filter).await?));

    steps.begin("delete the rare ones");
    let rare = "category == \"food\" and frequency < 2";
    let before = (shop.count("").await?, shop.count(rare).await?);
    shop.call(
        "milvus_delete",
        &json!({"collection_name": COLLECTION, "filter": rare}),
    )
    .await?;
    let after = (shop.count("").await?, shop.count(rare).await?);
    ensure!(
        after == (before.0 - before.1, 0),
        "{before:?} became {after:?}"
    );
    steps.done(&format!(
        "{} of {} rows deleted, {} are left",
        before.1, before.0, after.0
    ));
    Ok(())
}
