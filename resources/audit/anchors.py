"""Anchors: how far each chain had come, written every hour where the database cannot reach.

Whoever owns the database can cut a chain's tail off and set its head back, or compute all hashes anew; the notes in
the object store still say how many entries there were and what the last one's hash was. Each note carries the digest of
the one before, so that one that is taken away is missed. Where the object store's own rules forbid to replace and
delete ``*/notes/*`` (an object lock, or a key that may only add), they hold against the operator too.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Interval, Row, and_, bindparam, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from resources.database import WorkerDatabase
from resources.errors import Conflict
from resources.hashing import content_digest
from resources.object_store import ObjectStore
from resources.schema import audit_anchor, audit_head
from resources.telemetry import get_logger

SERIES: Final = "audit-anchors"
INTERVAL: Final = timedelta(hours=1)
MOST: Final = 100
"""Notes written a call: a tick waits for them, and the rest is due at the next."""
_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Anchor:
    """Entry ``sequence`` of a chain had this ``hash``; ``previous`` is the digest of the anchor before, or empty."""

    org_id: UUID
    sequence: int
    hash: bytes
    previous: str
    at: datetime

    @property
    def name(self) -> str:
        """In the order of the entries."""
        return f"{self.sequence:020}"

    @property
    def digest(self) -> str:
        """What the next anchor names this one by."""
        return content_digest(self.content())

    def content(self) -> bytes:
        """As it is stored: the same anchor gives the same bytes."""
        fields = {
            "org_id": str(self.org_id),
            "sequence": self.sequence,
            "hash": self.hash.hex(),
            "previous": self.previous,
            "at": self.at.astimezone(UTC).isoformat(),
        }
        return json.dumps(fields, sort_keys=True, indent=1).encode()

    @classmethod
    def parse(cls, content: bytes) -> Anchor:
        """Raises ValueError where the content is not an anchor."""
        try:
            fields = json.loads(content)
            return cls(
                UUID(fields["org_id"]),
                int(fields["sequence"]),
                bytes.fromhex(fields["hash"]),
                str(fields["previous"]),
                datetime.fromisoformat(fields["at"]),
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError("not an anchor") from error


_GREW: Final = (
    select(
        audit_head.c.org_id,
        audit_head.c.sequence,
        audit_head.c.hash,
        func.now().label("now"),
        audit_anchor.c.sequence.label("last_sequence"),
        audit_anchor.c.hash.label("last_hash"),
        audit_anchor.c.previous.label("last_previous"),
        audit_anchor.c.anchored_at.label("last_at"),
    )
    .outerjoin(audit_anchor, audit_anchor.c.org_id == audit_head.c.org_id)
    .where(
        audit_head.c.sequence > func.coalesce(audit_anchor.c.sequence, 0),
        or_(
            audit_anchor.c.org_id.is_(None),
            and_(
                audit_anchor.c.stored,
                audit_anchor.c.anchored_at <= func.now() - bindparam("interval", type_=Interval),
            ),
        ),
    )
    .order_by(audit_anchor.c.anchored_at.nulls_first())
    .limit(MOST)
)


def anchor(database: WorkerDatabase, store: ObjectStore, *, interval: timedelta = INTERVAL) -> int:
    """Anchor every chain that grew and was last anchored that long ago or never; how many notes were written.

    Two queries where nothing is due. An anchor is decided first and stored then, so that a crash in between, or a
    store that does not answer (Transient), leaves the same note to be written at the next call.
    """
    with database.dispatch() as connection:
        if decided := [_following(row) for row in connection.execute(_GREW, {"interval": interval})]:
            connection.execute(_DECIDE, decided)
        waiting = connection.execute(
            select(audit_anchor)
            .where(~audit_anchor.c.stored)
            .order_by(audit_anchor.c.anchored_at)
            .limit(MOST)
        ).all()
    stored: list[UUID] = []
    try:
        for row in waiting:
            _store(store, Anchor(row.org_id, row.sequence, bytes(row.hash), row.previous, row.anchored_at))
            stored.append(row.org_id)
    finally:
        if stored:
            with database.dispatch() as connection:
                connection.execute(
                    update(audit_anchor).where(audit_anchor.c.org_id.in_(stored)).values(stored=True)
                )
    return len(stored)


def _following(row: Row[Any]) -> dict[str, Any]:
    """The anchor of a chain's present head, after the last one."""
    previous = ""
    if row.last_sequence is not None:
        last = Anchor(row.org_id, row.last_sequence, bytes(row.last_hash), row.last_previous, row.last_at)
        previous = last.digest
    return {
        "org_id": row.org_id,
        "sequence": row.sequence,
        "hash": bytes(row.hash),
        "previous": previous,
        "anchored_at": row.now,
        "stored": False,
    }


_VALUES: Final = insert(audit_anchor)
_DECIDE: Final = _VALUES.on_conflict_do_update(
    index_elements=["org_id"],
    set_={name: _VALUES.excluded[name] for name in ("sequence", "hash", "previous", "anchored_at", "stored")},
    where=audit_anchor.c.stored,  # one that another process has decided meanwhile stands
)


def _store(store: ObjectStore, one: Anchor) -> None:
    """A chain that went another way since it was anchored is told of, here and by every verification to come."""
    try:
        store.write_once(str(one.org_id), SERIES, one.name, one.content())
    except Conflict:
        _log.error("audit chain forked: its anchor says otherwise", org_id=one.org_id, sequence=one.sequence)


def stored_anchors(store: ObjectStore, org_id: UUID, names: Sequence[str]) -> Iterator[Anchor | str]:
    """The anchors of those names, read one by one; in place of one that cannot be what it should, what is wrong."""
    previous = ""
    for name in names:
        content = store.read_note(str(org_id), SERIES, name)
        try:
            found = Anchor.parse(content)
        except ValueError:
            yield f"the anchor {name} is damaged"
            continue
        if (found.org_id, found.name) != (org_id, name):
            yield f"the anchor {name} was made for another place"
        if found.previous != previous:
            yield f"the anchor {name} does not follow the one before it: one was taken away or replaced"
        previous = content_digest(content)
        yield found
