"""`common/run_analyzer`: what an analyzer makes of a text (`RunAnalyzerTask`)."""

from __future__ import annotations

import re
import zlib
from typing import Any

from milvus_lite.analyzer.factory import create_analyzer

from ..engine.analyzers import lite_analyzer, lite_params
from ..wire.envelope import Answer, success
from ..wire.errors import (
    FIELD_NOT_FOUND,
    MilvusError,
    bad_parameter,
    collection_not_loaded,
    unsupported,
)
from .call import Call, Route, Routes

_WORD = re.compile(r"\w+")
_HASHED_BYTES = 100


def run_analyzer(call: Call) -> Answer:
    """The tokens of each text, by the analyzer that Lite would index it with."""
    params = _of_field(call) if call.body.get("collectionName") else _given(call)
    detail = call.body.get("withDetail", False)
    if detail and params and params["tokenizer"] != "standard":
        raise unsupported("withDetail of the jieba tokenizer")
    analyzer = create_analyzer(params)
    results = []
    for text in call.body["text"]:
        tokens: list[dict[str, Any]] = [{"token": token} for token in analyzer.tokenize(text)]
        if detail:
            _place(tokens, text)
        if call.body.get("withHash"):
            for token in tokens:
                token["hash"] = _hash(token["token"])
        results.append({"tokens": tokens})
    return success({"results": results})


def _given(call: Call) -> dict[str, Any] | None:
    text = call.body.get("analyzerParams", "")
    return lite_params(text, "of the request") if text else None


def _of_field(call: Call) -> dict[str, Any] | None:
    """The analyzer of a field of a loaded collection."""
    body = call.body
    if body.get("analyzerParams"):
        raise bad_parameter(
            "run analyzer can't use analyzer params and (collection,field) in same time"
        )
    name = body.get("fieldName", "")
    if not name:
        raise bad_parameter("must set field name when collection name was set")
    if body.get("analyzerNames"):
        raise unsupported("analyzerNames")
    item, _ = call.lite.find(call.database, call.collection_name)
    field = item.field_named(name)
    if field is None:
        raise MilvusError(FIELD_NOT_FOUND, f"field not found[field={name}]")
    if not item.loaded:
        raise collection_not_loaded("run analyzer", item.id)
    if field.params.get("enable_analyzer", "").lower() != "true":
        raise bad_parameter(f"analyzer not enabled on field {name}")
    return lite_analyzer(field)


def _place(tokens: list[dict[str, Any]], text: str) -> None:
    """Byte offsets and positions; a stop word leaves its position empty, as tantivy's filter."""
    words = enumerate(_WORD.finditer(text))
    for token in tokens:
        for position, word in words:
            if word.group().lower() == token["token"]:
                start = len(text[: word.start()].encode())
                token["startOffset"] = start
                token["endOffset"] = start + len(word.group().encode())
                token["position"] = position
                token["positionLength"] = 1
                break


def _hash(token: str) -> int:
    """The term's number in Milvus' BM25 vectors (`typeutil.HashString2LessUint32`). Lite numbers
    its terms otherwise."""
    return zlib.crc32(token.encode()[:_HASHED_BYTES]) % (2**32 - 1)


ROUTES: Routes = {"common/run_analyzer": Route("RunAnalyzerReq", run_analyzer)}
