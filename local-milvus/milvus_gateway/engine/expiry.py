"""The time to live of rows, `collection.ttl.seconds`, which Milvus Lite stores and forgets.

Lite numbers its rows as they are written, but keeps no time. So for a collection with a time to
live this notes when which number was reached, in one short file in the collection's own folder.
Before a read, rows that are over their time are deleted: from then on they are gone, as they are in
Milvus once a compaction went over them. A row counts from its last write; one that was there
before the collection got its time to live, from that moment.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field

from milvus_lite.engine.collection import Collection as LiteCollection
from milvus_lite.search.assembler import assemble_candidates
from milvus_lite.search.bitmap import build_valid_mask

from ..wire.errors import bad_parameter
from .catalogue import Collection

TTL_PROPERTY = "collection.ttl.seconds"
MAX_SECONDS = 3_155_760_000
FILE_NAME = "written.log"
# Times are kept this fine: rows may outlive their time by a thousandth of it, at least a second.
_STEPS = 1000


def seconds_to_live(text: str) -> int:
    """The property's value; 0 and less mean for ever. 1100 as `validateCollectionTTL` words it."""
    try:
        seconds = int(text)
    except ValueError:
        raise bad_parameter("collection TTL is not a valid positive integer") from None
    if not -1 <= seconds <= MAX_SECONDS:
        raise bad_parameter(
            f"collection TTL is out of range, expect [-1, {MAX_SECONDS}], got {seconds}"
        )
    return seconds


@dataclass
class _Marks:
    """Of one collection: `(milliseconds, number)`, rows up to `number` are that old or older."""

    path: str
    steps: list[tuple[int, int]] = field(default_factory=list)
    lines: int = 0

    def add(self, now: int, number: int, step: int) -> None:
        if self.steps and now // step == self.steps[-1][0] // step:
            self.steps[-1] = (now, number)
        else:
            self.steps.append((now, number))


class Expiry:
    """The rows' ages of all collections that have a time to live."""

    def __init__(self) -> None:
        self._marks: dict[int, _Marks] = {}

    def wrote(self, item: Collection, engine: LiteCollection) -> None:
        """Note how far the numbers have come. After every change, with the write lock held."""
        seconds = self._seconds(item)
        if seconds <= 0:
            self._marks.pop(item.id, None)
            return
        marks = self._of(item, engine)
        number = engine._next_seq - 1
        if number <= (marks.steps[-1][1] if marks.steps else 0):
            return
        now = _now()
        marks.add(now, number, _step(seconds))
        with open(marks.path, "a", encoding="ascii") as file:
            file.write(f"{now} {number}\n")
        marks.lines += 1
        if marks.lines > 2 * len(marks.steps) + _STEPS:
            _rewrite(marks)

    def due(self, item: Collection, engine: LiteCollection) -> bool:
        """Whether rows may have passed their time since the last look."""
        seconds = self._seconds(item)
        if seconds <= 0:
            return False
        steps = self._of(item, engine).steps
        return bool(steps) and steps[0][0] + seconds * 1000 <= _now()

    def remove(self, item: Collection, engine: LiteCollection) -> None:
        """Delete the rows that have. With the write lock held."""
        marks = self._of(item, engine)
        oldest = _now() - self._seconds(item) * 1000
        over = [number for moment, number in marks.steps if moment <= oldest]
        if not over:
            return
        keys = _written_up_to(engine, over[-1])
        if keys:
            engine.delete(keys)
        marks.steps = marks.steps[len(over) :]
        _rewrite(marks)

    def forget(self, item: Collection) -> None:
        """The collection was dropped, emptied or moved; its file went with it."""
        self._marks.pop(item.id, None)

    @staticmethod
    def _seconds(item: Collection) -> int:
        text = item.properties.get(TTL_PROPERTY)
        return 0 if text is None else seconds_to_live(text)

    def _of(self, item: Collection, engine: LiteCollection) -> _Marks:
        marks = self._marks.get(item.id)
        if marks is None:
            marks = _Marks(os.path.join(engine.data_dir, FILE_NAME))
            step = _step(self._seconds(item))
            if os.path.exists(marks.path):
                with open(marks.path, encoding="ascii") as file:
                    for line in file:
                        words = line.split()
                        if len(words) == 2:  # A killed process may leave half a line.
                            marks.add(int(words[0]), int(words[1]), step)
                            marks.lines += 1
            marks = self._marks.setdefault(item.id, marks)
        return marks


def _now() -> int:
    return time.time_ns() // 1_000_000


def _step(seconds: int) -> int:
    return max(1000, seconds * 1000 // _STEPS)


def _rewrite(marks: _Marks) -> None:
    temporary = marks.path + ".new"
    with open(temporary, "w", encoding="ascii") as file:
        file.writelines(f"{moment} {number}\n" for moment, number in marks.steps)
    os.replace(temporary, marks.path)
    marks.lines = len(marks.steps)


def _written_up_to(engine: LiteCollection, number: int) -> list[object]:
    """Keys of living rows with this number or a smaller one."""
    segments, deletions = engine._read_snapshot()
    keys, ages, _, _, passed = assemble_candidates(
        segments=segments,
        memtable=engine._memtable,
        vector_field=engine._vector_name,
        partition_names=None,
        filter_compiled=None,
        indexed_filter_plan=None,
    )
    if not keys:
        return []
    alive = build_valid_mask(keys, ages, deletions, filter_mask=passed, memtable=engine._memtable)
    return [keys[row] for row in (alive & (ages <= number)).nonzero()[0]]
