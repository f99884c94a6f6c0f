"""A broker of one file that speaks Kafka's protocol, as a process that can be stopped and started."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from contextlib import suppress
from importlib.resources import files
from pathlib import Path


class Broker:
    """Keeps what it was given over a stop; ``address`` stays the same."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None
        self.address = f"127.0.0.1:{self._port}"

    def start(self) -> None:
        """Returns once it takes connections."""
        binary = Path(str(files("noida_db").joinpath("noida-db")))
        if not os.access(binary, os.X_OK):
            binary.chmod(0o755)  # its package does not say that it can be run
        self._process = subprocess.Popen(
            [
                *(binary, "start", "--data-dir", self._folder, "--only", "kafka"),
                *("--kafka-port", str(self._port)),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            assert self._process.poll() is None, "the broker ended by itself"
            with suppress(OSError), socket.create_connection(("127.0.0.1", self._port), timeout=1):
                return
            time.sleep(0.02)
        raise AssertionError("the broker did not start")

    def stop(self) -> None:
        """At once where it is not there."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(20)
            self._process = None
