"""The fork server of the sandbox: started by ``sandbox.Sandbox``, never imported by it.

A process of its own with the parsers loaded, one thread, no network and no secrets in its environment.
Each request forks one child, which limits itself, parses one file, writes the result and ends. The
server holds the wall timer, kills whole process groups and reaps; it never reads a document itself.

A request is one ``SOCK_SEQPACKET`` message, a JSON object, with three descriptors: the file to read,
the pipe for the result, the pipe for how the child ended.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import selectors
import shutil
import signal
import socket
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from drovi_assets.documents.confine import Limits, confine, die_with_parent, leave_network
from resources.garbage import spare_what_is_loaded

_PRELOAD = (
    "pypdfium2", "pikepdf", "lxml.html", "markdown_it", "charset_normalizer", "openpyxl", "pptx",
    "drovi_assets.documents.codec", "drovi_assets.documents.docx", "drovi_assets.documents.mail",
    "drovi_assets.documents.office", "drovi_assets.documents.parse", "drovi_assets.documents.pdf",
    "drovi_assets.documents.plain", "drovi_assets.documents.web",
)  # fmt: skip

DOCUMENT, REFUSAL = b"D", b"R"
"""First byte of a result: an encoded document, or a JSON object with ``message`` and ``remedy``."""


@dataclass(slots=True)
class _Child:
    deadline: float
    status: int
    folder: str
    overdue: bool = False


class Server:
    """One loop: take requests, watch deadlines, reap."""

    def __init__(self, control: socket.socket, limits: Limits) -> None:
        self._control = control
        self._limits = limits
        self._children: dict[int, _Child] = {}
        self._parent = os.getppid()
        self._folder = tempfile.mkdtemp(prefix="drovi-parse-")
        self._woken, self._waker = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def run(self) -> None:
        """Serve until the other end closes, or its process is gone."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides when to stop
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._waker, warn_on_full_buffer=False)
        _preload()
        try:
            self._loop()
        finally:
            for pid in self._children:
                _kill_group(pid)
            shutil.rmtree(self._folder, ignore_errors=True)

    def _loop(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._control, selectors.EVENT_READ)
            selector.register(self._woken, selectors.EVENT_READ)
            # a descriptor leaked into another process keeps the socket open: the parent's pid does not lie
            while os.getppid() == self._parent:
                ready = {key.fileobj for key, _ in selector.select(self._patience())}
                if self._woken in ready:
                    with contextlib.suppress(BlockingIOError):
                        os.read(self._woken, 4096)
                self._reap()
                self._kill_overdue()
                if self._control in ready and not self._take():
                    return

    def _patience(self) -> float:
        """Seconds to the next deadline, a second at most."""
        now = time.monotonic()
        return max(
            0.0, min([1.0, *(child.deadline - now for child in self._children.values() if not child.overdue)])
        )

    def _take(self) -> bool:
        """Start one request; False when the parent has closed its end."""
        message, descriptors, _, _ = socket.recv_fds(self._control, 65_536, 3)
        if not message:
            return False
        source, result, status = descriptors
        request = json.loads(message)
        folder = tempfile.mkdtemp(dir=self._folder)
        server = os.getpid()
        pid = os.fork()
        if pid == 0:
            self._become_child(server, request["name"], source, result, folder)
        with contextlib.suppress(OSError):
            os.setpgid(pid, pid)  # the child does the same: whichever comes first
        self._children[pid] = _Child(time.monotonic() + self._limits.seconds, status, folder)
        os.close(source)
        os.close(result)
        return True

    def _become_child(self, server: int, name: str, source: int, result: int, folder: str) -> NoReturn:
        """Everything the server holds is let go before the file is opened; the process never returns."""
        code = 1
        try:
            os.setpgid(0, 0)
            die_with_parent(server)
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            self._control.close()
            for descriptor in (
                self._woken,
                self._waker,
                *(child.status for child in self._children.values()),
            ):
                os.close(descriptor)
            quiet = os.open(os.devnull, os.O_RDWR)
            for stream in (0, 1, 2):
                os.dup2(quiet, stream)
            os.chdir(folder)
            tempfile.tempdir = folder
            confine(self._limits)
            _serve_one(name, source, result)
            code = 0
        finally:
            os._exit(code)

    def _kill_overdue(self) -> None:
        now = time.monotonic()
        for pid, child in self._children.items():
            if not child.overdue and now >= child.deadline:
                child.overdue = True
                _kill_group(pid)

    def _reap(self) -> None:
        """Collect children that ended; what they started dies with them, before their pid is free again."""
        while True:
            try:
                ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if ended is None:
                return
            _kill_group(ended.si_pid)
            _, status = os.waitpid(ended.si_pid, 0)
            child = self._children.pop(ended.si_pid, None)
            if child is None:
                continue
            report = {"code": os.waitstatus_to_exitcode(status), "overdue": child.overdue}
            with contextlib.suppress(OSError):  # nobody may be listening any more
                os.write(child.status, json.dumps(report).encode())
            os.close(child.status)
            shutil.rmtree(child.folder, ignore_errors=True)


def _serve_one(name: str, source: int, result: int) -> None:
    """Read, parse, answer: in the child, under its limits."""
    from drovi_assets.documents.codec import encode
    from drovi_assets.documents.parse import parse
    from resources.errors import Invalid

    try:
        with os.fdopen(source, "rb") as file:
            content = file.read()
        answer = DOCUMENT + encode(parse(content, name))
    except Invalid as refusal:
        answer = REFUSAL + json.dumps({"message": refusal.message, "remedy": refusal.remedy}).encode()
    except MemoryError:
        content = b""
        answer = (
            REFUSAL
            + json.dumps(
                {
                    "message": "The file needs more memory than a document may use.",
                    "remedy": "Split it into smaller files.",
                }
            ).encode()
        )
    with os.fdopen(result, "wb") as pipe:
        pipe.write(answer)


def _preload() -> None:
    """Import what the parsers use, here, once: a child shares it."""
    for name in _PRELOAD:
        importlib.import_module(name)
    spare_what_is_loaded()  # a child's collections then leave the shared pages alone


def _kill_group(pid: int) -> None:
    for kill in (os.killpg, os.kill):  # the group may not exist yet, or its leader may have left it
        with contextlib.suppress(ProcessLookupError, PermissionError):
            kill(pid, signal.SIGKILL)


def main(arguments: list[str]) -> None:
    """``sandbox_server DESCRIPTOR LIMITS``: the control socket, and the limits as JSON."""
    limits: dict[str, Any] = json.loads(arguments[1])
    leave_network()
    with socket.socket(fileno=int(arguments[0])) as control:
        control.set_inheritable(False)
        Server(control, Limits(**limits)).run()


if __name__ == "__main__":
    sys.path[:] = [entry for entry in sys.path if entry and Path(entry).exists()]
    main(sys.argv[1:])
