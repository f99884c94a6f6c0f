"""Proof, asked for again, that whoever holds the session is its person: before what could lock them out for good."""

from __future__ import annotations

from pydantic import SecretStr

from drovi_api.auth import begin
from drovi_api.entrance import PersonVisit
from resources.errors import Forbidden
from resources.identity import limits, passwords, people, second_factor
from resources.identity.people import Person


def by_password(visit: PersonVisit, password: SecretStr) -> Person:
    """The person, whose password this is. Tries count as a sign-in's do.

    Raises:
        Forbidden: it is wrong, or there is none.
        RateLimited: too many tries for this account.
    """
    limits.take(visit.runtime.identity, limits.SIGN_IN_BY_ACCOUNT, visit.session.email)
    person = people.by_id(visit.connection, visit.session.user_id)
    stored = person.password_hash if person else None
    if not passwords.check(stored, password.get_secret_value()).right or person is None:
        begin.record_failure(visit, person)
        if stored is None:
            raise Forbidden(
                "This account has no password yet.", remedy="Set one first: ask for a link to reset it."
            )
        raise Forbidden("The current password is wrong.", remedy="Try again, or reset it by mail.")
    return person


def by_password_and_code(visit: PersonVisit, password: SecretStr, code: SecretStr | None) -> Person:
    """The person, by their password and by the second factor where one is in force; a code is used up by that.

    Raises:
        Forbidden: one of the two is wrong or missing.
        RateLimited: too many tries for this account.
    """
    person = by_password(visit, password)
    if person.second_factor and (
        code is None
        or not second_factor.accept(
            visit.connection, visit.runtime.secrets, person.id, code.get_secret_value()
        )
    ):
        begin.record_failure(visit, person)
        raise Forbidden(
            "The code of the second factor is wrong, or was used before.",
            remedy="Give the next code of the app, or a recovery code.",
        )
    limits.give_back(visit.runtime.identity, limits.SIGN_IN_BY_ACCOUNT, visit.session.email)
    return person
