"""Routes of accepting an invitation."""

from __future__ import annotations

from drovi_api.auth.invitations import service
from drovi_api.auth.invitations.schemas import Acceptance, InvitationPreview, InvitationToken
from drovi_api.auth.shapes import SignedIn
from drovi_api.entrance import Visits, entrance
from drovi_api.errors import problem_responses

router = entrance("/auth/invitations")


@router.post(
    "/preview",
    operation_id="preview_invitation",
    summary="Look at an invitation",
    responses=problem_responses(409),
)
def preview_invitation(visit: Visits, body: InvitationToken) -> InvitationPreview:
    """Who invites to what, and whether the address has an account. The invitation stays good."""
    return service.preview(visit, body.token.get_secret_value())


@router.post(
    "/accept",
    operation_id="accept_invitation",
    summary="Accept an invitation",
    responses=problem_responses(409),
)
def accept_invitation(visit: Visits, body: Acceptance) -> SignedIn:
    """Join the organisation. Somebody new gives a name and a password; whoever has an account signs in with it first."""
    return service.accept(visit, body)
