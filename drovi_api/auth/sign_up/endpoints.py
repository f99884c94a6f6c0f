"""Routes of signing up."""

from __future__ import annotations

from drovi_api.auth.shapes import Accepted, SignedIn
from drovi_api.auth.sign_up import service
from drovi_api.auth.sign_up.schemas import NewAccount, SignUp
from drovi_api.entrance import Answers, Visits, entrance, even

router = entrance("/auth/sign-up")


@router.post("", operation_id="sign_up", summary="Sign up", status_code=202)
@even(Answers.ALL)
def sign_up(visit: Visits, body: SignUp) -> Accepted:
    """Have a link sent to the address. The answer is the same for one that has an account already; its owner is told."""
    return service.sign_up(visit, body)


@router.post("/complete", operation_id="complete_sign_up", summary="Complete a sign-up", status_code=201)
def complete_sign_up(visit: Visits, body: NewAccount) -> SignedIn:
    """Found the account and its organisation with the token of the link, and sign in."""
    return service.complete(visit, body)
