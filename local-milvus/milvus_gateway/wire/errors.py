"""What goes wrong, in Milvus' own codes (`pkg/util/merr/errors.go`) and wording.

Every refusal that reaches a client is a `MilvusError`; a function here for each kind that several
routes share, so that one sentence of Milvus is written once.
"""

from __future__ import annotations

COLLECTION_NOT_FOUND = 100
COLLECTION_NOT_LOADED = 101
COLLECTION_LIMIT = 102
COLLECTION_LOADED = 104
ILLEGAL_SCHEMA = 105
VECTOR_CLUSTERING_KEY = 107
PARTITION_NOT_FOUND = 200
PARTITION_NOT_LOADED = 201
INDEX_NOT_FOUND = 700
DATABASE_NOT_FOUND = 800
DATABASE_LIMIT = 801
DATABASE_BAD_NAME = 802
BAD_PARAMETER = 1100
PARAMETER_MISSING = 1101
PARAMETER_TOO_LARGE = 1102
ALIAS_NOT_FOUND = 1600
ALIAS_NAME_CONFLICT = 1601
ALIAS_EXISTS = 1602
FIELD_NOT_FOUND = 1700
FIELD_BAD_NAME = 1701
NOT_AUTHENTICATED = 1800
BAD_JSON = 1801
REQUIRED_MISSING = 1802
BAD_ROWS = 1804
BAD_KEY = 1806
UNSUPPORTED = 3000
TIMEOUT = 10001
UNEXPECTED = 65535


class MilvusError(Exception):
    """A refusal as a client sees it: HTTP 200 and `{"code": …, "message": …}`."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def bad_parameter(message: str) -> MilvusError:
    """1100, the code of nearly everything that the proxy refuses."""
    return MilvusError(BAD_PARAMETER, message)


def unsupported(what: str, code: int = BAD_PARAMETER) -> MilvusError:
    """Something that Milvus has and Milvus Lite lacks; `what` names the field or the route."""
    return MilvusError(code, f"{what} is not supported by Milvus Lite")


def cannot_find_collection(database: str, name: str) -> MilvusError:
    """100 as `describe` and the entity routes word it (they go through the proxy's meta cache)."""
    return MilvusError(
        COLLECTION_NOT_FOUND, f"can't find collection[database={database}][collection={name}]"
    )


def collection_not_found(name: str) -> MilvusError:
    """100 as the routes word it that ask the coordinator."""
    return MilvusError(COLLECTION_NOT_FOUND, f"collection not found[collection={name}]")


def database_not_found(name: str) -> MilvusError:
    """800."""
    return MilvusError(DATABASE_NOT_FOUND, f"database not found[database={name}]")


def collection_not_loaded(verb: str, collection_id: int) -> MilvusError:
    """101; the proxy knows the collection by its id only."""
    return MilvusError(
        COLLECTION_NOT_LOADED,
        f"failed to {verb}: collection not loaded[collection={collection_id}]",
    )


def partition_not_found(name: str) -> MilvusError:
    """200, from the routes that write or ask for one partition."""
    return MilvusError(PARTITION_NOT_FOUND, f"partition not found[partition={name}]")


def illegal_schema(collection: str, reason: str) -> MilvusError:
    """105: a schema that the proxy refuses as a whole."""
    return MilvusError(
        ILLEGAL_SCHEMA, f"{reason}: illegal collection schema[collection={collection}]"
    )


def partition_not_loaded(name: str) -> MilvusError:
    """201, from a read of a partition that was not loaded or was released."""
    return MilvusError(PARTITION_NOT_LOADED, f"partition not loaded[partition={name}]")


def collection_loaded(name: str, reason: str) -> MilvusError:
    """104: what only a released collection allows."""
    return MilvusError(COLLECTION_LOADED, f"{reason}: collection already loaded[collection={name}]")


def index_not_found(name: str) -> MilvusError:
    """700."""
    return MilvusError(INDEX_NOT_FOUND, f"index not found[indexName={name}]")


def bad_rows(reason: str) -> MilvusError:
    """1804: rows that cannot be shaped into columns (`checkAndSetData`)."""
    return MilvusError(BAD_ROWS, f"fail to deal the insert data, error: {reason}")


def bad_search_data(reason: str) -> MilvusError:
    """1801 of search: vectors that do not fit the field."""
    return MilvusError(BAD_JSON, f"can only accept json format request, error: {reason}")


def not_finite(sign: str) -> MilvusError:
    """1100: the proxy's check of float values (`typeutil.VerifyFloat`)."""
    return bad_parameter(f"value '{sign}' is not a number or infinity")
