"""Routes of a person's second factor."""

from __future__ import annotations

from drovi_api.auth.second_factor import service
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
from drovi_api.entrance import Persons, entrance
from drovi_api.errors import problem_responses

router = entrance("/auth/second-factor")


@router.get("", operation_id="get_second_factor", summary="Is there a second factor?")
def get_second_factor(visit: Persons) -> SecondFactorState:
    """Whether one is in force, and how many recovery codes are left."""
    return service.state(visit)


@router.post("/begin", operation_id="begin_second_factor", summary="Add or replace a second factor")
def begin_second_factor(visit: Persons, body: Begin) -> Enrolment:
    """Get a secret for an authenticator app. A factor in force stays so until a code of the new one was given."""
    return service.begin_enrolment(visit, body)


@router.post("/confirm", operation_id="confirm_second_factor", summary="Put a second factor in force")
def confirm_second_factor(visit: Persons, body: FirstCode) -> Enabled:
    """Give the first code, and get ten recovery codes. Every other session of the account ends."""
    return service.confirm(visit, body)


@router.post(
    "/disable",
    operation_id="disable_second_factor",
    summary="Take the second factor away",
    responses=problem_responses(409),
)
def disable_second_factor(visit: Persons, body: Proof) -> SignedIn:
    """Sign in by password alone from now on. Refused while an organisation of the person's asks for a second factor."""
    return service.disable(visit, body)


@router.post(
    "/recovery-codes",
    operation_id="renew_recovery_codes",
    summary="Get new recovery codes",
    responses=problem_responses(409),
)
def renew_recovery_codes(visit: Persons, body: Proof) -> RecoveryCodes:
    """Ten new codes; the ones before work no more."""
    return service.renew_codes(visit, body)
