"""The rules of a person's sessions."""

from __future__ import annotations

from typing import cast
from uuid import UUID

from drovi_api.auth import begin
from drovi_api.auth.sessions.schemas import CurrentSession, Session, Sessions
from drovi_api.auth.shapes import Accepted, SignedIn
from drovi_api.entrance import PersonVisit
from resources.audit import Action
from resources.errors import Forbidden, NotFound
from resources.identity import sessions
from resources.mailer import Locale


def current(visit: PersonVisit) -> CurrentSession:
    """The session as its page needs it."""
    session = visit.session
    organisations = begin.memberships(visit, session.user_id)
    still_in = session.org_id in {one.id for one in organisations}
    return CurrentSession(
        user_id=session.user_id,
        email=session.email,
        name=session.name,
        locale=cast("Locale", session.locale),
        csrf_token=sessions.csrf_token(visit.token),
        organisation_id=session.org_id if still_in else None,
        organisations=organisations,
        second_factor=session.second_factor_at is not None,
    )


def switch(visit: PersonVisit, org_id: UUID) -> SignedIn:
    """Work in another organisation.

    Raises:
        Forbidden: the person is not in it, or it does not exist.
    """
    if org_id not in {one.id for one in begin.memberships(visit, visit.session.user_id)}:
        raise Forbidden("You are not a member of that organisation.", remedy="Ask to be invited.")
    answer = begin.replaced(visit, org_id=org_id)
    begin.record(
        visit,
        Action.SESSION_STARTED,
        visit.session.user_id,
        org_id,
        subject=("user", visit.session.user_id),
    )
    return answer


def listed(visit: PersonVisit) -> Sessions:
    """The person's sessions in force."""
    rows = sessions.of_user(visit.connection, visit.session.user_id)
    names = [name for name in Session.model_fields if name != "current"]
    return Sessions(
        items=[
            Session(current=row.id == visit.session.id, **{name: getattr(row, name) for name in names})
            for row in rows
        ]
    )


def revoke(visit: PersonVisit, session_id: UUID) -> Accepted:
    """End one.

    Raises:
        NotFound: it is not the caller's, or is over already.
    """
    if not sessions.revoke(visit.connection, visit.session.user_id, session_id):
        raise NotFound("There is no such session.", remedy="List your sessions again.")
    if session_id == visit.session.id:
        visit.take_back()
    _record(visit, session_id)
    return Accepted()


def revoke_others(visit: PersonVisit) -> Accepted:
    """End all but this one."""
    sessions.revoke_all(visit.connection, visit.session.user_id, but=visit.session.id)
    _record(visit, visit.session.id, others=True)
    return Accepted()


def _record(visit: PersonVisit, session_id: UUID, *, others: bool = False) -> None:
    begin.record(
        visit,
        Action.SESSION_REVOKED,
        visit.session.user_id,
        visit.session.org_id,
        subject=("session", session_id),
        after={"all_but_this": True} if others else None,
    )
