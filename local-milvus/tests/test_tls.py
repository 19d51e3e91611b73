"""TLS: REST and gRPC on one port with a given certificate."""

from __future__ import annotations

import datetime
import ipaddress
import json
import socket
import ssl
from collections.abc import Callable
from http.client import HTTPSConnection
from pathlib import Path

import pytest
from conftest import TOKEN, Process
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pymilvus import MilvusClient

Start = Callable[..., Process]


def write_pair(folder: Path, name: str, password: bytes | None = None) -> tuple[str, str]:
    """A self-signed certificate for this host and its key, as PEM files."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    lock = (
        serialization.BestAvailableEncryption(password)
        if password
        else serialization.NoEncryption()
    )
    files = folder / f"{name}.crt", folder / f"{name}.key"
    files[0].write_bytes(certificate.public_bytes(pem))
    files[1].write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, lock))
    return str(files[0]), str(files[1])


@pytest.fixture
def pair(tmp_path: Path) -> tuple[str, str]:
    return write_pair(tmp_path, "server")


def serving(gateway: Start, pair: tuple[str, str]) -> Process:
    process = gateway("--tls-cert", pair[0], "--tls-key", pair[1])
    process.ready()
    return process


def stopped_silently(process: Process) -> None:
    process.popen.terminate()
    assert process.popen.wait(5) == 0
    assert process.popen.stderr.read() == b""


def handshake(process: Process, pair: tuple[str, str], offered: list[str]) -> str | None:
    context = ssl.create_default_context(cafile=pair[0])
    context.set_alpn_protocols(offered)
    address = ("127.0.0.1", process.line["port"])
    with (
        socket.create_connection(address, timeout=10) as connection,
        context.wrap_socket(connection, server_hostname="localhost") as secure,
    ):
        return secure.selected_alpn_protocol()


def test_rest_is_served_over_tls_and_the_line_says_https(
    gateway: Start, pair: tuple[str, str]
) -> None:
    process = serving(gateway, pair)
    assert process.line["uri"] == f"https://127.0.0.1:{process.line['port']}"
    context = ssl.create_default_context(cafile=pair[0])
    connection = HTTPSConnection("localhost", process.line["port"], timeout=10, context=context)
    headers = {"Authorization": f"Bearer {TOKEN}"}
    for _ in range(2):
        connection.request("POST", "/v2/vectordb/collections/list", b"{}", headers)
        assert json.loads(connection.getresponse().read()) == {"code": 0, "data": []}
    connection.close()
    stopped_silently(process)


def test_pymilvus_is_served_over_tls(gateway: Start, pair: tuple[str, str]) -> None:
    process = serving(gateway, pair)
    client = MilvusClient(
        uri=f"https://localhost:{process.line['port']}",
        token=TOKEN,
        server_pem_path=pair[0],
        dedicated=True,
    )
    client.create_collection("c", dimension=4)
    client.insert("c", [{"id": 1, "vector": [1, 2, 3, 4]}])
    assert client.query("c", filter="id == 1", output_fields=["id"]) == [{"id": 1}]
    client.close()
    stopped_silently(process)


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        (["h2", "http/1.1"], "http/1.1"),
        (["http/1.1"], "http/1.1"),
        (["h2"], "h2"),
        (["spdy/1"], None),
    ],
)
def test_http2_is_for_those_who_offer_nothing_else(
    gateway: Start, pair: tuple[str, str], offered: list[str], chosen: str | None
) -> None:
    assert handshake(serving(gateway, pair), pair, offered) == chosen


def test_tls_1_1_is_refused(gateway: Start, pair: tuple[str, str]) -> None:
    process = serving(gateway, pair)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(pair[0])
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    address = ("127.0.0.1", process.line["port"])
    with (
        socket.create_connection(address, timeout=10) as connection,
        pytest.raises((ssl.SSLError, ConnectionResetError)),
    ):
        context.wrap_socket(connection, server_hostname="localhost")
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with (
        socket.create_connection(address, timeout=10) as connection,
        context.wrap_socket(connection, server_hostname="localhost") as secure,
    ):
        assert secure.version() == "TLSv1.2"
    stopped_silently(process)


@pytest.mark.parametrize("sent", [b"GET / HTTP/1.1\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"])
def test_a_client_without_tls_is_closed_without_a_word(
    gateway: Start, pair: tuple[str, str], sent: bytes
) -> None:
    process = serving(gateway, pair)
    address = ("127.0.0.1", process.line["port"])
    with socket.create_connection(address, timeout=10) as connection:
        connection.sendall(sent)
        received = b""
        try:
            while part := connection.recv(1000):
                received += part
        except ConnectionResetError:
            pass
        assert not received.startswith(b"HTTP/")
    assert handshake(process, pair, ["http/1.1"]) == "http/1.1"
    stopped_silently(process)


def test_a_key_of_another_certificate_is_refused_at_the_start(
    gateway: Start, pair: tuple[str, str], tmp_path: Path
) -> None:
    other = write_pair(tmp_path, "other")
    process = gateway("--tls-cert", pair[0], "--tls-key", other[1])
    assert process.popen.wait(10) == 2
    words = process.popen.stderr.read().decode()
    assert words == f"TLS cannot be served: {other[1]} is not the key of {pair[0]}.\n"


def test_an_encrypted_key_is_refused_and_no_password_is_asked_for(
    gateway: Start, tmp_path: Path
) -> None:
    pair = write_pair(tmp_path, "locked", b"secret")
    process = gateway("--tls-cert", pair[0], "--tls-key", pair[1])
    assert process.popen.wait(10) == 2
    assert "unencrypted PEM key" in process.popen.stderr.read().decode()


def test_a_missing_file_is_named(gateway: Start, pair: tuple[str, str], tmp_path: Path) -> None:
    missing = str(tmp_path / "missing.pem")
    process = gateway("--tls-cert", missing, "--tls-key", pair[1])
    assert process.popen.wait(10) == 2
    words = process.popen.stderr.read().decode()
    assert words == f"TLS cannot be served: {missing}: No such file or directory.\n"


def test_a_certificate_without_a_key_is_refused(gateway: Start, pair: tuple[str, str]) -> None:
    process = gateway("--tls-cert", pair[0])
    assert process.popen.wait(10) == 2
    assert "--tls-cert and --tls-key need each other" in process.popen.stderr.read().decode()
