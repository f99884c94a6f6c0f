"""The rules of second factors: whoever has the session alone can neither add one, nor replace it, nor take it away."""

from __future__ import annotations

import dataclasses

import segno

from drovi_api.auth import begin, proof
from drovi_api.auth.letters import send
from drovi_api.auth.second_factor.schemas import (
    Begin,
    Enabled,
    Enrolment,
    FirstCode,
    Proof,
    RecoveryCodes,
    SecondFactorState,
)
from drovi_api.auth.shapes import SignedIn
from drovi_api.entrance import PersonVisit
from resources import clock
from resources.audit import Action
from resources.errors import Conflict, Forbidden, Invalid
from resources.identity import limits, people, policies, sessions
from resources.identity import second_factor as factors
from resources.identity.people import Person

_MODULE_PIXELS = 4


def state(visit: PersonVisit) -> SecondFactorState:
    """What the person has."""
    found = factors.state(visit.connection, visit.session.user_id)
    return SecondFactorState(enabled=found.enabled, recovery_codes_left=found.recovery_codes_left)


def begin_enrolment(visit: PersonVisit, given: Begin) -> Enrolment:
    """A secret that waits for its first code.

    Raises:
        Forbidden: the password is wrong, or the code of the factor that this one is to replace.
        RateLimited: too many tries for this account.
    """
    person = proof.by_password_and_code(visit, given.password, given.code)
    enrolment = factors.begin(visit.connection, visit.runtime.secrets, person.id, person.email)
    begin.record_for_all(visit, Action.SECOND_FACTOR_BEGUN, person.id)
    image = segno.make(enrolment.uri, micro=False).svg_inline(scale=_MODULE_PIXELS)
    return Enrolment(secret=enrolment.secret, uri=enrolment.uri, qr_svg=image)


def confirm(visit: PersonVisit, given: FirstCode) -> Enabled:
    """Put the factor in force; sessions that never gave it end.

    Raises:
        Invalid: the code is wrong, or nothing waits for one any more.
        RateLimited: too many tries for this account.
    """
    limits.take(visit.runtime.identity, limits.SIGN_IN_BY_ACCOUNT, visit.session.email)
    person = _person(visit)
    codes = factors.confirm(visit.connection, visit.runtime.secrets, person.id, given.code.get_secret_value())
    if codes is None:
        raise Invalid(
            "The code does not fit.", remedy="Give the code that the app shows now, or begin again."
        )
    limits.give_back(visit.runtime.identity, limits.SIGN_IN_BY_ACCOUNT, visit.session.email)
    sessions.revoke_all(visit.connection, person.id, but=visit.session.id)
    session = begin.replaced(visit, second_factor_at=clock.now())
    _tell(visit, person, "replaced" if person.second_factor else "enabled")
    begin.record_for_all(visit, Action.SECOND_FACTOR_ENABLED, person.id)
    return Enabled(recovery_codes=codes, session=session)


def disable(visit: PersonVisit, given: Proof) -> SignedIn:
    """Take the factor out of force; this session goes on without it, the others end.

    Raises:
        Conflict: there is none, or an organisation of the person's asks for one.
        Forbidden: the password or the code is wrong.
        RateLimited: too many tries for this account.
    """
    person = _proven(visit, given)
    if asking := policies.asking_for_second_factor(visit.connection, person.id):
        raise Conflict(
            f"{asking[0]} asks its members for a second factor.",
            remedy="Replace it with another device instead, or leave that organisation first.",
        )
    factors.remove(visit.connection, person.id)
    sessions.revoke_all(visit.connection, person.id, but=visit.session.id)
    visit.session = dataclasses.replace(visit.session, second_factor_at=None)
    session = begin.replaced(visit)
    _tell(visit, person, "disabled")
    begin.record_for_all(visit, Action.SECOND_FACTOR_DISABLED, person.id)
    return session


def renew_codes(visit: PersonVisit, given: Proof) -> RecoveryCodes:
    """Other recovery codes.

    Raises:
        Conflict: there is no factor that they could stand in for.
        Forbidden: the password or the code is wrong.
        RateLimited: too many tries for this account.
    """
    person = _proven(visit, given)
    codes = factors.renew_codes(visit.connection, person.id)
    _tell(visit, person, "recovery_codes")
    begin.record_for_all(visit, Action.SECOND_FACTOR_CODES_RENEWED, person.id)
    return RecoveryCodes(recovery_codes=codes)


def _proven(visit: PersonVisit, given: Proof) -> Person:
    person = proof.by_password_and_code(visit, given.password, given.code)
    if not person.second_factor:
        raise Conflict("This account has no second factor.", remedy="Add one first.")
    return person


def _person(visit: PersonVisit) -> Person:
    person = people.by_id(visit.connection, visit.session.user_id)
    if person is None:
        raise Forbidden("The account is gone.", remedy="Sign in again.")
    return person


def _tell(visit: PersonVisit, person: Person, change: str) -> None:
    """``change``: ``enabled``, ``replaced``, ``disabled`` or ``recovery_codes``."""
    send(
        visit,
        "second_factor_changed",
        to=person.email,
        locale=person.locale,
        page="account/security",
        recipient=person.name,
        change=change,
        changed_at=clock.now(),
    )
