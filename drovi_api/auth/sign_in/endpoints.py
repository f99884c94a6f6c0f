"""Routes of signing in and out."""

from __future__ import annotations

from drovi_api.auth.shapes import Accepted, SignedIn
from drovi_api.auth.sign_in import service
from drovi_api.auth.sign_in.schemas import Credentials, SecondFactor, SignInAnswer
from drovi_api.entrance import Answers, Persons, Visits, entrance, even

router = entrance("/auth")


@router.post("/sign-in", operation_id="sign_in", summary="Sign in")
@even(Answers.REFUSALS)
def sign_in(visit: Visits, body: Credentials) -> SignInAnswer:
    """Begin a session, or ask for the second factor. An unknown address answers, and takes, the same as a wrong password."""
    return service.sign_in(visit, body)


@router.post("/sign-in/second-factor", operation_id="give_second_factor", summary="Sign in: second factor")
def give_second_factor(visit: Visits, body: SecondFactor) -> SignedIn:
    """Complete a sign-in with a code of the authenticator app, or a recovery code, each of which works once."""
    return service.second_factor(visit, body)


@router.post("/sign-out", operation_id="sign_out", summary="Sign out")
def sign_out(visit: Persons) -> Accepted:
    """End the session; its cookie opens nothing from here on."""
    return service.sign_out(visit)
