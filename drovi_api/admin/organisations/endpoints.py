"""Routes of the platform's tenants."""

from __future__ import annotations

from uuid import UUID

from drovi_api.admin.dependencies import Acts, feature
from drovi_api.admin.organisations import service
from drovi_api.admin.organisations.schemas import Organisation
from drovi_api.errors import problem_responses
from drovi_api.pagination import DEFAULT_LIMIT, CursorText, Limit, Page

router = feature("/organisations", "organisations")


@router.get("", operation_id="admin_list_organisations", summary="List organisations")
def admin_list_organisations(
    act: Acts, cursor: CursorText = None, limit: Limit = DEFAULT_LIMIT
) -> Page[Organisation]:
    """Newest first, with how many members each has. What they connect and hold is not to be seen here."""
    return service.listed(act, cursor, limit)


@router.get(
    "/{organisation_id}",
    operation_id="admin_get_organisation",
    summary="Read an organisation",
    responses=problem_responses(404),
)
def admin_get_organisation(act: Acts, organisation_id: UUID) -> Organisation:
    """One tenant. The organisation's own audit log tells that it was looked at."""
    return service.viewed(act, organisation_id)


@router.post(
    "/{organisation_id}/suspend",
    operation_id="admin_suspend_organisation",
    summary="Suspend an organisation",
    responses=problem_responses(404, 409),
)
def admin_suspend_organisation(act: Acts, organisation_id: UUID) -> Organisation:
    """Let nobody in any more: its members' sessions and keys open nothing from their next request on."""
    return service.suspend(act, organisation_id)


@router.post(
    "/{organisation_id}/resume",
    operation_id="admin_resume_organisation",
    summary="Resume an organisation",
    responses=problem_responses(404, 409),
)
def admin_resume_organisation(act: Acts, organisation_id: UUID) -> Organisation:
    """Let its members in again, with the sessions and keys they had."""
    return service.resume(act, organisation_id)
