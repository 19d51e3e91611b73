"""The component in PyPI's wasmtime: python.py COMPONENT STEPS ORIGIN. The token is in MILVUS_TOKEN.

A step is a line: a tool and its arguments. Prints the names of the tools, then the answer to each step.
Each call has an instance of its own, as in our host.
"""

import os
import sys
from pathlib import Path

from wasmtime import Engine, Store, WasiConfig
from wasmtime.component import Component, Linker, Record

TOOLS = "milvus:vector-store/tools@0.1.0"


def main(component: str, steps: str, origin: str) -> None:
    engine = Engine()
    component = Component.from_file(engine, component)
    linker = Linker(engine)
    # wasmtime's WASI and its HTTP both have wasi:io.
    linker.allow_shadowing = True
    linker.add_wasip2()
    linker.add_wasi_http()

    def call(function: str, *arguments: object) -> object:
        store = Store(engine)
        store.set_wasi(WasiConfig())
        store.set_wasi_http()
        instance = linker.instantiate(store, component)
        interface = instance.get_export_index(store, TOOLS)
        index = instance.get_export_index(store, function, interface)
        return instance.get_func(store, index)(store, *arguments)

    connection = Record()
    connection.__dict__ = {
        "uri": origin,
        "token": os.environ["MILVUS_TOKEN"],
        "database": None,
        "server": None,
        "timeout-ms": 60000,
        "options": [],
    }
    print(" ".join(tool.name for tool in call("list-tools")))
    for step in Path(steps).read_text().splitlines():
        tool, arguments = step.split(" ", 1)
        answer = call("call-tool", connection, tool, arguments)
        if isinstance(answer, Record):
            sys.exit(f"{tool}: expected an answer, got {vars(answer)}")
        print(answer)


main(*sys.argv[1:])
