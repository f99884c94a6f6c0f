"""A source that does everything a provider can do wrong, and still tells the truth in the end.

It repeats pages, delivers versions out of order, rejects cursors, answers 429 and 500, and dies between pages.
``truth`` is what a reader must end up with.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from pydantic import BaseModel

from drovi_assets.connectors.contract import Change, Cursor, Gone, Health, Page, Skipped, Stream, Window
from drovi_assets.connectors.registry import ConnectorSpec
from drovi_assets.connectors.windows import windows_of
from resources.errors import CursorRejected

THINGS = Stream("things", "row")
BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class HostileSource:
    """The provider's side: a log of events ``(provider id, version, value or None for a deletion)``."""

    page: int = 10
    repeat: float = 0.0
    """The share of pages that are delivered twice."""
    faults: list[Exception] = field(default_factory=list)
    """Raised one by one, before a page is delivered."""
    after_page: Any = None
    """Called after each page was taken by the reader."""
    rejects_before: int = 0
    """Cursors below this are no longer accepted, save the beginning."""
    lists: bool = False
    """Whether deletions are told by a listing instead of by events."""
    seed: int = 0
    log: list[tuple[str, int, str | None]] = field(default_factory=list)
    pages_read: int = 0

    def put(self, provider_id: str, value: str) -> None:
        """Create or edit."""
        self.log.append((provider_id, len(self.log) + 1, value))

    def remove(self, provider_id: str) -> None:
        """Delete."""
        self.log.append((provider_id, len(self.log) + 1, None))

    @property
    def truth(self) -> dict[str, str]:
        """What exists, by id."""
        state: dict[str, str] = {}
        for provider_id, _, value in self.log:
            if value is None:
                state.pop(provider_id, None)
            else:
                state[provider_id] = value
        return state

    def spec(self) -> ConnectorSpec:
        """The registry entry that connects to this very source."""
        return ConnectorSpec("hostile", "Hostile", NoConfig, lambda _config, _secrets: Hostile(self))


class NoConfig(BaseModel):
    """Nothing to configure."""


class Hostile:
    """The connector's side."""

    name: ClassVar[str] = "hostile"

    def __init__(self, source: HostileSource) -> None:
        self._source = source

    def check(self) -> Health:
        return Health("It is there.")

    def streams(self) -> Sequence[Stream]:
        return (THINGS,)

    def start(self, stream: Stream) -> Cursor:
        return {"position": len(self._source.log)}

    def windows(self, stream: Stream) -> Sequence[Window]:
        return windows_of((_time(version) for _, version, value in self._state()), BEGINNING)

    def read(self, stream: Stream, since: Cursor, window: Window | None = None) -> Iterator[Page]:
        position = since.get("position", 0)
        if 0 < position < self._source.rejects_before:
            raise CursorRejected("Too old.")
        if window is None:
            events = self._source.log[position:]
        else:
            events = [event for event in self._state() if window.start <= _time(event[1]) < window.end][
                position:
            ]
        yield from self._pages(events, position)

    def present(self, stream: Stream) -> Iterator[Sequence[str]] | None:
        if not self._source.lists:
            return None
        return iter([list(self._source.truth)])

    def close(self) -> None:
        """Nothing is held."""

    def _state(self) -> list[tuple[str, int, str | None]]:
        newest = {event[0]: event for event in self._source.log}
        return sorted((event for event in newest.values() if event[2] is not None), key=lambda e: -e[1])

    def _pages(self, events: list[tuple[str, int, str | None]], position: int) -> Iterator[Page]:
        source, chance = self._source, random.Random(self._source.seed)
        while True:
            batch, events = events[: source.page], events[source.page :]
            position += len(batch)
            for _ in range(2 if chance.random() < source.repeat else 1):
                if source.faults:
                    raise source.faults.pop(0)
                source.pages_read += 1
                chance.shuffle(batch)
                yield _page(batch, {"position": position}, complete=not events, lists=source.lists)
                if source.after_page:
                    source.after_page()
            if not events:
                return


def _page(batch: list[tuple[str, int, str | None]], cursor: Cursor, *, complete: bool, lists: bool) -> Page:
    return Page(
        [
            Change(provider_id, version, json.dumps({"value": value}), occurred_at=_time(version))
            for provider_id, version, value in batch
            if value is not None and value != "unreadable"
        ],
        cursor,
        complete,
        gone=[Gone(one, version) for one, version, value in batch if value is None and not lists],
        skipped=[Skipped(one, "It is damaged.") for one, _, value in batch if value == "unreadable"],
    )


def _time(version: int) -> datetime:
    return BEGINNING + timedelta(hours=version)
