extern crate std;

use std::collections::BTreeSet;
use std::format;
use std::string::String;
use std::vec::Vec;

use crate::{
    CLOSED, Dialect, Effect, FAMILIES, Key, Keys, Method, NameKind, Open, Others, ROUTES, Replay,
    Route, Scope, Verdict, Version, all, find, find_closed,
};

/// Every key of a row, nested ones too, each shape once: some contain themselves. `maps`: also what open maps list.
fn keys_of(row: &Route, maps: bool) -> Vec<&'static Key> {
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    let mut open = Vec::from([row.keys]);
    while let Some(keys) = open.pop() {
        if !keys.is_empty() && !seen.insert(keys.as_ptr() as usize) {
            continue;
        }
        for key in keys {
            found.push(key);
            let map = matches!(key.keys, Keys::Open(_) | Keys::Map(Keys::Open(_)));
            open.extend(below(key.keys).filter(|_| maps || !map));
        }
    }
    found
}

fn every_key(row: &Route) -> Vec<&'static Key> {
    keys_of(row, false)
}

/// The keys that may stand in a value.
fn below(keys: Keys) -> Option<&'static [Key]> {
    match keys {
        Keys::None => None,
        Keys::Object(below) | Keys::List(below) => Some(below),
        Keys::Map(values) => below(*values),
        Keys::Open(open) => Some(open.keys),
    }
}

/// The open object under a key of a row's top level, or below it.
fn open(row_name: &str, path: &[&str]) -> &'static Open {
    let mut keys = row(row_name).keys;
    let mut found = None;
    for name in path {
        let key = Key::named(keys, name).unwrap_or_else(|| panic!("{row_name} has no {name}"));
        keys = below(key.keys).unwrap_or_default();
        found = Some(key.keys);
    }
    match found {
        Some(Keys::Open(open)) => open,
        other => panic!("{other:?}"),
    }
}

fn row(name: &str) -> &'static Route {
    all()
        .find(|row| row.name == name)
        .unwrap_or_else(|| panic!("no row {name}"))
}

/// The last part of a row's name: what it does.
fn action(row: &Route) -> &'static str {
    row.name.rsplit('.').next().unwrap_or_default()
}

#[test]
fn there_are_73_routes_of_v2_and_10_of_v1_and_29_closed_ones() {
    let of = |dialect| all().filter(|row| row.dialect == dialect).count();
    assert_eq!((of(Dialect::V2), of(Dialect::V1)), (73, 10));
    let closed = |scope| CLOSED.iter().filter(|closed| closed.scope == scope).count();
    assert_eq!(
        (
            closed(Scope::AccessControl),
            closed(Scope::Cluster),
            closed(Scope::Observe)
        ),
        (21, 6, 2)
    );
}

#[test]
fn every_list_of_rows_holds_the_same_rows() {
    assert_eq!(all().count(), ROUTES.len());
    let in_order: BTreeSet<_> = all().map(|row| row.path).collect();
    assert!(
        in_order
            .iter()
            .copied()
            .eq(ROUTES.iter().map(|row| row.path))
    );
}

#[test]
fn no_two_rows_have_the_same_name_or_the_same_path() {
    let names: BTreeSet<_> = all().map(|row| row.name).collect();
    let paths: BTreeSet<_> = all().map(|row| row.path).collect();
    assert_eq!((names.len(), paths.len()), (ROUTES.len(), ROUTES.len()));
}

#[test]
fn a_name_is_its_path_with_dots() {
    for row in all() {
        let rest = row
            .path
            .strip_prefix(row.dialect.prefix())
            .expect(row.path)
            .replace('/', ".");
        let expected = match row.dialect {
            Dialect::V2 => rest,
            Dialect::V1 if rest == "collections" => "v1.collections.list".into(),
            Dialect::V1 => format!("v1.{rest}"),
        };
        assert_eq!(row.name, expected);
    }
}

#[test]
fn a_name_begins_with_the_family_it_stands_in() {
    for family in FAMILIES {
        for row in family.rows {
            assert_eq!(
                row.name.split('.').next(),
                Some(family.name),
                "{}",
                row.name
            );
        }
    }
}

#[test]
fn names_and_paths_are_plain_lower_case() {
    let plain = |text: &str, between: char| {
        text.chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == between)
            && text.split(between).skip(1).all(|part| !part.is_empty())
    };
    for row in all() {
        assert!(
            plain(row.name, '.') && row.name.contains('.'),
            "{}",
            row.name
        );
        assert!(
            plain(row.path, '/') && row.path.starts_with('/'),
            "{}",
            row.path
        );
    }
}

#[test]
fn only_two_routes_of_v1_are_get() {
    let get: Vec<_> = all()
        .filter(|row| row.method == Method::Get)
        .map(|row| row.name)
        .collect();
    assert_eq!(get, ["v1.collections.list", "v1.collections.describe"]);
    // A query holds texts only.
    for name in get {
        assert!(
            row(name)
                .keys
                .iter()
                .all(|key| matches!(key.keys, Keys::None)),
            "{name}"
        );
    }
}

#[test]
fn t32_no_closed_route_is_in_the_table() {
    for closed in CLOSED {
        assert!(
            closed.path.starts_with(Dialect::V2.prefix()),
            "{}",
            closed.path
        );
        for method in ["GET", "POST"] {
            assert!(
                find(method, closed.path.as_bytes()).is_none(),
                "{}",
                closed.path
            );
        }
        let again = find_closed(closed.method.as_str(), closed.path.as_bytes()).expect(closed.path);
        assert_eq!(again.path, closed.path);
    }
    for row in all() {
        assert!(
            find_closed(row.method.as_str(), row.path.as_bytes()).is_none(),
            "{}",
            row.name
        );
    }
    let paths: BTreeSet<_> = CLOSED.iter().map(|closed| closed.path).collect();
    assert_eq!(paths.len(), CLOSED.len());
}

#[test]
fn find_gives_each_row_for_its_own_bytes() {
    for row in all() {
        let found = find(row.method.as_str(), row.path.as_bytes()).expect(row.name);
        assert!(core::ptr::eq(found, row), "{}", row.name);
    }
}

#[test]
fn t06_find_refuses_another_method() {
    for row in all() {
        let right = row.method.as_str();
        for method in [
            "GET", "POST", "get", "post", "Post", "PUT", "HEAD", "DELETE", "CONNECT", "", "POST ",
            " POST",
        ] {
            assert!(
                method == right || find(method, row.path.as_bytes()).is_none(),
                "{method} {}",
                row.path
            );
        }
    }
}

#[test]
fn t01_find_refuses_every_other_spelling_of_a_path() {
    for row in all() {
        let path = row.path;
        let last = path.rsplit('/').next().expect("there is one");
        let head = &path[..path.len() - last.len()];
        let encoded: String = format!("{head}%{:02x}{}", last.as_bytes()[0], &last[1..]);
        let spellings = [
            encoded,
            path.replacen("/v", "/%76", 1),
            path.replace('/', "%2f"),
            format!("{path}/"),
            format!("{path}//"),
            format!("/{path}"),
            path.replacen("/vector", "//vector", 1),
            format!("{head}/{last}"),
            format!("{head}./{last}"),
            format!("{head}x/../{last}"),
            path.replace('/', "\\"),
            format!("{path};x"),
            format!("{path}?dbName=x"),
            format!("{path}?"),
            format!("{path}#x"),
            format!("{path} "),
            format!(" {path}"),
            format!("{path}\0"),
            format!("{path}\r\n"),
            path.to_uppercase(),
            format!("{head}{}{}", last[..1].to_uppercase(), &last[1..]),
            path[1..].into(),
            format!("http://milvus:19530{path}"),
            format!("//milvus{path}"),
            path.replacen('s', "\u{17F}", 1),
            String::new(),
            "*".into(),
        ];
        for spelling in spellings.iter().filter(|spelling| *spelling != path) {
            for method in ["GET", "POST"] {
                assert!(
                    find(method, spelling.as_bytes()).is_none(),
                    "{method} {spelling:?}"
                );
            }
        }
    }
}

#[test]
fn find_refuses_every_part_of_a_path_that_is_no_route() {
    let paths: BTreeSet<_> = all().map(|row| row.path.as_bytes()).collect();
    for row in all() {
        for length in 0..row.path.len() {
            let part = &row.path.as_bytes()[..length];
            assert_eq!(
                find("GET", part).or(find("POST", part)).is_some(),
                paths.contains(part)
            );
        }
    }
}

#[test]
fn find_takes_any_bytes() {
    for byte in 0..=u8::MAX {
        assert!(find("POST", &[byte]).is_none());
        let mut path = Vec::from(*b"/v2/vectordb/collections/drop");
        let at = path.len() - 4;
        path[at] = byte;
        assert_eq!(find("POST", &path).is_some(), byte == b'd');
    }
    assert!(find("POST", &std::vec![0xFF; 65_536]).is_none());
}

#[test]
fn t22_a_key_that_holds_a_name_has_the_verdict_of_that_name() {
    for row in all() {
        for key in every_key(row) {
            let lower = key.name.to_lowercase();
            let expected = match lower.as_str() {
                name if name.contains("collectionname") => Some(Verdict::Collection),
                name if name.contains("dbname") || name.contains("database") => {
                    Some(Verdict::Database)
                }
                name if name.contains("alias") => Some(Verdict::Alias),
                name if name.contains("partitionname") => Some(Verdict::Partition),
                "jobid" => Some(Verdict::Job),
                name if name.contains("external") && name != "externalfield" => {
                    Some(Verdict::Outbound)
                }
                name if name.contains("s3") || name.contains("uri") || name == "files" => {
                    Some(Verdict::Outbound)
                }
                _ => None,
            };
            let special = !matches!(key.verdict, Verdict::Free | Verdict::Forbidden);
            match expected {
                Some(verdict) => assert_eq!(key.verdict, verdict, "{} {}", row.name, key.name),
                // A word that is built in, or leads out.
                None => assert!(
                    !special || key.raises.is_some_and(|raise| !raise.unless.is_empty()),
                    "{} {}",
                    row.name,
                    key.name
                ),
            }
        }
    }
}

#[test]
fn a_name_stands_at_the_top_level_and_is_one_text() {
    for row in all() {
        for key in every_key(row) {
            if key.verdict.name_kind().is_some() {
                assert!(matches!(key.keys, Keys::None), "{} {}", row.name, key.name);
                assert!(row.key(key.name).is_some(), "{} {}", row.name, key.name);
            }
        }
    }
}

#[test]
fn t22_the_keys_that_are_easily_forgotten_are_there() {
    let verdict = |route, key| {
        row(route)
            .key(key)
            .map(|key: &Key| (key.verdict, key.required))
    };
    assert_eq!(
        verdict("collections.rename", "newCollectionName"),
        Some((Verdict::Collection, true))
    );
    assert_eq!(
        verdict("collections.rename", "newDbName"),
        Some((Verdict::Database, false))
    );
    assert_eq!(
        verdict("aliases.alter", "aliasName"),
        Some((Verdict::Alias, true))
    );
    assert_eq!(
        verdict("jobs.snapshot.restore_external", "targetCollectionName"),
        Some((Verdict::Collection, true))
    );
    assert_eq!(
        verdict("jobs.snapshot.restore_external", "snapshotMetadataURI"),
        Some((Verdict::Outbound, true))
    );
    assert_eq!(
        verdict("collections.drop_function", "FunctionName"),
        Some((Verdict::Free, true))
    );
    assert_eq!(verdict("collections.drop_function", "functionName"), None);
    assert_eq!(
        verdict("collections.get_compaction_state", "jobID"),
        Some((Verdict::Job, false))
    );
    assert_eq!(verdict("collections.get_compaction_state", "jobId"), None);
    assert_eq!(verdict("entities.delete", "id"), None);
}

#[test]
fn t16_no_object_lists_a_key_twice_even_with_case_folded() {
    fn check(row: &Route, keys: &'static [Key]) {
        let folded: BTreeSet<_> = keys.iter().map(|key| key.name.to_lowercase()).collect();
        assert_eq!(folded.len(), keys.len(), "{}", row.name);
    }
    for row in all() {
        check(row, row.keys);
        for key in every_key(row) {
            if let Some(below) = below(key.keys) {
                let closed = !matches!(key.keys, Keys::Open(_));
                assert!(!closed || !below.is_empty(), "{} {}", row.name, key.name);
                check(row, below);
            }
        }
    }
}

#[test]
fn t29_a_route_that_reads_is_not_called_by_a_word_for_changing() {
    let changing = [
        "create", "drop", "insert", "upsert", "delete", "alter", "rename", "truncate", "load",
        "release", "flush", "compact", "add", "commit", "abort", "refresh", "restore", "export",
        "grant", "revoke", "update",
    ];
    for row in all() {
        let words: Vec<_> = action(row).split('_').collect();
        let changes =
            words.iter().any(|word| changing.contains(word)) && action(row) != "get_load_state";
        assert_eq!(
            row.effect != Effect::Read,
            changes,
            "{} is {}",
            row.name,
            row.effect
        );
    }
}

#[test]
fn t29_an_action_has_the_effect_of_what_it_loses() {
    for row in all() {
        let expected = match action(row) {
            name if name.ends_with("drop_properties") && row.name.starts_with("databases") => {
                Effect::Admin
            }
            "drop_properties" | "delete" | "upsert" | "truncate" | "rename" | "release"
            | "abort" => Effect::Erase,
            name if name.starts_with("drop") => Effect::Drop,
            name if name.starts_with("alter") && row.name.starts_with("databases") => Effect::Admin,
            name if name.starts_with("alter") => Effect::Erase,
            "load" | "refresh_load" | "flush" | "compact" => Effect::Admin,
            "restore_external" | "export" | "refresh" => Effect::Outbound,
            "create" if row.name.starts_with("jobs") => Effect::Outbound,
            "create" | "insert" | "commit" => Effect::Write,
            name if name.starts_with("add") => Effect::Write,
            _ => Effect::Read,
        };
        assert_eq!(row.effect, expected, "{}", row.name);
    }
}

#[test]
fn t32_no_row_is_about_access_control() {
    assert!(all().all(|row| row.effects().all(|effect| effect != Effect::AccessControl)));
}

#[test]
fn what_is_outbound_says_what_it_does_besides() {
    for row in all() {
        assert_eq!(
            row.effect == Effect::Outbound,
            !row.also.is_empty(),
            "{}",
            row.name
        );
        assert!(!row.also.contains(&row.effect), "{}", row.name);
    }
}

#[test]
fn t27_an_outbound_key_raises_whatever_its_value_or_by_a_closed_list() {
    for row in all() {
        for key in keys_of(row, true)
            .into_iter()
            .filter(|key| key.verdict == Verdict::Outbound)
        {
            let raises = key.raises.expect(key.name);
            assert_eq!(raises.to, Effect::Outbound, "{} {}", row.name, key.name);
            // The built-in ones are words, and no place looks like one.
            let word = |text: &&str| {
                text.bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
            };
            assert!(raises.unless.iter().all(word), "{} {}", row.name, key.name);
        }
    }
}

#[test]
fn reading_may_be_repeated_and_inserting_never() {
    for row in all() {
        if row.effect == Effect::Read {
            assert_eq!(row.replay, Replay::Safe, "{}", row.name);
        }
        assert_eq!(
            row.replay == Replay::Keyed,
            action(row) == "upsert",
            "{}",
            row.name
        );
        if action(row) == "insert" {
            assert_eq!(row.replay, Replay::Unsafe, "{}", row.name);
        }
    }
}

#[test]
fn t27_functions_are_let_through_by_a_closed_list() {
    let function = row("collections.add_function")
        .key("function")
        .expect("there is one");
    let Keys::Object(keys) = function.keys else {
        panic!("no object")
    };
    let kind = Key::named(keys, "type")
        .expect("there is one")
        .raises
        .expect("there is one");
    for local in ["BM25", "MinHash", "Rerank"] {
        assert_eq!(kind.by(local), None);
    }
    for other in ["TextEmbedding", "bm25", "BM25 ", "Python", "", "null"] {
        assert_eq!(kind.by(other), Some(Effect::Outbound), "{other:?}");
    }
    let Keys::Open(params) = Key::named(keys, "params").expect("there is one").keys else {
        panic!("no map")
    };
    let reranker = Key::named(params.keys, "reranker").expect("there is one");
    let reranker = reranker.raises.expect("it raises");
    assert_eq!(reranker.by("rrf"), None);
    assert_eq!(reranker.by("model"), Some(Effect::Outbound));
    assert_eq!(reranker.by("null"), Some(Effect::Outbound));
}

#[test]
fn t27_t78_what_says_whom_to_ask_is_known_to_no_map_of_functions_and_analyzers() {
    let leading_out = [
        "provider",
        "endpoint",
        "url",
        "uri",
        "credential",
        "integration_id",
        "api_key",
        "region",
        "location",
        "projectid",
        "model_deployment_id",
        "resource_name",
        "file_name",
        "path",
        "model_resource",
        "download_urls",
        "dict_build_dir",
        "dict_kind",
        "input_type",
    ];
    let mut maps = 0;
    for row in all() {
        for key in keys_of(row, true) {
            let Keys::Open(open) = key.keys else { continue };
            if !open.texts_hold_json {
                continue;
            }
            maps += 1;
            assert_eq!(open.others, Others::Outbound, "{} {}", row.name, key.name);
            for name in leading_out {
                let known = Key::named(open.keys, name);
                assert!(known.is_none(), "{} {} {name}", row.name, key.name);
            }
        }
    }
    assert!(maps > 20, "{maps}");
}

#[test]
fn t27_every_object_with_a_function_type_has_closed_params() {
    for row in all() {
        for key in every_key(row) {
            let Some(below) = below(key.keys) else {
                continue;
            };
            if Key::named(below, "inputFieldNames").is_some() {
                let params = Key::named(below, "params").expect("there is one").keys;
                assert!(
                    matches!(params, Keys::Open(open) if open.others == Others::Outbound),
                    "{}",
                    row.name
                );
            }
        }
    }
}

#[test]
fn t29_maps_of_which_milvus_reads_a_closed_set_hold_it() {
    for (name, path) in [
        ("collections.create", &["params"][..]),
        ("collections.create", &["properties"]),
        (
            "collections.create",
            &["schema", "fields", "elementTypeParams"],
        ),
        ("collections.alter_properties", &["properties"]),
        ("collections.fields.alter_properties", &["fieldParams"]),
        ("collections.fields.add", &["schema", "elementTypeParams"]),
        ("databases.create", &["properties"]),
        ("databases.alter", &["properties"]),
        ("databases.alter_properties", &["properties"]),
        ("indexes.alter_properties", &["properties"]),
    ] {
        let open = open(name, path);
        assert_eq!(open.others, Others::Refused, "{name}");
        assert!(!open.keys.is_empty(), "{name}");
    }
}

#[test]
fn t29_a_time_to_live_is_an_erase_wherever_it_is_read() {
    for (row, map, names) in [
        (
            "collections.create",
            "params",
            &["ttlSeconds", "ttlField"][..],
        ),
        (
            "collections.create",
            "properties",
            &["collection.ttl.seconds", "ttl.seconds"],
        ),
        (
            "collections.alter_properties",
            "properties",
            &["collection.ttl.seconds", "ttl_field"],
        ),
    ] {
        for name in names {
            let key = Key::named(open(row, &[map]).keys, name).expect(name);
            let raises = key.raises.expect(name);
            assert_eq!(
                (raises.to, raises.by("60")),
                (Effect::Erase, Some(Effect::Erase))
            );
        }
    }
}

#[test]
fn t29_a_property_has_the_class_of_what_it_does() {
    let open = open("collections.alter_properties", &["properties"]);
    let raised = |name: &str, value: &str| {
        let key = Key::named(open.keys, name).expect(name);
        key.raises.and_then(|raise| raise.by(value))
    };
    assert_eq!(raised("dynamicfield.enabled", "false"), Some(Effect::Drop));
    assert_eq!(raised("dynamicfield.enabled", "true"), None);
    assert_eq!(
        raised("collection.replica.number", "2"),
        Some(Effect::Admin)
    );
    assert_eq!(
        raised("collection.resource_groups", "rg"),
        Some(Effect::Admin)
    );
    assert_eq!(
        raised("collection.external_source", "s3://b"),
        Some(Effect::Outbound)
    );
    assert_eq!(raised("mmap.enabled", "true"), None);
}

#[test]
fn t30_creating_a_collection_counts_as_a_load() {
    for row in all() {
        let creates = row.name.ends_with("collections.create");
        assert_eq!(
            row.counts_as,
            creates.then_some("collections.load"),
            "{}",
            row.name
        );
    }
}

#[test]
fn t28_an_import_can_not_load_a_backup() {
    let Keys::Object(options) = row("jobs.import.create")
        .key("options")
        .expect("there is one")
        .keys
    else {
        panic!("no object")
    };
    for name in ["backup", "l0_import", "skip_disk_quota_check"] {
        assert_eq!(
            Key::named(options, name).map(|key| key.verdict),
            Some(Verdict::Forbidden),
            "{name}"
        );
    }
}

#[test]
fn a_release_is_known_by_its_three_numbers_and_grows() {
    assert_eq!(format!("{}", Version::of("2.3.13")), "2.3.13");
    assert!(
        Version::of("2.3.13") > Version::of("2.3.5")
            && Version::of("3.0.0") > Version::of("2.6.11")
    );
    for row in all() {
        let first = Version::of(if row.dialect == Dialect::V1 {
            "2.2.9"
        } else {
            "2.3.13"
        });
        assert!(row.since >= first, "{}", row.name);
        for key in row.keys {
            assert!(
                key.since.is_none_or(|since| since > row.since),
                "{} {}",
                row.name,
                key.name
            );
        }
    }
}

#[test]
fn an_answer_that_is_a_list_of_names_says_so() {
    let names = |route| {
        row(route)
            .answer_names
            .iter()
            .map(|name| (name.path, name.is))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        names("collections.list"),
        [("data[]", NameKind::Collection)]
    );
    assert_eq!(
        names("v1.collections.list"),
        [("data[]", NameKind::Collection)]
    );
    assert_eq!(names("databases.list"), [("data[]", NameKind::Database)]);
    assert_eq!(names("aliases.list"), [("data[]", NameKind::Alias)]);
    assert_eq!(
        names("collections.describe"),
        [
            ("data.collectionName", NameKind::Collection),
            ("data.aliases[]", NameKind::Alias)
        ]
    );
    for row in all() {
        for name in row.answer_names {
            assert!(name.path.starts_with("data"), "{}", row.name);
            assert_eq!(row.effect, Effect::Read, "{}", row.name);
        }
    }
}

#[test]
fn words_are_kebab_case() {
    for effect in Effect::ALL {
        assert!(
            format!("{effect}")
                .chars()
                .all(|c| c.is_ascii_lowercase() || c == '-')
        );
    }
    assert_eq!(format!("{}", Effect::AccessControl), "access-control");
    assert_eq!(format!("{} {}", Method::Post, Dialect::V2), "POST v2");
}

#[test]
fn a_row_can_be_printed_although_some_shapes_contain_themselves() {
    for row in all() {
        assert!(format!("{row:?}").contains(row.path));
    }
}
