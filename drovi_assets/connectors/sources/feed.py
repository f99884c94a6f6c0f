"""Incoming webhook: a source without anything to read. Whoever has its address and secret pushes items to it.

An item is a message of a title and a text; its id is the sender's own. The highest ``version`` of an id wins, whatever
order they come in. Without one the moment a message was signed stands for it, to the second, so that a repeated
push is the same version.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, ClassVar
from uuid import UUID

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)

from drovi_assets.connectors.contract import Cursor, Health, Page, Skipped, Stream, Window
from drovi_assets.connectors.intake import Arrival, Message, StandardWebhooks
from resources.errors import Invalid
from resources.events.envelope import ItemsPushed, PushedItem
from resources.records import PUSHED_STREAM
from resources.webhooks import Signed

PUSHED = Stream(PUSHED_STREAM, "message", dated=False)
MOST_ITEMS = 1_000
_Id = Annotated[str, StringConstraints(min_length=1, max_length=1024, pattern=r"^[^\x00]*$")]
_Version = Annotated[int, Field(ge=0, lt=2**63)]
_Text = Annotated[str, StringConstraints(pattern=r"^[^\x00]*$")]


class FeedConfig(BaseModel):
    """There is nothing to configure: the address and the secret are made when it is connected."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class _Item(BaseModel):
    model_config = ConfigDict(extra="forbid")

    id: _Id
    version: _Version | None = None
    occurred_at: AwareDatetime | None = None
    title: Annotated[_Text, StringConstraints(min_length=1, max_length=1000)]
    text: _Text
    author: Annotated[_Text, StringConstraints(max_length=500)] = ""
    url: Annotated[str, StringConstraints(max_length=2000, pattern=r"^(https?://[^\x00-\x20]+)?$")] = ""
    readers: frozenset[Annotated[_Text, StringConstraints(max_length=320)]] | None = Field(
        None, max_length=1000
    )


class _Deleted(BaseModel):
    model_config = ConfigDict(extra="forbid")

    id: _Id
    version: _Version | None = None


class _Pushed(BaseModel):
    """What a message must be at all; each of its items is looked at by itself."""

    model_config = ConfigDict(extra="forbid")

    items: list[Any] = Field(default=[], max_length=MOST_ITEMS)
    deleted: list[Any] = Field(default=[], max_length=MOST_ITEMS)


class FeedIntake(StandardWebhooks):
    """Takes in what is pushed to a feed."""

    stream = PUSHED_STREAM

    def read(self, connection_id: UUID, signed: Signed, message: Message) -> Arrival:
        """As ``Intake.read``; an item that is not as it should be is left out, with its reason."""
        try:
            pushed = _Pushed.model_validate_json(message.body)
        except ValidationError as error:
            raise Invalid(
                f"The message is no push to a feed: {_faults(error)}.",
                remedy="docs/guides/connectors.md says what one looks like.",
            ) from None
        taken: list[PushedItem] = []
        skipped: list[Skipped] = []
        for model, name, given in ((_Item, "items", pushed.items), (_Deleted, "deleted", pushed.deleted)):
            for number, one in enumerate(given):
                try:
                    taken.append(_pushed(model.model_validate_json(json.dumps(one)), signed))
                except ValidationError as error:
                    skipped.append(Skipped(_named(one, f"{signed.id}/{name}/{number}"), _faults(error)))
        event = ItemsPushed(connection_id=connection_id, stream=PUSHED_STREAM, items=tuple(taken))
        return Arrival(event if taken else None, len(taken), skipped)


class Feed:
    """The connector: all that there is comes by itself."""

    name: ClassVar[str] = "feed"

    def check(self) -> Health:
        """There is nobody to reach."""
        return Health("It waits for what is pushed to its address.")

    def streams(self) -> Sequence[Stream]:
        """The one that is pushed to."""
        return (PUSHED,)

    def start(self, stream: Stream) -> Cursor:
        """There is no position."""
        del stream
        return {}

    def windows(self, stream: Stream) -> Sequence[Window]:
        """There is no history to read."""
        del stream
        return ()

    def read(self, stream: Stream, since: Cursor, window: Window | None = None) -> Iterator[Page]:
        """Nothing, at once."""
        del stream, window
        yield Page((), since, complete=True)

    def present(self, stream: Stream) -> None:
        """Deletions are pushed too."""
        del stream

    def close(self) -> None:
        """Nothing is held."""


def _pushed(given: BaseModel, signed: Signed) -> PushedItem:
    """The item as events carry it; the same item comes out as the same text, so that it is known again."""
    assert isinstance(given, _Item | _Deleted)
    version = signed.timestamp * 1_000_000 if given.version is None else given.version
    if isinstance(given, _Deleted):
        return PushedItem(provider_id=given.id, version=version)
    payload = given.model_dump(mode="json", exclude={"version", "readers"})
    return PushedItem(
        provider_id=given.id,
        version=version,
        payload=json.dumps(payload, ensure_ascii=False, sort_keys=True, separators=(",", ":")),
        occurred_at=given.occurred_at,
        readers=given.readers,
    )


def _named(given: Any, otherwise: str) -> str:
    """By its own id where it has one that can be kept."""
    named = given.get("id") if isinstance(given, dict) else None
    return named if isinstance(named, str) and 0 < len(named) <= 1024 and "\0" not in named else otherwise


def _faults(error: ValidationError) -> str:
    """Without what was sent: it may be of a private source, and the reason is read by others."""
    return "; ".join(
        f"{'.'.join(map(str, fault['loc'])) or 'message'}: {fault['msg']}"
        for fault in error.errors(include_input=False, include_url=False, include_context=False)
    )[:500]
