"""Unpacks the engine out of its wheel, once: `python -m milvus_standalone.unpack DIR`.

The wheel's own launcher unpacks a quarter of a gigabyte beside each new data folder.
"""

from __future__ import annotations

import importlib.util
import lzma
import os
import shutil
import sys
from pathlib import Path

TEMPLATE = "config.yaml.template"


def wheel() -> Path:
    """The wheel's folder of data. The package is not imported: that would configure a server."""
    found = importlib.util.find_spec("milvus")
    if found is None or found.origin is None:
        raise SystemExit("The package milvus is not installed.")
    return Path(found.origin).parent / "data"


def unpack(source: Path, target: Path) -> None:
    """Write the programs into `target/bin`, and the configuration's template beside it."""
    programs = target / "bin"
    programs.mkdir(parents=True, exist_ok=True)
    for packed in sorted((source / "bin").glob("*.lzma")):
        program = programs / packed.name.removesuffix(".lzma")
        with lzma.open(packed) as reader, program.open("wb") as writer:
            shutil.copyfileobj(reader, writer)
        program.chmod(0o755)
    for name in (TEMPLATE, "glog.conf"):
        shutil.copyfile(source / name, target / name)
    # What it was unpacked from is not read again.
    shutil.rmtree(source / "bin")


def main() -> int:
    try:
        unpack(wheel(), Path(sys.argv[1]))
    except OSError as error:
        print(f"The engine cannot be unpacked: {os.strerror(error.errno or 0)}.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
