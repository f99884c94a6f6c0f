"""People in the database, as the role that signs them in sees them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import Connection, func, select, update

from drovi_api.admin.users.schemas import Membership, User, UserSummary
from drovi_api.pagination import Page, by_id, page_of
from resources.database import sole
from resources.schema import app_user, membership, organisation, user_credential, user_session
from resources.tenancy import Role

_BY_ID = by_id(app_user.c.id)
_SUMMARY = tuple(app_user.c[name] for name in UserSummary.model_fields)


def page(connection: Connection, email: str, cursor: str | None, limit: int) -> Page[UserSummary]:
    """Whose address holds these characters, newest first."""
    found = select(*_SUMMARY).where(app_user.c.email.contains(email, autoescape=True))
    rows = connection.execute(_BY_ID.page(found, cursor, limit)).all()
    return page_of(rows, limit, lambda row: UserSummary(**row._asdict()), lambda row: (row.id,))


def one(connection: Connection, user_id: UUID) -> User:
    """The one with this id. Raises ``NotFound``."""
    sessions = (
        select(func.count())
        .select_from(user_session)
        .where(
            user_session.c.user_id == app_user.c.id,
            user_session.c.revoked_at.is_(None),
            user_session.c.expires_at > func.now(),
        )
        .scalar_subquery()
    )
    query = (
        select(
            *_SUMMARY,
            func.coalesce(user_credential.c.totp_confirmed_at.is_not(None), False).label("second_factor"),
            sessions.label("sessions"),
        )
        .outerjoin(user_credential, user_credential.c.user_id == app_user.c.id)
        .where(app_user.c.id == user_id)
    )
    row: Any = sole(connection.execute(query).all(), "user")
    return User(**row._asdict(), memberships=_memberships(connection, user_id))


def set_disabled(connection: Connection, user_id: UUID, *, disabled: bool) -> bool:
    """Disable, or enable again; False where they were so already, or do not exist."""
    changed = connection.execute(
        update(app_user)
        .where(
            app_user.c.id == user_id,
            app_user.c.disabled_at.is_(None) if disabled else app_user.c.disabled_at.is_not(None),
        )
        .values(disabled_at=func.now() if disabled else None)
    )
    return changed.rowcount == 1


def _memberships(connection: Connection, user_id: UUID) -> list[Membership]:
    rows = connection.execute(
        select(organisation.c.id, organisation.c.name, organisation.c.status, membership.c.role)
        .join(membership, membership.c.org_id == organisation.c.id)
        .where(membership.c.user_id == user_id)
        .order_by(membership.c.created_at, organisation.c.id)
    )
    return [
        Membership(organisation_id=row.id, name=row.name, status=row.status, role=Role(row.role))
        for row in rows
    ]
