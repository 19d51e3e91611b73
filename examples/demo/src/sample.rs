//! The sample: 3,000 WordNet glosses with their embeddings, and 24 questions with their exact answers.

use anyhow::{Context, Result, ensure};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, Row};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::path::Path;

/// Dimension of the embeddings.
pub(crate) const DIM: usize = 384;

/// One row of the collection.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Word {
    id: i64,
    word: String,
    category: String,
    frequency: i32,
    gloss: String,
    embedding: Vec<f32>,
}

/// A question and its answer.
#[derive(Debug, Deserialize)]
pub(crate) struct Question {
    /// In words.
    pub(crate) text: String,
    /// Its embedding.
    pub(crate) embedding: Vec<f32>,
    /// The ten nearest words, by brute force.
    pub(crate) exact_top10: Vec<Answer>,
}

/// One of the ten nearest words.
#[derive(Debug, Deserialize)]
pub(crate) struct Answer {
    /// Its key.
    pub(crate) id: i64,
}

/// The words, from Parquet.
pub(crate) fn words(root: &Path) -> Result<Vec<Word>> {
    let path = root.join("examples/data/wordnet-3000.parquet");
    let file = File::open(&path).with_context(|| path.display().to_string())?;
    let reader = SerializedFileReader::new(file)?;
    let words = reader
        .get_row_iter(None)?
        .map(|row| word(&row?))
        .collect::<Result<Vec<_>>>()?;
    ensure!(!words.is_empty(), "{} has no rows", path.display());
    Ok(words)
}

fn word(row: &Row) -> Result<Word> {
    let mut word = Word::default();
    for (name, field) in row.get_column_iter() {
        match (name.as_str(), field) {
            ("id", Field::Long(id)) => word.id = *id,
            ("word", Field::Str(text)) => word.word = text.clone(),
            ("category", Field::Str(text)) => word.category = text.clone(),
            ("frequency", Field::Int(count)) => word.frequency = *count,
            ("gloss", Field::Str(text)) => word.gloss = text.clone(),
            ("embedding", Field::ListInternal(list)) => {
                for value in list.elements() {
                    let Field::Float(value) = value else {
                        anyhow::bail!("an embedding holds floats")
                    };
                    word.embedding.push(*value);
                }
            }
            _ => {}
        }
    }
    ensure!(
        word.embedding.len() == DIM,
        "an embedding has {} values",
        word.embedding.len()
    );
    Ok(word)
}

/// The questions.
pub(crate) fn questions(root: &Path) -> Result<Vec<Question>> {
    #[derive(Deserialize)]
    struct Questions {
        questions: Vec<Question>,
    }
    let path = root.join("examples/data/wordnet-questions.json");
    let text = std::fs::read(&path).with_context(|| path.display().to_string())?;
    Ok(serde_json::from_slice::<Questions>(&text)?.questions)
}
