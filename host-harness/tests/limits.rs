//! `docs/limits.md` is the specification of the limits: held here against the code. That each of its tests exists and
//! passes is held by `cargo xtask test`.

use std::collections::BTreeMap;

use host_harness::{LimitKind, Limits};

const TEXT: &str = include_str!("../../docs/limits.md");

/// The rows of its tables whose first cell is a name in backticks: the name, and the other cells.
fn rows() -> BTreeMap<&'static str, Vec<&'static str>> {
    let mut rows = BTreeMap::new();
    for line in TEXT.lines().filter(|line| line.starts_with("| `")) {
        let mut cells = line.trim_matches('|').split(" | ").map(str::trim);
        let name = cells.next().expect("a first cell").trim_matches('`');
        let again = rows.insert(name, cells.collect());
        assert!(again.is_none(), "`{name}` has two rows");
    }
    rows
}

#[test]
fn each_limit_has_a_row_with_its_default_and_a_test_and_no_row_is_without_a_limit() {
    let (mut rows, limits) = (rows(), Limits::default());
    for limit in LimitKind::ALL {
        let row = rows.remove(limit.name());
        let row = row.unwrap_or_else(|| panic!("`{limit}` has no row"));
        assert_eq!(row.len(), 3, "`{limit}`: default, what happens, tests");
        assert_eq!(row[0], limit.shown(limits.get(*limit)), "`{limit}`");
        assert!(!row[1].is_empty(), "`{limit}`: what happens at it");
        assert!(row[2].contains("::t"), "`{limit}`: its test");
    }
    assert!(rows.is_empty(), "no limits: {:?}", rows.keys());
}
