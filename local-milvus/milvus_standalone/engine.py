"""The engine's process. It ends with the one that started it, a kill included."""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import signal
import subprocess
from pathlib import Path

from . import mounts
from .configuration import Ports

_PR_SET_PDEATHSIG = 1
# The engine writes a file of its process in the first of these that it may, and one for its session
# in the second (Milvus 2.3.5, `cmd/milvus` and `sessionutil`).
_RUN_FOLDERS = ("/run/milvus", "/tmp/milvus")
# Asked to stop, Milvus 2.3.5 ends by a panic, or, with a loaded collection, not within minutes.
# What was acknowledged is in its logs, and is replayed at the next start. Its wheel waits as long.
_SECONDS_TO_STOP = 1.0
# Lines of Go's and C++'s logs, and what it says at every start.
_OF_A_LOG = re.compile(r"[\[{]|[IWEF]\d{8} |---|\d{4}/")
# Of what it said, so much is told.
_LINES = 4


class Engine:
    """A running `milvus run standalone`."""

    def __init__(
        self, unpacked: Path, folder: Path, configs: Path, ports: Ports, *, isolated: bool
    ) -> None:
        """Start it. To be called from the main thread, with whose end the engine ends.

        `isolated`: this process may mount; then the engine sees a /run and a /tmp of its own.
        """
        self.ports = ports
        self._log = folder / "logs" / "engine.log"
        # A name of its own, so that two servers on a machine do not share one file.
        self._alias = f"local-{os.getpid()}"
        keep = ("PATH", "HOME", "LANG")
        environment = {name: os.environ[name] for name in keep if name in os.environ}
        environment |= {
            "DEPLOY_MODE": "STANDALONE",
            "METRICS_PORT": str(ports.metrics),
            "MILVUSCONF": str(configs),
            "LD_LIBRARY_PATH": str(unpacked / "bin"),
        }
        supervisor = os.getpid()
        libc = ctypes.CDLL(None)

        def before_it_runs() -> None:
            libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != supervisor:
                os._exit(1)
            if isolated:
                mounts.private(("/run", "/tmp"), but=(unpacked, folder))

        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [unpacked / "bin" / "milvus", "run", "standalone", "--alias", self._alias],
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=before_it_runs,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def ended(self) -> str | None:
        """How it ended; None while it runs."""
        code = self._process.poll()
        if code is None:
            return None
        return f"signal {-code}" if code < 0 else f"exit code {code}"

    def last_words(self) -> str:
        """What it said when it broke, without the lines of its log; empty if nothing.

        Who was killed had no time to say anything, unless it panicked.
        """
        try:
            lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return ""
        lines = [line for line in lines if line and not _OF_A_LOG.match(line)]
        panics = [line for line in lines if line.startswith(("panic:", "fatal error:"))]
        killed = (self._process.poll() or 0) < 0
        return "\n".join(panics[:1] if panics or killed else lines[-_LINES:])

    def stop(self) -> None:
        """End it, and what it keeps outside its folder."""
        for number in (signal.SIGINT, signal.SIGKILL):
            if self._process.poll() is not None:
                break
            self._process.send_signal(number)
            try:
                self._process.wait(_SECONDS_TO_STOP)
            except subprocess.TimeoutExpired:
                continue
        # There where it had no folders of its own.
        names = (f"standalone-{self._alias}.pid", f"server_id_{self.pid}")
        for path in (Path(folder, name) for folder in _RUN_FOLDERS for name in names):
            with contextlib.suppress(OSError):
                path.unlink()
