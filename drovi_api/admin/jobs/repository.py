"""Jobs in the database, by the columns that the administration was granted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, select

from drovi_api.admin.jobs.schemas import AdminJob
from drovi_api.pagination import Page, by_id, page_of
from drovi_api.user.jobs.schemas import JobStatus
from resources.database import sole
from resources.schema import job

_BY_ID = by_id(job.c.id)
_SHOWN = select(
    job.c.org_id.label("organisation_id"),
    *(job.c[name] for name in AdminJob.model_fields if name in job.c),
)


@dataclass(frozen=True, slots=True)
class Filters:
    """Which jobs are listed; None stands for any."""

    kind: str | None = None
    status: JobStatus | None = None
    organisation_id: UUID | None = None


def page(connection: Connection, filters: Filters, cursor: str | None, limit: int) -> Page[AdminJob]:
    """Newest first."""
    query = _SHOWN
    for column, wanted in (
        (job.c.kind, filters.kind),
        (job.c.status, filters.status),
        (job.c.org_id, filters.organisation_id),
    ):
        if wanted is not None:
            query = query.where(column == wanted)
    rows = connection.execute(_BY_ID.page(query, cursor, limit)).all()
    return page_of(rows, limit, _shown, lambda row: (row.id,))


def one(connection: Connection, job_id: UUID) -> AdminJob:
    """The one with this id. Raises ``NotFound``."""
    return _shown(sole(connection.execute(_SHOWN.where(job.c.id == job_id)).all(), "job"))


def _shown(row: Row[Any]) -> AdminJob:
    return AdminJob(**row._asdict())
