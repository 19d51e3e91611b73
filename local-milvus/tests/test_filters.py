"""The filter language, on rows in the memory table and in a segment."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from conftest import Client, create, field, key, rows_of

COLLECTION = "filters"
ROWS: list[dict[str, Any]] = [
    {
        "id": 1,
        "n": 10,
        "f": 0.1,
        "s": "ERROR E1001: timeout",
        "maybe": "alice@gmail.com",
        "j": {"level": "high", "size": 3, "deep": {"x": [1, "a", True]}, "none": None},
        "a": [1, 2, 3],
        "w": ["release-v1", "prod"],
        "text": "the quick brown fox",
        "colour": "red",
    },
    {
        "id": 2,
        "n": 11,
        "f": 2.5,
        "s": "100% sure_thing",
        "maybe": None,
        "j": {"level": "low", "size": 3.5, "deep": {}},
        "a": [3],
        "w": ["debug"],
        "text": "a fox that is quick",
        "size": 7,
    },
    {
        "id": 3,
        "n": -7,
        "f": -1.0,
        "s": "two\nlines",
        "maybe": "bob@dev.io",
        "j": [1, 2],
        "a": [],
        "w": [],
        "text": "brown bread",
        "size": 2.5,
    },
    {
        "id": 4,
        "n": 0,
        "f": 7.0,
        "s": "",
        "maybe": "",
        "j": {"level": 5},
        "a": None,
        "w": ["", "x"],
        "text": "quick quick fox brown",
        "size": "large",
    },
]


@pytest.fixture(scope="module", params=["growing", "sealed"])
def things(request: pytest.FixtureRequest, milvus: Client) -> Iterator[str]:
    """Four rows of many types."""
    name = f"{COLLECTION}_{request.param}"
    create(
        milvus,
        name,
        key(),
        field("v", "FloatVector", dim=2),
        field("n", "Int32"),
        field("f", "Float"),
        field("s", "VarChar", max_length=100),
        field("maybe", "VarChar", max_length=100, nullable=True),
        field("j", "JSON"),
        field("a", "Array", elementDataType="Int64", max_capacity=8, nullable=True),
        field("w", "Array", elementDataType="VarChar", max_capacity=8, max_length=20),
        field("text", "VarChar", max_length=100, enable_analyzer=True, enable_match=True),
        schema={"enableDynamicField": True},
    )
    data = [{**each, "v": [each["id"], 0]} for each in ROWS]
    milvus.ok("entities/insert", {"collectionName": name, "data": data})
    if request.param == "sealed":
        milvus.ok("collections/flush", {"collectionName": name})
    yield name
    milvus.ok("collections/drop", {"collectionName": name})


def found(milvus: Client, name: str, expression: str, **more: Any) -> list[int]:
    rows = rows_of(milvus, name, filter=expression, outputFields=["id"], **more)
    return [row["id"] for row in rows]


@pytest.mark.parametrize(
    ("expression", "ids"),
    [
        ("true", [1, 2, 3, 4]),
        ("false", []),
        ("1 + 1 == 2 and n > 0", [1, 2]),
        ("n % 2 == 1", [2]),
        ("n % 4 == -3", [3]),
        ("n / 2 == -3", [3]),
        ("n * 2 == 20", [1]),
        ("2 + n == 12", [1]),
        ("n == 2 ** 3 + 3", [2]),
        ("0x0a == n", [1]),
        ("0 <= n < 11", [1, 4]),
        ("11 > n >= 0", [1, 4]),
        ("-1 < f < 2.5", [1]),
        ("'a' <= s < 'z'", [3]),
        ("not (n > 0)", [3, 4]),
        ("! (n > 0) && f > 0", [4]),
        ("n not in [10, 11]", [3, 4]),
        ("f == 0.1", [1]),
        ("f in [0.1, 7]", [1, 4]),
        ("n == f", []),
        ("n < f", [3, 4]),
    ],
)
def test_numbers(milvus: Client, things: str, expression: str, ids: list[int]) -> None:
    assert found(milvus, things, expression) == ids


@pytest.mark.parametrize(
    ("expression", "ids"),
    [
        ('s like "ERR%"', [1]),
        ('s like "%\\\\%%"', [2]),
        ('s like "%e\\\\_t%"', [2]),
        ('s like "%E_001%"', [1]),
        (r's like r"%e\_t%"', [2]),
        ('s like ""', [4]),
        ('s like "two%lines"', [3]),
        ('maybe like "%"', [1, 3, 4]),
        ('s =~ "E[0-9]{4}"', [1]),
        ('s =~ "^$"', [4]),
        ('s =~ "o.l"', [3]),
        ('s =~ "(?-s)o.l"', []),
        ('s =~ "(?i)error"', [1]),
        ('s !~ "e"', [4]),
        ('maybe =~ "gmail"', [1]),
        ('maybe !~ "gmail"', [3, 4]),
        ('not (maybe =~ "gmail")', [3, 4]),
        ('maybe !~ "gmail" or maybe is null', [2, 3, 4]),
        ("maybe is null", [2]),
        ("maybe is not null", [1, 3, 4]),
        ('maybe != "bob@dev.io"', [1, 4]),
        ('w[0] =~ "^release"', [1]),
        ('w[0] !~ "^release"', [2, 4]),
        ('colour =~ "^r"', [1]),
        ('colour like "r%"', [1]),
        ("empty(s)", [4]),
        ('starts_with(s, "100%")', [2]),
    ],
)
def test_text(milvus: Client, things: str, expression: str, ids: list[int]) -> None:
    assert found(milvus, things, expression) == ids


@pytest.mark.parametrize(
    ("expression", "ids"),
    [
        ('j["level"] == "high"', [1]),
        ('j["level"] != "high"', [2]),
        ('not (j["level"] == "high")', [2]),
        ('j["level"] == 5', [4]),
        ('j["size"] > 3', [2]),
        ('j["size"] in [3, 4]', [1]),
        ('j["size"] + 1 == 4', [1]),
        ('j["deep"]["x"][1] == "a"', [1]),
        ("j[0] == 1", [3]),
        ('exists j["none"]', []),
        ('exists j["deep"]', [1]),
        ('j["level"] is null', [3]),
        ('j["level"] is not null', [1, 2, 4]),
        ('json_contains(j["deep"]["x"], "a")', [1]),
        ('json_contains(j["deep"]["x"], true)', [1]),
        ("JSON_CONTAINS_ALL(j, [1, 2])", [3]),
        ('json_contains_any(j["deep"]["x"], [7, "a"])', [1]),
        ("json_contains(j, 9)", []),
        ('colour == "red"', [1]),
        ('$meta["colour"] == "red"', [1]),
        ("size > 2", [2, 3]),
        ('size == "large"', [4]),
        ("size in [7, 2.5]", [2, 3]),
        ("exists size", [2, 3, 4]),
        ("not (exists size)", [1]),
    ],
)
def test_documents(milvus: Client, things: str, expression: str, ids: list[int]) -> None:
    assert found(milvus, things, expression) == ids


@pytest.mark.parametrize(
    ("expression", "ids"),
    [
        ("a[0] == 1", [1]),
        ("a[0] != 1", [2]),
        ("a[5] == 1", []),
        ("array_contains(a, 3)", [1, 2]),
        ("not array_contains(a, 3)", [3]),
        ("array_contains_all(a, [1, 3])", [1]),
        ("ARRAY_CONTAINS_ANY(a, [2, 9])", [1]),
        ("array_length(a) == 0", [3]),
        ("array_length(a) > 1", [1]),
        ("a == [3]", [2]),
        ('w[1] in ["prod", "x"]', [1, 4]),
        ("a is null", [4]),
    ],
)
def test_arrays(milvus: Client, things: str, expression: str, ids: list[int]) -> None:
    assert found(milvus, things, expression) == ids


@pytest.mark.parametrize(
    ("expression", "ids"),
    [
        ('text_match(text, "FOX bread")', [1, 2, 3, 4]),
        ('text_match(text, "quick bread", minimum_should_match=2)', []),
        ('text_match(text, "quick brown fox", minimum_should_match=3)', [1, 4]),
        ('phrase_match(text, "quick brown")', [1]),
        ('phrase_match(text, "quick fox")', [4]),
        ('phrase_match(text, "quick fox", 1)', [1, 4]),
        ('PHRASE_MATCH(text, "fox quick", 2)', [2, 4]),
    ],
)
def test_words(milvus: Client, things: str, expression: str, ids: list[int]) -> None:
    assert found(milvus, things, expression) == ids


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ('s =~ "(unclosed"', "missing closing )"),
        ('s =~ "(a)\\\\1"', "invalid regex pattern"),
        ('n =~ "1"', "regex match on non-string or non-json field is unsupported"),
        ('w =~ "prod"', "can not comparisons array fields directly"),
        ("s =~ 123", "regex pattern should be a string literal or template variable"),
        ("n like 'x'", "like operation on non-string or no-json field is unsupported"),
        ("n == 1.5", "cannot cast value to Int32"),
        ("n == 's'", "comparisons between Int32 and VarChar are not supported"),
        ("n in [1, 's']", "in list cannot be casted to Int32"),
        ("n in 3", "the right-hand side of 'in' must be a list"),
        ("n ** 2 == 4", "power can only apply on constants"),
        ("n + f == 3", "multiple fields"),
        ("n + 1.0 == 1", "cannot perform arithmetic between Int32 field and Double"),
        ("(n + 1) * 2 == 3", "complicated arithmetic operations are not supported"),
        ("3 - n == 3", "module field is not yet supported"),
        ("f % 2 == 1", "modulo can only apply on integer types"),
        ("n / 0 == 1", "division or modulus by zero"),
        ("5 < n < 3", "lowerbound is greater than upperbound"),
        ("n << 1 == 2", "shift is not supported"),
        ("n", "predicate is not a boolean expression"),
        ("not n", "not op can only be applied on boolean expression"),
        ("n > 1 and s", "'and' can only be used between boolean expressions"),
        ("v == 1", "comparisons between FloatVector and Int64 are not supported"),
        ("v is null", "IsNull/IsNotNull operations are not supported on vector fields"),
        ("exists n", "exists operations are only supportted on json field"),
        ("a['x'] == 1", "can only access array field with integer index"),
        ("n[0] == 1", "data type not supported accessed with []"),
        ("n == null", "NULL literal is not supported in expressions"),
        ('text_match(s, "x")', 'field "s" does not enable match'),
        ('text_match(n, "x")', "text match operation on non-string is unsupported"),
        ('phrase_match(text, "x", -1)', '"slop" should not be a negative interger'),
        ("random_sample(1.5)", "the sample factor should be between 0 and 1"),
        ("random_sample(0.5) and n > 1", "random sample expression can only be the last"),
        ("array_contains(a, 'x')", "cannot cast value to Int64"),
        ("array_contains_any(a, 1)", "operation element must be an array"),
        ("array_length(s) == 1", "array_length operation are only supported on json, array"),
        ("nope(n)", "function nope not found"),
        ("n > 1 And s == ''", "mismatched input"),
        ("n > 1 # comment", "token recognition error"),
    ],
)
def test_a_filter_that_makes_no_sense_is_1100(
    milvus: Client, things: str, expression: str, words: str
) -> None:
    body = {"collectionName": things, "filter": expression}
    message = milvus.refused(1100, "entities/query", body)
    assert message.startswith("failed to create query plan: cannot parse expression: ")
    assert words in message


def test_an_unknown_name_is_refused_without_a_dynamic_field(milvus: Client, name: str) -> None:
    create(milvus, name, key(), field("v", "FloatVector", dim=2))
    body = {"collectionName": name, "filter": "zz == 1"}
    assert "field zz not exist" in milvus.refused(1100, "entities/query", body)


def test_a_pattern_may_come_from_a_template(milvus: Client, things: str) -> None:
    assert found(milvus, things, "s =~ {p}", exprParams={"p": r"E\d{4}"}) == [1]
    assert found(milvus, things, "s like {p}", exprParams={"p": r"%\_%"}) == [2]


def test_a_sample_is_a_part_of_what_the_filter_lets_pass(milvus: Client, quick: str) -> None:
    data = [{"id": n, "vector": [n, 0, 0, 0]} for n in range(200)]
    milvus.ok("entities/insert", {"collectionName": quick, "data": data})
    ids = found(milvus, quick, "id >= 100 && random_sample(0.25)")
    assert len(ids) == 25
    assert all(each >= 100 for each in ids)
    assert len(found(milvus, quick, "random_sample(0.1)")) == 20


def test_a_search_and_a_delete_use_the_same_filters(milvus: Client, things: str) -> None:
    body = {"collectionName": things, "data": [[1, 0]], "annsField": "v", "limit": 4}
    hits = milvus.ok("entities/search", {**body, "filter": 's =~ "lines|sure"'})
    assert {hit["id"] for hit in hits} == {2, 3}
    expression = 's =~ "no such row"'
    data = milvus.ok("entities/delete", {"collectionName": things, "filter": expression})
    assert data == {"deleteCount": 0}


def test_a_delete_of_everything_is_refused(milvus: Client, things: str) -> None:
    body = {"collectionName": things, "filter": "true"}
    assert "delete plan can't be empty or always true" in milvus.refused(
        1100, "entities/delete", body
    )


# ── points in time ──────────────────────────────────────────────


@pytest.fixture
def moments(milvus: Client, name: str) -> str:
    """Three points in time, in a collection of Shanghai."""
    create(
        milvus,
        name,
        key(),
        field("v", "FloatVector", dim=2),
        field("t", "Timestamptz", nullable=True),
    )
    zone = {"collectionName": name, "properties": {"timezone": "Asia/Shanghai"}}
    milvus.ok("collections/alter_properties", zone)
    times = ["2025-01-01T00:00:00Z", "2025-01-31 08:00:00", "2024-12-31T20:00:00-04:00", None]
    data = [{"id": n, "v": [1, 0], "t": each} for n, each in enumerate(times)]
    milvus.ok("entities/insert", {"collectionName": name, "data": data})
    return name


def test_points_in_time_are_answered_in_the_collections_zone(milvus: Client, moments: str) -> None:
    rows = rows_of(milvus, moments, filter="id >= 0", outputFields=["t"])
    assert [row["t"] for row in rows] == [
        "2025-01-01T08:00:00+08:00",
        "2025-01-31T08:00:00+08:00",
        "2025-01-01T08:00:00+08:00",
        None,
    ]


@pytest.mark.parametrize(
    ("expression", "ids"),
    [
        ("t == ISO '2025-01-01T00:00:00Z'", [0, 2]),
        ("t > ISO '2025-01-01 08:00:00'", [1]),
        ("ISO '2025-01-15T00:00:00Z' < t", [1]),
        ("t + INTERVAL 'P1M' > ISO '2025-02-01T12:00:00Z'", [1]),
        ("t - INTERVAL 'PT36H' < iso '2024-12-31T00:00:00Z'", [0, 2]),
        ("t is null", [3]),
        ("not (t > ISO '2025-01-02T00:00:00Z')", [0, 2]),
    ],
)
def test_points_in_time_are_compared(
    milvus: Client, moments: str, expression: str, ids: list[int]
) -> None:
    assert found(milvus, moments, expression) == ids


# ── shapes ──────────────────────────────────────────────────────

SHAPES = [
    "POINT (50 50)",
    "POLYGON ((0 0, 100 0, 100 100, 0 100, 0 0))",
    "LINESTRING (0 0, 100 100)",
    "POLYGON ((100 0, 200 0, 200 100, 100 100, 100 0))",
    "MULTIPOINT ((1 1), (150 50))",
    "GEOMETRYCOLLECTION (POINT (300 300), LINESTRING (300 300, 310 310))",
]


@pytest.fixture
def shapes(milvus: Client, name: str) -> str:
    """A shape of each kind, and a row without one."""
    create(
        milvus,
        name,
        key(),
        field("v", "FloatVector", dim=2),
        field("g", "Geometry", nullable=True),
    )
    data = [{"id": n, "v": [1, 0], "g": each} for n, each in enumerate([*SHAPES, None])]
    milvus.ok("entities/insert", {"collectionName": name, "data": data})
    return name


@pytest.mark.parametrize(
    ("expression", "ids"),
    [
        ("ST_EQUALS(g, 'POINT (50.0 50)')", [0]),
        ("st_contains(g, 'POINT (50 50)')", [0, 1, 2]),
        ("ST_WITHIN(g, 'POLYGON ((-1 -1, 101 -1, 101 101, -1 101, -1 -1))')", [0, 1, 2]),
        ("ST_INTERSECTS(g, 'LINESTRING (150 0, 150 100)')", [3, 4]),
        ("ST_TOUCHES(g, 'POLYGON ((0 0, 100 0, 100 100, 0 100, 0 0))')", [3]),
        ("ST_OVERLAPS(g, 'POLYGON ((50 0, 150 0, 150 100, 50 100, 50 0))')", [1, 3]),
        ("ST_CROSSES(g, 'LINESTRING (0 100, 100 0)')", [2]),
        ("ST_ISVALID(g)", [0, 1, 2, 3, 4, 5]),
        ("not ST_INTERSECTS(g, 'POINT (50 50)')", [3, 4, 5]),
        ("ST_DWITHIN(g, 'POINT (50 50.001)', 120)", [0, 1, 2]),
        ("ST_DWITHIN(g, 'POINT (50 50.001)', 100.5) and id == 0", []),
    ],
)
def test_shapes_are_related(milvus: Client, shapes: str, expression: str, ids: list[int]) -> None:
    assert found(milvus, shapes, expression) == ids


def test_shapes_come_back_as_well_known_text(milvus: Client, shapes: str) -> None:
    rows = rows_of(milvus, shapes, filter="id >= 0", outputFields=["g"])
    assert [row["g"] for row in rows] == [*SHAPES, None]


def test_a_shape_that_is_none_is_refused(milvus: Client, shapes: str) -> None:
    data = [{"id": 9, "v": [1, 0], "g": "POINT (1)"}]
    assert "invalid WKT" in milvus.refused(
        1100, "entities/insert", {"collectionName": shapes, "data": data}
    )
    body = {"collectionName": shapes, "filter": "ST_WITHIN(g, 'POINT (x y)')"}
    assert "invalid WKT" in milvus.refused(1100, "entities/query", body)
