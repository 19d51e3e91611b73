"""What the engine reads: milvus.yaml out of the wheel's own template, and etcd's file."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from .unpack import TEMPLATE

# `{{ proxy_port(int): 19530 }}` in the template.
_SLOT = re.compile(r"\{\{\s*(\w+)(?:\(\w+\))?\s*(?::\s*(.*?))?\s*\}\}")

SECONDS_OF_A_SESSION = 10


@dataclass(frozen=True)
class Ports:
    """Every port that the engine listens at."""

    proxy: int
    etcd: int
    # etcd's own, which the template cannot set: without a file it is 2380 for every Milvus.
    etcd_peer: int
    metrics: int
    others: dict[str, int]


def port_slots(engine: Path) -> list[str]:
    """The template's names of ports."""
    template = (engine / TEMPLATE).read_text(encoding="utf-8")
    return [name for name, _ in _SLOT.findall(template) if name.endswith("_port")]


def assign(engine: Path, numbers: list[int]) -> Ports:
    """Ports out of `numbers`, which are as many as the template's and two more."""
    slots = dict(zip(port_slots(engine), numbers[2:], strict=True))
    return Ports(
        proxy=slots.pop("proxy_port"),
        etcd=slots.pop("etcd_port"),
        etcd_peer=numbers[0],
        metrics=numbers[1],
        others=slots,
    )


def write(engine: Path, folder: Path, ports: Ports, authorization: bool) -> Path:
    """Write the files into `folder/configs`; its path."""
    configs, data, logs = folder / "configs", folder / "data", folder / "logs"
    for made in (configs, data, logs):
        made.mkdir(exist_ok=True)
    etcd = configs / "etcd.yaml"
    values = {
        "etcd_port": str(ports.etcd),
        "proxy_port": str(ports.proxy),
        "etcd_log_path": _quoted(logs / "etcd.log"),
        "etcd_log_level": "warn",
        "system_log_path": _quoted(logs),
        "etcd_data_dir": _quoted(data / "etcd.data"),
        "local_storage_dir": _quoted(data),
        "rocksmq_data_dir": _quoted(data / "rocksmq"),
        "authorization_enabled": "true" if authorization else "false",
        **{name: str(port) for name, port in ports.others.items()},
    }
    template = (engine / TEMPLATE).read_text(encoding="utf-8")
    text = _SLOT.sub(lambda slot: values.get(slot[1], slot[2] or ""), template)
    text = _replace(text, "  use:\n", f"  config:\n    path: {_quoted(etcd)}\n  use:\n")
    text = _replace(text, "  endpoints: localhost:", "  endpoints: 127.0.0.1:")
    text = _replace(text, "log:\n  level: info", "log:\n  level: warn")
    # Standard output is a file that nothing cuts: only what a crash says is to go there.
    text = _replace(text, "  stdout: true", "  stdout: false")
    text = _replace(text, "    maxSize: 300 # MB", "    maxSize: 20 # MB")
    text = _replace(text, "    maxBackups: 20\n", "    maxBackups: 2\n")
    # A killed Milvus is missed only after this time, and the next one's queries wait as long.
    text = _replace(text, "    ttl: 30 #", f"    ttl: {SECONDS_OF_A_SESSION} #")
    (configs / "milvus.yaml").write_text(text, encoding="utf-8")
    (configs / "glog.conf").write_bytes((engine / "glog.conf").read_bytes())
    client, peer = (f"http://127.0.0.1:{port}" for port in (ports.etcd, ports.etcd_peer))
    etcd.write_text(
        f"name: default\n"
        f"listen-client-urls: {client}\n"
        f"advertise-client-urls: {client}\n"
        f"listen-peer-urls: {peer}\n"
        f"initial-advertise-peer-urls: {peer}\n"
        f"initial-cluster: default={peer}\n",
        encoding="utf-8",
    )
    return configs


def _quoted(path: Path) -> str:
    """A path as YAML reads it back, whatever is in it: a JSON string is one of YAML's."""
    return json.dumps(str(path))


def _replace(text: str, old: str, new: str) -> str:
    before, found, after = text.partition(f"\n{old}")
    if not found or f"\n{old}" in after:
        raise RuntimeError(f"the template of milvus.yaml has changed: {old!r}")
    return f"{before}\n{new}{after}"
