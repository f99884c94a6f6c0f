"""The job rows of a connected folder: asked for, and how they stand."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import insert, select

from resources.schema import job
from tests.integration.pipeline.conftest import Folder


def statuses(folder: Folder) -> dict[str, str]:
    """By kind."""
    with folder.database.worker.dispatch() as session:
        return {row.kind: row.status for row in session.execute(select(job).order_by(job.c.created_at))}


def queue_job(folder: Folder, kind: str, **values: object) -> UUID:
    """The id of a new job of the folder's connection."""
    with folder.database.worker.dispatch() as session:
        row = {
            "org_id": folder.org_id,
            "connection_id": folder.connection_id,
            "kind": kind,
            "idempotency_key": kind,
        }
        return session.execute(insert(job).values(row | values).returning(job.c.id)).scalar_one()
