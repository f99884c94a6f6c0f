"""Routes of administrators."""

from __future__ import annotations

from uuid import UUID

from drovi_api.admin.administrators import service
from drovi_api.admin.administrators.schemas import Administrators, Invited, Invitee
from drovi_api.admin.dependencies import Acts, feature
from drovi_api.auth.shapes import Accepted
from drovi_api.errors import problem_responses

router = feature("/administrators", "administrators")


@router.get("", operation_id="admin_list_administrators", summary="List administrators")
def admin_list_administrators(act: Acts) -> Administrators:
    """All of them, those invited and those disabled included, by address."""
    return service.listed(act)


@router.post(
    "",
    operation_id="admin_invite_administrator",
    summary="Invite an administrator",
    status_code=202,
    responses=problem_responses(409),
)
def admin_invite_administrator(act: Acts, body: Invitee) -> Invited:
    """Have a link sent that is good for a day, once. Also the way back for one who was disabled because a password or factor was lost."""
    return service.invite(act, body)


@router.post(
    "/{administrator_id}/disable",
    operation_id="admin_disable_administrator",
    summary="Disable an administrator",
    responses=problem_responses(404, 409),
)
def admin_disable_administrator(act: Acts, administrator_id: UUID) -> Accepted:
    """Keep an administrator out at once, and void their invitations. The last one cannot be disabled."""
    return service.disable(act, administrator_id)
