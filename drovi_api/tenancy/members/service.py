"""Who may change whom. An organisation keeps an owner: the rows this is judged by are locked until it is done."""

from __future__ import annotations

from uuid import UUID

from drovi_api.dependencies import WriteSession, require
from drovi_api.runtime import ApiRuntime
from drovi_api.tenancy import letters
from drovi_api.tenancy.members import repository
from drovi_api.tenancy.members.schemas import Member
from resources.audit import Action
from resources.database import sole
from resources.errors import Conflict, Forbidden
from resources.letters import Letter
from resources.permissions import Permission
from resources.tenancy import Role


def change_role(session: WriteSession, runtime: ApiRuntime, user_id: UUID, role: Role) -> Member:
    """Make a member something else, in the sessions they have open too.

    Raises:
        NotFound: there is no such member.
        Forbidden: only owners make owners, and touch them.
        Conflict: it is the last owner.
    """
    before = _role_of(session, user_id, stays_owner=role is Role.OWNER)
    if role is before:
        return repository.member_of(repository.one(session, user_id))
    if role is Role.OWNER:
        require(session.principal, Permission.MANAGE_OWNERS)
    repository.change_role(session, user_id, role)
    row = repository.one(session, user_id)
    sender = letters.sender(session)
    values = {
        "recipient": row.name,
        "actor": sender.name,
        "organisation": sender.organisation,
        "role": role.value,
        "link": runtime.public_url,
    }
    letters.send(session, runtime, Letter(row.email, row.locale, "role_changed", values))
    session.audit(
        Action.MEMBER_ROLE_CHANGED, "user", user_id, before={"role": before.value}, after={"role": role.value}
    )
    return repository.member_of(row)


def remove(session: WriteSession, runtime: ApiRuntime, user_id: UUID) -> Member:
    """End somebody's membership: their sessions, keys and event streams here are over at once.

    Raises:
        NotFound: there is no such member.
        Forbidden: only owners touch owners.
        Conflict: it is the last owner.
    """
    before = _role_of(session, user_id)
    row = repository.one(session, user_id)
    sender = letters.sender(session)
    values = {"recipient": row.name, "actor": sender.name, "organisation": sender.organisation}
    repository.remove(session, user_id)
    letters.send(session, runtime, Letter(row.email, row.locale, "removed_from_organisation", values))
    session.audit(Action.MEMBER_REMOVED, "user", user_id, before={"role": before.value, "email": row.email})
    return repository.member_of(row)


def leave(session: WriteSession) -> Member:
    """End one's own membership.

    Raises:
        Conflict: the caller is the last owner.
    """
    user_id = session.principal.user_id
    _keep_an_owner(repository.locked(session, user_id), user_id)
    row = repository.one(session, user_id)
    repository.remove(session, user_id)
    session.audit(Action.MEMBER_LEFT, "user", user_id, before={"role": row.role, "email": row.email})
    return repository.member_of(row)


def _role_of(session: WriteSession, user_id: UUID, *, stays_owner: bool = False) -> Role:
    """The member's role, once it is clear that the caller may change it."""
    roles = repository.locked(session, user_id)
    if roles.get(session.principal.user_id) is not session.principal.role:
        # Changed since the request was let in: what its sender may do is the lock's to say.
        raise Forbidden("Your role has just changed.", remedy="Load the page again.")
    role: Role = sole([roles[user_id]] if user_id in roles else [], "member")
    if role is Role.OWNER:
        require(session.principal, Permission.MANAGE_OWNERS)
        if not stays_owner:
            _keep_an_owner(roles, user_id)
    return role


def _keep_an_owner(roles: dict[UUID, Role], leaving: UUID) -> None:
    owners = {user_id for user_id, role in roles.items() if role is Role.OWNER}
    if owners == {leaving}:
        raise Conflict("An organisation keeps an owner.", remedy="Make somebody else an owner first.")
