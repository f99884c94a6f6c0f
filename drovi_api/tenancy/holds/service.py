"""Placing and releasing holds, each with its entry in the audit log."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drovi_api.dependencies import WriteSession
from drovi_api.tenancy.holds import repository
from drovi_api.tenancy.holds.schemas import Hold, NewHold
from drovi_api.user.connections import repository as connections
from resources.audit import Action
from resources.errors import Conflict, Invalid, NotFound


def place(session: WriteSession, new: NewHold) -> Hold:
    """Keep a source, or everything, from being erased, by whatever road.

    Raises:
        Invalid: there is no such source for the caller.
    """
    private = new.connection_id is not None and _is_private(session, new.connection_id)
    hold = repository.one(session, repository.place(session, new.connection_id, new.reason))
    about: dict[str, Any] = {"connection_id": new.connection_id and str(new.connection_id)}
    if not private:
        about["reason"] = new.reason
    session.audit(Action.HOLD_PLACED, "legal_hold", hold.id, after=about)
    return hold


def release(session: WriteSession, hold_id: UUID) -> Hold:
    """End a hold; what was deleted at its source meanwhile goes now.

    Raises:
        NotFound: there is no such hold.
        Conflict: it was released before.
    """
    before = repository.one(session, hold_id)
    if not repository.release(session, hold_id):
        raise Conflict("The hold was released already.", remedy="Nothing: it stands no more.")
    about = {"connection_id": before.connection_id and str(before.connection_id)}
    session.audit(Action.HOLD_RELEASED, "legal_hold", hold_id, before=about)
    return repository.one(session, hold_id)


def _is_private(session: WriteSession, connection_id: UUID) -> bool:
    try:
        return connections.one(session, connection_id).visibility == "PRIVATE"
    except NotFound as error:
        raise Invalid("There is no such source.", remedy="Check the id, and that you may see it.") from error
