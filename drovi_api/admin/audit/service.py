"""The rules of reading the audit log."""

from __future__ import annotations

from uuid import UUID

from drovi_api.admin.audit.schemas import Entries, Entry
from drovi_api.admin.dependencies import Act
from drovi_api.admin.organisations import repository as organisations
from resources import audit
from resources.audit import PLATFORM, Action
from resources.tenancy import Principal, Role

_NOBODY = UUID(int=0)


def platform(act: Act, before: int | None, limit: int) -> Entries:
    """A page of the platform's chain."""
    page = _page(act, PLATFORM, before, limit)
    act.audit(Action.ADMIN_AUDIT_READ, "platform", PLATFORM)
    return page


def of_organisation(act: Act, org_id: UUID, before: int | None, limit: int) -> Entries:
    """A page of an organisation's chain. Raises ``NotFound``."""
    organisations.one(act.connection, org_id)
    page = _page(act, org_id, before, limit)
    act.audit(Action.ADMIN_AUDIT_READ, "organisation", org_id, organisations=[org_id])
    return page


def _page(act: Act, org_id: UUID, before: int | None, limit: int) -> Entries:
    # The role that signs people in cannot read the log. The application's can, inside one organisation; as nobody, in
    # no audience, it sees the log there and not a row of content.
    nobody = Principal(org_id, _NOBODY, Role.VIEWER, audiences=())
    with act.runtime.database.acting_as(nobody) as connection:
        rows = audit.newest(connection, org_id, limit + 1, before)
    items = [Entry(**{name: getattr(row, name) for name in Entry.model_fields}) for row in rows[:limit]]
    return Entries(items=items, next_before=items[-1].sequence if len(rows) > limit else None)
