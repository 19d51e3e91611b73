"""`analyzer_params` in Milvus Lite's terms, or a refusal: Lite ignores what it does not know."""

from __future__ import annotations

from typing import Any

import orjson

from ..wire.errors import bad_parameter, unsupported
from ..wire.texts import as_text
from .catalogue import Field

_TOKENIZERS = ("standard", "jieba")
_JIEBA_MODES = ("search", "exact")


def lite_analyzer(field: Field) -> dict[str, Any] | None:
    """The analyzer of a field, None for Lite's default."""
    text = field.params.get("analyzer_params")
    return lite_params(text, f"of field {field.name}") if text else None


def lite_params(text: str, whose: str) -> dict[str, Any]:
    """Parameters given as JSON in a text; `whose` ends the sentence of a refusal."""
    try:
        given = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise bad_parameter(f"invalid analyzer_params {whose}: {error}") from None
    if not isinstance(given, dict):
        raise bad_parameter(f"analyzer_params {whose} must be a JSON object")
    tokenizer: Any = "standard"
    words: list[str] = []
    for key, value in given.items():
        if key == "tokenizer":
            tokenizer = _tokenizer(value, whose)
        elif key == "type" and value == "standard":
            continue
        elif key == "stop_words" and isinstance(value, list):
            words += _stop_words(value, whose)
        elif key == "filter" and isinstance(value, list):
            for entry in value:
                if entry == "lowercase" or entry == {"type": "lowercase"}:
                    continue  # Lite's tokenizers lower their text anyway.
                if isinstance(entry, dict) and entry.get("type") == "stop":
                    words += _stop_words(entry.get("stop_words", []), whose)
                    continue
                raise unsupported(f"analyzer filter {as_text(entry)} {whose}")
        else:
            raise unsupported(f"analyzer {key} {as_text(value)} {whose}")
    out: dict[str, Any] = {"tokenizer": tokenizer}
    if words:
        out["filter"] = [{"type": "stop", "stop_words": words}]
    return out


def _tokenizer(value: Any, whose: str) -> Any:
    """`standard`, or jieba with its own dictionary (`tantivy-binding`, `jieba_tokenizer.rs`)."""
    options = dict(value) if isinstance(value, dict) else {"type": value}
    name = options.pop("type", None)
    if name not in _TOKENIZERS:
        raise unsupported(f"analyzer tokenizer {as_text(value)} {whose}")
    if name == "jieba":
        mode = options.pop("mode", "search")
        if mode not in _JIEBA_MODES:
            raise bad_parameter(f"jieba mode {as_text(mode)} {whose} must be search or exact")
        if options.get("dict") == ["_default_"]:
            del options["dict"]
        if options.get("hmm") is True:
            del options["hmm"]
        if not options:
            return {"type": "jieba", "mode": mode}
    if options:
        raise unsupported(f"analyzer tokenizer {as_text(value)} {whose}")
    return name


def _stop_words(words: Any, whose: str) -> list[str]:
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise bad_parameter(f"stop_words {whose} must be a list of text")
    for word in words:
        if word.startswith("_") and word.endswith("_") and len(word) > 1:
            raise unsupported(f"stop word dictionary {word} {whose}")
    return [word.lower() for word in words]
