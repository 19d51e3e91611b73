//! Shared keys of schemas: fields, functions, indexes, and the maps in which something can lead out of Milvus.

use crate::Effect::Outbound;
use crate::key::{Key, Keys, Open, forbidden, free, outbound, outbound_unless};

/// A dictionary or a word list in a file of Milvus' own, or in a file resource
/// (`tantivy-binding/src/analyzer/options/util.rs: get_resource_path`): each text in it names a place.
static RESOURCE: Open = Open::inside(&[outbound_unless("type", &["local", "remote"])]);

/// An object each of whose texts names a place.
static PLACES: Open = Open::inside(&[]);

/// An analyzer (`tantivy-binding/src/analyzer`, 2.5 to 3.0). What is not built in, or not listed here, leads out:
/// `lindera` downloads a dictionary, `grpc` sends each text to its `endpoint`, and a later release may have more of the
/// kind.
pub(crate) static ANALYZER: Open = Open::inside(&[
    outbound_unless(
        "type",
        &["standard", "english", "chinese", "arabic", "thai"],
    ),
    free("stop_words"),
    outbound_unless("tokenizer", TOKENIZERS).open(&TOKENIZER),
    outbound_unless("filter", PLAIN_FILTERS).open(&FILTER),
]);

const TOKENIZERS: &[&str] = &[
    "standard",
    "whitespace",
    "jieba",
    "icu",
    "thai",
    "char_group",
    "language_identifier",
];

static TOKENIZER: Open = Open::inside(&[
    outbound_unless("type", TOKENIZERS),
    // `jieba`
    free("dict"),
    free("mode"),
    free("hmm"),
    outbound("extra_dict_file").open(&RESOURCE),
    // `char_group`
    free("delimiters"),
    // `language_identifier`
    free("analyzers").map(&Keys::Open(&ANALYZER)),
    free("mapping").open(Open::FREE),
    free("identifier").open(Open::FREE),
    // `lindera`
    free("filter").open(Open::FREE),
    outbound("user_dict").open(&RESOURCE),
    // `grpc`
    free("parameters").open(Open::FREE),
    free("default_tokens"),
    outbound("tls").open(&PLACES),
]);

/// Filters that are their name alone.
const PLAIN_FILTERS: &[&str] = &[
    "lowercase",
    "asciifolding",
    "alphanumonly",
    "cncharonly",
    "cnalphanumonly",
    "removepunct",
    "pinyin",
    "decimaldigit",
    "arabic_normalization",
];

static FILTER: Open = Open::inside(&[
    outbound_unless(
        "type",
        &[
            "length",
            "stop",
            "decompounder",
            "stemmer",
            "regex",
            "synonym",
            "pinyin",
        ],
    ),
    free("max"),
    free("stop_words"),
    outbound("stop_words_file").open(&RESOURCE),
    free("word_list"),
    outbound("word_list_file").open(&RESOURCE),
    free("language"),
    free("expr"),
    free("synonyms"),
    free("expand"),
    outbound("synonyms_file").open(&RESOURCE),
    free("keep_original"),
    free("keep_full_pinyin"),
    free("keep_joined_full_pinyin"),
    free("keep_separate_first_letter"),
]);

/// `multi_analyzer_params` (`function/multi_analyzer_bm25_function.go`).
static MULTI_ANALYZER: Open = Open::inside(&[
    free("analyzers").map(&Keys::Open(&ANALYZER)),
    free("by_field"),
    free("alias").open(Open::FREE),
]);

/// Parameters of functions, of operators in chains, and of rerankers (`internal/util/function`, 2.5 to 3.0). Those of
/// models are here as far as they say nothing of whom to ask and with which stored key: `provider`, `endpoint`,
/// `credential`, `region`, … name places, and so does what a later release adds.
pub(crate) static FUNCTION_PARAMS: Open = Open::inside(&[
    // Rerankers that compute inside Milvus. `model` and whatever is new asks somebody else.
    free("reranker").raises(Outbound, &["rrf", "weighted", "decay", "boost"]),
    free("k"),
    free("weights"),
    free("norm_score"),
    free("function"),
    free("origin"),
    free("scale"),
    free("offset"),
    free("decay"),
    free("score_mode"),
    free("filter"),
    free("weight"),
    free("random_score").open(Open::FREE),
    free("boost_mode"),
    free("function_mode"),
    // `MinHash`
    free("num_hashes"),
    free("shingle_size"),
    free("hash_function"),
    free("token_level"),
    free("seed"),
    // Chains
    free("strategy"),
    free("desc"),
    free("limit"),
    free("columns"),
    free("field"),
    free("group_size"),
    free("scorer"),
    free("mode"),
    free("decimal"),
    free("output"),
    // Models
    free("model_name"),
    free("dim"),
    free("user"),
    free("normalize"),
    free("task"),
    free("truncate"),
    free("truncation"),
    free("truncation_direction"),
    free("truncate_prompt_tokens"),
    free("max_tokens_per_doc"),
    free("max_chunks_per_doc"),
    free("overlap_tokens"),
    free("prompt_name"),
    free("ingestion_prompt"),
    free("search_prompt"),
    free("max_client_batch_size"),
    free("timeout_ms"),
    free("queries"),
]);

/// Parameters of a field's type. Milvus passes an object on as JSON text (2.5 and later), takes text for what it is, and
/// hands those that it does not know to whoever builds the field's index (`proxy/task_index.go`).
pub(crate) static TYPE_PARAMS: Open = Open::closed(&[
    free("dim"),
    free("max_length"),
    free("max_capacity"),
    free("enable_analyzer"),
    free("enable_match"),
    free("analyzer_params").open(&ANALYZER),
    free("multi_analyzer_params").open(&MULTI_ANALYZER),
    free("mmap.enabled"),
    free("mmap_enabled"),
    free("warmup"),
    free("warmup.scalarField"),
    free("warmup.scalarIndex"),
    free("warmup.vectorField"),
    free("warmup.vectorIndex"),
    free("field.description"),
    free("field.skipLoad"),
    free("local_format"),
]);

/// Parameters of an index: an open set, which each kind of index extends. Knowhere reads names of files and folders of the
/// server from it as well (`ivf.cc`, `VectorMemIndex.cpp`, `indexbuilder/index_c.cpp`); these are never let out.
static INDEX_PARAMS: Open = Open {
    keys: &[
        // The same once more, in which older servers look for these.
        forbidden("params"),
        forbidden("raw_data_store_prefix"),
        forbidden("mmap_filepath"),
        forbidden("emb_list_meta_file_path"),
        forbidden("emb_list_raw_index_file_path"),
        forbidden("emb_list_offset_file_path"),
        forbidden("data_path"),
        forbidden("index_prefix"),
        forbidden("opt_fields_path"),
        forbidden("insert_files"),
        forbidden("index_files"),
        forbidden("segment_insert_files"),
        forbidden("segment_manifest"),
        forbidden("stats_base_path"),
        forbidden("analyzer_extra_info"),
        forbidden("valid_data_file_path"),
    ],
    ..*Open::FREE
};

/// Properties of an index that can be changed (`pkg/util/indexparams/index_params.go`).
pub(crate) static INDEX_PROPERTIES: Open = Open::closed(&[
    free("mmap.enabled"),
    free("indexoffsetcache.enabled"),
    free("warmup"),
]);

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

/// `IndexParam`.
pub(crate) static INDEX: [Key; 5] = [
    free("fieldName").required(),
    free("indexName"),
    free("metricType"),
    free("indexType"),
    free("params").open(&INDEX_PARAMS),
];
