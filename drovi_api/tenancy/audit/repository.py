"""Entries of the organisation's chain."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, select

from drovi_api.dependencies import ReadSession
from drovi_api.pagination import Page, by_sequence, page_of
from drovi_api.tenancy.audit.schemas import AuditEntry
from resources.audit import Action
from resources.schema import audit_entry

_ENTRY = audit_entry.c
_COLUMNS = tuple(audit_entry.c[name] for name in AuditEntry.model_fields)
_ORDER = by_sequence(_ENTRY.sequence)


@dataclass(frozen=True, slots=True)
class Filters:
    """What narrows the log; None does not. ``since`` is inclusive, ``until`` exclusive."""

    action: Action | None = None
    actor: UUID | None = None
    subject: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """As SQL."""
        given = (
            (self.action, lambda value: _ENTRY.action == value.value),
            (self.actor, lambda value: _ENTRY.actor_id == str(value)),
            (self.subject, lambda value: _ENTRY.subject_id == str(value)),
            (self.since, lambda value: _ENTRY.at >= value),
            (self.until, lambda value: _ENTRY.at < value),
        )
        return [condition(value) for value, condition in given if value is not None]


def page(session: ReadSession, filters: Filters, cursor: str | None, limit: int) -> Page[AuditEntry]:
    """Newest first."""
    query = select(*_COLUMNS).where(_ENTRY.org_id == session.principal.org_id, *filters.conditions())
    rows = session.all(_ORDER.page(query, cursor, limit))
    return page_of(
        rows,
        limit,
        lambda row: AuditEntry.model_validate(row, from_attributes=True),
        lambda row: (row.sequence,),
    )
