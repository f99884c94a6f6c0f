"""Dead letters in the database, by the columns that the administration was granted: neither payload, key nor message."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Row, func, select, update

from drovi_api.admin.dead_letters.schemas import DeadLetter, DeadLetterStatus, Selection
from drovi_api.pagination import Page, by_id, page_of
from resources.database import sole
from resources.schema import dead_letter

AT_ONCE = 10_000
"""Settled by one request: a transaction of seconds."""

_LETTER = dead_letter.c
_BY_ID = by_id(_LETTER.id)
_SHOWN = select(
    _LETTER.org_id.label("organisation_id"),
    *(_LETTER[name] for name in DeadLetter.model_fields if name in _LETTER),
)


@dataclass(frozen=True, slots=True)
class Settling:
    """What dead letters become, by whom, and why where they are dropped."""

    status: DeadLetterStatus
    by: str
    reason: str | None = None


def page(
    connection: Connection,
    selection: Selection | None,
    status: DeadLetterStatus | None,
    cursor: str | None,
    limit: int,
) -> Page[DeadLetter]:
    """Newest first."""
    query = _SHOWN.where(*_named(selection))
    if status is not None:
        query = query.where(_LETTER.status == status)
    rows = connection.execute(_BY_ID.page(query, cursor, limit)).all()
    return page_of(rows, limit, _shown, lambda row: (row.id,))


def one(connection: Connection, letter_id: UUID) -> DeadLetter:
    """The one with this id. Raises ``NotFound``."""
    return _shown(sole(connection.execute(_SHOWN.where(_LETTER.id == letter_id)).all(), "dead letter"))


def settle_one(connection: Connection, letter_id: UUID, settling: Settling) -> bool:
    """False where it is settled already, or does not exist."""
    return bool(_settle(connection, _LETTER.id == letter_id, settling))


def settle(connection: Connection, selection: Selection, settling: Settling) -> Sequence[UUID | None]:
    """Settle up to ``AT_ONCE`` of those that nobody settled, oldest first; the organisation of each."""
    oldest = (
        select(_LETTER.id)
        .where(*_named(selection), _LETTER.status == "dead")
        .order_by(_LETTER.id)
        .limit(AT_ONCE)
    )
    return _settle(connection, _LETTER.id.in_(oldest), settling)


def _settle(connection: Connection, which: ColumnElement[bool], settling: Settling) -> Sequence[UUID | None]:
    # A replay is carried out by the next tick of the events; that also says when it was.
    over = func.now() if settling.status == "dropped" else None
    settled = (
        update(dead_letter)
        .where(which, _LETTER.status == "dead")
        .values(status=settling.status, settled_by=settling.by, reason=settling.reason, settled_at=over)
    )
    return connection.execute(settled.returning(_LETTER.org_id)).scalars().all()


def _named(selection: Selection | None) -> list[ColumnElement[bool]]:
    if selection is None:
        return []
    equal: dict[ColumnElement[Any], object] = {
        _LETTER.topic: selection.topic,
        _LETTER.partition: selection.partition,
        _LETTER.consumer_group: selection.consumer_group,
        _LETTER.error_code: selection.error_code,
        _LETTER.org_id: selection.organisation_id,
    }
    clauses = [column == wanted for column, wanted in equal.items() if wanted is not None]
    if selection.first_offset is not None:
        clauses.append(_LETTER.offset >= selection.first_offset)
    if selection.last_offset is not None:
        clauses.append(_LETTER.offset <= selection.last_offset)
    return clauses


def _shown(row: Row[Any]) -> DeadLetter:
    return DeadLetter(**row._asdict())
