"""Sources whose pages are noted before they are committed, and one that saves its position before its rows."""

from __future__ import annotations

import json
import os
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from drovi_assets.connectors.contract import Connector, Cursor, Health, Page, Stream, Window
from drovi_assets.connectors.registry import ConnectorSpec

PAGE_SECONDS = 0.05
"""What a page of a provider near by takes."""
CARELESS_SECONDS = 60.0
"""For how long the first process waits between a careless position and its rows: it is killed there."""


def noted(spec: ConnectorSpec, book: Path) -> ConnectorSpec:
    """The same source, each of its pages noted in ``book`` when it is handed out."""

    def make(config: Any, secrets: Mapping[str, str]) -> Connector:
        return _Noted(spec.make(config, secrets), str(getattr(config, "path", None) or config.database), book)

    return replace(spec, make=make)


def careless(spec: ConnectorSpec, book: Path) -> ConnectorSpec:
    """The deliberately wrong variant: a page's position is committed first, and its rows afterwards."""

    def make(config: Any, secrets: Mapping[str, str]) -> Connector:
        return _Careless(spec.make(config, secrets), between(book))

    return replace(spec, name="careless", make=make)


def between(book: Path) -> Path:
    """Where the first careless process notes its pid, while a position stands without its rows."""
    return book.with_suffix(".between")


class _Passed:
    """Passes everything on to another connector."""

    def __init__(self, inner: Connector) -> None:
        self._inner = inner
        self.name = inner.name

    def check(self) -> Health:
        return self._inner.check()

    def streams(self) -> Sequence[Stream]:
        return self._inner.streams()

    def start(self, stream: Stream) -> Cursor:
        return self._inner.start(stream)

    def windows(self, stream: Stream) -> Sequence[Window]:
        return self._inner.windows(stream)

    def present(self, stream: Stream) -> Iterator[Sequence[str]] | None:
        return self._inner.present(stream)

    def close(self) -> None:
        self._inner.close()


class _Noted(_Passed):
    def __init__(self, inner: Connector, source: str, book: Path) -> None:
        super().__init__(inner)
        self._source, self._book = source, book

    def read(self, stream: Stream, since: Cursor, window: Window | None = None) -> Iterator[Page]:
        scope = f"{stream.name}/{window.name if window else 'live'}"
        position = since
        with closing(self._inner.read(stream, since, window)) as pages:  # type: ignore[type-var] - a generator
            for page in pages:
                time.sleep(PAGE_SECONDS)
                note = {"source": self._source, "scope": scope, "at": time.time()}
                _append(self._book, note | {"position": _place(position), "changes": len(page.changes)})
                yield page
                position = page.cursor


class _Careless(_Passed):
    def __init__(self, inner: Connector, between: Path) -> None:
        super().__init__(inner)
        self._between = between

    def read(self, stream: Stream, since: Cursor, window: Window | None = None) -> Iterator[Page]:
        with closing(self._inner.read(stream, since, window)) as pages:  # type: ignore[type-var] - a generator
            for page in pages:
                if page.changes:
                    yield replace(page, changes=(), gone=(), skipped=())
                    if not self._between.exists():  # once: whoever goes on after the kill is left alone
                        self._between.write_text(str(os.getpid()), encoding="utf-8")
                        time.sleep(CARELESS_SECONDS)
                yield page


def _place(cursor: Cursor) -> Any:
    return {key: value for key, value in cursor.items() if key not in {"types", "root"}}


def _append(book: Path, note: Mapping[str, Any]) -> None:
    descriptor = os.open(book, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(descriptor, json.dumps(note).encode() + b"\n")  # one write: whole lines, whoever else writes
    finally:
        os.close(descriptor)


@dataclass(frozen=True, slots=True)
class Reread:
    """A page that was handed out twice, and the kill between."""

    source: str
    place: str
    kill: int | None


def read_again(book: Path, kills: Sequence[float]) -> list[Reread]:
    """Pages handed out again, each with the last kill (an index; None where there was none) before that.

    By the position that they were read from: of windows, and of folders' changes. What changed lately in a table is
    read again by design (``overlap_seconds``).
    """
    seen: dict[tuple[str, str], float] = {}
    again: dict[Reread, None] = {}
    for line in book.read_text("utf-8").splitlines():
        note = json.loads(line)
        live = note["scope"].endswith("/live")
        if not note["changes"] or (live and not note["scope"].startswith("files/")):
            continue
        place = f"{note['scope']} {json.dumps(note['position'])}"
        before = seen.get((note["source"], place))
        if before is not None:
            between = [number for number, at in enumerate(kills) if before <= at <= note["at"]]
            again[Reread(note["source"], place, between[-1] if between else None)] = None
        seen[note["source"], place] = note["at"]
    return list(again)


def most_read_again(again: Sequence[Reread]) -> int:
    """Pages of one source that one kill had read again, at most."""
    by_kill: dict[tuple[int | None, str], int] = defaultdict(int)
    for one in again:
        by_kill[one.kill, one.source] += 1
    return max(by_kill.values(), default=0)
