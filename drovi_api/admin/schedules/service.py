"""The rules of looking after schedules."""

from __future__ import annotations

from uuid import UUID

from drovi_api.admin.dependencies import Act
from drovi_api.admin.schedules import repository
from drovi_api.admin.schedules.schemas import Schedule
from drovi_api.pagination import Page
from resources.audit import PLATFORM, Action
from resources.errors import Conflict


def listed(act: Act, kind: str | None, cursor: str | None, limit: int) -> Page[Schedule]:
    """A page of all, or of one kind."""
    page = repository.page(act.connection, kind, cursor, limit)
    act.audit(Action.ADMIN_SCHEDULES_LISTED, "platform", PLATFORM, after={"kind": kind} if kind else None)
    return page


def pause(act: Act, schedule_id: UUID) -> Schedule:
    """Have it ask for nothing more. Raises ``NotFound``, and ``Conflict`` where it is paused."""
    return _enabled(act, schedule_id, enabled=False)


def resume(act: Act, schedule_id: UUID) -> Schedule:
    """Have it ask again, from its next time on. Raises ``NotFound``, and ``Conflict`` where it is not paused."""
    return _enabled(act, schedule_id, enabled=True)


def run_now(act: Act, schedule_id: UUID) -> Schedule:
    """Have it ask at once, and then by its rhythm. Raises ``NotFound``, and ``Conflict`` where it is paused."""
    before = repository.one(act.connection, schedule_id)
    if not repository.make_due(act.connection, schedule_id):
        raise Conflict("The schedule is paused.", remedy="Resume it first.")
    return _told(act, before)


def _enabled(act: Act, schedule_id: UUID, *, enabled: bool) -> Schedule:
    before = repository.one(act.connection, schedule_id)
    if not repository.enable(act.connection, schedule_id, enabled=enabled):
        raise Conflict(
            "The schedule is not paused." if enabled else "The schedule is paused already.",
            remedy="Read it again.",
        )
    return _told(act, before)


def _told(act: Act, before: Schedule) -> Schedule:
    after = repository.one(act.connection, before.id)
    act.audit(
        Action.ADMIN_SCHEDULE_CHANGED,
        "schedule",
        before.id,
        organisations=[before.organisation_id] if before.organisation_id else [],
        before=_state(before),
        after=_state(after),
    )
    return after


def _state(schedule: Schedule) -> dict[str, object]:
    due = schedule.next_run_at
    return {"enabled": schedule.enabled, "next_run_at": due.isoformat() if due else None}
