"""Tokens: 256 random bits that a person carries, of which the database keeps a hash.

One round of hashing is enough for them: there is nothing to guess. Each use has its own prefix in the hash, so that a
token of one kind never opens what another kind opens.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, func, insert, select, update

from resources.errors import Invalid
from resources.hashing import digest
from resources.schema import one_time_token

_BYTES = 32


class Purpose(StrEnum):
    """What a one-use token is for."""

    SIGN_UP = "sign_up"
    CHANGE_EMAIL = "change_email"
    RESET_PASSWORD = "reset_password"  # noqa: S105 - a name
    SECOND_FACTOR = "second_factor"
    ADMIN_INVITATION = "admin_invitation"


LIFETIMES: dict[Purpose, timedelta] = {
    Purpose.SIGN_UP: timedelta(hours=24),
    Purpose.CHANGE_EMAIL: timedelta(hours=24),
    Purpose.RESET_PASSWORD: timedelta(hours=1),
    Purpose.SECOND_FACTOR: timedelta(minutes=5),
    Purpose.ADMIN_INVITATION: timedelta(hours=24),
}


@dataclass(frozen=True, slots=True)
class Redeemed:
    """What a token stood for."""

    email: str
    user_id: UUID | None


def new() -> str:
    """A token, URL-safe."""
    return secrets.token_urlsafe(_BYTES)


def hash_of(kind: str, token: str) -> bytes:
    """What the database keeps of a token of this kind (32 bytes)."""
    return digest(kind, token)


def issue(connection: Connection, purpose: Purpose, email: str, user_id: UUID | None) -> str:
    """A token that works once; any earlier one for the same person and purpose works no more."""
    token = new()
    # By the person where there is one: another's request for the same address must not spoil theirs.
    theirs = one_time_token.c.email == email if user_id is None else one_time_token.c.user_id == user_id
    connection.execute(
        update(one_time_token)
        .where(
            one_time_token.c.purpose == purpose.value,
            theirs,
            one_time_token.c.used_at.is_(None),
        )
        .values(used_at=func.now())
    )
    connection.execute(
        insert(one_time_token).values(
            purpose=purpose.value,
            email=email,
            user_id=user_id,
            token_hash=hash_of(purpose.value, token),
            expires_at=func.now() + LIFETIMES[purpose],
        )
    )
    return token


def redeem(connection: Connection, purpose: Purpose, token: str) -> Redeemed:
    """Use a token up; of two at once only one succeeds.

    Raises:
        Invalid: it was never issued, was used, was replaced, or has expired; all answer alike.
    """
    row = connection.execute(
        update(one_time_token)
        .where(*_standing(purpose, token))
        .values(used_at=func.now())
        .returning(one_time_token.c.email, one_time_token.c.user_id)
    ).one_or_none()
    return _redeemed(row and (row.email, row.user_id))


def peek(connection: Connection, purpose: Purpose, token: str) -> Redeemed:
    """What a token stands for, without using it up; raises as ``redeem``."""
    row = connection.execute(
        select(one_time_token.c.email, one_time_token.c.user_id).where(*_standing(purpose, token))
    ).one_or_none()
    return _redeemed(row and (row.email, row.user_id))


def _standing(purpose: Purpose, token: str) -> tuple[ColumnElement[bool], ...]:
    return (
        one_time_token.c.token_hash == hash_of(purpose.value, token),
        one_time_token.c.purpose == purpose.value,
        one_time_token.c.used_at.is_(None),
        one_time_token.c.expires_at > func.now(),
    )


def _redeemed(found: tuple[str, UUID | None] | None) -> Redeemed:
    if found is None:
        raise Invalid(
            "The link is not valid any more.",
            remedy="Ask for a new one; only the latest works, and only once.",
        )
    return Redeemed(*found)
