"""The second factor: time-based one-time passwords (RFC 6238), and recovery codes for a lost device.

The secret is sealed, bound to its owner. A time step is taken once: the code that was watched over a shoulder opens
nothing again. One step of clock drift is allowed either way (RFC 6238, 5.2). A new secret waits beside the one in
force until its first code is given, so that whoever begins an enrolment weakens nothing.
"""

from __future__ import annotations

import secrets as random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pyotp
from sqlalchemy import Connection, Row, Table, any_, func, literal, select, update
from sqlalchemy.dialects.postgresql import insert

from resources import clock
from resources.hashing import digest
from resources.schema import user_credential
from resources.secrets import Purpose, Sealed, SecretBox

STEP_SECONDS = 30
_DRIFT = 1
RECOVERY_CODES = 10
ENROLMENT_LIFETIME = timedelta(minutes=15)
_ISSUER = "Drovi"
_NO_ORGANISATION = UUID(int=0)
_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"
"""Without what is mistaken for something else on paper."""
_WORDS, _WORD_LENGTH = 4, 4
"""79 bits: nobody finds a code from its hash, though one round made it."""
# What is sealed: the secret in force, and the one that waits for its first code.
_IN_FORCE, _WAITING, _WAITS_UNTIL = "totp", "waiting", "waits_until"


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


@dataclass(frozen=True, slots=True)
class State:
    """Whether a person's factor is in force, and how many of its recovery codes are left."""

    enabled: bool
    recovery_codes_left: int


def state(connection: Connection, user_id: UUID) -> State:
    """What a person has."""
    row = connection.execute(
        select(
            user_credential.c.totp_confirmed_at.is_not(None),
            func.cardinality(user_credential.c.recovery_hashes),
        ).where(user_credential.c.user_id == user_id)
    ).one_or_none()
    return State(*row) if row else State(enabled=False, recovery_codes_left=0)


def begin(connection: Connection, box: SecretBox, user_id: UUID, email: str) -> Enrolment:
    """A new secret, not in force until ``confirm``; one that is in force stays so until then."""
    secret = pyotp.random_base32()
    known = _opened(connection, box, user_id)
    kept = {_IN_FORCE: known[_IN_FORCE]} if _IN_FORCE in known else {}
    until = clock.now() + ENROLMENT_LIFETIME
    sealed = _sealed(box, user_id, {**kept, _WAITING: secret, _WAITS_UNTIL: until.isoformat()})
    row = insert(user_credential).values(
        user_id=user_id, totp_key_id=sealed.key_id, totp_ciphertext=sealed.ciphertext
    )
    connection.execute(
        row.on_conflict_do_update(
            constraint="pk_user_credential",
            set_={"totp_key_id": row.excluded.totp_key_id, "totp_ciphertext": row.excluded.totp_ciphertext},
        )
    )
    return Enrolment(secret, pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name=_ISSUER))


def confirm(connection: Connection, box: SecretBox, user_id: UUID, code: str) -> list[str] | None:
    """Put the new factor in force, in the place of any other, with a first code.

    The recovery codes, shown once; None where the code is wrong or nothing waits for one (any more).
    """
    known = _opened(connection, box, user_id)
    secret = known.get(_WAITING)
    if secret is None or datetime.fromisoformat(known[_WAITS_UNTIL]) < clock.now():
        return None
    step = _step_of(pyotp.TOTP(secret, interval=STEP_SECONDS), code.replace(" ", ""))
    if step is None:
        return None
    sealed = _sealed(box, user_id, {_IN_FORCE: secret})
    codes = _new_codes()
    connection.execute(
        update(user_credential)
        .where(user_credential.c.user_id == user_id)
        .values(
            totp_key_id=sealed.key_id,
            totp_ciphertext=sealed.ciphertext,
            totp_confirmed_at=func.now(),
            totp_last_step=step,
            recovery_hashes=_hashes(user_id, codes),
        )
    )
    return codes


def renew_codes(connection: Connection, user_id: UUID) -> list[str]:
    """Other recovery codes, shown once; the ones before work no more."""
    codes = _new_codes()
    connection.execute(
        update(user_credential)
        .where(user_credential.c.user_id == user_id, user_credential.c.totp_confirmed_at.is_not(None))
        .values(recovery_hashes=_hashes(user_id, codes))
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
            literal(used) == any_(user_credential.c.recovery_hashes),
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
    secret = _unsealed(box, owner_id, row).get(_IN_FORCE)
    if secret is None:
        return False
    step = _step_of(pyotp.TOTP(secret, interval=STEP_SECONDS), code.replace(" ", ""))
    if step is None:
        return False
    taken = connection.execute(
        update(table)
        .where(table.c[holder.key] == owner_id, func.coalesce(table.c.totp_last_step, 0) < step)
        .values(totp_last_step=step)
    )
    return taken.rowcount == 1


def _opened(connection: Connection, box: SecretBox, user_id: UUID) -> dict[str, str]:
    """What is sealed of a person, locked until the transaction ends: it is about to be written anew."""
    row = connection.execute(
        select(user_credential.c.totp_key_id, user_credential.c.totp_ciphertext)
        .where(user_credential.c.user_id == user_id, user_credential.c.totp_ciphertext.is_not(None))
        .with_for_update()
    ).one_or_none()
    return _unsealed(box, user_id, row)


def _sealed(box: SecretBox, owner_id: UUID, secrets: Mapping[str, str]) -> Sealed:
    return box.seal(_NO_ORGANISATION, owner_id, secrets, purpose=Purpose.SECOND_FACTOR)


def _unsealed(box: SecretBox, owner_id: UUID, row: Row[Any, Any] | None) -> dict[str, str]:
    if row is None:
        return {}
    sealed = Sealed(row.totp_key_id, bytes(row.totp_ciphertext))
    return box.open(_NO_ORGANISATION, owner_id, sealed, purpose=Purpose.SECOND_FACTOR)


def _step_of(totp: pyotp.TOTP, code: str) -> int | None:
    now = int(time.time()) // STEP_SECONDS
    for step in range(now - _DRIFT, now + _DRIFT + 1):
        if pyotp.utils.strings_equal(code, totp.at(step * STEP_SECONDS)):
            return step
    return None


def _recovery_hash(user_id: UUID, code: str) -> bytes:
    return digest("recovery-code", user_id.bytes, code.replace("-", "").replace(" ", ""))


def _hashes(user_id: UUID, codes: list[str]) -> list[bytes]:
    return [_recovery_hash(user_id, code) for code in codes]


def _new_codes() -> list[str]:
    return ["-".join(_word() for _ in range(_WORDS)) for _ in range(RECOVERY_CODES)]


def _word() -> str:
    return "".join(random.choice(_ALPHABET) for _ in range(_WORD_LENGTH))
