"""Routes of invitations."""

from __future__ import annotations

from uuid import UUID

from drovi_api.dependencies import Reads, Runtime, Writes, feature, requires
from drovi_api.errors import problem_responses
from drovi_api.pagination import DEFAULT_LIMIT, CursorText, Limit, Page
from drovi_api.tenancy.invitations import repository, service
from drovi_api.tenancy.invitations.schemas import Invitation, InvitationTable, NewInvitation, TableReport
from resources.permissions import Permission

router = feature("/invitations", "members")


@router.post(
    "",
    operation_id="invite_member",
    summary="Invite somebody",
    status_code=201,
    responses=problem_responses(409, 429),
)
@requires(Permission.INVITE_MEMBERS)
def invite_member(session: Writes, runtime: Runtime, body: NewInvitation) -> Invitation:
    """Send a link that is good once, for a week. It replaces the one they have, if any."""
    return service.invite(session, runtime, body)


@router.post(
    "/bulk",
    operation_id="invite_members",
    summary="Invite a list of people",
    responses=problem_responses(429),
)
@requires(Permission.INVITE_MEMBERS)
def invite_members(session: Writes, runtime: Runtime, body: InvitationTable) -> TableReport:
    """Invite everyone in a CSV table who can be, and say row by row what became of each: a bad one stops no other."""
    return service.invite_table(session, runtime, body)


@router.get("", operation_id="list_invitations", summary="List invitations")
@requires(Permission.INVITE_MEMBERS)
def list_invitations(
    session: Reads, cursor: CursorText = None, limit: Limit = DEFAULT_LIMIT
) -> Page[Invitation]:
    """Those that nobody has accepted or revoked, newest first."""
    return repository.page(session, cursor, limit)


@router.post(
    "/{invitation_id}/resend",
    operation_id="resend_invitation",
    summary="Send an invitation again",
    responses=problem_responses(404, 409, 429),
)
@requires(Permission.INVITE_MEMBERS)
def resend_invitation(session: Writes, runtime: Runtime, invitation_id: UUID) -> Invitation:
    """Send a new link, good for a week from now; the old one opens nothing any more."""
    return service.resend(session, runtime, invitation_id)


@router.delete(
    "/{invitation_id}",
    operation_id="revoke_invitation",
    summary="Revoke an invitation",
    responses=problem_responses(404),
)
@requires(Permission.INVITE_MEMBERS)
def revoke_invitation(session: Writes, invitation_id: UUID) -> Invitation:
    """Make its link open nothing."""
    return service.revoke(session, invitation_id)
