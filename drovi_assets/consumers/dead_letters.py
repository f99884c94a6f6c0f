"""Dead letters: found, looked at, sent back to where they came from, or dropped with a reason.

A replay is asked for by a status and carried out by the next tick, so that whoever may only change the status (the
administration) can ask for it as well. What is sent back keeps its history in its headers and begins its attempts anew; it is
handled in the group that it failed in and in no other. One that fails again is a dead letter of its own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Row, func, insert, select, update

from drovi_assets.consumers import headers
from resources import audit
from resources.audit import Action, Actor
from resources.database import enter, sole
from resources.errors import Conflict, Invalid
from resources.events.envelope import opened
from resources.schema import dead_letter, organisation, outbox

DEAD: Final = "dead"
AT_ONCE: Final = 500
_LETTER = dead_letter.c


@dataclass(frozen=True, slots=True)
class Which:
    """Dead letters by what they have in common; what is None does not matter.

    ``first`` and ``last`` are offsets where they were first read, both included, and mean something within one
    topic's partition only. ``since`` and ``until`` are when they died.
    """

    ids: Sequence[UUID] | None = None
    topic: str | None = None
    partition: int | None = None
    first: int | None = None
    last: int | None = None
    group: str | None = None
    error_code: str | None = None
    org_id: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None
    status: str | None = DEAD

    def clauses(self) -> list[ColumnElement[bool]]:
        """As a query's conditions.

        Raises:
            Invalid: offsets of no partition in particular.
        """
        if (self.first is not None or self.last is not None) and (
            self.topic is None or self.partition is None
        ):
            raise Invalid("Offsets are counted by partition.", remedy="Name the topic and the partition too.")
        found: list[ColumnElement[bool]] = []
        if self.ids is not None:
            found.append(_LETTER.id.in_(self.ids))
        for column, equal in (
            (_LETTER.topic, self.topic),
            (_LETTER.partition, self.partition),
            (_LETTER.consumer_group, self.group),
            (_LETTER.error_code, self.error_code),
            (_LETTER.org_id, self.org_id),
            (_LETTER.status, self.status),
        ):
            if equal is not None:
                found.append(column == equal)
        if self.first is not None:
            found.append(_LETTER.offset >= self.first)
        if self.last is not None:
            found.append(_LETTER.offset <= self.last)
        if self.since is not None:
            found.append(_LETTER.died_at >= self.since)
        if self.until is not None:
            found.append(_LETTER.died_at < self.until)
        return found


def find(connection: Connection, which: Which, limit: int = 50) -> Sequence[Row[Any]]:
    """The newest of them, without their content."""
    columns = [column for column in dead_letter.c if column.name != "payload"]
    query = select(*columns).where(*which.clauses()).order_by(_LETTER.died_at.desc(), _LETTER.id.desc())
    return connection.execute(query.limit(limit)).all()


def count(connection: Connection, which: Which) -> int:
    """How many there are."""
    query = select(func.count()).select_from(dead_letter).where(*which.clauses())
    return connection.execute(query).scalar_one()


def show(connection: Connection, letter_id: UUID) -> Row[Any]:
    """One of them, with its content.

    Raises:
        NotFound: there is none of that id.
    """
    rows = connection.execute(select(dead_letter).where(_LETTER.id == letter_id)).all()
    found: Row[Any] = sole(rows, "dead letter")
    return found


def ask_replay(connection: Connection, which: Which, by: str) -> int:
    """Have dead ones sent back with the next tick; ``by`` is who asked. Returns how many: those settled already stay so."""
    asked = (
        update(dead_letter)
        .where(*which.clauses(), _LETTER.status == DEAD)
        .values(status="replaying", settled_by=by, reason=None)
    )
    return connection.execute(asked).rowcount


def carry_out(connection: Connection, limit: int = AT_ONCE) -> int:
    """Send those back that are asked for, oldest first, in the caller's transaction; how many went.

    One of no organisation goes where its content names one that there is, as it may since a version that reads it; else
    it is dead again, and says why.
    """
    query = (
        select(dead_letter)
        .where(_LETTER.status == "replaying")
        .order_by(_LETTER.died_at, _LETTER.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    letters = connection.execute(query).all()
    if not letters:
        return 0
    now = connection.execute(select(func.now())).scalar_one()
    back: list[dict[str, Any]] = []
    sent: list[UUID] = []
    for letter in letters:
        org_id = letter.org_id or _named(connection, letter.payload)
        if org_id is None:
            continue
        told = headers.replayed(letter.headers, str(letter.id), letter.settled_by or "", now)
        sent.append(letter.id)
        back.append(
            {
                "org_id": org_id,
                "topic": letter.topic,
                "key": letter.key,
                "headers": told,
                "payload": letter.payload,
            }
        )
    if back:
        connection.execute(insert(outbox), back)
    _settle(connection, sent, {"status": "replayed", "settled_at": now})
    nobodys = [letter.id for letter in letters if letter.id not in set(sent)]
    why = "It names no organisation that there is."
    _settle(connection, nobodys, {"status": DEAD, "settled_by": None, "reason": why})
    return len(sent)


def drop(connection: Connection, which: Which, reason: str, actor: Actor) -> int:
    """Give dead ones up for good, in the caller's transaction, whose last act this is; how many.

    Told in the audit log of each organisation that lost any, or the platform's for those of none: one entry each.

    Raises:
        Invalid: no reason is given.
        Conflict: which ones is not said: that would be all there are.
    """
    reason = reason.strip()
    if not reason:
        raise Invalid("Dropping dead letters needs a reason.", remedy="Say why they may be lost.")
    if which == Which(status=which.status):
        raise Conflict("That would drop every dead letter.", remedy="Name ids, a topic, an error or a time.")
    dropped = connection.execute(
        update(dead_letter)
        .where(*which.clauses(), _LETTER.status == DEAD)
        .values(
            status="dropped", reason=reason, settled_by=actor.label or actor.kind.value, settled_at=func.now()
        )
        .returning(_LETTER.id, _LETTER.org_id, _LETTER.topic)
    ).all()
    lost: defaultdict[UUID, list[Row[Any]]] = defaultdict(list)
    for row in dropped:
        lost[row.org_id or audit.PLATFORM].append(row)
    for org_id in sorted(lost):
        mine = lost[org_id]
        enter(connection, org_id)
        audit.record(
            connection,
            actor,
            Action.DEAD_LETTER_DROPPED,
            "dead_letter",
            mine[0].id,
            after={"count": len(mine), "topics": sorted({row.topic for row in mine}), "reason": reason},
        )
    return len(dropped)


def _named(connection: Connection, payload: bytes) -> UUID | None:
    """The organisation that an event's content names, where it can be read by now and there is one."""
    try:
        named = opened(payload).org_id
    except Invalid:
        return None
    query = select(organisation.c.id).where(organisation.c.id == named)
    found: UUID | None = connection.execute(query).scalar_one_or_none()
    return found


def _settle(connection: Connection, ids: Sequence[UUID], values: dict[str, Any]) -> None:
    if ids:
        connection.execute(update(dead_letter).where(_LETTER.id.in_(ids)).values(**values))
