"""What the database does for a sender that nobody has identified: two functions, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID, uuid4

from sqlalchemy import Connection, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from drovi_assets.connectors.contract import Skipped
from drovi_assets.connectors.intake import Arrival
from resources.clock import now
from resources.events.envelope import Envelope, EventType, ItemsPushed, SourceChanged

_FIND: Final = text("SELECT * FROM webhook_intake_of(:token_hash)")
_ACCEPT: Final = text(
    "SELECT webhook_accept(:token_hash, :message_hash, :payload, :items, :stream, :skipped)"
).bindparams(bindparam("skipped", type_=JSONB))


@dataclass(frozen=True, slots=True)
class Known:
    """Whose an address is, and what its messages are signed with; sealed."""

    org_id: UUID
    connection_id: UUID
    connector: str
    key_id: str
    ciphertext: bytes


def find(session: Connection, token_hash: bytes) -> Known | None:
    """Whose address it is; None where it takes nothing in."""
    row = session.execute(_FIND, {"token_hash": token_hash}).one_or_none()
    return None if row is None else Known(*row)


def accept(
    session: Connection,
    token_hash: bytes,
    message_hash: bytes,
    arrival: Arrival,
    *,
    org_id: UUID,
    stream: str,
) -> bool | None:
    """Keep a message with its event, once; False where it was kept before, None where the address is gone."""
    answer: bool | None = session.execute(
        _ACCEPT,
        {
            "token_hash": token_hash,
            "message_hash": message_hash,
            "payload": None if arrival.event is None else _enveloped(org_id, arrival.event),
            "items": arrival.items,
            "stream": stream,
            "skipped": _listed(arrival.skipped),
        },
    ).scalar_one()
    return answer


def _enveloped(org_id: UUID, body: ItemsPushed | SourceChanged) -> bytes:
    """As ``resources.events.tell`` does; but the outbox is not ours to write, the function puts it there."""
    kind = EventType.ITEMS_PUSHED if isinstance(body, ItemsPushed) else EventType.SOURCE_CHANGED
    envelope = Envelope(
        id=uuid4(), type=kind, version=1, org_id=org_id, occurred_at=now(), body=body.model_dump(mode="json")
    )
    return envelope.model_dump_json().encode()


def _listed(skipped: Sequence[Skipped]) -> list[dict[str, Any]]:
    """By id: the last reason where one was pushed twice in a message."""
    reasons = {one.provider_id: one.reason for one in skipped}
    return [{"provider_id": name, "reason": reason} for name, reason in sorted(reasons.items())]
