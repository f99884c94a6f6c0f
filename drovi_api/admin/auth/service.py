"""The rules of signing in as an administrator.

Always a password and then a code. Every attempt is counted before it is judged, and every failure is written into
the platform's audit log, of an unknown address too: the two answer, and take, the same.
"""

from __future__ import annotations

from dataclasses import replace

from drovi_api.admin.auth.schemas import (
    Acceptance,
    Credentials,
    Enrolment,
    Invitation,
    PasswordChange,
    SecondFactor,
    Session,
)
from drovi_api.admin.dependencies import SignedInVisit, Visit
from drovi_api.auth.shapes import Accepted
from resources import audit
from resources.audit import Action
from resources.errors import Conflict, Forbidden, InvariantBroken, Unauthenticated
from resources.identity import admin_sessions, administrators, limits, passwords
from resources.identity import second_factor as factors
from resources.identity.admin_sessions import AdminSession
from resources.identity.administrators import Administrator


def sign_in(visit: Visit, given: Credentials) -> Session:
    """Begin a session that waits for its second factor.

    Raises:
        Unauthenticated: the address or the password is wrong, or it is no administrator's.
        RateLimited: too many attempts for this account or from this address.
    """
    rules, identity = visit.runtime.administration, visit.runtime.identity
    limits.take(identity, limits.ADMIN_SIGN_IN_BY_ADDRESS, visit.origin.address)
    limits.take(identity, limits.ADMIN_SIGN_IN_BY_ACCOUNT, given.email)
    known = administrators.by_email(visit.connection, rules, given.email)
    checked = passwords.check(known.password_hash if known else None, given.password.get_secret_value())
    if known is None or not checked.right or not known.active:
        _record_failure(visit, str(known.id) if known else "", given.email)
        raise Unauthenticated(
            "The address or the password is wrong.",
            remedy="Try again. Where it is lost, have another administrator disable the account and invite you anew.",
        )
    if checked.new_hash is not None:
        administrators.store_better_hash(visit.connection, known, checked.new_hash)
    # The account's attempt stays counted: whoever knows the password may still be guessing the code.
    limits.give_back(identity, limits.ADMIN_SIGN_IN_BY_ADDRESS, visit.origin.address, attempts=1)
    return _begin(visit, known, admin_sessions.start(visit.connection, known.id, visit.origin.address))


def second_factor(visit: SignedInVisit, given: SecondFactor) -> Session:
    """Complete the session.

    Raises:
        Conflict: it is complete already.
        Unauthenticated: the code is wrong, or was used before.
        RateLimited: too many attempts for this account or from this address.
    """
    session, identity = visit.session, visit.runtime.identity
    if session.second_factor_at is not None:
        raise Conflict("The second factor was given already.", remedy="Go on; or sign out, and in again.")
    limits.take(identity, limits.ADMIN_SIGN_IN_BY_ADDRESS, visit.origin.address)
    limits.take(identity, limits.ADMIN_SIGN_IN_BY_ACCOUNT, session.email)
    code = given.code.get_secret_value()
    if not factors.accept_code(
        visit.connection, visit.runtime.secrets, administrators.OF_ADMINISTRATORS, session.admin_id, code
    ):
        _record_failure(visit, str(session.admin_id), session.email)
        raise Unauthenticated("The code is wrong.", remedy="Wait for the next code and give that one.")
    limits.give_back(identity, limits.ADMIN_SIGN_IN_BY_ACCOUNT, session.email)
    limits.give_back(identity, limits.ADMIN_SIGN_IN_BY_ADDRESS, visit.origin.address, attempts=1)
    admin_sessions.revoke(visit.connection, session.id)
    started = admin_sessions.complete(
        visit.connection, visit.runtime.administration, session.admin_id, visit.origin.address
    )
    answer = _handed_over(visit, started)
    visit.record(
        visit.actor, Action.SESSION_STARTED, ("session", started.id), after={"second_factor": "given"}
    )
    return answer


def current(visit: SignedInVisit) -> Session:
    """The session as its page needs it."""
    return _described(visit, visit.session, visit.token)


def sign_out(visit: SignedInVisit) -> Accepted:
    """End the session."""
    admin_sessions.revoke(visit.connection, visit.session.id)
    visit.take_back()
    visit.record(visit.actor, Action.SESSION_ENDED, ("session", visit.session.id))
    return Accepted()


def change_password(visit: SignedInVisit, given: PasswordChange) -> Session:
    """Set another password; also where the present one is due.

    Raises:
        Unauthenticated: the second factor was not given yet.
        Forbidden: the current password is wrong.
        Invalid: the new one is not acceptable.
        RateLimited: too many attempts.
    """
    session, rules = visit.session, visit.runtime.administration
    if session.second_factor_at is None:
        raise Unauthenticated("The second factor is missing.", remedy="Give a code first.")
    limits.take(visit.runtime.identity, limits.ADMIN_SIGN_IN_BY_ACCOUNT, session.email)
    known = administrators.by_id(visit.connection, session.admin_id)
    if (
        known is None
        or not passwords.check(known.password_hash, given.current_password.get_secret_value()).right
    ):
        raise Forbidden("The current password is wrong.", remedy="Try again.")
    administrators.set_password(visit.connection, rules, known, given.new_password.get_secret_value())
    limits.give_back(visit.runtime.identity, limits.ADMIN_SIGN_IN_BY_ACCOUNT, session.email)
    started = admin_sessions.renew(visit.connection, rules, session, visit.origin.address)
    answer = _handed_over(visit, started)
    visit.record(visit.actor, Action.PASSWORD_CHANGED, ("administrator", known.id))
    return answer


def open_invitation(visit: Visit, given: Invitation) -> Enrolment:
    """Make the second factor that the invitation is to be accepted with.

    Raises:
        Invalid: the link is not valid any more.
        RateLimited: too many links were tried from here.
    """
    rules = visit.runtime.administration
    limits.take(visit.runtime.identity, limits.ADMIN_TOKEN_BY_ADDRESS, visit.origin.address)
    invited, factor = administrators.begin_joining(
        visit.connection, visit.runtime.secrets, rules, given.token.get_secret_value()
    )
    visit.record(
        _actor(visit, str(invited.id), invited.email),
        Action.ADMIN_INVITATION_OPENED,
        ("administrator", invited.id),
    )
    return Enrolment(
        email=invited.email, secret=factor.secret, uri=factor.uri, min_password=rules.min_password
    )


def accept_invitation(visit: Visit, given: Acceptance) -> Session:
    """Make the invited one an administrator, and sign them in.

    Raises:
        Invalid: the link is not valid any more, the password is not acceptable, or the code is wrong.
        RateLimited: too many links were tried from here.
    """
    rules = visit.runtime.administration
    limits.take(visit.runtime.identity, limits.ADMIN_TOKEN_BY_ADDRESS, visit.origin.address)
    joined = administrators.join(
        visit.connection,
        visit.runtime.secrets,
        rules,
        given.token.get_secret_value(),
        password=given.password.get_secret_value(),
        code=given.code.get_secret_value(),
    )
    # Of before they were disabled, where they were.
    admin_sessions.revoke_all(visit.connection, joined.id)
    _end_previous(visit)
    started = admin_sessions.complete(visit.connection, rules, joined.id, visit.origin.address)
    answer = _handed_over(visit, started)
    visit.record(
        _actor(visit, str(joined.id), joined.email), Action.ADMIN_JOINED, ("administrator", joined.id)
    )
    return answer


def _begin(visit: Visit, known: Administrator, started: admin_sessions.Started) -> Session:
    _end_previous(visit)
    answer = _handed_over(visit, started)
    visit.record(
        _actor(visit, str(known.id), known.email),
        Action.SESSION_STARTED,
        ("session", started.id),
        after={"second_factor": "awaited"},
    )
    return answer


def _end_previous(visit: Visit) -> None:
    """A session that the browser held before ends, whoever's it was."""
    before = admin_sessions.find(visit.connection, visit.runtime.administration, visit.token)
    if before is not None:
        admin_sessions.revoke(visit.connection, before.id)


def _handed_over(visit: Visit, started: admin_sessions.Started) -> Session:
    """Give the browser the new session, and describe it as the database has it."""
    visit.hand_over(started)
    session = admin_sessions.find(visit.connection, visit.runtime.administration, started.token)
    if session is None:
        raise InvariantBroken("A session that has just begun is over.")
    return _described(visit, session, started.token)


def _described(visit: Visit, session: AdminSession, token: str) -> Session:
    return Session(
        email=session.email,
        csrf_token=admin_sessions.csrf_token(token),
        expires_at=session.ends_at(visit.runtime.administration),
        second_factor=session.second_factor_at is not None,
        password_due=session.password_due,
    )


def _actor(visit: Visit, admin_id: str, email: str) -> audit.Actor:
    return audit.Actor(audit.ActorKind.ADMIN, admin_id, email, visit.origin.address)


def _record_failure(visit: Visit, admin_id: str, email: str) -> None:
    """In a transaction of its own: the request's is rolled back."""
    shown = "".join(letter for letter in email if letter.isprintable())
    with visit.runtime.identity.transaction() as connection:
        own = replace(visit, connection=connection)
        own.record(_actor(visit, admin_id, shown), Action.SESSION_FAILED, ("administrator", admin_id))
