"""Routes of people's accounts."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import Query

from drovi_api.admin.dependencies import Acts, feature
from drovi_api.admin.users import service
from drovi_api.admin.users.schemas import User, UserSummary
from drovi_api.errors import problem_responses
from drovi_api.pagination import DEFAULT_LIMIT, CursorText, Limit, Page
from resources.identity.addresses import MAX_LENGTH

router = feature("/users", "users")

# Control characters are in no address, and a NUL in no text of the database's.
Part = Annotated[
    str,
    Query(
        min_length=3,
        max_length=MAX_LENGTH,
        pattern=r"^[^\x00-\x1f\x7f]+$",
        description="Characters that the e-mail address holds: all of it, or a part.",
    ),
]


@router.get("", operation_id="admin_search_users", summary="Search users")
def admin_search_users(
    act: Acts, email: Part, cursor: CursorText = None, limit: Limit = DEFAULT_LIMIT
) -> Page[UserSummary]:
    """People by their e-mail address, newest first."""
    return service.search(act, email, cursor, limit)


@router.get(
    "/{user_id}", operation_id="admin_get_user", summary="Read a user", responses=problem_responses(404)
)
def admin_get_user(act: Acts, user_id: UUID) -> User:
    """A person, and where they are members. The audit log of each of those organisations tells that they were looked at."""
    return service.viewed(act, user_id)


@router.post(
    "/{user_id}/disable",
    operation_id="admin_disable_user",
    summary="Disable a user",
    responses=problem_responses(404, 409),
)
def admin_disable_user(act: Acts, user_id: UUID) -> User:
    """Keep a person out at once: sessions end, keys open nothing, and nobody signs in to the account."""
    return service.disable(act, user_id)


@router.post(
    "/{user_id}/enable",
    operation_id="admin_enable_user",
    summary="Enable a user",
    responses=problem_responses(404, 409),
)
def admin_enable_user(act: Acts, user_id: UUID) -> User:
    """Let a disabled person sign in again. Their keys work as before; their sessions stay over."""
    return service.enable(act, user_id)


@router.delete(
    "/{user_id}/sessions",
    operation_id="admin_end_user_sessions",
    summary="End a user's sessions",
    responses=problem_responses(404),
)
def admin_end_user_sessions(act: Acts, user_id: UUID) -> User:
    """Sign a person out of every browser, at once. Their keys still work."""
    return service.end_sessions(act, user_id)
