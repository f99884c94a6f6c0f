"""Routes of background work."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import Query

from drovi_api.admin.dependencies import Acts, feature
from drovi_api.admin.jobs import service
from drovi_api.admin.jobs.repository import Filters
from drovi_api.admin.jobs.schemas import AdminJob, Replay
from drovi_api.errors import problem_responses
from drovi_api.pagination import DEFAULT_LIMIT, CursorText, Limit, Page
from drovi_api.user.jobs.schemas import JobStatus, Kind

router = feature("/jobs", "jobs")


@router.get("", operation_id="admin_list_jobs", summary="List background work")
def admin_list_jobs(
    act: Acts,
    *,
    kind: Annotated[Kind | None, Query(description="Only of this kind.")] = None,
    status: Annotated[JobStatus | None, Query(description="Only in this state.")] = None,
    organisation_id: Annotated[UUID | None, Query(description="Only of this organisation.")] = None,
    cursor: CursorText = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Page[AdminJob]:
    """Of every organisation and the platform's own, newest first; nothing of what it is about."""
    return service.listed(act, Filters(kind, status, organisation_id), cursor, limit)


@router.post(
    "/{job_id}/cancel",
    operation_id="admin_cancel_job",
    summary="Cancel a job",
    responses=problem_responses(404, 409),
)
def admin_cancel_job(act: Acts, job_id: UUID) -> AdminJob:
    """One that waits is cancelled at once; one that runs stops at its next page or batch, and what it did stays."""
    return service.cancel(act, job_id)


@router.post(
    "/{job_id}/retry",
    operation_id="admin_retry_job",
    summary="Try a job again",
    responses=problem_responses(404, 409),
)
def admin_retry_job(act: Acts, job_id: UUID) -> AdminJob:
    """Queue one that failed or was cancelled, due now, with new attempts."""
    return service.retry(act, job_id)


@router.post(
    "/{job_id}/replay",
    operation_id="admin_replay_job",
    summary="Do a job again",
    status_code=201,
    responses=problem_responses(404, 409),
)
def admin_replay_job(act: Acts, job_id: UUID, body: Replay) -> AdminJob:
    """Ask for the same work as a new job, whatever became of the first; with other arguments where some are given."""
    return service.replay(act, job_id, body.arguments)
