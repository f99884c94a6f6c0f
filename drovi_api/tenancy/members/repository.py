"""Memberships of the caller's organisation, with the people behind them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, delete, or_, select, update

from drovi_api.dependencies import ReadSession, WriteSession
from drovi_api.pagination import Page, by_moment, page_of
from drovi_api.tenancy.members.schemas import Member
from resources.database import Lookup
from resources.schema import app_user, membership
from resources.tenancy import Role

_MEMBER = membership.c
_ORDER = by_moment(_MEMBER.created_at, _MEMBER.user_id)
_ALL = select(
    _MEMBER.user_id,
    app_user.c.name,
    app_user.c.email,
    app_user.c.locale,
    _MEMBER.role,
    _MEMBER.created_at.label("joined_at"),
).join(app_user, app_user.c.id == _MEMBER.user_id)
_ONE = Lookup(_ALL.where(_MEMBER.user_id == bindparam("user_id")))


def page(session: ReadSession, cursor: str | None, limit: int) -> Page[Member]:
    """The last to join first."""
    rows = session.all(_ORDER.page(_ALL, cursor, limit))
    return page_of(rows, limit, member_of, lambda row: (row.joined_at, row.user_id))


def one(session: ReadSession, user_id: UUID) -> Any:
    """A member's row, with the language to write to them in."""
    return session.found(_ONE, "member", user_id=user_id)


def member_of(row: Any) -> Member:
    """The row as it is shown."""
    return Member.model_validate(row, from_attributes=True)


def locked(session: WriteSession, user_id: UUID) -> dict[UUID, Role]:
    """The roles of every owner, of the caller and of one member (where there is one), to stay until the transaction ends.

    Locked in one order, whoever asks, so that two who change each other wait instead of blocking each other for good.
    """
    rows = session.all(
        select(_MEMBER.user_id, _MEMBER.role)
        .where(
            or_(_MEMBER.role == Role.OWNER.value, _MEMBER.user_id.in_([user_id, session.principal.user_id]))
        )
        .order_by(_MEMBER.user_id)
        .with_for_update(key_share=True)
    )
    return {row.user_id: Role(row.role) for row in rows}


def change_role(session: WriteSession, user_id: UUID, role: Role) -> None:
    """Make a member something else."""
    session.run(update(membership).where(_MEMBER.user_id == user_id).values(role=role.value))


def remove(session: WriteSession, user_id: UUID) -> None:
    """End a membership; its API keys go with it."""
    session.run(delete(membership).where(_MEMBER.user_id == user_id))
