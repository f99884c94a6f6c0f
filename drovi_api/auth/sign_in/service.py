"""The rules of signing in.

Every attempt is counted before it is judged, by account and by address, whether the account exists or not. Unknown
addresses, wrong passwords and disabled accounts answer alike and cost one password check each.
"""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from drovi_api.auth import begin
from drovi_api.auth.shapes import Accepted, SignedIn
from drovi_api.auth.sign_in.schemas import Credentials, SecondFactor, SignInAnswer
from drovi_api.entrance import PersonVisit, Visit
from resources.audit import Action
from resources.errors import Invalid, Unauthenticated
from resources.identity import (
    addresses,
    limits,
    passwords,
    people,
    sessions,
    tokens,
)
from resources.identity import (
    second_factor as factors,
)
from resources.identity.people import Person


def sign_in(visit: Visit, given: Credentials) -> SignInAnswer:
    """A session, or a ticket for the second factor.

    Raises:
        Unauthenticated: the address or the password is wrong.
        RateLimited: too many attempts for this account or from this address.
    """
    email = _known_form(given.email)
    limits.take(visit.runtime.identity, limits.SIGN_IN_BY_ADDRESS, visit.origin.address)
    limits.take(visit.runtime.identity, limits.SIGN_IN_BY_ACCOUNT, email)
    person = people.by_email(visit.connection, email)
    checked = passwords.check(person.password_hash if person else None, given.password.get_secret_value())
    if person is None or not checked.right or person.disabled:
        begin.record_failure(visit, person)
        raise Unauthenticated(
            "The address or the password is wrong.", remedy="Try again, or reset your password."
        )
    if checked.new_hash is not None:
        people.store_hash(visit.connection, person.id, checked.new_hash)
    if person.second_factor:
        # The account's attempt stays counted: whoever knows the password may still be guessing the code.
        limits.give_back(visit.runtime.identity, limits.SIGN_IN_BY_ADDRESS, visit.origin.address, attempts=1)
        ticket = tokens.issue(visit.connection, tokens.Purpose.SECOND_FACTOR, email, person.id)
        return SignInAnswer(second_factor_ticket=ticket)
    _forget_attempts(visit, email)
    return SignInAnswer(session=_begin(visit, person, given.organisation_id))


def second_factor(visit: Visit, given: SecondFactor) -> SignedIn:
    """The session that the ticket and the code together open.

    Raises:
        Invalid: the ticket is over.
        Unauthenticated: the code is wrong, or was used before.
        RateLimited: too many attempts for this account or from this address.
    """
    ticket = given.ticket.get_secret_value()
    known = tokens.peek(visit.connection, tokens.Purpose.SECOND_FACTOR, ticket)
    limits.take(visit.runtime.identity, limits.SIGN_IN_BY_ADDRESS, visit.origin.address)
    limits.take(visit.runtime.identity, limits.SIGN_IN_BY_ACCOUNT, known.email)
    person = people.by_email(visit.connection, known.email)
    if person is None or person.id != known.user_id or person.disabled:
        raise Unauthenticated("The sign-in is over.", remedy="Sign in again.")
    if not factors.accept(visit.connection, visit.runtime.secrets, person.id, given.code.get_secret_value()):
        begin.record_failure(visit, person)
        raise Unauthenticated("The code is wrong.", remedy="Wait for the next code and give that one.")
    tokens.redeem(visit.connection, tokens.Purpose.SECOND_FACTOR, ticket)
    _forget_attempts(visit, known.email)
    return _begin(visit, person, given.organisation_id, second_factor_at=datetime.now(UTC))


def sign_out(visit: PersonVisit) -> Accepted:
    """End the session."""
    sessions.revoke(visit.connection, visit.session.user_id, visit.session.id)
    begin.record(
        visit,
        Action.SESSION_ENDED,
        visit.session.user_id,
        visit.session.org_id,
        subject=("session", visit.session.id),
    )
    visit.take_back()
    return Accepted()


def _begin(
    visit: Visit, person: Person, org_id: UUID | None, *, second_factor_at: datetime | None = None
) -> SignedIn:
    return begin.session(visit, person.id, org_id, second_factor_at=second_factor_at)


def _forget_attempts(visit: Visit, email: str) -> None:
    """All of the account's, whose owner this is; of the address's this one, since others may share it."""
    limits.give_back(visit.runtime.identity, limits.SIGN_IN_BY_ACCOUNT, email)
    limits.give_back(visit.runtime.identity, limits.SIGN_IN_BY_ADDRESS, visit.origin.address, attempts=1)


def _known_form(email: str) -> str:
    """What is no address is no account: it goes the same way as one that is unknown."""
    try:
        return addresses.normalise(email)
    except Invalid:
        # In a form that the database can be asked for.
        return email.strip().lower().replace("\0", "")
