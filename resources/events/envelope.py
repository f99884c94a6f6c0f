"""What an event says, as every topic carries it: one envelope, versioned by its type.

A type's payload only ever gains optional fields; what else changes is a new version beside the old one, and consumers take
both until the last old event is gone. The JSON Schema in ``docs/reference`` is generated from here.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy import Connection, insert

from resources.errors import Invalid
from resources.events.log import LARGEST_EVENT
from resources.schema import outbox


class Topic(StrEnum):
    """The topics; each has a ``.retry`` and a ``.dlq`` beside it."""

    RAW = "raw.connector.events"
    RECORDS = "normalized.records"
    INTELLIGENCE = "intelligence.pipeline.input"
    GRAPH = "graph.changes"

    @property
    def retry(self) -> str:
        """Where events go that are to be tried again."""
        return f"{self}.retry"

    @property
    def dead(self) -> str:
        """Where events go that were given up."""
        return f"{self}.dlq"

    @property
    def names(self) -> tuple[str, str, str]:
        """The topic and the two beside it."""
        return str(self), self.retry, self.dead


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class AboutConnection(_Body):
    """What every event about one connection says."""

    connection_id: UUID


class PushedItem(_Body):
    """An item as its provider pushed it; the fields are those of a connector's ``Change``, or of ``Gone``."""

    provider_id: str = Field(min_length=1, max_length=1024)
    version: int = Field(ge=0, lt=2**63)
    payload: str | None = Field(
        default=None, description="The provider's own account of it; none: it is deleted."
    )
    occurred_at: datetime | None = None
    readers: frozenset[str] | None = None


class ItemsPushed(AboutConnection):
    """A source pushed items: they are to be landed."""

    stream: str
    items: tuple[PushedItem, ...]


class SourceChanged(AboutConnection):
    """A source said that something changed and not what: it is to be read now."""


class ItemsLanded(AboutConnection):
    """Items are stored and wait to be derived."""

    item_ids: tuple[UUID, ...]


class RecordsWritten(AboutConnection):
    """Items became records."""

    record_ids: tuple[UUID, ...]


class ObjectsChanged(_Body):
    """What is known from a document changed."""

    document_id: UUID
    added: int = Field(ge=0)
    superseded: int = Field(ge=0)
    stale: int = Field(0, ge=0, description="How many grew too old to be rested on.")


class EventType(StrEnum):
    """What can happen."""

    ITEMS_PUSHED = "items.pushed"
    SOURCE_CHANGED = "source.changed"
    ITEMS_LANDED = "items.landed"
    RECORDS_WRITTEN = "records.written"
    OBJECTS_CHANGED = "objects.changed"


BODIES: Mapping[tuple[EventType, int], tuple[Topic, type[_Body]]] = {
    (EventType.ITEMS_PUSHED, 1): (Topic.RAW, ItemsPushed),
    (EventType.SOURCE_CHANGED, 1): (Topic.RAW, SourceChanged),
    (EventType.ITEMS_LANDED, 1): (Topic.INTELLIGENCE, ItemsLanded),
    (EventType.RECORDS_WRITTEN, 1): (Topic.RECORDS, RecordsWritten),
    (EventType.OBJECTS_CHANGED, 1): (Topic.GRAPH, ObjectsChanged),
}
"""The topic and the body of every type and version that is understood."""


class Envelope(BaseModel):
    """An event as it travels: what happened, when, to whose data; ``body`` is the type's own."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: UUID = Field(description="Its own, the same however often it travels.")
    type: EventType
    version: int = Field(ge=1, description="Of the type's body.")
    org_id: UUID = Field(description="Whose data it is about.")
    occurred_at: datetime = Field(description="When it happened, by the clock of whoever said so; UTC.")
    body: dict[str, Any] = Field(description="As its type and version say.")


def body_of(envelope: Envelope) -> _Body:
    """The envelope's body as its model.

    Raises:
        Invalid: nobody understands that type and version, or the body is not what they say.
    """
    known = BODIES.get((envelope.type, envelope.version))
    if known is None:
        raise Invalid(
            f"Nobody understands version {envelope.version} of {envelope.type}.",
            remedy="Deploy the version that does, and replay it.",
        )
    try:
        return known[1].model_validate(envelope.body)
    except ValidationError as error:
        raise _invalid(error) from None


def opened(payload: bytes) -> Envelope:
    """The envelope in an event's payload.

    Raises:
        Invalid: it holds none.
    """
    try:
        return Envelope.model_validate_json(payload)
    except ValidationError as error:
        raise _invalid(error) from None


def tell(
    connection: Connection,
    org_id: UUID,
    body: _Body,
    *,
    key: str,
    occurred_at: datetime | None = None,
    headers: Mapping[str, str] | None = None,
) -> UUID:
    """Put an event into the outbox, in the transaction of what it tells of; returns its id.

    ``key`` is what its order matters for: events of one key arrive in the order of their commits.

    Raises:
        Invalid: it is larger than a log takes.
    """
    event_type, version, topic = _KINDS[type(body)]
    envelope = Envelope(
        id=uuid4(),
        type=event_type,
        version=version,
        org_id=org_id,
        occurred_at=occurred_at or datetime.now(UTC),
        body=body.model_dump(mode="json"),
    )
    payload = envelope.model_dump_json().encode()
    if len(payload) > LARGEST_EVENT:
        raise Invalid(
            f"An event of {len(payload)} bytes is too large.", remedy=f"Send at most {LARGEST_EVENT} in one."
        )
    connection.execute(
        insert(outbox).values(
            org_id=org_id, topic=topic, key=key, headers=dict(headers or {}), payload=payload
        )
    )
    return envelope.id


_KINDS = {body: (event_type, version, topic) for (event_type, version), (topic, body) in BODIES.items()}


def _invalid(error: ValidationError) -> Invalid:
    faults = "; ".join(
        f"{'.'.join(map(str, fault['loc'])) or 'event'}: {fault['msg']}"
        for fault in error.errors(include_input=False, include_url=False)
    )
    return Invalid(f"The event is not what its type says: {faults}.", remedy="Mend what publishes it.")
