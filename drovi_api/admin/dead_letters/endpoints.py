"""Routes of dead letters."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import Query

from drovi_api.admin.dead_letters import service
from drovi_api.admin.dead_letters.schemas import (
    DeadLetter,
    DeadLetterStatus,
    Drop,
    DropSelection,
    Name,
    Selection,
    Settled,
)
from drovi_api.admin.dependencies import Acts, feature
from drovi_api.errors import problem_responses
from drovi_api.pagination import DEFAULT_LIMIT, CursorText, Limit, Page

router = feature("/dead-letters", "dead letters")


@router.get("", operation_id="admin_list_dead_letters", summary="List dead letters")
def admin_list_dead_letters(
    act: Acts,
    *,
    status: Annotated[DeadLetterStatus | None, Query(description="Only in this state.")] = None,
    topic: Annotated[Name | None, Query(description="Only of this topic.")] = None,
    consumer_group: Annotated[Name | None, Query(description="Only of this group.")] = None,
    error_code: Annotated[Name | None, Query(description="Only those that failed with this code.")] = None,
    organisation_id: Annotated[UUID | None, Query(description="Only of this organisation.")] = None,
    cursor: CursorText = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Page[DeadLetter]:
    """Newest first, without what they say."""
    named = {
        "topic": topic,
        "consumer_group": consumer_group,
        "error_code": error_code,
        "organisation_id": organisation_id,
    }
    selection = Selection.model_validate(named) if any(named.values()) else None
    return service.listed(act, selection, status, cursor, limit)


@router.get(
    "/{dead_letter_id}",
    operation_id="admin_get_dead_letter",
    summary="Read a dead letter",
    responses=problem_responses(404),
)
def admin_get_dead_letter(act: Acts, dead_letter_id: UUID) -> DeadLetter:
    """Where it was, how often it was tried and what became of it; what it says is its organisation's."""
    return service.viewed(act, dead_letter_id)


@router.post("/replay", operation_id="admin_replay_dead_letters", summary="Replay dead letters")
def admin_replay_dead_letters(act: Acts, body: Selection) -> Settled:
    """Have all of a selection handled again, the oldest first, up to 10,000 a request."""
    return service.replay_all(act, body)


@router.post("/drop", operation_id="admin_drop_dead_letters", summary="Drop dead letters")
def admin_drop_dead_letters(act: Acts, body: DropSelection) -> Settled:
    """Give all of a selection up for good, up to 10,000 a request."""
    return service.drop_all(act, body.selection, body.reason)


@router.post(
    "/{dead_letter_id}/replay",
    operation_id="admin_replay_dead_letter",
    summary="Replay a dead letter",
    responses=problem_responses(404, 409),
)
def admin_replay_dead_letter(act: Acts, dead_letter_id: UUID) -> DeadLetter:
    """Within seconds it is back on the topic that it came from, with where it has been in its headers."""
    return service.replay(act, dead_letter_id)


@router.post(
    "/{dead_letter_id}/drop",
    operation_id="admin_drop_dead_letter",
    summary="Drop a dead letter",
    responses=problem_responses(404, 409),
)
def admin_drop_dead_letter(act: Acts, dead_letter_id: UUID, body: Drop) -> DeadLetter:
    """It is never handled; it stays in the list, with who dropped it and why."""
    return service.drop(act, dead_letter_id, body.reason)
