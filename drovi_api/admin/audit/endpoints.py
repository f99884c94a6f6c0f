"""Routes of the audit log."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import Query

from drovi_api.admin.audit import service
from drovi_api.admin.audit.schemas import Entries
from drovi_api.admin.dependencies import Acts, feature
from drovi_api.errors import problem_responses
from drovi_api.pagination import DEFAULT_LIMIT, Limit

router = feature("/audit", "audit")

Before = Annotated[
    int | None, Query(ge=1, lt=2**63, description="`next_before` of the page before; none for the first.")
]


@router.get("", operation_id="admin_read_platform_audit", summary="Read the platform's audit log")
def admin_read_platform_audit(act: Acts, before: Before = None, limit: Limit = DEFAULT_LIMIT) -> Entries:
    """What administrators did, and what concerns no organisation, newest first."""
    return service.platform(act, before, limit)


@router.get(
    "/organisations/{organisation_id}",
    operation_id="admin_read_organisation_audit",
    summary="Read an organisation's audit log",
    responses=problem_responses(404),
)
def admin_read_organisation_audit(
    act: Acts, organisation_id: UUID, before: Before = None, limit: Limit = DEFAULT_LIMIT
) -> Entries:
    """What was done in an organisation, newest first. That it was read is an entry there, too."""
    return service.of_organisation(act, organisation_id, before, limit)
