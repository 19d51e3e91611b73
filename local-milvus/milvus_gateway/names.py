"""Names that Milvus takes, and the sentences with which it refuses others (`proxy/util.go`)."""

from __future__ import annotations

import re

from .errors import DATABASE_BAD_NAME, FIELD_BAD_NAME, MilvusError, bad_parameter

MAX_NAME_BYTES = 255
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_PARTITION = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*\Z")
_INDEX = re.compile(r"[A-Za-z0-9_\[\]]*\Z")
_FIELD_KEYWORDS = frozenset(
    [
        "$meta",
        "like",
        "exists",
        "and",
        "or",
        "not",
        "in",
        "true",
        "false",
        "null",
        "json_contains",
        "json_contains_all",
        "json_contains_any",
        "array_contains",
        "array_contains_all",
        "array_contains_any",
        "array_length",
        "text_match",
        "phrase_match",
        "random_sample",
    ]
)


def _fault(name: str) -> str | None:
    if not name:
        return "the name should not be empty"
    if len(name.encode()) > MAX_NAME_BYTES:
        return f"the length of the name must be less than {MAX_NAME_BYTES} characters"
    if not (name[0] == "_" or (name[0].isascii() and name[0].isalpha())):
        return "the first character of the name must be an underscore or letter"
    if not _NAME.match(name):
        return "the name can only contain numbers, letters and underscores"
    return None


def check_collection_name(name: str) -> None:
    """1100 unless `name` may name a collection."""
    if fault := _fault(name):
        fault = fault.replace("the name", "a collection name", 1).replace("of the", "of a")
        if "first character" in fault:
            fault = "the first character of a collection name must be an underscore or letter"
        raise bad_parameter(f"Invalid collection name: {name}. {fault}: invalid parameter")


def check_alias(name: str) -> None:
    """1100 unless `name` may name an alias."""
    if fault := _fault(name):
        raise bad_parameter(
            f"Invalid collection alias: {name}. {fault.replace('the name', 'the alias')}: "
            "invalid parameter"
        )


def check_field_name(name: str) -> None:
    """1701 unless `name` may name a field: a keyword of the filter language may not."""
    fault = _fault(name)
    if fault is None and name.lower() in _FIELD_KEYWORDS:
        fault = f"{name} is keyword in milvus."
    if fault:
        raise MilvusError(
            FIELD_BAD_NAME,
            f"Invalid field name: {name}. {fault}: field name invalid[field={name}]",
        )


def check_partition_name(name: str) -> None:
    """1100 unless `name` may name a partition."""
    if not name or len(name.encode()) > MAX_NAME_BYTES or not _PARTITION.match(name):
        raise bad_parameter(
            f"Invalid partition name: {name}. Partition name can only contain numbers, letters, "
            "underscores and hyphens, and must not begin with a hyphen."
        )


def check_index_name(name: str) -> None:
    """1100 unless `name` may name an index; the empty one means the field's name."""
    if len(name.encode()) > MAX_NAME_BYTES or not _INDEX.match(name):
        raise bad_parameter(
            f"Invalid index name: {name}. Index name can only contain numbers, letters, and "
            "underscores."
        )


def check_database_name(name: str) -> None:
    """802 unless `name` may name a database."""
    if fault := _fault(name):
        raise MilvusError(DATABASE_BAD_NAME, f"{fault}: invalid database name[database={name}]")
