"""The supervisor of a full Milvus: what it writes, and what it reads.

Its process is tested as `milvus-host local`.
"""

from __future__ import annotations

import asyncio
import json
import socket
from pathlib import Path
from types import SimpleNamespace

import pytest

from milvus_standalone import api, configuration, network
from milvus_standalone.engine import Engine

TEMPLATE = """\
etcd:
  endpoints: localhost:{{ etcd_port(int): 2379 }}
  log:
    path: {{ etcd_log_path: stdout }}
  use:
    embed: true
  data:
    dir: {{ etcd_data_dir }}
proxy:
  port: {{ proxy_port(int): 19530 }}
  internalPort: {{ proxy_internal_port(int): 19529 }}
log:
  level: info # one of many
  file:
    rootPath: {{ system_log_path }}
    maxSize: 300 # MB
    maxBackups: 20
  stdout: true # both
common:
  security:
    authorizationEnabled: {{ authorization_enabled(bool): false }}
  session:
    ttl: 30 # seconds
"""


@pytest.fixture
def engine(tmp_path: Path) -> Path:
    folder = tmp_path / "engine"
    folder.mkdir()
    (folder / "config.yaml.template").write_text(TEMPLATE)
    (folder / "glog.conf").write_text("--log_dir=logs/\n")
    return folder


def written(engine: Path, folder: Path, authorization: bool = False) -> tuple[str, str]:
    folder.mkdir()
    ports = configuration.assign(engine, [1, 2, 3, 4, 5])
    configs = configuration.write(engine, folder, ports, authorization)
    return (configs / "milvus.yaml").read_text(), (configs / "etcd.yaml").read_text()


def test_every_port_is_one_that_was_given(engine: Path, tmp_path: Path) -> None:
    milvus, etcd = written(engine, tmp_path / "data")
    assert "endpoints: 127.0.0.1:3\n" in milvus
    assert "port: 4\n" in milvus and "internalPort: 5\n" in milvus
    assert "listen-peer-urls: http://127.0.0.1:1\n" in etcd
    assert "listen-client-urls: http://127.0.0.1:3\n" in etcd
    assert "{{" not in milvus


def test_a_folder_of_any_name_is_written_as_a_yaml_string(engine: Path, tmp_path: Path) -> None:
    folder = tmp_path / 'a: "b" #c'
    milvus, _ = written(engine, folder)
    line = next(line for line in milvus.splitlines() if line.startswith("    dir:"))
    assert json.loads(line.split(":", 1)[1]) == str(folder / "data" / "etcd.data")
    assert f"path: {json.dumps(str(folder / 'configs' / 'etcd.yaml'))}\n  use:" in milvus


@pytest.mark.parametrize("on", [True, False])
def test_authorization_is_what_was_asked_for(engine: Path, tmp_path: Path, on: bool) -> None:
    milvus, _ = written(engine, tmp_path / "data", authorization=on)
    assert f"authorizationEnabled: {'true' if on else 'false'}\n" in milvus


def test_a_template_that_has_changed_is_an_error_and_no_guess(engine: Path, tmp_path: Path) -> None:
    (engine / "config.yaml.template").write_text(TEMPLATE.replace("ttl: 30", "ttl: 60"))
    with pytest.raises(RuntimeError, match="template"):
        written(engine, tmp_path / "data")


def test_free_ports_differ_and_lie_below_those_of_outgoing_connections() -> None:
    ports = network.free_ports(12)
    assert len(set(ports)) == 12
    assert all(10_000 <= port < 32_000 for port in ports)


def test_a_taken_port_is_a_sentence_and_exit_code_3(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(SystemExit) as ended:
            network.listen("127.0.0.1", port)
    assert ended.value.code == 3
    assert capsys.readouterr().err == f"Port {port} on 127.0.0.1 is taken by another program.\n"


def test_the_relay_passes_bytes_and_their_end_both_ways() -> None:
    async def talk() -> bytes:
        async def shout(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            # Answers when it has heard everything.
            writer.write((await reader.read()).upper())
            writer.close()

        server = await asyncio.start_server(shout, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        listener = network.listen("127.0.0.1", 0)
        relay = await network.relay(listener, port)
        reader, writer = await asyncio.open_connection("127.0.0.1", listener.getsockname()[1])
        writer.write(b"x" * 300_000)
        writer.write_eof()
        answer = await reader.read()
        writer.close()
        relay.close()
        server.close()
        return answer

    assert asyncio.run(talk()) == b"X" * 300_000


def test_names_are_read_out_of_a_message() -> None:
    status = api._field(1, b"\x08\x00")
    message = status + api._field(2, b"default") + api._field(2, b"x" * 200) + b"\x18\x96\x01"
    assert [value for number, value in api._fields(message) if number == 2] == [
        b"default",
        b"x" * 200,
    ]


@pytest.mark.parametrize(
    ("log", "code", "words"),
    [
        (
            "[2026/01/01] [INFO] ready\npanic: context canceled\ngoroutine 1",
            -6,
            "panic: context canceled",
        ),
        (
            "2026/01/01 maxprocs\nCreate runtime directory failed\n",
            255,
            "Create runtime directory failed",
        ),
        ('[2026/01/01] [INFO] ready\nI20260101 knowhere\n---ready---\n{"level":"info"}\n', 1, ""),
        ("UsedMem: 19144704\n", -9, ""),
    ],
)
def test_of_a_broken_engine_its_own_words_are_told_and_not_its_log(
    tmp_path: Path, log: str, code: int, words: str
) -> None:
    engine = Engine.__new__(Engine)
    engine._process = SimpleNamespace(poll=lambda: code)
    engine._log = tmp_path / "engine.log"
    engine._log.write_text(log)
    assert engine.last_words() == words
