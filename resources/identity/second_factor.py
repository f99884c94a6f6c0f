"""The second factor: time-based one-time passwords (RFC 6238), and recovery codes for a lost device.

The secret is sealed, bound to its owner. A time step is taken once: the code that was watched over a shoulder opens
nothing again. One step of clock drift is allowed either way (RFC 6238, 5.2).
"""

from __future__ import annotations

import secrets as random
import time
from dataclasses import dataclass
from uuid import UUID

import pyotp
from sqlalchemy import Connection, Table, func, select, update
from sqlalchemy.dialects.postgresql import insert

from resources.hashing import digest
from resources.schema import user_credential
from resources.secrets import Purpose, Sealed, SecretBox

STEP_SECONDS = 30
_DRIFT = 1
RECOVERY_CODES = 10
_ISSUER = "Drovi"
_NO_ORGANISATION = UUID(int=0)
_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"
"""Without what is mistaken for something else on paper."""


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What a person puts into their authenticator app; shown once."""

    secret: str
    uri: str


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose second factors: a table with ``totp_`` columns, and the column that says who."""

    table: Table
    key: str


OF_USERS = Holder(user_credential, "user_id")


def begin(connection: Connection, box: SecretBox, user_id: UUID, email: str) -> Enrolment:
    """A new secret, not in force until ``confirm``; one that is in force stays so until then."""
    secret = pyotp.random_base32()
    sealed = box.seal(_NO_ORGANISATION, user_id, {"totp": secret}, purpose=Purpose.SECOND_FACTOR)
    row = insert(user_credential).values(
        user_id=user_id, totp_key_id=sealed.key_id, totp_ciphertext=sealed.ciphertext
    )
    connection.execute(
        row.on_conflict_do_update(
            constraint="pk_user_credential",
            set_={
                "totp_key_id": row.excluded.totp_key_id,
                "totp_ciphertext": row.excluded.totp_ciphertext,
                "totp_confirmed_at": None,
                "totp_last_step": None,
                "recovery_hashes": [],
            },
        )
    )
    return Enrolment(secret, pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name=_ISSUER))


def confirm(connection: Connection, box: SecretBox, user_id: UUID, code: str) -> list[str] | None:
    """Put the factor in force with a first code; the recovery codes, shown once, or None where the code is wrong."""
    if not accept_code(connection, box, OF_USERS, user_id, code):
        return None
    codes = ["-".join(_word() for _ in range(2)) for _ in range(RECOVERY_CODES)]
    connection.execute(
        update(user_credential)
        .where(user_credential.c.user_id == user_id)
        .values(
            totp_confirmed_at=func.now(), recovery_hashes=[_recovery_hash(user_id, code) for code in codes]
        )
    )
    return codes


def remove(connection: Connection, user_id: UUID) -> None:
    """Take the factor out of force and forget its secret."""
    connection.execute(
        update(user_credential)
        .where(user_credential.c.user_id == user_id)
        .values(
            totp_key_id=None,
            totp_ciphertext=None,
            totp_confirmed_at=None,
            totp_last_step=None,
            recovery_hashes=[],
        )
    )


def accept(connection: Connection, box: SecretBox, user_id: UUID, code: str) -> bool:
    """Whether the code, of the app or a recovery one, is right now; it is used up by that."""
    plain = code.strip().lower()
    if plain.replace(" ", "").isdigit():
        return accept_code(connection, box, OF_USERS, user_id, plain)
    used = _recovery_hash(user_id, plain)
    left = func.array_remove(user_credential.c.recovery_hashes, used)
    taken = connection.execute(
        update(user_credential)
        .where(
            user_credential.c.user_id == user_id,
            user_credential.c.totp_confirmed_at.is_not(None),
            user_credential.c.recovery_hashes.any(used),
        )
        .values(recovery_hashes=left)
    )
    return taken.rowcount == 1


def accept_code(connection: Connection, box: SecretBox, holder: Holder, owner_id: UUID, code: str) -> bool:
    """Whether a code is right for its owner's secret; its time step is used up by that."""
    table = holder.table
    row = connection.execute(
        select(table.c.totp_key_id, table.c.totp_ciphertext).where(
            table.c[holder.key] == owner_id, table.c.totp_ciphertext.is_not(None)
        )
    ).one_or_none()
    if row is None:
        return False
    sealed = Sealed(row.totp_key_id, bytes(row.totp_ciphertext))
    opened = box.open(_NO_ORGANISATION, owner_id, sealed, purpose=Purpose.SECOND_FACTOR)
    step = _step_of(pyotp.TOTP(opened["totp"], interval=STEP_SECONDS), code.replace(" ", ""))
    if step is None:
        return False
    taken = connection.execute(
        update(table)
        .where(table.c[holder.key] == owner_id, func.coalesce(table.c.totp_last_step, 0) < step)
        .values(totp_last_step=step)
    )
    return taken.rowcount == 1


def _step_of(totp: pyotp.TOTP, code: str) -> int | None:
    now = int(time.time()) // STEP_SECONDS
    for step in range(now - _DRIFT, now + _DRIFT + 1):
        if pyotp.utils.strings_equal(code, totp.at(step * STEP_SECONDS)):
            return step
    return None


def _recovery_hash(user_id: UUID, code: str) -> bytes:
    return digest("recovery-code", user_id.bytes, code.replace("-", "").replace(" ", ""))


def _word() -> str:
    return "".join(random.choice(_ALPHABET) for _ in range(6))
