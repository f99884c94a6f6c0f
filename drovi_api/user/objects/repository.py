"""Intelligence objects and their evidence: two queries, however many objects."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, or_, select

from drovi_api.dependencies import ReadSession
from drovi_api.pagination import Page, by_moment, page_of
from drovi_api.user.evidence.schemas import Quote
from drovi_api.user.objects.schemas import IntelligenceObject, Kind
from resources.schema import document, evidence, intelligence_object

_OBJECT = intelligence_object.c
_ORDER = by_moment(_OBJECT.recorded_at, _OBJECT.id)


@dataclass(frozen=True, slots=True)
class Filters:
    """What a list of objects may be narrowed by; ``as_of`` asks what was believed at that moment."""

    kind: Kind | None = None
    document_id: UUID | None = None
    min_confidence: float = 0.0
    as_of: datetime | None = None
    stale: bool | None = None


def page(session: ReadSession, filters: Filters, cursor: str | None, limit: int) -> Page[IntelligenceObject]:
    """Newest first."""
    query = select(intelligence_object).where(_OBJECT.org_id == session.principal.org_id)
    rows = session.all(_ORDER.page(_narrowed(query, filters), cursor, limit))
    quotes = _quotes(session, [row.id for row in rows[:limit]])
    return page_of(
        rows, limit, lambda row: _object(row, quotes[row.id]), lambda row: (row.recorded_at, row.id)
    )


def one(session: ReadSession, object_id: UUID) -> IntelligenceObject:
    """Any version of an object, superseded ones too."""
    row = session.one(select(intelligence_object).where(_OBJECT.id == object_id), "intelligence object")
    return _object(row, _quotes(session, [row.id])[row.id])


def _narrowed(query: Select[Any], filters: Filters) -> Select[Any]:
    if filters.kind is not None:
        query = query.where(_OBJECT.kind == filters.kind)
    if filters.document_id is not None:
        query = query.where(_OBJECT.document_id == filters.document_id)
    if filters.min_confidence > 0:
        query = query.where(_OBJECT.confidence >= filters.min_confidence)
    if filters.stale is not None:
        query = query.where(
            _OBJECT.stale_since.is_not(None) if filters.stale else _OBJECT.stale_since.is_(None)
        )
    if filters.as_of is None:
        return query.where(_OBJECT.superseded_at.is_(None))
    return query.where(
        _OBJECT.recorded_at <= filters.as_of,
        or_(_OBJECT.superseded_at.is_(None), _OBJECT.superseded_at > filters.as_of),
    )


def _quotes(session: ReadSession, object_ids: Sequence[UUID]) -> dict[UUID, list[Quote]]:
    found: dict[UUID, list[Quote]] = defaultdict(list)
    if not object_ids:
        return found
    columns = evidence.c
    rows = session.all(
        select(evidence, document.c.path)
        .join(document, document.c.id == columns.document_id)
        .where(columns.object_id.in_(object_ids))
        .order_by(columns.object_id, columns.start, columns.id)
    )
    for row in rows:
        found[row.object_id].append(
            Quote(
                evidence_id=str(row.id),
                quote=row.quote,
                path=row.path,
                page=row.page,
                boxes=row.boxes,
                start=row.start,
                end=row.end,
            )
        )
    return found


def _object(row: Row[Any], quotes: list[Quote]) -> IntelligenceObject:
    return IntelligenceObject(
        id=row.id,
        kind=row.kind,
        text=row.text,
        slots=row.slots,
        confidence=row.confidence,
        document_id=row.document_id,
        valid_from=row.valid_from,
        valid_to=row.valid_to,
        recorded_at=row.recorded_at,
        superseded_at=row.superseded_at,
        stale_since=row.stale_since,
        evidence=quotes,
    )
