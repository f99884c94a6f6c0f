"""The rules of who administers the platform: by invitation, and never nobody."""

from __future__ import annotations

from uuid import UUID

from drovi_api.admin.administrators.schemas import Administrator, Administrators, Invited, Invitee
from drovi_api.admin.dependencies import Act
from drovi_api.auth.shapes import Accepted
from resources.audit import PLATFORM, Action
from resources.identity import admin_sessions, administrators, limits


def listed(act: Act) -> Administrators:
    """All of them."""
    rows = administrators.every(act.connection)
    act.audit(Action.ADMIN_ADMINISTRATORS_LISTED, "platform", PLATFORM)
    names = list(Administrator.model_fields)
    return Administrators(
        items=[Administrator(**{name: getattr(row, name) for name in names}) for row in rows]
    )


def invite(act: Act, given: Invitee) -> Invited:
    """Send the link.

    Raises:
        Invalid: it is no address of the administrators' domain.
        Conflict: they are an administrator already.
        RateLimited: too many letters to the address.
    """
    runtime = act.runtime
    limits.take(runtime.identity, limits.ADMIN_MAIL_BY_ACCOUNT, given.email)
    invited = administrators.invite(
        act.connection,
        runtime.secrets,
        runtime.administration,
        given.email,
        inviter=act.session.email,
        public_url=runtime.public_url,
    )
    act.audit(Action.ADMIN_INVITED, "administrator", invited.admin_id, after={"email": given.email})
    return Invited(id=invited.admin_id, email=given.email)


def disable(act: Act, admin_id: UUID) -> Accepted:
    """Keep one out, at once; oneself too.

    Raises:
        NotFound: there is nobody with this id who is not disabled.
        Conflict: they are the only one left.
    """
    disabled = administrators.disable(act.connection, act.runtime.administration, admin_id)
    admin_sessions.revoke_all(act.connection, admin_id)
    if admin_id == act.session.admin_id:
        act.take_back()
    act.audit(Action.ADMIN_DISABLED, "administrator", admin_id, after={"email": disabled.email})
    return Accepted()
