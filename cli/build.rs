//! Puts the local Milvus' Python files into the binary, so that one file is all there is to install.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = Path::new(&std::env::var("CARGO_MANIFEST_DIR")?)
        .join("../local-milvus")
        .canonicalize()?;
    println!(
        "cargo::rerun-if-changed={}",
        folder.join("milvus_gateway").display()
    );
    println!(
        "cargo::rerun-if-changed={}",
        folder.join("requirements.txt").display()
    );
    let mut sources: Vec<PathBuf> = std::fs::read_dir(folder.join("milvus_gateway"))?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "py"))
        .collect();
    sources.sort();
    let mut text = String::from("&[\n");
    for source in &sources {
        let name = source
            .file_name()
            .and_then(|name| name.to_str())
            .ok_or("a file name is no text")?;
        writeln!(text, "    ({name:?}, include_str!({source:?})),")?;
    }
    text.push_str("]\n");
    std::fs::write(
        Path::new(&std::env::var("OUT_DIR")?).join("gateway.rs"),
        text,
    )?;
    Ok(())
}
