"""The rules of looking after people's accounts. What concerns a person concerns every organisation they are in."""

from __future__ import annotations

from uuid import UUID

from drovi_api.admin.dependencies import Act
from drovi_api.admin.users import repository
from drovi_api.admin.users.schemas import User, UserSummary
from drovi_api.pagination import Page
from resources.audit import PLATFORM, Action
from resources.errors import Conflict
from resources.identity import sessions


def search(act: Act, email: str, cursor: str | None, limit: int) -> Page[UserSummary]:
    """Whose address holds these characters; the log keeps what was looked for, and nobody who was found."""
    page = repository.page(act.connection, email.lower(), cursor, limit)
    act.audit(Action.ADMIN_USERS_SEARCHED, "platform", PLATFORM, after={"email": email})
    return page


def viewed(act: Act, user_id: UUID) -> User:
    """One. Raises ``NotFound``."""
    found = repository.one(act.connection, user_id)
    act.audit(Action.ADMIN_USER_VIEWED, "user", user_id, organisations=_concerned(found))
    return found


def disable(act: Act, user_id: UUID) -> User:
    """Keep a person out: their sessions end, and their keys open nothing from the next request on.

    Raises:
        NotFound: there is no such person.
        Conflict: they are disabled already.
    """
    changed = repository.set_disabled(act.connection, user_id, disabled=True)
    sessions.revoke_all(act.connection, user_id)
    return _changed(act, user_id, changed=changed, disabled=True)


def enable(act: Act, user_id: UUID) -> User:
    """Let them in again; their keys work as before, their sessions stay over. Raises as ``disable``."""
    changed = repository.set_disabled(act.connection, user_id, disabled=False)
    return _changed(act, user_id, changed=changed, disabled=False)


def end_sessions(act: Act, user_id: UUID) -> User:
    """Sign a person out everywhere. Raises ``NotFound``."""
    ended = sessions.revoke_all(act.connection, user_id)
    found = repository.one(act.connection, user_id)
    act.audit(
        Action.SESSION_REVOKED, "user", user_id, organisations=_concerned(found), after={"sessions": ended}
    )
    return found


def _changed(act: Act, user_id: UUID, *, changed: bool, disabled: bool) -> User:
    found = repository.one(act.connection, user_id)
    if not changed:
        raise Conflict(
            f"The account is {'disabled' if disabled else 'enabled'} already.", remedy="Read it again."
        )
    act.audit(
        Action.ADMIN_USER_CHANGED,
        "user",
        user_id,
        organisations=_concerned(found),
        before={"disabled": not disabled},
        after={"disabled": disabled},
    )
    return found


def _concerned(user: User) -> list[UUID]:
    return [one.organisation_id for one in user.memberships]
