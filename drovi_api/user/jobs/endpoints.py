"""Routes of background work."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import Query

from drovi_api.dependencies import Reads, feature
from drovi_api.errors import problem_responses
from drovi_api.pagination import DEFAULT_LIMIT, CursorText, Limit, Page
from drovi_api.user.jobs import repository
from drovi_api.user.jobs.schemas import Job, JobStatus

router = feature("/jobs", "jobs")


@router.get("", operation_id="list_jobs", summary="List background work")
def list_jobs(
    session: Reads,
    status: Annotated[JobStatus | None, Query(description="Only in this state.")] = None,
    connection_id: Annotated[UUID | None, Query(description="Only of this connection.")] = None,
    cursor: CursorText = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Page[Job]:
    """Syncs and other work, newest first."""
    return repository.page(session, status, connection_id, cursor, limit)


@router.get("/{job_id}", operation_id="get_job", summary="Follow a job", responses=problem_responses(404))
def get_job(session: Reads, job_id: UUID) -> Job:
    """One job and how far it is."""
    return repository.one(session, job_id)
