//! Puts the local Milvus' Python files into the binary, so that one file is all there is to install.

use std::fmt::Write as _;
use std::path::Path;

/// The packages, each with the file of its requirements.
const PACKAGES: [(&str, &str); 2] = [
    ("milvus_gateway", "requirements.txt"),
    ("milvus_standalone", "standalone-requirements.txt"),
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = Path::new(&std::env::var("CARGO_MANIFEST_DIR")?)
        .join("../local-milvus")
        .canonicalize()?;
    let output = std::env::var("OUT_DIR")?;
    for (package, requirements) in PACKAGES {
        for watched in [package, requirements] {
            println!("cargo::rerun-if-changed={}", folder.join(watched).display());
        }
        std::fs::write(
            Path::new(&output).join(format!("{package}.rs")),
            sources(&folder.join(package))?,
        )?;
    }
    Ok(())
}

/// The files of a package as a Rust expression: names within the package, and texts.
fn sources(package: &Path) -> Result<String, Box<dyn std::error::Error>> {
    let mut sources = Vec::new();
    let mut folders = vec![package.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "py") {
                sources.push(path);
            }
        }
    }
    sources.sort();
    let mut text = String::from("&[\n");
    for source in &sources {
        // A file that is gone is seen by its own line only.
        println!("cargo::rerun-if-changed={}", source.display());
        let name = source.strip_prefix(package)?.to_str();
        let name = name.ok_or("a file name is no text")?;
        writeln!(text, "    ({name:?}, include_str!({source:?})),")?;
    }
    text.push_str("]\n");
    Ok(text)
}
