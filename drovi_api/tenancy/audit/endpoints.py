"""Routes of the audit log."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import Query
from pydantic import AwareDatetime

from drovi_api.dependencies import Reads, feature, requires
from drovi_api.pagination import DEFAULT_LIMIT, CursorText, Limit, Page
from drovi_api.tenancy.audit import repository
from drovi_api.tenancy.audit.repository import Filters
from drovi_api.tenancy.audit.schemas import AuditEntry
from resources.audit import Action
from resources.permissions import Permission

router = feature("/audit", "audit")

Actor = Annotated[UUID | None, Query(description="Only what this person or administrator did.")]
Subject = Annotated[UUID | None, Query(description="Only what was done to this object.")]
Since = Annotated[AwareDatetime | None, Query(alias="from", description="Only from this moment on.")]
Until = Annotated[AwareDatetime | None, Query(alias="to", description="Only before this moment.")]


@router.get("", operation_id="list_audit_entries", summary="Read the audit log")
@requires(Permission.READ_AUDIT)
def list_audit_entries(
    session: Reads,
    *,
    action: Annotated[Action | None, Query(description="Only acts of this kind.")] = None,
    actor: Actor = None,
    subject: Subject = None,
    since: Since = None,
    until: Until = None,
    cursor: CursorText = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Page[AuditEntry]:
    """Who did what in the organisation, newest first. Of private sources it holds ids, never names."""
    return repository.page(session, Filters(action, actor, subject, since, until), cursor, limit)
