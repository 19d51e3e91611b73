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


def _starts_well(name: str) -> bool:
    return name[0] == "_" or (name[0].isascii() and name[0].isalpha())


def _too_long(name: str) -> bool:
    return len(name.encode()) > MAX_NAME_BYTES


def _check_collection(name: str, what: str) -> None:
    """`validateCollectionNameOrAlias`, whose sentences have two spaces in the middle."""
    if not name:
        raise bad_parameter(f"collection {what} should not be empty: invalid parameter")
    fault = ""
    if _too_long(name):
        fault = f"the length of a collection {what} must be less than {MAX_NAME_BYTES} characters"
    elif not _starts_well(name):
        fault = f"the first character of a collection {what} must be an underscore or letter"
    elif not _NAME.match(name):
        fault = f"collection {what} can only contain numbers, letters and underscores"
    if fault:
        raise bad_parameter(f"Invalid collection {what}: {name}.  {fault}: invalid parameter")


def check_collection_name(name: str) -> None:
    """1100 unless `name` may name a collection."""
    _check_collection(name, "name")


def check_alias(name: str) -> None:
    """1100 unless `name` may name an alias."""
    _check_collection(name, "alias")


def check_field_name(name: str) -> None:
    """1701 unless `name` may name a field: a keyword of the filter language may not."""
    fault = ""
    if not name:
        raise MilvusError(
            FIELD_BAD_NAME, "field name should not be empty: field name invalid[field=]"
        )
    if _too_long(name):
        fault = f"The length of a field name must be less than {MAX_NAME_BYTES} characters."
    elif not _starts_well(name):
        fault = "The first character of a field name must be an underscore or letter."
    elif not _NAME.match(name):
        fault = "Field name can only contain numbers, letters, and underscores."
    elif name.lower() in _FIELD_KEYWORDS:
        fault = f"{name} is keyword in milvus."
    if fault:
        raise MilvusError(
            FIELD_BAD_NAME,
            f"Invalid field name: {name}. {fault}: field name invalid[field={name}]",
        )


def check_partition_name(name: str) -> None:
    """1100 unless `name` may name a partition."""
    fault = ""
    if not name:
        fault = "Partition name should not be empty."
    elif _too_long(name):
        fault = f"The length of a partition name must be less than {MAX_NAME_BYTES} characters."
    elif not (_starts_well(name) or name[0] in "0123456789"):
        fault = "The first character of a partition name must be an underscore or letter."
    elif not _PARTITION.match(name):
        fault = "Partition name can only contain numbers, letters and underscores."
    if fault:
        raise bad_parameter(f"Invalid partition name: {name}. {fault}: invalid parameter")


def check_index_name(name: str) -> None:
    """1100 unless `name` may name an index; the empty one means the field's name."""
    if len(name.encode()) > MAX_NAME_BYTES or not _INDEX.match(name):
        raise bad_parameter(
            f"Invalid index name: {name}. Index name can only contain numbers, letters, and "
            "underscores."
        )


def check_database_name(name: str) -> None:
    """802 unless `name` may name a database."""
    fault = ""
    if not name:
        fault = "database name couldn't be empty"
    elif _too_long(name):
        fault = f"the length of a database name must be less than {MAX_NAME_BYTES} characters"
    elif not _starts_well(name):
        fault = "the first character of a database name must be an underscore or letter"
    elif not _NAME.match(name):
        fault = "database name can only contain numbers, letters and underscores"
    if fault:
        raise MilvusError(DATABASE_BAD_NAME, f"{fault}: invalid database name[database={name}]")
