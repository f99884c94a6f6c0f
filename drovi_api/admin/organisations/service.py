"""The rules of looking after tenants."""

from __future__ import annotations

from uuid import UUID

from drovi_api.admin.dependencies import Act
from drovi_api.admin.organisations import repository
from drovi_api.admin.organisations.schemas import Organisation
from drovi_api.pagination import Page
from resources.audit import PLATFORM, Action
from resources.errors import Conflict


def listed(act: Act, cursor: str | None, limit: int) -> Page[Organisation]:
    """A page of all."""
    page = repository.page(act.connection, cursor, limit)
    act.audit(Action.ADMIN_ORGANISATIONS_LISTED, "platform", PLATFORM)
    return page


def viewed(act: Act, org_id: UUID) -> Organisation:
    """One. Raises ``NotFound``."""
    found = repository.one(act.connection, org_id)
    act.audit(Action.ADMIN_ORGANISATION_VIEWED, "organisation", org_id, organisations=[org_id])
    return found


def suspend(act: Act, org_id: UUID) -> Organisation:
    """Let nobody in any more; its sessions and keys open nothing from the next request on.

    Raises:
        NotFound: there is no such organisation.
        Conflict: it is not active.
    """
    return _change(act, org_id, "active", "suspended")


def resume(act: Act, org_id: UUID) -> Organisation:
    """Let its members in again. Raises as ``suspend``."""
    return _change(act, org_id, "suspended", "active")


def _change(act: Act, org_id: UUID, old: str, new: str) -> Organisation:
    changed = repository.set_status(act.connection, org_id, old, new)
    now = repository.one(act.connection, org_id)
    if not changed:
        raise Conflict(
            f"The organisation is {now.status}.", remedy=f"Only one that is {old} can become {new}."
        )
    act.audit(
        Action.ADMIN_ORGANISATION_CHANGED,
        "organisation",
        org_id,
        organisations=[org_id],
        before={"status": old},
        after={"status": new},
    )
    return now
