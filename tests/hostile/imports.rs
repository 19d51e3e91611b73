//! A component that wants more than the six interfaces, or other instructions than it needs, is not built.

use host_harness::{BuildError, Host};

const EXPORT: &str = r#"(instance $i) (export "milvus:vector-store/tools@0.1.0" (instance $i))"#;
/// A core module that does not compile: its function answers nothing where a number is due.
const BROKEN: &str = "(core module (func (result i32)))";

fn build(text: &str) -> BuildError {
    let bytes = wat::parse_str(text).expect("text of a component");
    Host::builder()
        .component(bytes)
        .build()
        .map(|_| ())
        .expect_err("is refused")
}

/// The imports for which it is refused, before anything is compiled: a part of it could not be.
fn refused_imports(names: &[&str]) -> Vec<String> {
    let imports: String = names
        .iter()
        .map(|name| format!(r#"(import "{name}" (instance))"#))
        .collect();
    match build(&format!("(component {imports} {BROKEN} {EXPORT})")) {
        BuildError::Imports(names) => names,
        other => panic!("{names:?}: {other}"),
    }
}

macro_rules! refused {
    ($($name:ident: $($import:literal),+;)+) => {
        $(
            #[test]
            fn $name() {
                $(assert_eq!(refused_imports(&[$import]), [$import]);)+
            }
        )+
    };
}

refused! {
    t45_files_are_refused: "wasi:filesystem/preopens@0.2.0", "wasi:filesystem/types@0.2.12";
    t45_the_environment_is_refused: "wasi:cli/environment@0.2.0";
    t45_standard_streams_are_refused: "wasi:cli/stdout@0.2.0", "wasi:cli/stderr@0.2.0", "wasi:cli/stdin@0.2.0", "wasi:cli/exit@0.2.0";
    t45_sockets_are_refused: "wasi:sockets/tcp@0.2.0", "wasi:sockets/udp@0.2.0", "wasi:sockets/ip-name-lookup@0.2.0", "wasi:sockets/instance-network@0.2.0";
    t45_random_numbers_are_refused: "wasi:random/random@0.2.0", "wasi:random/insecure@0.2.0", "wasi:random/insecure-seed@0.2.0";
    t45_the_wall_clock_is_refused: "wasi:clocks/wall-clock@0.2.0";
    t45_incoming_requests_are_refused: "wasi:http/incoming-handler@0.2.0";
    t45_another_version_is_refused: "wasi:http/types@0.3.0", "wasi:io/poll@0.1.0", "wasi:io/poll@1.0.0";
    t45_unknown_interfaces_are_refused: "evil:backdoor/shell@1.0.0", "wasi:http/types", "wasi-http-types", "milvus:vector-store/tools@0.1.0";
}

#[test]
fn t45_every_unwanted_import_is_named_and_no_other() {
    let names = [
        "wasi:sockets/tcp@0.2.0",
        "wasi:http/types@0.2.12",
        "wasi:filesystem/preopens@0.2.0",
        "wasi:io/streams@0.2.12",
        "wasi:cli/environment@0.2.0",
    ];
    let error = refused_imports(&names);
    assert_eq!(
        error,
        [
            "wasi:cli/environment@0.2.0",
            "wasi:filesystem/preopens@0.2.0",
            "wasi:sockets/tcp@0.2.0"
        ]
    );
}

#[test]
fn t45_an_import_that_is_no_interface_is_refused() {
    for import in [
        r#"(import "wasi:http/types@0.2.12" (func))"#,
        r#"(import "run" (func (param "command" string)))"#,
        r#"(import "m" (core module))"#,
        r#"(import "c" (component))"#,
    ] {
        let error = build(&format!("(component {import} {BROKEN} {EXPORT})"));
        assert!(
            matches!(&error, BuildError::Imports(names) if names.len() == 1),
            "{import}: {error}"
        );
    }
}

#[test]
fn t45_a_core_module_is_no_component() {
    let error = build(
        r#"(module (import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32))))"#,
    );
    assert!(matches!(error, BuildError::NoComponent(_)), "{error}");
}

#[test]
fn t45_bytes_that_are_none_are_no_component() {
    for bytes in [
        &b""[..],
        b"\0asm",
        b"\0asm\x0d\0\x01",
        b"#!/bin/sh\n",
        b"\x7fELF",
        &[0xff; 64],
    ] {
        let error = Host::builder()
            .component(bytes.to_vec())
            .build()
            .map(|_| ())
            .expect_err("is refused");
        assert!(
            matches!(error, BuildError::NoComponent(_) | BuildError::Exports(_)),
            "{bytes:?}: {error}"
        );
    }
}

#[test]
fn t45_a_component_without_tools_is_refused() {
    for text in [
        "(component)".to_owned(),
        r#"(component (instance $i) (export "evil:tools/tools@0.1.0" (instance $i)))"#.to_owned(),
        r#"(component (instance $i) (export "milvus:vector-store/tools@0.2.0" (instance $i)))"#
            .to_owned(),
    ] {
        let error = build(&text);
        assert!(matches!(error, BuildError::Exports(_)), "{text}: {error}");
    }
}

#[test]
fn t44_instructions_that_are_switched_off_do_not_compile() {
    for (proposal, module) in [
        ("gc", "(type (struct))"),
        (
            "function references",
            "(type $t (func)) (func (param (ref $t)))",
        ),
        ("exceptions", "(tag)"),
        ("memory64", "(memory i64 1)"),
        ("shared memory", "(memory 1 1 shared)"),
        (
            "threads",
            "(memory 1) (func (drop (i32.atomic.load (i32.const 0))))",
        ),
        ("tail calls", "(func $f (return_call $f))"),
        ("vectors", "(func (param v128))"),
        ("several memories", "(memory 1) (memory 1)"),
    ] {
        let error = build(&format!("(component (core module {module}) {EXPORT})"));
        // The same without the module fails too, for its tools have no functions; but not where the module begins.
        let BuildError::Compile(reason) = error else {
            panic!("{proposal}: {error}")
        };
        assert!(reason.contains("offset"), "{proposal}: {reason}");
    }
    let BuildError::Compile(reason) =
        build(&format!("(component (core module (memory 1)) {EXPORT})"))
    else {
        panic!("the control has no functions either")
    };
    assert!(!reason.contains("offset"), "{reason}");
}
