"""Which fields an answer holds: `outputFields` checked against the schema (`proxy/util.go`).

Lite leaves an unknown name out without a word, and without any list it answers with everything.
"""

from __future__ import annotations

from ..engine.catalogue import Collection
from ..filters.predicates import META
from ..filters.syntax import Name, SyntaxProblem, parse
from ..wire.errors import bad_parameter


def columns(item: Collection, wanted: list[str]) -> list[str]:
    """The list for Lite. `*` is every stored field and dynamic key, but no BM25 output."""
    out: list[str] = []
    for name in wanted:
        name = name.strip()
        field = item.field_named(name)
        if name == "*":
            out += [each.name for each in item.fields if not each.function_output]
            if item.dynamic:
                out.append(META)
        elif field is not None:
            if field.function_output:
                raise bad_parameter(f"not allowed to retrieve raw data of field {name}")
            out.append(name)
        elif item.dynamic and name == META:
            out.append(META)
        elif item.dynamic and name:
            out.append(_dynamic_key(name))
        else:
            raise bad_parameter(f"field {name} not exist: invalid parameter")
    return list(dict.fromkeys(out))


def _dynamic_key(name: str) -> str:
    """`color`, or `$meta["color"]` in full."""
    try:
        tree = parse(name, {})
    except SyntaxProblem:
        tree = None
    if not isinstance(tree, Name):
        raise bad_parameter(f"parse output field name failed: {name}: invalid parameter")
    path = tree.path if tree.name == META else (tree.name, *tree.path)
    if len(path) != 1:
        raise bad_parameter(f"parse output field name failed: {name}: invalid parameter")
    return str(path[0])
