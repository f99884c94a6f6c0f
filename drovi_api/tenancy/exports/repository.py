"""Exports: the database shows each member their own, and no others."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Row, case, func, insert, select, union_all

from drovi_api.dependencies import ReadSession, WriteSession
from drovi_api.pagination import Page, by_id, page_of
from drovi_api.tenancy.exports.schemas import Export, ExportDetail, ExportPart
from resources.schema import document, export, export_part, job, source_item

EXPORT, EXPIRE = "export", "expire_export"
"""The kinds of job that make an export and take it away again."""
KEPT = timedelta(days=7)

_EXPORT = export.c
_ORDER = by_id(_EXPORT.id)
_STATUS = case(
    (_EXPORT.finished_at.is_not(None), "ready"),
    (job.c.status.in_(("failed", "cancelled")), "failed"),
    else_="preparing",
)
# Past its days it is gone, whether its files were cleared away yet or not.
_THERE = (
    select(*export.c, _STATUS.label("status"))
    .outerjoin_from(export, job, job.c.id == _EXPORT.job_id)
    .where(_EXPORT.expires_at > func.now())
)


def page(session: ReadSession, cursor: str | None, limit: int) -> Page[Export]:
    """The caller's own, newest first."""
    rows = session.all(_ORDER.page(_THERE, cursor, limit))
    return page_of(
        rows, limit, lambda row: Export.model_validate(row, from_attributes=True), lambda row: (row.id,)
    )


def one(session: ReadSession, export_id: UUID) -> ExportDetail:
    """One of the caller's own."""
    row = session.one(_THERE.where(_EXPORT.id == export_id), "export")
    parts = session.all(
        select(export_part).where(export_part.c.export_id == export_id).order_by(export_part.c.number)
    )
    found = Export.model_validate(row, from_attributes=True)
    return ExportDetail(
        **found.model_dump(), parts=[ExportPart.model_validate(part, from_attributes=True) for part in parts]
    )


def part(session: ReadSession, export_id: UUID, name: str) -> Row[Any]:
    """One part of an export."""
    query = select(export_part).where(export_part.c.export_id == export_id, export_part.c.name == name)
    return session.one(query, "part")


def require_readable(session: ReadSession, digest: str) -> None:
    """That the caller may read, now, something that a stored file belongs to."""
    named = union_all(
        select(document.c.blob).where(document.c.blob == digest),
        select(source_item.c.blob).where(source_item.c.blob == digest),
    ).subquery()
    session.one(select(named).limit(1), "part")


def being_made(session: ReadSession) -> bool:
    """Whether an export of the caller's is not done yet."""
    waiting = select(job.c.id).where(
        job.c.kind == EXPORT,
        job.c.requested_by == session.principal.user_id,
        job.c.status.in_(("queued", "running")),
    )
    return session.connection.execute(waiting.limit(1)).first() is not None


def request(session: WriteSession, base_url: str) -> UUID:
    """The id of a new export, with the jobs that make it and that take it away."""
    export_id, job_id = uuid4(), uuid4()
    asked = {"org_id": session.principal.org_id, "requested_by": session.principal.user_id}
    expires_at = func.now() + KEPT
    session.run(
        insert(export).values(
            id=export_id,
            org_id=session.principal.org_id,
            user_id=session.principal.user_id,
            job_id=job_id,
            expires_at=expires_at,
        )
    )
    arguments = {"export_id": str(export_id)}
    session.run(
        insert(job).values(
            **asked,
            id=job_id,
            kind=EXPORT,
            idempotency_key=f"{EXPORT}:{export_id}",
            arguments=arguments | {"link": f"{base_url}/exports/{export_id}"},
        )
    )
    session.run(
        insert(job).values(
            **asked,
            kind=EXPIRE,
            idempotency_key=f"{EXPIRE}:{export_id}",
            arguments=arguments,
            run_at=expires_at,
        )
    )
    return export_id
