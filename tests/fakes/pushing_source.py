"""A provider that pushes for a while, and does with subscriptions all that providers do: forgets, refuses, throttles, renames."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import ClassVar

from drovi_assets.connectors.contract import Cursor, Health, Page, Stream, Subscribed, Window
from drovi_assets.connectors.registry import ConnectorSpec
from drovi_assets.connectors.sources.feed import FeedConfig, FeedIntake
from resources.clock import now
from resources.errors import DroviError, NotFound


@dataclass
class PushingSource:
    """The provider's side: ``standing`` are its subscriptions; ``failures`` are raised one a call, before it does anything."""

    lifetime: timedelta = timedelta(days=3)
    renames: bool = False
    standing: dict[str, tuple[str, str]] = field(default_factory=dict)
    failures: list[DroviError] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def spec(self) -> ConnectorSpec:
        """The registry entry that connects to this very provider."""
        return ConnectorSpec(
            "pushing",
            "Pushing",
            FeedConfig,
            lambda _config, _secrets: Pushing(self),
            intake=FeedIntake(),
            subscribes=True,
        )

    def called(self, call: str) -> None:
        self.calls.append(call)
        if self.failures:
            raise self.failures.pop(0)

    def new(self, target: tuple[str, str]) -> Subscribed:
        name = f"sub-{next(self._numbers)}"
        self.standing[name] = target
        return Subscribed(name, self.end())

    def end(self) -> datetime:
        return now() + self.lifetime


class Pushing:
    """The connector's side."""

    name: ClassVar[str] = "pushing"

    def __init__(self, source: PushingSource) -> None:
        self._source = source

    def check(self) -> Health:
        return Health("It is there.")

    def streams(self) -> Sequence[Stream]:
        return ()

    def start(self, stream: Stream) -> Cursor:
        return {}

    def windows(self, stream: Stream) -> Sequence[Window]:
        return ()

    def read(self, stream: Stream, since: Cursor, window: Window | None = None) -> Iterator[Page]:
        yield Page((), since, complete=True)

    def present(self, stream: Stream) -> None:
        return None

    def close(self) -> None:
        """Nothing is held."""

    def subscribe(self, callback_url: str, secret: str) -> Subscribed:
        self._source.called("subscribe")
        return self._source.new((callback_url, secret))

    def renew(self, provider_id: str) -> Subscribed:
        self._source.called("renew")
        if provider_id not in self._source.standing:
            raise NotFound("There is no such subscription.")
        if self._source.renames:
            return self._source.new(self._source.standing.pop(provider_id))
        return Subscribed(provider_id, self._source.end())

    def unsubscribe(self, provider_id: str) -> None:
        self._source.called("unsubscribe")
        self._source.standing.pop(provider_id, None)
