"""A source that does everything a provider can do wrong, and still tells the truth in the end.

It repeats pages, delivers versions out of order and late, rejects cursors, answers 429 and 500, and dies between
pages. ``truth`` is what a reader must end up with.
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
UNREADABLE = "unreadable"
"""The value of a thing that exists and that a page can only skip."""


@dataclass(frozen=True, slots=True)
class Event:
    """One entry of the provider's log; ``value`` None is a deletion."""

    provider_id: str
    version: int
    value: str | None
    readers: frozenset[str] | None = None


@dataclass
class HostileSource:
    """The provider's side: a log of events, whose order is the one of their versions unless some are told late."""

    page: int = 10
    repeat: float = 0.0
    """The share of pages that are delivered twice."""
    faults: list[Exception | None] = field(default_factory=list)
    """Raised one by one, before a page is delivered; None lets a page pass, and so does a rejected beginning."""
    after_page: Any = None
    """Called after each page was taken by the reader."""
    lists: bool = False
    """Whether deletions are told by a listing instead of by events."""
    spacing: timedelta = timedelta(hours=1)
    """Between two versions: how many windows there are."""
    seed: int = 0
    log: list[Event] = field(default_factory=list)
    withheld: list[Event] = field(default_factory=list)
    """Happened, and not told yet."""
    pages_read: int = 0
    epoch: int = 0

    def put(
        self, provider_id: str, value: str, *, readers: frozenset[str] | None = None, late: bool = False
    ) -> None:
        """Create or edit."""
        self._happens(provider_id, value, readers, late=late)

    def remove(self, provider_id: str, *, late: bool = False) -> None:
        """Delete."""
        self._happens(provider_id, None, None, late=late)

    def tell_late(self) -> None:
        """What was withheld is told now, after what happened later, the newest first."""
        self.log += reversed(self.withheld)
        self.withheld.clear()

    def expire_cursors(self) -> None:
        """Every cursor given out so far is rejected from here on, save the beginning."""
        self.epoch += 1

    @property
    def newest(self) -> dict[str, Event]:
        """The newest event of everything that exists, as far as it was told."""
        return {one: event for one, event in self._last(self.log).items() if event.value is not None}

    @property
    def truth(self) -> dict[str, str]:
        """What exists, by id; what can only be skipped is there with its last readable value, where it had one."""
        readable = self._last(event for event in self.log if event.value != UNREADABLE)
        return {one: readable[one].value for one in self.newest if one in readable and readable[one].value}

    def spec(self) -> ConnectorSpec:
        """The registry entry that connects to this very source."""
        return ConnectorSpec("hostile", "Hostile", NoConfig, lambda _config, _secrets: Hostile(self))

    def time_of(self, event: Event) -> datetime:
        """When it happened."""
        return BEGINNING + self.spacing * event.version

    def _happens(
        self, provider_id: str, value: str | None, readers: frozenset[str] | None, *, late: bool
    ) -> None:
        version = max((event.version for event in (*self.log, *self.withheld)), default=0) + 1
        (self.withheld if late else self.log).append(Event(provider_id, version, value, readers))

    def _last(self, events: Any) -> dict[str, Event]:
        return {event.provider_id: event for event in sorted(events, key=lambda event: event.version)}


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
        return self._cursor(len(self._source.log))

    def windows(self, stream: Stream) -> Sequence[Window]:
        return windows_of((self._source.time_of(event) for event in self._source.newest.values()), BEGINNING)

    def read(self, stream: Stream, since: Cursor, window: Window | None = None) -> Iterator[Page]:
        source, position = self._source, since.get("position", 0)
        if since and since["epoch"] != source.epoch:
            raise CursorRejected("Too old.")
        if window is None:
            events = source.log[position:]
            ends = [
                min(end, len(source.log))
                for end in range(position + source.page, len(source.log), source.page)
            ]
            yield from self._pages(since, events, [*ends, len(source.log)])
        else:
            # Newest first, and the position is the last version: what is edited meanwhile leaves no gap.
            events = sorted(
                (
                    event
                    for event in source.newest.values()
                    if window.start <= source.time_of(event) < window.end
                    and not 0 < position <= event.version
                ),
                key=lambda event: -event.version,
            )
            ends = [event.version for event in events[source.page - 1 : -1 : source.page]]
            yield from self._pages(since, events, [*ends, events[-1].version if events else position])

    def present(self, stream: Stream) -> Iterator[Sequence[str]] | None:
        if not self._source.lists:
            return None
        return iter([list(self._source.newest)])

    def close(self) -> None:
        """Nothing is held."""

    def _cursor(self, position: int) -> Cursor:
        return {"position": position, "epoch": self._source.epoch}

    def _pages(self, since: Cursor, events: list[Event], positions: list[int]) -> Iterator[Page]:
        """Batches of events, each with the position after it; the last one may be empty."""
        source, chance = self._source, random.Random(self._source.seed)
        for number, position in enumerate(positions):
            batch = events[number * source.page : (number + 1) * source.page]
            for _ in range(2 if chance.random() < source.repeat else 1):
                fault = source.faults.pop(0) if source.faults else None
                if fault and (since or number or not isinstance(fault, CursorRejected)):
                    raise fault
                source.pages_read += 1
                chance.shuffle(batch)
                yield self._page(batch, self._cursor(position), complete=number == len(positions) - 1)
                if source.after_page:
                    source.after_page()

    def _page(self, batch: list[Event], cursor: Cursor, *, complete: bool) -> Page:
        source = self._source
        return Page(
            [
                Change(
                    event.provider_id,
                    event.version,
                    json.dumps({"value": event.value}),
                    occurred_at=source.time_of(event),
                    readers=event.readers,
                )
                for event in batch
                if event.value not in (None, UNREADABLE)
            ],
            cursor,
            complete,
            gone=[
                Gone(one.provider_id, one.version) for one in batch if one.value is None and not source.lists
            ],
            skipped=[Skipped(one.provider_id, "It is damaged.") for one in batch if one.value == UNREADABLE],
        )
