"""Sessions: made at sign-in, replaced whenever what they may do changes, ended by a person or by their policy.

The token is new after every sign-in, second factor, password change and change of organisation, so that a token
somebody planted or saw before (session fixation) opens nothing after.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Connection, Row, func, insert, select, update

from resources.hashing import digest
from resources.identity import tokens
from resources.schema import app_user, membership, organisation, organisation_policy, user_session

KIND = "session"
DEFAULT_HOURS = 12
_MAX_USER_AGENT = 300


@dataclass(frozen=True, slots=True)
class Device:
    """Where a session is used from, for its owner to recognise."""

    address: str
    user_agent: str


@dataclass(frozen=True, slots=True)
class Started:
    """A new session: its token is shown to the browser once, and never stored."""

    id: UUID
    token: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Session:
    """A session in force, and whose it is."""

    id: UUID
    user_id: UUID
    org_id: UUID | None
    email: str
    name: str
    locale: str
    second_factor_at: datetime | None
    created_at: datetime


def csrf_token(token: str) -> str:
    """What a page must show beside the cookie: derived, so that it needs no storage and dies with the session."""
    return digest("csrf", token).hex()


def csrf_matches(token: str, shown: str) -> bool:
    """Compared in constant time."""
    return hmac.compare_digest(csrf_token(token).encode(), shown.encode())


def start(
    connection: Connection,
    user_id: UUID,
    org_id: UUID | None,
    device: Device,
    *,
    second_factor_at: datetime | None = None,
) -> Started:
    """A new session in an organisation (None: in none yet), as long as that organisation's policy lets it be."""
    token = tokens.new()
    hours = DEFAULT_HOURS
    if org_id is not None:
        own = select(organisation_policy.c.session_hours).where(organisation_policy.c.org_id == org_id)
        hours = connection.execute(own).scalar_one_or_none() or DEFAULT_HOURS
    row = connection.execute(
        insert(user_session)
        .values(
            user_id=user_id,
            org_id=org_id,
            token_hash=tokens.hash_of(KIND, token),
            expires_at=func.now() + timedelta(hours=hours),
            second_factor_at=second_factor_at,
            address=device.address,
            user_agent=device.user_agent[:_MAX_USER_AGENT],
        )
        .returning(user_session.c.id, user_session.c.expires_at)
    ).one()
    return Started(row.id, token, row.expires_at)


def find(connection: Connection, token: str) -> Session | None:
    """The session a token opens, whatever organisation it is in."""
    row = connection.execute(
        select(
            user_session.c.id,
            user_session.c.user_id,
            user_session.c.org_id,
            app_user.c.email,
            app_user.c.name,
            app_user.c.locale,
            user_session.c.second_factor_at,
            user_session.c.created_at,
        )
        .join(app_user, app_user.c.id == user_session.c.user_id)
        .where(
            user_session.c.token_hash == tokens.hash_of(KIND, token),
            user_session.c.revoked_at.is_(None),
            user_session.c.expires_at > func.now(),
            app_user.c.disabled_at.is_(None),
        )
    ).one_or_none()
    return None if row is None else Session(*row)


def replace(
    connection: Connection,
    session: Session,
    device: Device,
    *,
    org_id: UUID | None = None,
    second_factor_at: datetime | None = None,
) -> Started:
    """End a session and start its successor; what is not named stays as it was."""
    revoke(connection, session.user_id, session.id)
    return start(
        connection,
        session.user_id,
        org_id or session.org_id,
        device,
        second_factor_at=second_factor_at or session.second_factor_at,
    )


def revoke(connection: Connection, user_id: UUID, session_id: UUID) -> bool:
    """End one of a person's sessions; False where it was not theirs or over already."""
    ended = connection.execute(
        update(user_session)
        .where(
            user_session.c.id == session_id,
            user_session.c.user_id == user_id,
            user_session.c.revoked_at.is_(None),
        )
        .values(revoked_at=func.now())
    )
    return ended.rowcount == 1


def revoke_all(connection: Connection, user_id: UUID, *, but: UUID | None = None) -> int:
    """End all of a person's sessions but one; returns how many."""
    ended = connection.execute(
        update(user_session)
        .where(
            user_session.c.user_id == user_id,
            user_session.c.revoked_at.is_(None),
            user_session.c.id.is_distinct_from(but),
        )
        .values(revoked_at=func.now())
    )
    return ended.rowcount


def of_user(connection: Connection, user_id: UUID) -> list[Row[tuple[object, ...]]]:
    """A person's sessions in force, the latest used first."""
    return list(
        connection.execute(
            select(user_session)
            .where(
                user_session.c.user_id == user_id,
                user_session.c.revoked_at.is_(None),
                user_session.c.expires_at > func.now(),
            )
            .order_by(user_session.c.last_seen_at.desc(), user_session.c.id)
        )
    )


def organisations_of(connection: Connection, user_id: UUID) -> list[Row[tuple[UUID, str, str, str]]]:
    """Where a person is a member (id, name, slug, role), first joined first."""
    return list(
        connection.execute(
            select(organisation.c.id, organisation.c.name, organisation.c.slug, membership.c.role)
            .join(membership, membership.c.org_id == organisation.c.id)
            .where(membership.c.user_id == user_id, organisation.c.status == "active")
            .order_by(membership.c.created_at, organisation.c.id)
        )
    )
