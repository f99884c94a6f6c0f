"""Routes of members."""

from __future__ import annotations

from uuid import UUID

from drovi_api.dependencies import Reads, Runtime, Writes, feature, requires
from drovi_api.errors import problem_responses
from drovi_api.pagination import DEFAULT_LIMIT, CursorText, Limit, Page
from drovi_api.tenancy.members import repository, service
from drovi_api.tenancy.members.schemas import Member, RoleChange
from resources.permissions import Permission

router = feature("/members", "members")


@router.get("", operation_id="list_members", summary="List members")
def list_members(session: Reads, cursor: CursorText = None, limit: Limit = DEFAULT_LIMIT) -> Page[Member]:
    """Everyone in the organisation, the last to join first."""
    return repository.page(session, cursor, limit)


@router.patch(
    "/{user_id}",
    operation_id="change_member_role",
    summary="Change a member's role",
    responses=problem_responses(404, 409),
)
@requires(Permission.CHANGE_ROLES)
def change_member_role(session: Writes, runtime: Runtime, user_id: UUID, body: RoleChange) -> Member:
    """Holds at once, in open sessions too. Only owners make owners or change them; the last owner stays one."""
    return service.change_role(session, runtime, user_id, body.role)


@router.delete(
    "/{user_id}",
    operation_id="remove_member",
    summary="Remove a member",
    responses=problem_responses(404, 409),
)
@requires(Permission.REMOVE_MEMBERS)
def remove_member(session: Writes, runtime: Runtime, user_id: UUID) -> Member:
    """Their sessions and keys open nothing here from now on. Only owners remove owners; the last owner stays."""
    return service.remove(session, runtime, user_id)


@router.post(
    "/leave",
    operation_id="leave_organisation",
    summary="Leave the organisation",
    responses=problem_responses(409),
)
@requires(Permission.LEAVE)
def leave_organisation(session: Writes) -> Member:
    """End one's own membership, and with it one's keys here. The last owner cannot."""
    return service.leave(session)
