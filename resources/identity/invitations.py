"""Invitations: a link, good once and for a week, that makes the person it was sent to a member.

Inviting is an act inside an organisation (``drovi_api.tenancy.invitations``); what stands here is what the invited
person does, before they are in any.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, func, select, update

from resources.errors import Conflict, Invalid
from resources.identity.tokens import hash_of
from resources.permissions import MATRIX, Permission
from resources.schema import app_user, invitation, membership, organisation
from resources.tenancy import Role

KIND = "invitation"
LIFETIME = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Invitation:
    """An invitation that stands. ``name`` is what whoever invited called the person; empty where they did not."""

    id: UUID
    org_id: UUID
    organisation: str
    inviter: str
    email: str
    name: str
    role: Role


def peek(connection: Connection, token: str) -> Invitation:
    """What a token invites to, without using it up.

    Raises:
        Invalid: it was never issued, was used, replaced or revoked, or has expired; all answer alike.
        Conflict: whoever sent it has lost the right to.
    """
    found = select(invitation.c.id).where(*_standing(token))
    return _described(connection, connection.execute(found).scalar_one_or_none())


def redeem(connection: Connection, token: str) -> Invitation:
    """Use an invitation up; of two at once only one succeeds. Raises as ``peek``."""
    used = update(invitation).where(*_standing(token)).values(accepted_at=func.now())
    return _described(connection, connection.execute(used.returning(invitation.c.id)).scalar_one_or_none())


def _standing(token: str) -> tuple[ColumnElement[bool], ...]:
    return (
        invitation.c.token_hash == hash_of(KIND, token),
        invitation.c.accepted_at.is_(None),
        invitation.c.revoked_at.is_(None),
        invitation.c.expires_at > func.now(),
    )


def _described(connection: Connection, invitation_id: UUID | None) -> Invitation:
    query = (
        select(
            invitation,
            organisation.c.name.label("organisation"),
            app_user.c.name.label("inviter"),
            membership.c.role.label("inviter_role"),
        )
        .join(organisation, organisation.c.id == invitation.c.org_id)
        .outerjoin(app_user, app_user.c.id == invitation.c.invited_by)
        .outerjoin(
            membership,
            (membership.c.org_id == invitation.c.org_id) & (membership.c.user_id == invitation.c.invited_by),
        )
        .where(invitation.c.id == invitation_id, organisation.c.status == "active")
    )
    row = connection.execute(query).one_or_none()
    if row is None:
        raise Invalid(
            "The invitation is not valid any more.",
            remedy="Ask for a new one; only the latest works, once, and for a week.",
        )
    role = Role(row.role)
    # Else whoever is shown the door could come back in through an invitation they left behind.
    if row.inviter_role is None or not may_invite(Role(row.inviter_role), role):
        raise Conflict(
            "Whoever sent this invitation may not invite any more.",
            remedy=f"Ask {row.organisation} for a new one.",
        )
    return Invitation(row.id, row.org_id, row.organisation, row.inviter, row.email, row.name, role)


def may_invite(inviter: Role, invited: Role) -> bool:
    """Whether a role may invite to another."""
    needed = {Permission.INVITE_MEMBERS} | ({Permission.MANAGE_OWNERS} if invited is Role.OWNER else set())
    return needed <= MATRIX[inviter]
