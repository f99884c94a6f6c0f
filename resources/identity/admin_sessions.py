"""Sessions of administrators: short, their own, and begun in two steps, the password and then the second factor.

How long one lasts is asked at every request, of the rules as they stand then; ``expires_at`` is for housekeeping.
"""

from __future__ import annotations

import hmac
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, case, func, insert, select, update

from resources.database import IdentityDatabase
from resources.errors import Transient
from resources.hashing import digest
from resources.identity import administrators, tokens
from resources.identity.administrators import Rules
from resources.schema import admin_session, admin_user

KIND = "admin-session"
HALFWAY = timedelta(minutes=5)
"""How long the second factor may be waited for."""


@dataclass(frozen=True, slots=True)
class Started:
    """A new session: its token is shown to the browser once, and never stored."""

    id: UUID
    token: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class AdminSession:
    """A session in force, and whose it is. Without a second factor it opens nothing but the way to give one."""

    id: UUID
    admin_id: UUID
    email: str
    created_at: datetime
    second_factor_at: datetime | None
    password_due: bool
    """The password is older, or may be shorter, than the rules allow now: it has to be replaced first."""

    def ends_at(self, rules: Rules) -> datetime:
        """When it is over in any case."""
        return self.created_at + (
            HALFWAY if self.second_factor_at is None else timedelta(hours=rules.session_hours)
        )


def csrf_token(token: str) -> str:
    """What a page must show beside the cookie; never the one that a user's session would have."""
    return digest("admin-csrf", token).hex()


def csrf_matches(token: str, shown: str) -> bool:
    """Compared in constant time."""
    return hmac.compare_digest(csrf_token(token).encode(), shown.encode())


def start(connection: Connection, admin_id: UUID, address: str) -> Started:
    """A session of somebody who gave their password, and not yet a code."""
    return _insert(connection, admin_id, address, HALFWAY)


def complete(connection: Connection, rules: Rules, admin_id: UUID, address: str) -> Started:
    """A session of somebody who gave their password and a code."""
    return _insert(
        connection, admin_id, address, timedelta(hours=rules.session_hours), second_factor_at=func.now()
    )


def renew(connection: Connection, rules: Rules, session: AdminSession, address: str) -> Started:
    """Go on under a new token, no longer than the session would have lasted; every one of before ends."""
    revoke_all(connection, session.admin_id)
    return _insert(
        connection,
        session.admin_id,
        address,
        timedelta(hours=rules.session_hours),
        second_factor_at=session.second_factor_at,
        created_at=session.created_at,
    )


def find(connection: Connection, rules: Rules, token: str) -> AdminSession | None:
    """The session a token opens now; it must belong to an administrator whom the rules still admit."""
    longest = case(
        (admin_session.c.second_factor_at.is_(None), HALFWAY), else_=timedelta(hours=rules.session_hours)
    )
    due = (admin_user.c.password_changed_at < func.now() - timedelta(days=rules.password_days)) | (
        admin_user.c.password_min_length < rules.min_password
    )
    row = connection.execute(
        select(
            admin_session.c.id,
            admin_session.c.admin_id,
            admin_user.c.email,
            admin_session.c.created_at,
            admin_session.c.second_factor_at,
            due,
        )
        .join(admin_user, admin_user.c.id == admin_session.c.admin_id)
        .where(
            admin_session.c.token_hash == tokens.hash_of(KIND, token),
            admin_session.c.revoked_at.is_(None),
            admin_session.c.last_seen_at > func.now() - timedelta(minutes=rules.session_minutes),
            admin_session.c.created_at > func.now() - longest,
            administrators.ACTIVE,
        )
    ).one_or_none()
    if row is None or not rules.admit(row.email):
        return None
    return AdminSession(*row)


def note(database: IdentityDatabase, session_id: UUID) -> None:
    """Note that a session was used: after the request, so that two that end each other's sessions wait for no lock.

    Best effort: what was asked for is done and committed by then.
    """
    with suppress(Transient), database.transaction() as connection:
        connection.execute(
            update(admin_session).where(admin_session.c.id == session_id).values(last_seen_at=func.now())
        )


def revoke(connection: Connection, session_id: UUID) -> None:
    """End one."""
    connection.execute(
        update(admin_session)
        .where(admin_session.c.id == session_id, admin_session.c.revoked_at.is_(None))
        .values(revoked_at=func.now())
    )


def revoke_all(connection: Connection, admin_id: UUID) -> None:
    """End all of an administrator's."""
    connection.execute(
        update(admin_session)
        .where(admin_session.c.admin_id == admin_id, admin_session.c.revoked_at.is_(None))
        .values(revoked_at=func.now())
    )


def _insert(
    connection: Connection,
    admin_id: UUID,
    address: str,
    lifetime: timedelta,
    *,
    second_factor_at: Any = None,
    created_at: datetime | None = None,
) -> Started:
    token = tokens.new()
    began: Any = func.now() if created_at is None else created_at
    row = connection.execute(
        insert(admin_session)
        .values(
            admin_id=admin_id,
            token_hash=tokens.hash_of(KIND, token),
            created_at=began,
            expires_at=began + lifetime,
            second_factor_at=second_factor_at,
            address=address,
        )
        .returning(admin_session.c.id, admin_session.c.expires_at)
    ).one()
    return Started(row.id, token, row.expires_at)
