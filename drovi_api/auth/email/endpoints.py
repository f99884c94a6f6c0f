"""Routes of changing an address."""

from __future__ import annotations

from drovi_api.auth.email import service
from drovi_api.auth.email.schemas import Confirmation, NewAddress
from drovi_api.auth.shapes import Accepted, SignedIn
from drovi_api.entrance import Persons, entrance
from drovi_api.errors import problem_responses

router = entrance("/auth/email")


@router.post(
    "", operation_id="request_email_change", summary="Ask for another e-mail address", status_code=202
)
def request_email_change(visit: Persons, body: NewAddress) -> Accepted:
    """Have a link sent to the new address, and a notice to the old one. Nothing changes until the link was followed."""
    return service.request(visit, body)


@router.post(
    "/confirm",
    operation_id="confirm_email_change",
    summary="Confirm another e-mail address",
    responses=problem_responses(409),
)
def confirm_email_change(visit: Persons, body: Confirmation) -> SignedIn:
    """Take the new address, with the token of the link. Every other session ends; this one goes on under a new token."""
    return service.confirm(visit, body)
