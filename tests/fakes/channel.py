"""A source whose provider says who may read each item, as a chat's private channels do."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import ClassVar

from pydantic import BaseModel

from drovi_assets.connectors.contract import Change, Cursor, Health, Page, Stream, Window
from drovi_assets.connectors.registry import ConnectorSpec

MESSAGES = Stream("messages", "row")
_WRITTEN = datetime(2026, 3, 1, tzinfo=UTC)


class NoConfig(BaseModel):
    """Nothing to configure."""


@dataclass
class ChannelSource:
    """The provider's side: every post and every change of readers is a change to read."""

    log: list[Change] = field(default_factory=list)

    def post(self, message: str, words: str, readers: set[str] | None) -> None:
        """Write a message, edit it, or say anew who reads it."""
        payload = json.dumps({"text": words})
        self.log.append(
            Change(
                message,
                len(self.log) + 1,
                payload,
                _WRITTEN,
                readers=None if readers is None else frozenset(readers),
            )
        )

    def spec(self) -> ConnectorSpec:
        """The registry entry that connects to this very source."""
        return ConnectorSpec("channel", "Channel", NoConfig, lambda _config, _secrets: Channel(self))


class Channel:
    """The connector's side."""

    name: ClassVar[str] = "channel"

    def __init__(self, source: ChannelSource) -> None:
        self._source = source

    def check(self) -> Health:
        return Health("It is there.")

    def streams(self) -> Sequence[Stream]:
        return (MESSAGES,)

    def start(self, stream: Stream) -> Cursor:
        return {"position": 0}

    def windows(self, stream: Stream) -> Sequence[Window]:
        return ()

    def read(self, stream: Stream, since: Cursor, window: Window | None = None) -> Iterator[Page]:
        log = self._source.log
        yield Page(log[since.get("position", 0) :], {"position": len(log)}, complete=True)

    def present(self, stream: Stream) -> None:
        return None

    def close(self) -> None:
        """Nothing is held."""
