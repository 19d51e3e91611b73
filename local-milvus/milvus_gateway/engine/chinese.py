"""The package `jieba` that Milvus Lite's Chinese tokenizer imports, spoken by jieba-rs.

jieba-rs is what Milvus itself tokenizes with (`tantivy-binding`), so the tokens are Milvus' own.
The dictionary is read when the first Chinese text comes.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Iterable


def _cut(text: str) -> Iterable[str]:
    import rjieba

    return rjieba.cut(text, True)


def _cut_for_search(text: str) -> Iterable[str]:
    import rjieba

    return rjieba.cut_for_search(text, True)


def install() -> None:
    """Be the module `jieba` of this process."""
    module = types.ModuleType("jieba")
    module.cut = _cut  # type: ignore[attr-defined]
    module.cut_for_search = _cut_for_search  # type: ignore[attr-defined]
    sys.modules["jieba"] = module
