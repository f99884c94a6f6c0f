"""API keys: row-level security leaves the caller's own, of this organisation."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, bindparam, func, insert, select, update

from drovi_api.dependencies import ReadSession, WriteSession
from drovi_api.pagination import Page, by_id, page_of
from drovi_api.tenancy.keys.schemas import ApiKey
from resources.permissions import Scope
from resources.schema import api_key

_KEY = api_key.c
_COLUMNS = tuple(api_key.c[name] for name in ApiKey.model_fields)
_ORDER = by_id(_KEY.id)
_STANDING = select(*_COLUMNS).where(_KEY.revoked_at.is_(None))
_ONE = _STANDING.where(_KEY.id == bindparam("key_id"))


def page(session: ReadSession, cursor: str | None, limit: int) -> Page[ApiKey]:
    """Those that were not revoked, newest first."""
    rows = session.all(_ORDER.page(_STANDING, cursor, limit))
    return page_of(rows, limit, key_of, lambda row: (row.id,))


def one(session: ReadSession, key_id: UUID) -> Row[Any]:
    """One that was not revoked."""
    return session.one(_ONE, "key", key_id=key_id)


def create(
    session: WriteSession, name: str, key_hash: bytes, scopes: Collection[Scope], expires_at: datetime | None
) -> Row[Any]:
    """Store a key's hash."""
    statement = insert(api_key).values(
        org_id=session.principal.org_id,
        user_id=session.principal.user_id,
        name=name,
        key_hash=key_hash,
        scopes=sorted(scope.value for scope in scopes),
        expires_at=expires_at,
    )
    return session.connection.execute(statement.returning(*_COLUMNS)).one()


def revoke(session: WriteSession, key_id: UUID) -> None:
    """Make a key open nothing."""
    session.run(update(api_key).where(_KEY.id == key_id).values(revoked_at=func.now()))


def key_of(row: Row[Any]) -> ApiKey:
    """The row as it is shown."""
    return ApiKey.model_validate(row, from_attributes=True)
