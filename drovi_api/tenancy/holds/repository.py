"""Legal holds and what follows when one is released."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, insert, select, update

from drovi_api.dependencies import ReadSession, WriteSession
from drovi_api.pagination import Page, by_id, page_of
from drovi_api.tenancy.holds.schemas import Hold
from resources.schema import job, legal_hold

REMOVE_HELD = "remove_held"
"""The kind of job that does what a hold had kept from being done."""

_HOLD = legal_hold.c
_ORDER = by_id(_HOLD.id)
_COLUMNS = tuple(_HOLD[name] for name in Hold.model_fields)


def page(session: ReadSession, cursor: str | None, limit: int) -> Page[Hold]:
    """Newest first, released ones too."""
    rows = session.all(_ORDER.page(select(*_COLUMNS), cursor, limit))
    return page_of(rows, limit, _hold, lambda row: (row.id,))


def one(session: ReadSession, hold_id: UUID) -> Hold:
    """A hold of the caller's organisation."""
    return _hold(session.one(select(*_COLUMNS).where(_HOLD.id == hold_id), "hold"))


def place(session: WriteSession, connection_id: UUID | None, reason: str) -> UUID:
    """The id of a new hold."""
    hold_id: UUID = session.run(
        insert(legal_hold)
        .values(
            org_id=session.principal.org_id,
            connection_id=connection_id,
            reason=reason,
            placed_by=session.principal.user_id,
        )
        .returning(_HOLD.id)
    ).scalar_one()
    return hold_id


def release(session: WriteSession, hold_id: UUID) -> bool:
    """Whether it stood; deletions that it kept from being done are asked for with it."""
    released = session.run(
        update(legal_hold)
        .where(_HOLD.id == hold_id, _HOLD.released_at.is_(None))
        .values(released_at=func.now(), released_by=session.principal.user_id)
    )
    if released.rowcount:
        session.run(
            insert(job).values(
                org_id=session.principal.org_id,
                kind=REMOVE_HELD,
                idempotency_key=f"{REMOVE_HELD}:{hold_id}",
                requested_by=session.principal.user_id,
            )
        )
    return released.rowcount == 1


def _hold(row: Row[Any]) -> Hold:
    return Hold.model_validate(row, from_attributes=True)
