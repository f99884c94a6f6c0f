"""Routes of schedules."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import Query

from drovi_api.admin.dependencies import Acts, feature
from drovi_api.admin.schedules import service
from drovi_api.admin.schedules.schemas import Schedule
from drovi_api.errors import problem_responses
from drovi_api.pagination import DEFAULT_LIMIT, CursorText, Limit, Page
from drovi_api.user.jobs.schemas import Kind

router = feature("/schedules", "schedules")


@router.get("", operation_id="admin_list_schedules", summary="List schedules")
def admin_list_schedules(
    act: Acts,
    *,
    kind: Annotated[Kind | None, Query(description="Only of this kind of job.")] = None,
    cursor: CursorText = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Page[Schedule]:
    """What asks for work by the clock, newest first. How often sources are read is a setting of theirs, and not here."""
    return service.listed(act, kind, cursor, limit)


@router.post(
    "/{schedule_id}/pause",
    operation_id="admin_pause_schedule",
    summary="Pause a schedule",
    responses=problem_responses(404, 409),
)
def admin_pause_schedule(act: Acts, schedule_id: UUID) -> Schedule:
    """It asks for nothing more until it is resumed; what it asked for already goes on."""
    return service.pause(act, schedule_id)


@router.post(
    "/{schedule_id}/resume",
    operation_id="admin_resume_schedule",
    summary="Resume a schedule",
    responses=problem_responses(404, 409),
)
def admin_resume_schedule(act: Acts, schedule_id: UUID) -> Schedule:
    """It asks again from its next time on; what fell into the pause is not made up for."""
    return service.resume(act, schedule_id)


@router.post(
    "/{schedule_id}/run",
    operation_id="admin_run_schedule",
    summary="Run a schedule now",
    responses=problem_responses(404, 409),
)
def admin_run_schedule(act: Acts, schedule_id: UUID) -> Schedule:
    """It asks within the next minute, beside its rhythm; follow the job among the jobs."""
    return service.run_now(act, schedule_id)
