"""The rules of setting passwords: whoever sets one ends the sessions that the old one opened, and its owner is told."""

from __future__ import annotations

from drovi_api.auth import begin, proof
from drovi_api.auth.letters import send
from drovi_api.auth.passwords.schemas import Change, Forgotten, Reset
from drovi_api.auth.shapes import Accepted, SignedIn
from drovi_api.entrance import PersonVisit, Visit
from resources.audit import Action
from resources.clock import now
from resources.errors import Invalid
from resources.identity import addresses, limits, passwords, people, sessions, tokens
from resources.identity.people import Person
from resources.identity.tokens import Purpose


def forgotten(visit: Visit, given: Forgotten) -> Accepted:
    """Send the link, where there is an account.

    Raises:
        RateLimited: too many letters to the address, or from here.
    """
    email = addresses.normalise(given.email)
    limits.take(visit.runtime.identity, limits.MAIL_BY_ADDRESS, visit.origin.address)
    limits.take(visit.runtime.identity, limits.MAIL_BY_ACCOUNT, email)
    person = people.by_email(visit.connection, email)
    # Issued for an unknown address as well, and told to nobody: the two then cost the same.
    token = tokens.issue(visit.connection, Purpose.RESET_PASSWORD, email, person.id if person else None)
    if person is not None and not person.disabled:
        send(
            visit,
            "reset_password",
            to=email,
            locale=person.locale,
            page="reset-password",
            token=token,
            recipient=person.name,
            valid_for=tokens.LIFETIMES[Purpose.RESET_PASSWORD],
        )
        begin.record_for_all(visit, Action.PASSWORD_RESET_REQUESTED, person.id)
    return Accepted()


def reset(visit: Visit, given: Reset) -> Accepted:
    """Set the password.

    Raises:
        Invalid: the token is not valid any more, or the password is not acceptable; the token still is then.
    """
    limits.take(visit.runtime.identity, limits.TOKEN_BY_ADDRESS, visit.origin.address)
    proven = tokens.redeem(visit.connection, Purpose.RESET_PASSWORD, given.token.get_secret_value())
    person = people.by_id(visit.connection, proven.user_id) if proven.user_id else None
    if person is None or person.disabled or person.email != proven.email:
        raise Invalid("The link is not valid any more.", remedy="Ask for a new one.")
    _set(visit, person, given.password.get_secret_value())
    people.mark_verified(visit.connection, person.id)
    sessions.revoke_all(visit.connection, person.id)
    return Accepted()


def change(visit: PersonVisit, given: Change) -> SignedIn:
    """Set another password.

    Raises:
        Forbidden: the current one is wrong.
        Invalid: the new one is not acceptable.
        RateLimited: too many tries for this account.
    """
    person = proof.by_password(visit, given.current_password)
    _set(visit, person, given.new_password.get_secret_value())
    sessions.revoke_all(visit.connection, person.id, but=visit.session.id)
    return begin.replaced(visit)


def _set(visit: Visit, person: Person, password: str) -> None:
    passwords.require_acceptable(password, person.email)
    people.set_password(visit.connection, person.id, password)
    send(
        visit,
        "password_changed",
        to=person.email,
        locale=person.locale,
        page="forgot-password",
        recipient=person.name,
        changed_at=now(),
    )
    begin.record_for_all(visit, Action.PASSWORD_CHANGED, person.id)
