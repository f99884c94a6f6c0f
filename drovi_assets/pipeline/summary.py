"""What a connection holds now: every file accounted for, read or refused with its reason."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import Connection, func, select

from resources.schema import document, intelligence_object, record, skipped_item, source_item


@dataclass(slots=True)
class Summary:
    """Counts and reasons; ``items`` counts files and rows, ``parsed`` counts attachments as well."""

    items: int = 0
    parsed: int = 0
    refused: list[dict[str, str]] = field(default_factory=list)
    warnings: list[dict[str, str]] = field(default_factory=list)
    objects: dict[str, int] = field(default_factory=dict)


def summarise(connection: Connection, connection_id: UUID) -> Summary:
    """The state of a connection, in the caller's transaction and by what the caller may see."""
    current = (
        (record.c.connection_id == connection_id)
        & record.c.superseded_at.is_(None)
        & document.c.superseded_at.is_(None)
    )
    documents = connection.execute(
        select(document.c.path, document.c.status, document.c.reason, document.c.warnings)
        .join(record, record.c.id == document.c.record_id)
        .where(current)
        .order_by(document.c.path)
    ).all()
    items = connection.execute(
        select(func.count())
        .select_from(source_item)
        .where(source_item.c.connection_id == connection_id, source_item.c.superseded_at.is_(None))
    ).scalar_one()
    skipped = connection.execute(
        select(skipped_item.c.provider_id, skipped_item.c.reason)
        .where(skipped_item.c.connection_id == connection_id)
        .order_by(skipped_item.c.provider_id)
    ).all()
    objects = connection.execute(
        select(intelligence_object.c.kind, func.count())
        .join(document, document.c.id == intelligence_object.c.document_id)
        .join(record, record.c.id == document.c.record_id)
        .where(current, intelligence_object.c.superseded_at.is_(None))
        .group_by(intelligence_object.c.kind)
        .order_by(intelligence_object.c.kind)
    ).all()
    refused = [{"path": row.path, "reason": row.reason} for row in documents if row.status == "refused"]
    refused += [{"path": row.provider_id, "reason": row.reason} for row in skipped]
    return Summary(
        items=items + len(skipped),
        parsed=sum(row.status == "parsed" for row in documents),
        refused=refused,
        warnings=[{"path": row.path, "warning": warning} for row in documents for warning in row.warnings],
        objects=dict(tuple(row) for row in objects),
    )
