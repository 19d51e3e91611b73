"""The gRPC server inside this process: where it listens, how many threads, who may ask.

It listens on a Unix socket that only this process is told of; clients come to it through the REST
port (`front.port`). It checks the credential itself, so that finding the socket would win nothing.
Importing this module is what makes gRPC cost anything: it is imported at the first gRPC client.
"""

from __future__ import annotations

import glob
import hashlib
import importlib.util
import logging
import os
import secrets
import shutil
import sys
import tempfile
import types
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc

from ..engine.lite import Lite
from ..wire.auth import Authenticator

THREADS = 32
_OPTIONS = {
    "grpc.max_receive_message_length": 64 * 1024 * 1024,
    "grpc.max_send_message_length": 256 * 1024 * 1024,
    # A client may ask every five seconds whether the server is there, also between its calls; a
    # client that does not answer such a question within ten seconds is gone.
    "grpc.http2.min_recv_ping_interval_without_data_ms": 5_000,
    "grpc.keepalive_permit_without_calls": 1,
    "grpc.keepalive_time_ms": 60_000,
    "grpc.keepalive_timeout_ms": 10_000,
}
"""As Milvus' proxy is set up (`proxy.grpc` of `milvus.yaml`, `distributed/proxy/service.go`)."""

# It logs a traceback of every message that is no protobuf; the client is told anyway.
logging.getLogger("grpc._common").setLevel(logging.CRITICAL)


def _messages_only() -> None:
    """Let `pymilvus.grpc_gen`, the generated messages, be imported without the client around them.

    The client imports pandas, which takes half a second and 100 MB, and nothing here uses it."""
    if "pymilvus" in sys.modules:
        return
    spec = importlib.util.find_spec("pymilvus")
    if spec is None or spec.submodule_search_locations is None:
        raise ModuleNotFoundError("the package pymilvus is not installed", name="pymilvus")
    package = types.ModuleType("pymilvus")
    package.__spec__ = spec
    package.__path__ = list(spec.submodule_search_locations)
    sys.modules["pymilvus"] = package


class _Authentication(grpc.ServerInterceptor):
    """Milvus' check of the metadata key `authorization` (`authentication_interceptor.go`)."""

    def __init__(self, authenticator: Authenticator) -> None:
        self._authenticator = authenticator

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], grpc.RpcMethodHandler | None],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler | None:
        given: str | bytes | None = None
        for key, value in handler_call_details.invocation_metadata:
            if key == "authorization":
                given = value
                break
        fault = self._authenticator.check_metadata(given)
        if fault is None:
            return continuation(handler_call_details)
        reason = fault

        def refuse(_: Any, context: grpc.ServicerContext) -> None:
            context.abort(grpc.StatusCode.UNAUTHENTICATED, reason)

        return grpc.unary_unary_rpc_method_handler(refuse)


def _socket_folder(data_dir: str) -> str:
    """A new folder for the owner alone. One that a killed gateway of the same data folder has left
    behind is removed; none can be in use, because the data folder is locked."""
    digest = hashlib.sha256(os.path.realpath(data_dir).encode()).hexdigest()[:16]
    prefix = f"milvus-gateway-{digest}-"
    for left in glob.glob(os.path.join(glob.escape(tempfile.gettempdir()), prefix + "*")):
        shutil.rmtree(left, ignore_errors=True)
    return tempfile.mkdtemp(prefix=prefix)


class GrpcServer:
    """Milvus' gRPC service over one open data folder."""

    def __init__(self, lite: Lite, authenticator: Authenticator, data_dir: str) -> None:
        _messages_only()
        from pymilvus.grpc_gen import milvus_pb2_grpc

        from .service import Service

        self._folder = ""
        self._server = grpc.server(
            ThreadPoolExecutor(THREADS, thread_name_prefix="grpc"),
            interceptors=[_Authentication(authenticator)] if authenticator.enabled else [],
            options=list(_OPTIONS.items()),
        )
        milvus_pb2_grpc.add_MilvusServiceServicer_to_server(Service(lite), self._server)
        try:
            self.address = self._bind(data_dir)
        except BaseException:
            self._remove_folder()
            raise
        self._server.start()

    def _bind(self, data_dir: str) -> str:
        if sys.platform == "linux":
            # An abstract name has no file, so nothing is left behind, however the process ends.
            name = secrets.token_hex(16)
            self._server.add_insecure_port(f"unix-abstract:{name}")
            return "\0" + name
        self._folder = _socket_folder(data_dir)
        path = os.path.join(self._folder, "grpc")
        self._server.add_insecure_port(f"unix:{path}")
        return path

    def _remove_folder(self) -> None:
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)

    def stop(self, seconds: float) -> None:
        """Take no more calls; those under way have `seconds` to end. Returns at once."""
        self._server.stop(seconds)
        self._remove_folder()
