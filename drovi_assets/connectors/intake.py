"""How a source that is pushed takes messages in: whose signature holds, and what a message says.

A connector with an intake names it in its ``ConnectorSpec``. The intake is given the raw message and the secrets that it
may be signed with, and knows no tenant, database or HTTP server; ``drovi_api.webhooks`` keeps what comes of it, once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from drovi_assets.connectors.contract import Skipped
from resources.events.envelope import ItemsPushed, SourceChanged
from resources.webhooks import Signed, verified


@dataclass(frozen=True, slots=True)
class Message:
    """A message as it came; ``headers`` are named in lower case, ``body`` is to the byte what was signed."""

    headers: Mapping[str, str]
    body: bytes
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Arrival:
    """What a message says: items, that there is something to read, or nothing; and what of it cannot be landed."""

    event: ItemsPushed | SourceChanged | None
    items: int = 0
    skipped: Sequence[Skipped] = ()


class Intake(Protocol):
    """One provider's way of pushing."""

    stream: str
    """The stream that what it brings belongs to."""

    def verify(self, keys: Sequence[str], message: Message) -> Signed:
        """Who it says it is, once its signature under one of ``keys`` holds over the raw body and its time is now.

        Takes as long for every message that does not; takes no shorter for ``keys`` that are nobody's.

        Raises:
            Unauthenticated: it does not; why is not told.
        """
        ...

    def read(self, connection_id: UUID, signed: Signed, message: Message) -> Arrival:
        """What a message says whose signature holds.

        Raises:
            Invalid: it is nothing that this source takes in, with what is wrong; nothing of it is kept.
        """
        ...


class StandardWebhooks:
    """Signatures by Standard Webhooks: ``webhook-id``, ``webhook-timestamp`` and ``webhook-signature``."""

    def verify(self, keys: Sequence[str], message: Message) -> Signed:
        """As ``Intake.verify``."""
        return verified(keys, message.headers, message.body, message.received_at.timestamp())
