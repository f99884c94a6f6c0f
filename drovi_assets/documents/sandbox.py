"""Files read in a process that may crash, hang or be taken over without harm to this one.

``Sandbox`` starts a fork server (``sandbox_server``) as a fresh process, so it is safe in a process with
threads, and hands it one file at a time per free worker. What comes back is decoded as data, never
unpickled. The server does not use the parent-death signal, which follows the *thread* that started it:
it ends when its control socket closes or its parent's pid changes, and takes its children along.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from drovi_assets.documents import codec
from drovi_assets.documents.confine import Limits
from drovi_assets.documents.model import ParsedDocument
from resources.errors import DroviError, Invalid, InvariantBroken

Key = TypeVar("Key")

_GRACE = 20.0
"""Seconds past the limit before the server itself counts as stuck: under load it may still be starting."""

_ENVIRONMENT = {
    "PATH": os.defpath,
    "LANG": "C.UTF-8",
    # a forked process keeps no threads, so libraries must not have started any before the fork
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}


class _ServerGone(Exception):
    """The server ended, or answers no more."""


class Sandbox:
    """Parses files in limited child processes, at most ``workers`` at a time (default: one per CPU).

    Thread-safe. The server starts with the first file and is replaced if it dies. Leaving the ``with``
    block ends it and every child.
    """

    def __init__(self, *, workers: int | None = None, limits: Limits | None = None) -> None:
        self.workers = workers or os.cpu_count() or 1
        self.limits = limits or Limits()
        self._slots = threading.BoundedSemaphore(self.workers)
        self._lock = threading.Lock()
        self._server: _Server | None = None
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the server and its children; idempotent."""
        with self._lock:
            self._closed = True
            server, self._server = self._server, None
        if server is not None:
            server.end()

    def parse(self, source: bytes | Path, name: str = "") -> ParsedDocument:
        """Parse one file; ``name`` defaults to the path's own.

        Raises:
            Invalid: the parser refused the file, or was killed over it (time, memory, crash).
            InvariantBroken: the sandbox is closed, or its server cannot be started.
        """
        shown = name or (source.name if isinstance(source, Path) else "")
        with self._slots:
            for _ in range(2):
                server = self._started()
                with _opened(source) as descriptor:
                    try:
                        return server.ask(descriptor, shown)
                    except _ServerGone:
                        self._discard(server)
        raise Invalid(
            "The parser's server died twice over this file.",
            remedy="Check the file; it may be hostile or damaged.",
        )

    def parse_many(
        self, files: Iterable[tuple[Key, bytes | Path, str]]
    ) -> Iterator[tuple[Key, ParsedDocument | DroviError]]:
        """Parse files side by side and yield each as it is done, a refusal as a value.

        ``files`` is read lazily: at most twice as many as there are workers are held at any time.
        """
        waiting: dict[Future[ParsedDocument], Key] = {}
        source = iter(files)
        pool = ThreadPoolExecutor(self.workers, thread_name_prefix="drovi-parse")
        try:
            while True:
                while len(waiting) < 2 * self.workers and (item := next(source, None)) is not None:
                    key, content, name = item
                    waiting[pool.submit(self.parse, content, name)] = key
                if not waiting:
                    return
                for future in wait(waiting, return_when=FIRST_COMPLETED).done:
                    yield waiting.pop(future), _outcome(future)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _started(self) -> _Server:
        with self._lock:
            if self._closed:
                raise InvariantBroken("The sandbox is closed.")
            if self._server is None:
                self._server = _Server(self.limits)
            return self._server

    def _discard(self, server: _Server) -> None:
        with self._lock:
            if self._server is server:
                self._server = None
        server.end()


def _outcome(future: Future[ParsedDocument]) -> ParsedDocument | DroviError:
    try:
        return future.result()
    except DroviError as error:
        return error


@contextlib.contextmanager
def _opened(source: bytes | Path) -> Iterator[int]:
    """A descriptor to read the file from."""
    if isinstance(source, Path):
        try:
            descriptor = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise Invalid(f"The file cannot be opened: {reason}.", remedy="Check its permissions.") from None
    else:
        descriptor = os.memfd_create("document", os.MFD_CLOEXEC)
    try:
        if isinstance(source, bytes):
            _write_all(descriptor, source)
            os.lseek(descriptor, 0, os.SEEK_SET)
        yield descriptor
    finally:
        os.close(descriptor)


def _write_all(descriptor: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]


class _Server:
    """One running fork server, and the questions put to it."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._ended = threading.Lock()
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 -- our own module, by this interpreter
                [
                    sys.executable,
                    "-m",
                    "drovi_assets.documents.sandbox_server",
                    str(theirs.fileno()),
                    json.dumps(asdict(limits)),
                ],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env={**_ENVIRONMENT, "PYTHONPATH": os.pathsep.join(entry or "." for entry in sys.path)},
                start_new_session=True,  # a terminal's Ctrl-C is the parent's to handle
            )

    def ask(self, descriptor: int, name: str) -> ParsedDocument:
        """Have the file behind ``descriptor`` parsed by a child of its own."""
        result, their_result = os.pipe2(os.O_CLOEXEC)
        status, their_status = os.pipe2(os.O_CLOEXEC)
        request = json.dumps({"name": name[-1024:]}).encode()
        with contextlib.ExitStack() as held:
            held.callback(os.close, result)
            held.callback(os.close, status)
            try:
                socket.send_fds(self._control, [request], [descriptor, their_result, their_status])
            except OSError:
                raise _ServerGone from None
            finally:
                os.close(their_result)
                os.close(their_status)
            return self._answer(result, status)

    def _answer(self, result: int, status: int) -> ParsedDocument:
        deadline = time.monotonic() + self._limits.seconds + _GRACE
        data = _read(result, deadline, self._limits.output)
        if data[:1] == b"D":
            with contextlib.suppress(ValueError):
                return codec.decode(data[1:])
        elif data[:1] == b"R":
            with contextlib.suppress(ValueError, KeyError, TypeError):
                told = json.loads(data[1:])
                raise Invalid(str(told["message"]), remedy=str(told["remedy"]))
        ended = _read(status, deadline, 4096)
        if not ended:
            raise _ServerGone
        raise self._casualty(json.loads(ended))

    def _casualty(self, ended: dict[str, object]) -> Invalid:
        """Why there is no result, in words for the file's owner."""
        code = ended["code"]
        remedy = "Check the file; if it opens elsewhere, export it again or split it."
        if ended["overdue"] or code == -signal.SIGXCPU:
            return Invalid(
                f"Reading the file took more than {self._limits.seconds:g} seconds and was stopped.",
                remedy=remedy,
            )
        if isinstance(code, int) and code < 0:
            return Invalid(f"The parser crashed on the file ({signal.Signals(-code).name}).", remedy=remedy)
        return Invalid("The parser failed on the file.", remedy=remedy)

    def end(self) -> None:
        """Close the control socket, which ends the server; reap it, by force if it lingers."""
        with self._ended:
            self._control.close()
            try:
                self._process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()


def _read(descriptor: int, deadline: float, most: int) -> bytes:
    """Everything up to the end of the pipe.

    Raises:
        Invalid: more than ``most`` bytes.
        _ServerGone: nobody ends the pipe in time.
    """
    poll = select.poll()
    poll.register(descriptor, select.POLLIN | select.POLLHUP)
    parts: list[bytes] = []
    size = 0
    while True:
        left = deadline - time.monotonic()
        if left <= 0 or not poll.poll(left * 1000):
            raise _ServerGone
        part = os.read(descriptor, 1 << 20)
        if not part:
            return b"".join(parts)
        parts.append(part)
        size += len(part)
        if size > most:
            raise Invalid("The file's text is too large to keep.", remedy="Split it into smaller files.")
