//! Shared keys of schemas: fields, functions, indexes, and the maps where names that lead out of Milvus are marked.

use crate::Effect::{Erase, Outbound};
use crate::key::{Key, Mark, Open, Raise, free, outbound};

/// Names that make Milvus contact a third party or read a file, wherever they stand in the parameters of a function,
/// of an analyzer or of a field's type.
///
/// Of functions: `provider`, `endpoint`, `url`, `credential`, `integration_id` say whom to ask and with which stored
/// key (`ParseAKAndURL`, `tei_rerank_provider.go`). Of analyzers: a tokenizer of type `grpc` sends each text to its
/// `endpoint`, over `tls`; a word list is read from a `path` of the server, or is a `resource_name` and `file_name`
/// of its store; `lindera_download_urls` (`tantivy-binding/src/analyzer`). The others are there because a provider
/// takes them beside these, or because they can mean nothing else; no parameter that stays inside has such a name.
pub static OUTBOUND_NAMES: &[&str] = &[
    "provider",
    "endpoint",
    "url",
    "uri",
    "credential",
    "integration_id",
    "api_key",
    "access_key_id",
    "region",
    "location",
    "projectid",
    "resource",
    "resource_name",
    "file_name",
    "path",
    "tls",
    "download_urls",
    "lindera_download_urls",
];

const fn outbound_mark(name: &'static str) -> Mark {
    Mark {
        name,
        raise: Raise {
            to: Outbound,
            unless: &[],
        },
    }
}

/// The marks of [`OUTBOUND_NAMES`], and `more`: `ALL` together.
const fn marks<const ALL: usize>(more: &[Mark]) -> [Mark; ALL] {
    assert!(
        OUTBOUND_NAMES.len() + more.len() == ALL,
        "the marks are counted wrong"
    );
    let mut marks = [outbound_mark(""); ALL];
    let mut at = 0;
    while at < OUTBOUND_NAMES.len() {
        marks[at] = outbound_mark(OUTBOUND_NAMES[at]);
        at += 1;
    }
    while at < ALL {
        marks[at] = more[at - OUTBOUND_NAMES.len()];
        at += 1;
    }
    marks
}

const OUTBOUND_COUNT: usize = OUTBOUND_NAMES.len();

/// Rerankers that compute inside Milvus. `model` and whatever is new asks somebody else.
const LOCAL_RERANKERS: &[&str] = &["rrf", "weighted", "decay", "boost"];

static FUNCTION_MARKS: [Mark; OUTBOUND_COUNT + 1] = marks(&[Mark {
    name: "reranker",
    raise: Raise {
        to: Outbound,
        unless: LOCAL_RERANKERS,
    },
}]);

/// Parameters of a function.
pub(crate) static FUNCTION_PARAMS: Open = Open {
    marks: &FUNCTION_MARKS,
    texts_hold_json: true,
    rows: false,
};

/// What Milvus has built in needs none of the marked names; a tokenizer of type `grpc` is nothing without `endpoint`.
static ANALYZER_MARKS: [Mark; OUTBOUND_COUNT] = marks(&[]);

/// Parameters of a field's type (`dim`, `max_length`, `analyzer_params`, …), and of an analyzer. Milvus passes an
/// object on as JSON text (2.5 and later), and takes text for what it is.
pub(crate) static TYPE_PARAMS: Open = Open {
    marks: &ANALYZER_MARKS,
    texts_hold_json: true,
    rows: false,
};

/// Properties and parameters of a collection: a time to live makes rows vanish (`CollectionTTLConfigKey`,
/// `CollectionTTLFieldKey`). An external source has keys of its own; it is marked here so that no release can take
/// it for a property unnoticed.
pub(crate) static COLLECTION_PROPERTIES: Open = Open {
    marks: &[
        Mark {
            name: "collection.ttl.seconds",
            raise: Raise {
                to: Erase,
                unless: &[],
            },
        },
        Mark {
            name: "ttlSeconds",
            raise: Raise {
                to: Erase,
                unless: &[],
            },
        },
        Mark {
            name: "ttl_field",
            raise: Raise {
                to: Erase,
                unless: &[],
            },
        },
        Mark {
            name: "ttlField",
            raise: Raise {
                to: Erase,
                unless: &[],
            },
        },
        Mark {
            name: "external_source",
            raise: Raise {
                to: Outbound,
                unless: &[],
            },
        },
        Mark {
            name: "external_spec",
            raise: Raise {
                to: Outbound,
                unless: &[],
            },
        },
        Mark {
            name: "externalSource",
            raise: Raise {
                to: Outbound,
                unless: &[],
            },
        },
        Mark {
            name: "externalSpec",
            raise: Raise {
                to: Outbound,
                unless: &[],
            },
        },
    ],
    texts_hold_json: false,
    rows: false,
};

/// Where an external collection's rows are: objects of a store that Milvus reads.
pub(crate) const EXTERNAL_SOURCE: Key = outbound("externalSource");
/// How to read them, credentials included.
pub(crate) const EXTERNAL_SPEC: Key = outbound("externalSpec");

/// `FunctionSchema`.
pub(crate) static FUNCTION: [Key; 6] = [
    free("name").required(),
    free("description"),
    // A closed list: `TextEmbedding` sends texts to a provider, and what is new may do so as well.
    free("type")
        .required()
        .raises(Outbound, &["BM25", "MinHash", "Rerank"]),
    free("inputFieldNames").required(),
    free("outputFieldNames").required(),
    free("params").open(&FUNCTION_PARAMS),
];

/// `FieldSchema`, which contains itself: `fields` are those of a struct.
pub(crate) static FIELD: [Key; 13] = [
    free("fieldName").required(),
    free("description").since("3.0.0"),
    free("dataType").required(),
    free("elementDataType"),
    // A column of the external source; without a source (which is outbound) it means nothing.
    free("externalField").since("3.0.0"),
    free("isPrimary"),
    free("isPartitionKey"),
    free("isClusteringKey").since("2.4.0"),
    free("elementTypeParams").open(&TYPE_PARAMS),
    free("typeParams").since("3.0.0").open(&TYPE_PARAMS),
    free("fields").since("3.0.0").list(&FIELD),
    free("nullable").since("2.5.0"),
    // Milvus takes only a boolean, number or text.
    free("defaultValue").since("2.5.0"),
];

/// `StructArrayFieldSchema`.
pub(crate) static STRUCT_FIELD: [Key; 5] = [
    free("fieldName").required(),
    free("description"),
    free("fields").required().list(&FIELD),
    free("typeParams").open(&TYPE_PARAMS),
    free("nullable"),
];

/// `CollectionSchema`.
pub(crate) static SCHEMA: [Key; 7] = [
    free("fields").list(&FIELD),
    free("structFields").since("3.0.0").list(&STRUCT_FIELD),
    free("functions").since("2.5.0").list(&FUNCTION),
    free("autoID"),
    free("enableDynamicField"),
    EXTERNAL_SOURCE.since("3.0.0"),
    EXTERNAL_SPEC.since("3.0.0"),
];

/// `IndexParam`. Its `params` build an index inside Milvus, whatever they say.
pub(crate) static INDEX: [Key; 5] = [
    free("fieldName").required(),
    free("indexName"),
    free("metricType"),
    free("indexType"),
    free("params").open(Open::FREE),
];
