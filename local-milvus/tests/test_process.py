"""The process: start, the one line, ports, folders, stopping, restarting, parallel writers."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from conftest import PREFIX, ROOT, Client, Process, create, field, key, rows_of

Start = Callable[..., Process]


def gone(pid: int, seconds: float = 5) -> bool:
    """Whether a process ends within some seconds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            os.kill(pid, 0)
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
            if state == "Z":
                return True
        except (ProcessLookupError, FileNotFoundError):
            return True
        time.sleep(0.02)
    return False


def test_one_line_of_json_says_where_it_is(gateway: Start, tmp_path: Path) -> None:
    process = gateway()
    process.ready()
    line = process.line
    assert line == {
        "uri": f"http://127.0.0.1:{line['port']}",
        "port": line["port"],
        "pid": process.popen.pid,
        "data_dir": str(tmp_path / "data"),
        "milvus_lite": "3.2.2",
    }
    process.popen.terminate()
    process.popen.wait(5)
    assert process.popen.stdout.read() == b""
    assert process.popen.stderr.read() == b""


def test_without_a_token_any_header_passes_and_no_other_site_reads_along(gateway: Start) -> None:
    client = gateway(token=None).ready()
    for header in ("", "Bearer nonsense"):
        reply = client.raw(PREFIX + "collections/list", headers={"Authorization": header})
        assert reply.json == {"code": 0, "data": []}
        assert "access-control-allow-origin" not in reply.headers


def test_a_taken_port_is_exit_3_and_one_sentence(gateway: Start, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        process = gateway("--port", str(port))
        assert process.popen.wait(10) == 3
        assert process.popen.stdout.read() == b""
        words = process.popen.stderr.read().decode()
        assert words == f"Port {port} on 127.0.0.1 is taken by another program.\n"
    assert not (tmp_path / "data").exists()


def test_a_token_without_a_colon_is_refused_at_the_start(gateway: Start) -> None:
    process = gateway(token="secret")
    assert process.popen.wait(10) == 2
    words = process.popen.stderr.read().decode()
    assert words == "MILVUS_GATEWAY_TOKEN must have the form user:password.\n"


def test_a_signal_during_the_start_leaves_no_ephemeral_folder(
    gateway: Start, tmp_path: Path
) -> None:
    process = gateway("--ephemeral")
    folder = tmp_path / "data"
    end = time.monotonic() + 10
    while not (folder / "LOCK").exists() and time.monotonic() < end:
        time.sleep(0.001)
    process.popen.terminate()
    assert process.popen.wait(5) == 0
    assert not folder.exists()


def test_a_given_port_is_used(gateway: Start) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = gateway("--port", str(port))
    process.ready()
    assert process.line["port"] == port


def test_a_folder_in_use_is_exit_4_and_one_sentence(gateway: Start, tmp_path: Path) -> None:
    gateway().ready()
    second = gateway("--ephemeral")
    assert second.popen.wait(10) == 4
    words = second.popen.stderr.read().decode()
    assert words == f"The folder {tmp_path / 'data'} is in use by another Milvus Lite.\n"
    assert (tmp_path / "data").exists()


def test_a_folder_of_a_standalone_milvus_is_left_alone(gateway: Start, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "standalone.lock").touch()
    process = gateway()
    assert process.popen.wait(10) == 1
    words = process.popen.stderr.read().decode()
    assert words == f"The folder {folder} is a standalone Milvus'.\n"
    assert [entry.name for entry in folder.iterdir()] == ["standalone.lock"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_within_a_second(gateway: Start, number: int) -> None:
    process = gateway()
    client = process.ready()
    client.ok("collections/create", {"collectionName": "c", "dimension": 4})
    data = [{"id": n, "vector": [1, 0, 0, n]} for n in range(500)]
    client.ok("entities/insert", {"collectionName": "c", "data": data})
    began = time.monotonic()
    process.popen.send_signal(number)
    assert process.popen.wait(5) == 0
    assert time.monotonic() - began < 1.2


def test_an_open_connection_does_not_hold_it_up(gateway: Start) -> None:
    process = gateway()
    process.ready()
    with socket.create_connection(("127.0.0.1", process.line["port"])) as half:
        half.sendall(b"POST /v2/vectordb/collections/list HTTP/1.1\r\nContent-Length: 9\r\n\r\n")
        began = time.monotonic()
        process.popen.terminate()
        assert process.popen.wait(5) == 0
        assert time.monotonic() - began < 1.5


def test_the_end_of_stdin_stops_it_when_asked(gateway: Start) -> None:
    process = gateway("--stop-on-stdin-close")
    process.ready()
    process.popen.stdin.close()
    assert process.popen.wait(5) == 0


def test_the_end_of_stdin_means_nothing_otherwise(gateway: Start) -> None:
    process = gateway()
    client = process.ready()
    process.popen.stdin.close()
    time.sleep(0.3)
    assert client.ok("collections/list") == []


def test_a_killed_parent_leaves_nothing(tmp_path: Path) -> None:
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import subprocess, sys, time\n"
            "p = subprocess.Popen([sys.executable, '-m', 'milvus_gateway', '--data-dir', "
            f"{str(tmp_path / 'data')!r}, '--ephemeral', '--stop-on-stdin-close'], "
            "stdin=subprocess.PIPE, stdout=subprocess.PIPE)\n"
            "print(p.stdout.readline().decode(), flush=True)\n"
            "time.sleep(60)\n",
        ],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
    )
    pid = json.loads(parent.stdout.readline())["pid"]
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert gone(pid)
    assert not (tmp_path / "data").exists()


def test_it_starts_no_other_process(gateway: Start) -> None:
    process = gateway()
    process.ready()
    assert Path(f"/proc/{process.popen.pid}/task/{process.popen.pid}/children").read_text() == ""


def test_it_listens_on_one_port_only(gateway: Start) -> None:
    process = gateway()
    process.ready()
    inodes = set()
    for entry in Path(f"/proc/{process.popen.pid}/fd").iterdir():
        target = os.readlink(entry)
        if target.startswith("socket:["):
            inodes.add(target[8:-1])
    listening = [
        line.split()[1]
        for table in ("tcp", "tcp6")
        for line in Path(f"/proc/{process.popen.pid}/net/{table}").read_text().splitlines()[1:]
        if line.split()[3] == "0A" and line.split()[9] in inodes
    ]
    assert listening == [f"0100007F:{process.line['port']:04X}"]


def test_an_ephemeral_folder_is_removed_when_it_was_new_or_empty(
    gateway: Start, tmp_path: Path
) -> None:
    for folder in (tmp_path / "new", tmp_path / "empty"):
        if folder.name == "empty":
            folder.mkdir()
        process = gateway("--data-dir", str(folder), "--ephemeral")
        client = process.ready()
        client.ok("collections/create", {"collectionName": "c", "dimension": 4})
        assert process.stop() == 0
        assert not folder.exists()


def test_an_ephemeral_folder_with_something_in_it_stays(gateway: Start, tmp_path: Path) -> None:
    folder = tmp_path / "used"
    folder.mkdir()
    (folder / "mine.txt").write_text("mine")
    process = gateway("--data-dir", str(folder), "--ephemeral")
    process.ready()
    assert process.stop() == 0
    assert (folder / "mine.txt").read_text() == "mine"


def _prepare(client: Client) -> None:
    create(
        client,
        "kept",
        key(),
        field("v", "FloatVector", dim=2),
        schema={"autoID": False},
        indexParams=[{"fieldName": "v", "indexName": "mine", "metricType": "L2"}],
        description="words",
    )
    client.ok("entities/insert", {"collectionName": "kept", "data": [{"id": 1, "v": [1, 0]}]})
    client.ok("collections/create", {"collectionName": "resting", "dimension": 4})
    client.ok("collections/release", {"collectionName": "resting"})
    client.ok("aliases/create", {"collectionName": "kept", "aliasName": "also"})
    client.ok("databases/create", {"dbName": "second"})
    client.ok("collections/create", {"collectionName": "c", "dimension": 4, "dbName": "second"})


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_after_a_restart_everything_is_as_it_was(gateway: Start, number: int) -> None:
    first = gateway()
    client = first.ready()
    _prepare(client)
    before = [
        client("collections/describe", {"collectionName": "kept"}),
        client("collections/describe", {"collectionName": "resting"}),
        client("collections/describe", {"collectionName": "c", "dbName": "second"}),
        client("databases/describe", {"dbName": "second"}),
        client("entities/query", {"collectionName": "also", "filter": "id > 0"}),
        client("entities/search", {"collectionName": "kept", "data": [[1, 0]]}),
    ]
    first.popen.send_signal(number)
    first.popen.wait(5)
    client = gateway().ready()
    assert before == [
        client("collections/describe", {"collectionName": "kept"}),
        client("collections/describe", {"collectionName": "resting"}),
        client("collections/describe", {"collectionName": "c", "dbName": "second"}),
        client("databases/describe", {"dbName": "second"}),
        client("entities/query", {"collectionName": "also", "filter": "id > 0"}),
        client("entities/search", {"collectionName": "kept", "data": [[1, 0]]}),
    ]
    client.refused(101, "entities/query", {"collectionName": "resting", "filter": "id > 0"})


def test_a_folder_of_plain_milvus_lite_is_taken_over(gateway: Start, tmp_path: Path) -> None:
    script = (
        "from milvus_lite import *\n"
        f"db = MilvusLite({str(tmp_path / 'data')!r})\n"
        "c = db.create_collection('old', CollectionSchema(fields=[\n"
        "  FieldSchema('id', DataType.INT64, is_primary=True),\n"
        "  FieldSchema('v', DataType.FLOAT_VECTOR, dim=2)]))\n"
        "c.create_index('v', {'index_type': 'HNSW', 'metric_type': 'L2'})\n"
        "c.insert([{'id': 1, 'v': [1.0, 0.0]}])\n"
        "db.close()\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
    client = gateway().ready()
    data = client.ok("collections/describe", {"collectionName": "old"})
    assert data["indexes"] == [{"indexName": "v", "fieldName": "v", "metricType": "L2"}]
    assert data["load"] == "LoadStateLoaded"
    assert rows_of(client, "old") == [{"id": 1, "v": [1, 0]}]


def test_eight_parallel_writers_and_flushes_lose_nothing(milvus: Client, name: str) -> None:
    milvus.ok("collections/create", {"collectionName": name, "dimension": 4})
    stop = threading.Event()

    def write(writer: int) -> None:
        for batch in range(10):
            first = writer * 1000 + batch * 20
            data = [{"id": first + n, "vector": [1, 0, 0, n]} for n in range(20)]
            answer = milvus.ok("entities/insert", {"collectionName": name, "data": data})
            assert answer["insertCount"] == 20

    def flush() -> None:
        while not stop.wait(0.02):
            milvus.ok("collections/flush", {"collectionName": name})

    def read() -> None:
        while not stop.wait(0.02):
            milvus.ok("entities/query", {"collectionName": name, "outputFields": ["count(*)"]})
            search = {"collectionName": name, "data": [[1, 0, 0, 0]], "limit": 5}
            milvus.ok("entities/search", search)

    with ThreadPoolExecutor(11) as pool:
        beside = [pool.submit(flush), pool.submit(read), pool.submit(read)]
        writers = [pool.submit(write, number) for number in range(8)]
        for each in writers:
            each.result()
        stop.set()
        for each in beside:
            each.result()
    found = milvus.ok("entities/query", {"collectionName": name, "limit": 2000, "outputFields": []})
    expected = [w * 1000 + b * 20 + n for w in range(8) for b in range(10) for n in range(20)]
    assert [each["id"] for each in found] == expected
    assert milvus.ok("collections/get_stats", {"collectionName": name}) == {"rowCount": 1600}


def test_parallel_identical_creates_are_all_ok(milvus: Client, name: str) -> None:
    body = {"collectionName": name, "dimension": 4}
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: milvus("collections/create", body), range(10)))
    assert answers == [{"code": 0, "data": {}}] * 10


def test_parallel_upserts_of_one_key_leave_one_row(milvus: Client, quick: str) -> None:
    def upsert(number: int) -> Any:
        row = {"id": 1, "vector": [1, 0, 0, 0], "n": number}
        return milvus.ok("entities/upsert", {"collectionName": quick, "data": [row]})

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(upsert, range(40)))
    assert len(rows_of(milvus, quick)) == 1


def test_a_client_that_hangs_up_leaves_no_lock(milvus: Client, quick: str) -> None:
    data = [{"id": n, "vector": [1, 0, 0, n]} for n in range(2000)]
    body = json.dumps({"collectionName": quick, "data": data}).encode()
    head = (
        f"POST {PREFIX}entities/insert HTTP/1.1\r\nHost: x\r\nAuthorization: root:Milvus\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode()
    for part in (body, body[: len(body) // 2]):
        with socket.create_connection(("127.0.0.1", milvus.port)) as leaving:
            leaving.sendall(head + part)
    row = {"id": -1, "vector": [1, 0, 0, 0]}
    began = time.monotonic()
    milvus.ok("entities/insert", {"collectionName": quick, "data": [row]})
    assert time.monotonic() - began < 5
    assert rows_of(milvus, quick, filter="id == -1", outputFields=[]) == [{"id": -1}]


def test_a_write_whose_time_is_up_still_ends_whole(milvus: Client, quick: str) -> None:
    data = [{"id": n, "vector": [1, 0, 0, n]} for n in range(3000)]
    body = json.dumps({"collectionName": quick, "data": data}).encode()
    reply = milvus.raw(PREFIX + "entities/insert", body, headers={"Request-Timeout": "0"})
    assert reply.status == 408
    end = time.monotonic() + 5
    while time.monotonic() < end:
        stats = milvus.ok("collections/get_stats", {"collectionName": quick})
        if stats == {"rowCount": 3000}:
            break
        assert stats == {"rowCount": 0}
        time.sleep(0.05)
    assert stats == {"rowCount": 3000}


def test_an_offer_to_upgrade_to_http2_is_ignored_without_a_word(gateway: Start) -> None:
    process = gateway()
    client = process.ready()
    offer = {
        "Connection": "Upgrade, HTTP2-Settings",
        "Upgrade": "h2c",
        "HTTP2-Settings": "AAMAAABk",
    }
    assert client.ok("collections/list", headers=offer) == []
    process.popen.terminate()
    assert process.popen.wait(5) == 0
    assert process.popen.stderr.read() == b""
