"""Schedules in the database."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, func, select, update

from drovi_api.admin.schedules.schemas import Schedule
from drovi_api.pagination import Page, by_id, page_of
from resources.database import sole
from resources.schema import schedule

_BY_ID = by_id(schedule.c.id)
_SHOWN = select(
    schedule.c.org_id.label("organisation_id"),
    *(schedule.c[name] for name in Schedule.model_fields if name in schedule.c),
)


def page(connection: Connection, kind: str | None, cursor: str | None, limit: int) -> Page[Schedule]:
    """Newest first; of one kind, where that is named."""
    query = _SHOWN if kind is None else _SHOWN.where(schedule.c.kind == kind)
    rows = connection.execute(_BY_ID.page(query, cursor, limit)).all()
    return page_of(rows, limit, _shown, lambda row: (row.id,))


def one(connection: Connection, schedule_id: UUID) -> Schedule:
    """The one with this id. Raises ``NotFound``."""
    return _shown(sole(connection.execute(_SHOWN.where(schedule.c.id == schedule_id)).all(), "schedule"))


def enable(connection: Connection, schedule_id: UUID, *, enabled: bool) -> bool:
    """Let it ask, or not; its next time is reckoned anew. False where it is so already."""
    changed = connection.execute(
        update(schedule)
        .where(schedule.c.id == schedule_id, schedule.c.enabled.is_not(enabled))
        .values(enabled=enabled, next_run_at=None)
    )
    return changed.rowcount == 1


def make_due(connection: Connection, schedule_id: UUID) -> bool:
    """Its next time is now; False where it is paused."""
    changed = connection.execute(
        update(schedule)
        .where(schedule.c.id == schedule_id, schedule.c.enabled)
        .values(next_run_at=func.now())
    )
    return changed.rowcount == 1


def _shown(row: Row[Any]) -> Schedule:
    return Schedule(**row._asdict())
