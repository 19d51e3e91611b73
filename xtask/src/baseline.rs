//! The contract as it was released: what composes with it keeps doing so.

use crate::run::root;
use anyhow::{Context, Result};
use std::path::PathBuf;
use wit_component::WitPrinter;
use wit_parser::{PackageId, Resolve};

fn file() -> PathBuf {
    root().join("wit/baseline/vector-store.wit")
}

/// The contract of `wit/`.
fn contract() -> Result<(Resolve, PackageId)> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(root().join("wit"))?;
    Ok((resolve, package))
}

/// Writes the contract as it is now over the one that was released. Before the first release that is how a break is made;
/// it takes a line in CHANGELOG.md.
///
/// # Errors
/// `wit/` cannot be read, or the file not be written.
pub(crate) fn write() -> Result<()> {
    let (resolve, package) = contract()?;
    let mut printer = WitPrinter::default();
    printer.emit_docs(false).print(&resolve, package, &[])?;
    // Only names and shapes: the versions in annotations are those of `wit/`.
    let text = printer.output.to_string();
    let lines = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("@since"));
    // The worlds of components need WASI beside them; what composes with one imports `client`.
    let mut kept = Vec::new();
    let mut skipping = false;
    for line in lines {
        if line.starts_with("world ") {
            skipping = !line.starts_with("world client ");
        }
        if !skipping {
            kept.push(line);
        }
        if line == "}" {
            skipping = false;
        }
    }
    let file = file();
    std::fs::create_dir_all(file.parent().context("a folder")?)?;
    std::fs::write(&file, format!("{}\n", kept.join("\n").trim_end()))?;
    println!("{}", file.display());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether `text` in the place of the contract that was released lets the one of now pass.
    fn compatible(text: &str) -> Result<()> {
        let (mut resolve, package) = contract().expect("wit/ is read");
        // Two packages of one version cannot stand beside each other; the check looks at none.
        let older = text.replace("@0.1.0;", "@0.0.9;");
        let older = resolve
            .push_str("baseline.wit", &older)
            .expect("the baseline is WIT");
        let world = |package| {
            resolve
                .select_world(&[package], Some("client"))
                .expect("a world")
        };
        let (older, newer) = (world(older), world(package));
        wit_component::semver_check(resolve.clone(), older, newer)
    }

    #[test]
    fn what_was_composed_with_the_released_contract_still_is() {
        let baseline = std::fs::read_to_string(file()).expect("the baseline");
        let kept = compatible(&baseline);
        assert!(
            kept.is_ok(),
            "the contract breaks what was released: {kept:?}. Before the first release `cargo xtask baseline` replaces \
             it, with a line in CHANGELOG.md"
        );
    }

    #[test]
    fn a_record_that_grows_is_a_break_and_an_interface_more_is_none() {
        let baseline = std::fs::read_to_string(file()).expect("the baseline");
        let smaller = baseline.replacen("partition-name: string,", "", 1);
        assert_ne!(smaller, baseline);
        assert!(compatible(&smaller).is_err());
        let fewer = baseline.replace("  import rest;\n", "");
        assert_ne!(fewer, baseline);
        assert!(compatible(&fewer).is_ok());
    }
}
