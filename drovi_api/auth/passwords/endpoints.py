"""Routes of passwords."""

from __future__ import annotations

from drovi_api.auth.passwords import service
from drovi_api.auth.passwords.schemas import Change, Forgotten, Reset
from drovi_api.auth.shapes import Accepted, SignedIn
from drovi_api.entrance import Answers, Persons, Visits, entrance, even

router = entrance("/auth/password")


@router.post("/forgotten", operation_id="forgot_password", summary="Forgot a password", status_code=202)
@even(Answers.ALL)
def forgot_password(visit: Visits, body: Forgotten) -> Accepted:
    """Have a link sent that is good for an hour. The answer, and its time, are the same where there is no account."""
    return service.forgotten(visit, body)


@router.post("/reset", operation_id="reset_password", summary="Reset a password")
def reset_password(visit: Visits, body: Reset) -> Accepted:
    """Set a new password with the token of the link. Every session of the account ends; sign in with the new one."""
    return service.reset(visit, body)


@router.post("/change", operation_id="change_password", summary="Change a password")
def change_password(visit: Persons, body: Change) -> SignedIn:
    """Set a new password. Every other session of the account ends; this one goes on under a new token."""
    return service.change(visit, body)
