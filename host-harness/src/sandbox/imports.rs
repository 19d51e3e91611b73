//! The six interfaces that a component may import, checked before it is compiled, and linked one by one.

use sha2::{Digest as _, Sha256};
use wasmtime::Result;
use wasmtime::component::Linker;
// The engine's own parser: what is checked here is read as it will be read there.
use wasmtime::wasmparser::{
    BinaryReaderError, ComponentExternalKind, ComponentTypeRef, Encoding, Parser, Payload,
};
use wasmtime_wasi::clocks::{WasiClocks, WasiClocksCtxView};
use wasmtime_wasi::p2::bindings::clocks::monotonic_clock;
use wasmtime_wasi::p2::bindings::io;
use wasmtime_wasi_http::p2::bindings::http;
use wasmtime_wasi_http::{WasiHttp, WasiHttpView as _};

use super::{Guest, LimitKind, Limits};
use crate::error::BuildError;

/// What a component may import, each as version 0.2.x. The linker below holds exactly these.
const ALLOWED: [&str; 6] = [
    "wasi:clocks/monotonic-clock",
    "wasi:http/outgoing-handler",
    "wasi:http/types",
    "wasi:io/error",
    "wasi:io/poll",
    "wasi:io/streams",
];
const TOOLS: &str = "milvus:vector-store/tools@0.1.";

/// What a component is, read from its bytes without compiling it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComponentInfo {
    /// SHA-256 of the file, in hexadecimal.
    pub digest: String,
    /// Size of the file in bytes.
    pub size: usize,
    /// Names of its imports, sorted.
    pub imports: Vec<String>,
    /// Names of its exports, sorted.
    pub exports: Vec<String>,
}

impl ComponentInfo {
    /// Compares its digest with an expected one: 64 hexadecimal digits, `sha256:` before them or not.
    ///
    /// # Errors
    /// It is another one, or what was expected is no digest: [`BuildError::Digest`].
    pub fn expect(&self, sha256: &str) -> Result<(), BuildError> {
        let digits = sha256.strip_prefix("sha256:").unwrap_or(sha256);
        if digits.eq_ignore_ascii_case(&self.digest) {
            return Ok(());
        }
        Err(BuildError::Digest {
            expected: shown(sha256),
            came: format!("sha256:{}", self.digest),
        })
    }
}

/// Reads and checks a component: its size, its imports, its exports.
pub(crate) fn read(bytes: &[u8], limits: &Limits) -> Result<ComponentInfo, BuildError> {
    if bytes.len() > limits.component_bytes {
        return Err(BuildError::limit(LimitKind::ComponentBytes, limits));
    }
    let invalid = |error: BinaryReaderError| BuildError::NoComponent(error.to_string());
    let (mut imports, mut exports, mut unwanted) = (Vec::new(), Vec::new(), Vec::new());
    let (mut depth, mut deepest, mut functions, mut cost) = (0_u64, 0, 0_u64, 0_u64);
    let mut structure = 0_u64;
    for payload in Parser::new(0).parse_all(bytes) {
        let payload = payload.map_err(invalid)?;
        structure = structure.saturating_add(structure_of(&payload));
        match payload {
            Payload::Version {
                encoding: Encoding::Module,
                ..
            } if depth == 0 => {
                return Err(BuildError::NoComponent("it is a core module".to_owned()));
            }
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => {
                depth += 1;
                deepest = depth.max(deepest);
            }
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::FunctionSection(section) => {
                functions = functions.saturating_add(section.count().into());
            }
            Payload::CodeSectionEntry(body) => {
                let locals = body.get_locals_reader().map_err(invalid)?;
                let mut size = body.range().len() as u64;
                // A few bytes declare billions of them.
                for local in locals {
                    let (count, _) = local.map_err(invalid)?;
                    size = size.saturating_add(count.into());
                }
                cost = cost.saturating_add(size.saturating_mul(size));
            }
            Payload::ComponentImportSection(section) if depth == 0 => {
                for import in section {
                    let import = import.map_err(invalid)?;
                    let name = import.name.name.to_owned();
                    if !is_allowed(&name) || !matches!(import.ty, ComponentTypeRef::Instance(_)) {
                        unwanted.push(shown(&name));
                    }
                    imports.push(name);
                }
            }
            Payload::ComponentExportSection(section) if depth == 0 => {
                for export in section {
                    let export = export.map_err(invalid)?;
                    if export.kind == ComponentExternalKind::Instance {
                        exports.push(shown(export.name.name));
                    }
                }
            }
            _ => {}
        }
    }
    if !unwanted.is_empty() {
        unwanted.sort();
        return Err(BuildError::Imports(unwanted));
    }
    if !exports.iter().any(|name| name.starts_with(TOOLS)) {
        return Err(BuildError::Exports(exports));
    }
    for (value, limit) in [
        (functions, LimitKind::ComponentFunctions),
        (deepest, LimitKind::ComponentDepth),
        (cost >> 20, LimitKind::CompileCost),
        (structure, LimitKind::ComponentStructure),
    ] {
        if value > limits.get(limit) {
            return Err(BuildError::limit(limit, limits));
        }
    }
    imports.sort();
    exports.sort();
    let digest = Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    Ok(ComponentInfo {
        digest,
        size: bytes.len(),
        imports,
        exports,
    })
}

/// Bytes that say what a component is made of: all but code, data and custom sections, which are counted otherwise or cost
/// nothing. Types, imports, aliases, canonical functions and instances can stand by the hundred thousand in a small file, and
/// nested in one entry; each byte of them can cost the compiler as much as a function.
fn structure_of(payload: &Payload<'_>) -> u64 {
    match payload {
        Payload::ModuleSection { .. }
        | Payload::ComponentSection { .. }
        | Payload::CodeSectionStart { .. }
        | Payload::CodeSectionEntry(_)
        | Payload::DataSection(_)
        | Payload::CustomSection(_) => 0,
        section => section
            .as_section()
            .map_or(0, |(_, range)| range.len() as u64),
    }
}

/// A name that is nobody's promise yet: cut, and nothing in it that a terminal obeys.
fn shown(name: &str) -> String {
    name.chars()
        .take(128)
        .flat_map(char::escape_default)
        .collect()
}

fn is_allowed(import: &str) -> bool {
    let Some((name, version)) = import.split_once("@0.2.") else {
        return false;
    };
    ALLOWED.contains(&name)
        && !version.is_empty()
        && version.bytes().all(|byte| byte.is_ascii_digit())
}

/// Links the six, one by one: the bundles of wasmtime-wasi also give a wall clock, random numbers and standard
/// streams.
pub(super) fn link(linker: &mut Linker<Guest>) -> Result<()> {
    fn clocks(guest: &mut Guest) -> WasiClocksCtxView<'_> {
        WasiClocksCtxView {
            ctx: &mut guest.clocks,
            table: &mut guest.table,
        }
    }
    io::error::add_to_linker::<Guest, super::Io>(linker, |guest| &mut guest.table)?;
    io::poll::add_to_linker::<Guest, super::Io>(linker, |guest| &mut guest.table)?;
    io::streams::add_to_linker::<Guest, super::Io>(linker, |guest| &mut guest.table)?;
    monotonic_clock::add_to_linker::<Guest, WasiClocks>(linker, clocks)?;
    http::types::add_to_linker::<Guest, WasiHttp>(
        linker,
        &http::types::LinkOptions::default(),
        Guest::http,
    )?;
    super::outgoing::link(linker)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<ComponentInfo, BuildError> {
        read(&wat::parse_str(text).expect(text), &Limits::default())
    }

    const EXPORT: &str =
        r#"(instance $i) (export "milvus:vector-store/tools@0.1.0" (instance $i))"#;

    #[test]
    fn the_six_are_let_in() {
        let imports: String = ALLOWED
            .map(|name| format!(r#"(import "{name}@0.2.12" (instance))"#))
            .concat();
        let info = read_text(&format!("(component {imports} {EXPORT})")).expect("may be loaded");
        assert_eq!(info.imports, ALLOWED.map(|name| format!("{name}@0.2.12")));
        assert_eq!(info.exports, ["milvus:vector-store/tools@0.1.0"]);
        assert_eq!(info.digest.len(), 64);
    }

    #[test]
    fn t45_every_other_import_is_refused_by_name_before_anything_is_compiled() {
        for name in [
            "wasi:clocks/wall-clock@0.2.12",
            "wasi:random/random@0.2.0",
            "wasi:random/insecure-seed@0.2.0",
            "wasi:cli/environment@0.2.0",
            "wasi:cli/stdout@0.2.0",
            "wasi:cli/exit@0.2.0",
            "wasi:filesystem/types@0.2.0",
            "wasi:filesystem/preopens@0.2.0",
            "wasi:sockets/tcp@0.2.0",
            "wasi:sockets/ip-name-lookup@0.2.0",
            "wasi:http/incoming-handler@0.2.0",
            "wasi:http/types@0.3.0",
            "wasi:http/types",
            "wasi:http/types@0.2.0-rc",
            "wasi:io/poll@0.20.0",
            "evil:io/poll@0.2.0",
            "env",
        ] {
            let refused = read_text(&format!(
                r#"(component (import "{name}" (instance)) {EXPORT})"#
            ));
            assert!(
                matches!(&refused, Err(BuildError::Imports(names)) if *names == [name]),
                "{name}: {refused:?}"
            );
        }
        let refused = read_text(&format!(r#"(component (import "log" (func)) {EXPORT})"#));
        assert!(matches!(refused, Err(BuildError::Imports(_))));
        // The name of an interface, and a function behind it.
        let refused = read_text(&format!(
            r#"(component (import "wasi:io/poll@0.2.0" (func)) {EXPORT})"#
        ));
        assert!(matches!(refused, Err(BuildError::Imports(_))));
    }

    #[test]
    fn t45_imports_of_nested_components_are_their_own_business() {
        let inner = r#"(component (import "anything" (func)))"#;
        let info = read_text(&format!("(component {inner} {EXPORT})"))
            .expect("never instantiated with an import");
        assert!(info.imports.is_empty());
    }

    #[test]
    fn t45_what_is_no_component_with_tools_is_refused() {
        for bytes in [&b"hello"[..], b""] {
            assert!(matches!(
                read(bytes, &Limits::default()),
                Err(BuildError::NoComponent(_))
            ));
        }
        assert!(matches!(
            read_text("(module)"),
            Err(BuildError::NoComponent(_))
        ));
        assert!(
            matches!(read_text("(component)"), Err(BuildError::Exports(names)) if names.is_empty())
        );
        let later = EXPORT.replace("0.1.0", "0.2.0");
        assert!(matches!(
            read_text(&format!("(component {later})")),
            Err(BuildError::Exports(_))
        ));
    }

    #[test]
    fn t45_no_bytes_panic() {
        let whole = wat::parse_str(format!(
            r#"(component (import "wasi:io/poll@0.2.0" (instance)) {EXPORT})"#
        ))
        .unwrap();
        for at in 0..whole.len() {
            let _ = read(&whole[..at], &Limits::default());
            for bit in 0..8 {
                let mut changed = whole.clone();
                changed[at] ^= 1 << bit;
                let _ = read(&changed, &Limits::default());
            }
        }
    }
}
