"""Routes of intelligence objects."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import Query
from pydantic import AwareDatetime

from drovi_api.dependencies import Reads, feature
from drovi_api.errors import problem_responses
from drovi_api.pagination import DEFAULT_LIMIT, CursorText, Limit, Page
from drovi_api.user.objects import repository
from drovi_api.user.objects.schemas import IntelligenceObject, Kind

router = feature("/objects", "objects")


@router.get("", operation_id="list_objects", summary="List intelligence objects")
def list_objects(
    session: Reads,
    *,
    kind: Annotated[Kind | None, Query(description="Only this kind.")] = None,
    document_id: Annotated[UUID | None, Query(description="Only what this document says.")] = None,
    min_confidence: Annotated[float, Query(ge=0, le=1, description="Only what is at least this sure.")] = 0,
    as_of: Annotated[
        AwareDatetime | None, Query(description="What was believed at that moment; now where it is left out.")
    ] = None,
    stale: Annotated[
        bool | None,
        Query(description="Only what has grown stale, or only what has not; both where it is left out."),
    ] = None,
    cursor: CursorText = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Page[IntelligenceObject]:
    """Commitments, decisions, risks, claims and advice, newest first, each with its evidence."""
    filters = repository.Filters(kind, document_id, min_confidence, as_of, stale)
    return repository.page(session, filters, cursor, limit)


@router.get(
    "/{object_id}",
    operation_id="get_object",
    summary="Read an intelligence object",
    responses=problem_responses(404),
)
def get_object(session: Reads, object_id: UUID) -> IntelligenceObject:
    """One object with all its evidence."""
    return repository.one(session, object_id)
