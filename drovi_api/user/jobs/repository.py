"""Job rows: the public account of background work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select

from drovi_api.dependencies import ReadSession
from drovi_api.pagination import Page, by_id, page_of
from drovi_api.user.jobs.schemas import Job, JobError, JobStatus
from resources.schema import job

_JOB = job.c
_ORDER = by_id(_JOB.id)


@dataclass(frozen=True, slots=True)
class Filters:
    """Which jobs are listed; None stands for any."""

    status: JobStatus | None = None
    kind: str | None = None
    connection_id: UUID | None = None


def page(session: ReadSession, filters: Filters, cursor: str | None, limit: int) -> Page[Job]:
    """Newest first."""
    query = select(job).where(_JOB.org_id == session.principal.org_id)
    for column, wanted in (
        (_JOB.status, filters.status),
        (_JOB.kind, filters.kind),
        (_JOB.connection_id, filters.connection_id),
    ):
        if wanted is not None:
            query = query.where(column == wanted)
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
        cancel_requested_at=row.cancel_requested_at,
    )
