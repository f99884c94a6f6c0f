"""The sandbox: hostile files cost themselves, never their neighbours, and nothing outlives its owner."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from drovi_assets.documents.confine import Limits, leave_network
from drovi_assets.documents.model import ParsedDocument
from drovi_assets.documents.parse import parse
from drovi_assets.documents.sandbox import Sandbox
from resources.errors import DroviError, Invalid, InvariantBroken

LARGE = b"Some words, and then some more.\n\n" * 100_000
"""Takes long enough to parse for a test to catch the child at it."""


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(workers=2) as opened:
        yield opened


def _children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task")
    return (
        [int(child) for task in tasks.iterdir() for child in (task / "children").read_text().split()]
        if tasks.exists()
        else []
    )


def _server_of(sandbox: Sandbox) -> int:
    assert sandbox._server is not None
    return sandbox._server._process.pid


def _eventually(holds: Callable[[], object], seconds: float = 15) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come about in time"
        time.sleep(0.02)


@contextmanager
def _frozen_parse(sandbox: Sandbox) -> Iterator[tuple[int, list[object]]]:
    """A child stopped in mid-parse, and where its outcome will be once the block is left."""
    outcome: list[object] = []

    def run() -> None:
        try:
            outcome.append(sandbox.parse(LARGE, "large.txt"))
        except DroviError as error:
            outcome.append(error)

    sandbox.parse(b"warm", "a.txt")
    _eventually(lambda: not _children(_server_of(sandbox)))
    thread = threading.Thread(target=run)
    thread.start()
    _eventually(lambda: _children(_server_of(sandbox)))
    (child,) = _children(_server_of(sandbox))
    os.kill(child, signal.SIGSTOP)
    yield child, outcome
    thread.join()


def test_it_gives_what_the_parser_gives(sandbox: Sandbox, tmp_path: Path) -> None:
    """From bytes or a path, the same document as in process."""
    content = "# Bail\n\nLe loyer est dû.\n".encode()
    path = tmp_path / "bail.md"
    path.write_bytes(content)
    assert sandbox.parse(content, "bail.md") == sandbox.parse(path) == parse(content, "bail.md")


def test_a_refusal_keeps_its_words(sandbox: Sandbox) -> None:
    """Message and remedy come through."""
    with pytest.raises(Invalid) as refusal:
        sandbox.parse(b"", "a.pdf")
    assert refusal.value.message == "The file is empty."
    assert refusal.value.remedy


def test_a_file_that_cannot_be_opened_is_refused(sandbox: Sandbox, tmp_path: Path) -> None:
    """A missing path, and a folder: values of that file, not failures of the run."""
    for path in (tmp_path / "missing.txt", tmp_path):
        with pytest.raises(Invalid):
            sandbox.parse(path)


def test_a_slow_file_is_stopped_by_the_wall_timer_and_the_next_parses() -> None:
    """The reason names the limit."""
    with Sandbox(workers=1, limits=Limits(seconds=1.5)) as short:
        with _frozen_parse(short) as (_, outcome):
            pass
        assert isinstance(outcome[0], Invalid)
        assert "more than 1.5 seconds" in outcome[0].message
        assert short.parse(b"hello", "a.txt").text == "hello"
        _eventually(lambda: not _children(_server_of(short)))


def test_memory_is_bounded() -> None:
    """A file that needs more is refused; the server, with its own memory, lives on."""
    with Sandbox(workers=1, limits=Limits(memory=160 << 20)) as small:
        with pytest.raises(Invalid):
            small.parse(LARGE * 20, "big.txt")
        server = _server_of(small)
        assert small.parse(b"hello", "a.txt").text == "hello"
        assert _server_of(small) == server


def test_a_crash_is_the_files_alone(sandbox: Sandbox) -> None:
    """Killed in mid-parse, the child takes nobody along: its neighbour and the next file parse."""
    with _frozen_parse(sandbox) as (child, outcome):
        assert sandbox.parse(b"neighbour", "a.txt").text == "neighbour"
        os.kill(child, signal.SIGKILL)
    assert isinstance(outcome[0], Invalid)
    assert "SIGKILL" in outcome[0].message


def test_a_dead_server_is_replaced(sandbox: Sandbox) -> None:
    """The next file does not notice."""
    sandbox.parse(b"warm", "a.txt")
    os.kill(_server_of(sandbox), signal.SIGKILL)
    assert sandbox.parse(b"hello", "a.txt").text == "hello"


def test_many_files_are_parsed_side_by_side_and_read_lazily(sandbox: Sandbox) -> None:
    """Every key comes back once, refusals as values, and the source is never far ahead."""
    taken = 0

    def source() -> Iterator[tuple[int, bytes, str]]:
        nonlocal taken
        for number in range(30):
            taken += 1
            yield number, b"" if number % 10 == 3 else f"text {number}".encode(), "a.txt"

    seen: dict[int, ParsedDocument | DroviError] = {}
    for key, outcome in sandbox.parse_many(source()):
        seen[key] = outcome
        assert taken - len(seen) <= 2 * sandbox.workers
    assert sorted(seen) == list(range(30))
    assert [key for key, outcome in seen.items() if isinstance(outcome, Invalid)] != []
    assert all(isinstance(outcome, Invalid) == (key % 10 == 3) for key, outcome in seen.items())


def test_closing_ends_every_process() -> None:
    """Also while a file is being read; nothing is left to reap, and a closed sandbox says so."""
    sandbox = Sandbox(workers=1)
    with _frozen_parse(sandbox) as (child, outcome):
        server = _server_of(sandbox)
        sandbox.close()
    assert isinstance(outcome[0], DroviError)
    assert not Path(f"/proc/{server}").exists()
    _eventually(lambda: not Path(f"/proc/{child}").exists())
    with pytest.raises(InvariantBroken, match="closed"):
        sandbox.parse(b"hello", "a.txt")


def test_it_dies_with_its_owner() -> None:
    """Killed without a chance to clean up, the owner leaves no server behind."""
    script = (
        "import os, sys\n"
        "from drovi_assets.documents.sandbox import Sandbox\n"
        "sandbox = Sandbox()\n"
        "sandbox.parse(b'x', 'a.txt')\n"
        "print(sandbox._server._process.pid, flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    server = int(done.stdout)
    _eventually(lambda: not Path(f"/proc/{server}").exists())


def test_the_child_has_no_network(sandbox: Sandbox) -> None:
    """The server, and so each child, is in a network namespace of its own."""
    probe = os.fork()
    if probe == 0:
        os._exit(0 if leave_network() else 1)
    if os.waitstatus_to_exitcode(os.waitpid(probe, 0)[1]):
        pytest.skip("the kernel does not let this user make a network namespace")
    sandbox.parse(b"warm", "a.txt")
    assert Path(f"/proc/{_server_of(sandbox)}/ns/net").readlink() != Path("/proc/self/ns/net").readlink()


def test_mutated_files_are_parsed_or_refused(sandbox: Sandbox) -> None:
    """Bytes flipped, dropped and doubled at random (same seed each time): a document or a reason, every time."""
    from reportlab.pdfgen.canvas import Canvas

    canvas = Canvas("unused.pdf", invariant=1)
    canvas.drawString(72, 700, "We will file the accounts.")
    seeds = {
        "a.pdf": canvas.getpdfdata(),
        "a.eml": b'Message-ID: <1@x>\nFrom: a@x\nContent-Type: multipart/mixed; boundary="b"\n\n--b\n\nHi.\n--b--\n',
        "a.html": b"<html><body><h1>T</h1><table><tr><td>1</td><td>2</td></tr></table></body></html>",
        "a.md": b"# T\n\n- a\n- b\n\n|x|y|\n|-|-|\n|1|2|\n",
    }
    dice = random.Random(7)

    def mutated() -> Iterator[tuple[str, bytes, str]]:
        for name, content in seeds.items():
            for number in range(12):
                data = bytearray(content)
                for _ in range(dice.randint(1, 12)):
                    at = dice.randrange(len(data))
                    data[at : at + dice.randint(0, 3)] = dice.randbytes(dice.randint(0, 3))
                yield f"{name}/{number}", bytes(data), name

    for key, outcome in sandbox.parse_many(mutated()):
        assert isinstance(outcome, ParsedDocument | Invalid), key
        assert isinstance(outcome, ParsedDocument) or outcome.remedy
