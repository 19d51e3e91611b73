"""Which fields an answer holds: `outputFields` checked against the schema (`proxy/util.go`).

Lite leaves an unknown name out without a word, and without any list it answers with everything.
"""

from __future__ import annotations

from .catalogue import Collection
from .errors import bad_parameter


def columns(item: Collection, wanted: list[str]) -> list[str]:
    """The list for Lite. `*` is every stored field and dynamic key, but no BM25 output."""
    out: list[str] = []
    for name in wanted:
        name = name.strip()
        field = item.field_named(name)
        if name == "*":
            out += [each.name for each in item.fields if not each.function_output]
            if item.dynamic:
                out.append("$meta")
        elif field is not None:
            if field.function_output:
                raise bad_parameter(f"not allowed to retrieve raw data of field {name}")
            out.append(name)
        elif item.dynamic and name:
            out.append(name)
        else:
            raise bad_parameter(f"field {name} not exist: invalid parameter")
    return list(dict.fromkeys(out))
