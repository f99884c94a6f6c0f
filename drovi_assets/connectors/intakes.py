"""Addresses that take messages in: made with their connection, found by their token, their secrets replaced.

The token is the last part of the address, the secret is what messages are signed with; both are shown once, when they
are made. What is kept is a hash to find the row by, and both sealed: a signature is verified with the secret, and a
provider that is subscribed to anew is given the address again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from secrets import token_urlsafe
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, Row, func, insert, select, update

from resources.database import sole
from resources.hashing import digest
from resources.schema import webhook_intake
from resources.secrets import Purpose, Sealed, SecretBox
from resources.webhooks import current_of, rotated

PATH: Final = "/webhooks/v1/"
_TOKEN: Final = "token"  # noqa: S105 - a name


@dataclass(frozen=True, slots=True)
class Opened:
    """What a sender has to be given."""

    token: str
    secret: str

    def url(self, public_url: str) -> str:
        """The address, where people reach this service at ``public_url``."""
        return f"{public_url}{PATH}{self.token}"


def hash_of(token: str) -> bytes:
    """What an address is found by (32 bytes)."""
    return digest("webhook intake", token)


def open_intake(
    session: Connection, box: SecretBox, org_id: UUID, connection_id: UUID, audience_id: UUID
) -> Opened:
    """Make the address of a new connection, in the transaction that stores it."""
    secrets = rotated({_TOKEN: token_urlsafe(32)}, None)
    opened = Opened(secrets[_TOKEN], current_of(secrets))
    sealed = _seal(box, org_id, connection_id, secrets)
    session.execute(
        insert(webhook_intake).values(
            org_id=org_id,
            connection_id=connection_id,
            audience_id=audience_id,
            token_hash=hash_of(opened.token),
            key_id=sealed.key_id,
            ciphertext=sealed.ciphertext,
        )
    )
    return opened


def replace_secret(
    session: Connection, box: SecretBox, connection_id: UUID, *, overlap: timedelta, now: datetime
) -> Opened:
    """Make a new secret; the one before it holds for ``overlap`` from ``now`` on, any earlier one no more.

    Raises:
        NotFound: the connection is not pushed to.
    """
    row = row_of(session, connection_id)
    after = rotated(secrets_of(box, row), now + overlap if overlap else None)
    sealed = _seal(box, row.org_id, connection_id, after)
    session.execute(
        update(webhook_intake)
        .where(webhook_intake.c.connection_id == connection_id)
        .values(key_id=sealed.key_id, ciphertext=sealed.ciphertext, rotated_at=func.now())
    )
    return Opened(after[_TOKEN], current_of(after))


def opened_of(session: Connection, box: SecretBox, connection_id: UUID) -> Opened:
    """The address and the secret as they stand, for a provider that is subscribed to; raises as ``replace_secret``."""
    secrets = secrets_of(box, row_of(session, connection_id))
    return Opened(secrets[_TOKEN], current_of(secrets))


def row_of(session: Connection, connection_id: UUID) -> Row[Any]:
    """The intake's row; raises as ``replace_secret``."""
    query = select(webhook_intake).where(webhook_intake.c.connection_id == connection_id)
    row: Row[Any] = sole(session.execute(query).all(), "intake")
    return row


def secrets_of(box: SecretBox, row: Any) -> dict[str, str]:
    """What is sealed in a row; raises as ``SecretBox.open``."""
    sealed = Sealed(row.key_id, bytes(row.ciphertext))
    return box.open(row.org_id, row.connection_id, sealed, purpose=Purpose.WEBHOOK)


def _seal(box: SecretBox, org_id: UUID, connection_id: UUID, secrets: Mapping[str, str]) -> Sealed:
    return box.seal(org_id, connection_id, secrets, purpose=Purpose.WEBHOOK)
