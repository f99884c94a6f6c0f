"""Entries of the organisation's chain."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, ScalarSelect, func, select

from drovi_api.dependencies import ReadSession
from drovi_api.pagination import Page, by_sequence, page_of
from drovi_api.tenancy.audit.schemas import AuditEntry
from resources.audit import Action
from resources.schema import audit_entry

_ENTRY = audit_entry.c
_COLUMNS = tuple(audit_entry.c[name] for name in AuditEntry.model_fields)
_ORDER = by_sequence(_ENTRY.sequence)
_BEYOND_ALL = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Filters:
    """What narrows the log; None does not. ``since`` is inclusive, ``until`` exclusive."""

    action: Action | None = None
    actor: UUID | None = None
    subject: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None


def _conditions(org_id: UUID, filters: Filters) -> list[ColumnElement[bool]]:
    found = [_ENTRY.org_id == org_id]
    if filters.action is not None:
        found.append(_ENTRY.action == filters.action.value)
    if filters.actor is not None:
        found.append(_ENTRY.actor_id == str(filters.actor))
    if filters.subject is not None:
        found.append(_ENTRY.subject_id == str(filters.subject))
    # Moments rise with the numbers, and the page is walked by number: asked for by moment, it reads its way there
    # from the newest entry (500 ms of a million, against 1 ms).
    if filters.since is not None:
        found.append(_ENTRY.sequence >= _first_from(org_id, filters.since))
    if filters.until is not None:
        found.append(_ENTRY.sequence < func.coalesce(_first_from(org_id, filters.until), _BEYOND_ALL))
    return found


def _first_from(org_id: UUID, moment: datetime) -> ScalarSelect[int]:
    """The number of the first entry from a moment on; NULL where there is none yet."""
    entry = audit_entry.alias()
    query = select(entry.c.sequence).where(entry.c.org_id == org_id, entry.c.at >= moment)
    return query.order_by(entry.c.at).limit(1).scalar_subquery()


def page(session: ReadSession, filters: Filters, cursor: str | None, limit: int) -> Page[AuditEntry]:
    """Newest first."""
    query = select(*_COLUMNS).where(*_conditions(session.principal.org_id, filters))
    rows = session.all(_ORDER.page(query, cursor, limit))
    return page_of(
        rows,
        limit,
        lambda row: AuditEntry.model_validate(row, from_attributes=True),
        lambda row: (row.sequence,),
    )
