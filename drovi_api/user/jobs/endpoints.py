"""Routes of background work."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import Query

from drovi_api.dependencies import Reads, Writes, feature, requires
from drovi_api.errors import problem_responses
from drovi_api.pagination import DEFAULT_LIMIT, CursorText, Limit, Page
from drovi_api.user.jobs import repository, service
from drovi_api.user.jobs.repository import Filters
from drovi_api.user.jobs.schemas import Job, JobStatus, Kind
from resources.permissions import Permission

router = feature("/jobs", "jobs")


@router.get("", operation_id="list_jobs", summary="List background work")
def list_jobs(
    session: Reads,
    *,
    status: Annotated[JobStatus | None, Query(description="Only in this state.")] = None,
    kind: Annotated[Kind | None, Query(description="Only of this kind.")] = None,
    connection_id: Annotated[UUID | None, Query(description="Only of this connection.")] = None,
    cursor: CursorText = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Page[Job]:
    """Syncs and other work, newest first."""
    return repository.page(session, Filters(status, kind, connection_id), cursor, limit)


@router.get("/{job_id}", operation_id="get_job", summary="Follow a job", responses=problem_responses(404))
def get_job(session: Reads, job_id: UUID) -> Job:
    """One job and how far it is."""
    return repository.one(session, job_id)


@router.post(
    "/{job_id}/cancel",
    operation_id="cancel_job",
    summary="Cancel a job",
    responses=problem_responses(404, 409),
)
@requires(Permission.SYNC_SOURCES)
def cancel_job(session: Writes, job_id: UUID) -> Job:
    """Call off the reading of a source. One that runs stops at its next page or batch, and what it read stays."""
    return service.cancel(session, job_id)


@router.post(
    "/{job_id}/retry",
    operation_id="retry_job",
    summary="Try a job again",
    responses=problem_responses(404, 409),
)
@requires(Permission.SYNC_SOURCES)
def retry_job(session: Writes, job_id: UUID) -> Job:
    """Queue the reading of a source again that failed or was cancelled. It goes on where it stopped."""
    return service.retry(session, job_id)
