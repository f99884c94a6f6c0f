"""Job rows: the public account of background work."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import Row, select

from drovi_api.dependencies import ReadSession
from drovi_api.pagination import Page, by_id, page_of
from drovi_api.user.jobs.schemas import Job, JobError, JobStatus
from resources.schema import job

_JOB = job.c
_ORDER = by_id(_JOB.id)


def page(
    session: ReadSession, status: JobStatus | None, connection_id: UUID | None, cursor: str | None, limit: int
) -> Page[Job]:
    """Newest first."""
    query = select(job).where(_JOB.org_id == session.principal.org_id)
    if status is not None:
        query = query.where(_JOB.status == status)
    if connection_id is not None:
        query = query.where(_JOB.connection_id == connection_id)
    rows = session.all(_ORDER.page(query, cursor, limit))
    return page_of(rows, limit, as_job, lambda row: (row.id,))


def one(session: ReadSession, job_id: UUID) -> Job:
    """A job the caller may know of."""
    return as_job(session.one(select(job).where(_JOB.id == job_id), "job"))


def as_job(row: Row[Any]) -> Job:
    """The public shape of a row."""
    return Job(
        id=row.id,
        kind=row.kind,
        connection_id=row.connection_id,
        arguments=row.arguments,
        status=row.status,
        attempts=row.attempts,
        max_attempts=row.max_attempts,
        progress=row.progress,
        result=row.result,
        error=JobError(code=row.error_code, message=row.error_message or "") if row.error_code else None,
        requested_by=row.requested_by,
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
    )
