"""Invitations of the caller's organisation. However many there are to write, they are written by one statement."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row, and_, bindparam, func, select, update
from sqlalchemy.dialects.postgresql import insert

from drovi_api.dependencies import ReadSession, WriteSession
from drovi_api.pagination import Page, by_id, page_of
from drovi_api.tenancy.invitations.schemas import Invitation
from resources.identity.invitations import KIND, LIFETIME
from resources.identity.tokens import hash_of
from resources.schema import app_user, invitation, membership
from resources.tenancy import Role

_COLUMN = invitation.c
_STANDS = and_(_COLUMN.accepted_at.is_(None), _COLUMN.revoked_at.is_(None))
_SHOWN = (
    *(invitation.c[name] for name in Invitation.model_fields if name != "expired"),
    (_COLUMN.expires_at <= func.now()).label("expired"),
)
_ORDER = by_id(_COLUMN.id)
_ONE = select(*_SHOWN).where(_STANDS, _COLUMN.id == bindparam("invitation_id")).with_for_update()
_BY_EMAIL = select(*_SHOWN).where(_STANDS, _COLUMN.email == bindparam("email"))


@dataclass(frozen=True, slots=True)
class Wanted:
    """An invitation to be written, and the token its letter carries."""

    email: str
    role: Role
    name: str
    token: str


def page(session: ReadSession, cursor: str | None, limit: int) -> Page[Invitation]:
    """Those that stand, newest first; what has expired stands until it is revoked."""
    rows = session.all(_ORDER.page(select(*_SHOWN).where(_STANDS), cursor, limit))
    return page_of(rows, limit, invitation_of, lambda row: (row.id,))


def locked(session: WriteSession, invitation_id: UUID) -> Invitation:
    """One that stands, until the transaction ends."""
    return invitation_of(session.one(_ONE, "invitation", invitation_id=invitation_id))


def standing(session: ReadSession, email: str) -> Invitation:
    """The one that stands for an address."""
    return invitation_of(session.one(_BY_EMAIL, "invitation", email=email))


def members_among(session: ReadSession, emails: Collection[str]) -> set[str]:
    """Which of the addresses are members' already."""
    query = (
        select(app_user.c.email)
        .join(membership, membership.c.user_id == app_user.c.id)
        .where(app_user.c.email.in_(emails))
    )
    return {row.email for row in session.all(query)}


def write(session: WriteSession, wanted: Sequence[Wanted], *, over_owners: bool) -> Mapping[str, Row[Any]]:
    """Write invitations, in the place of those that stand for the same addresses.

    Returns, by address, the id and whether it ``is_new``. Without ``over_owners``, an invitation as owner stays as it
    is, and its address is not in the answer.
    """
    if not wanted:
        return {}
    own = {"org_id": session.principal.org_id, "invited_by": session.principal.user_id}
    rows = [
        {
            **own,
            "email": one.email,
            "role": one.role.value,
            "name": one.name,
            "token_hash": hash_of(KIND, one.token),
            "expires_at": func.now() + LIFETIME,
        }
        # In one order, so that two lists with the same people wait for each other instead of blocking for good.
        for one in sorted(wanted, key=lambda one: one.email)
    ]
    row = insert(invitation).values(rows)
    replaced = ("role", "name", "token_hash", "invited_by", "expires_at")
    statement = row.on_conflict_do_update(
        index_elements=[_COLUMN.org_id, _COLUMN.email],
        index_where=_STANDS,
        set_={name: row.excluded[name] for name in replaced},
        where=None if over_owners else _COLUMN.role != Role.OWNER.value,
    ).returning(_COLUMN.id, _COLUMN.email, (_COLUMN.created_at == func.now()).label("is_new"))
    return {row.email: row for row in session.connection.execute(statement)}


def revoke(session: WriteSession, invitation_id: UUID) -> None:
    """Make its link open nothing."""
    session.run(update(invitation).where(_COLUMN.id == invitation_id).values(revoked_at=func.now()))


def invitation_of(row: Row[Any]) -> Invitation:
    """The row as it is shown."""
    return Invitation.model_validate(row, from_attributes=True)
