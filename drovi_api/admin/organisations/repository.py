"""Organisations in the database, as the role that signs people in sees them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, Select, func, select, update

from drovi_api.admin.organisations.schemas import Organisation
from drovi_api.pagination import Page, by_id, page_of
from resources.database import sole
from resources.schema import membership, organisation

_BY_ID = by_id(organisation.c.id)


def page(connection: Connection, cursor: str | None, limit: int) -> Page[Organisation]:
    """Newest first."""
    rows = connection.execute(_BY_ID.page(_organisations(), cursor, limit)).all()
    return page_of(rows, limit, _shown, lambda row: (row.id,))


def one(connection: Connection, org_id: UUID) -> Organisation:
    """The one with this id. Raises ``NotFound``."""
    query = _organisations().where(organisation.c.id == org_id)
    return _shown(sole(connection.execute(query).all(), "organisation"))


def set_status(connection: Connection, org_id: UUID, old: str, new: str) -> bool:
    """Change the status from one to another; False where it was not that one (any more)."""
    changed = connection.execute(
        update(organisation)
        .where(organisation.c.id == org_id, organisation.c.status == old)
        .values(status=new)
    )
    return changed.rowcount == 1


def _organisations() -> Select[Any]:
    members = (
        select(func.count())
        .select_from(membership)
        .where(membership.c.org_id == organisation.c.id)
        .scalar_subquery()
    )
    return select(
        organisation.c.id,
        organisation.c.name,
        organisation.c.slug,
        organisation.c.status,
        organisation.c.created_at,
        members.label("members"),
    )


def _shown(row: Row[Any]) -> Organisation:
    return Organisation(**row._asdict())
