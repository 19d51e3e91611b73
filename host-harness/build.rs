//! Checks that the component is there before it is put inside the library.

use std::env;
use std::path::Path;

fn main() {
    const COMPONENT: &str = "assets/milvus_plugin.wasm";
    // The folder too: a file that is moved into it may be older than the last build.
    println!("cargo::rerun-if-changed=assets");
    println!("cargo::rerun-if-changed={COMPONENT}");
    println!("cargo::rustc-check-cfg=cfg(component_missing)");
    #[expect(
        clippy::disallowed_methods,
        reason = "Cargo tells a build script about features by environment variables only"
    )]
    let wanted = env::var_os("CARGO_FEATURE_EMBEDDED").is_some();
    if wanted && !Path::new(COMPONENT).exists() {
        println!("cargo::rustc-cfg=component_missing");
    }
}
