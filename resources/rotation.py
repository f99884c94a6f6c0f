"""Rotation: a new master key, every stored secret's data key wrapped under it, the old key retired.

What is left to do is in the rows themselves (the id of their key), so a rotation that was interrupted goes on where it
stopped. A row is written only if it still holds what was read: whoever sealed it anew meanwhile is not overwritten.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import Table, bindparam, func, select, update

from resources.audit import PLATFORM, Action, Actor, record
from resources.database import WorkerDatabase
from resources.errors import Conflict, CredentialExpired, NotConfigured
from resources.master_keys import MasterKeys
from resources.schema import connection_secret, organisation
from resources.secrets import Purpose, Sealed, SecretBox

BATCH: Final = 500
"""Rows a transaction: short enough that nobody who seals one of them anew waits."""


@dataclass(frozen=True, slots=True)
class SealedTable:
    """A table with the columns ``org_id``, ``key_id``, ``ciphertext``, and the one of the subject they are bound to."""

    table: Table
    subject: str
    purpose: Purpose


SEALED_TABLES: Final = (SealedTable(connection_secret, "connection_id", Purpose.CONNECTION),)
"""Every table with sealed secrets: what is not named here is not rotated."""


@dataclass(frozen=True, slots=True)
class Unopened:
    """A row that no key opens: damaged, moved, or under a key that is gone."""

    table: str
    org_id: UUID
    subject_id: UUID
    reason: str


@dataclass(frozen=True, slots=True)
class Rotation:
    """What a rotation did. Rows that were sealed anew by somebody else meanwhile count in neither."""

    key_id: str
    rewrapped: int
    unopened: tuple[Unopened, ...]


def rotate(database: WorkerDatabase, keys: MasterKeys, actor: Actor, *, resume: bool = False) -> Rotation:
    """Make a new master key the current one, and wrap every data key under it; ``resume`` takes the current as it is.

    Secrets may be opened and sealed meanwhile. Raises Conflict where a key cannot be made here.
    """
    if not resume:
        keys.add()
    wrapping = _Wrapping(database, keys)
    rewrapped = 0
    # Again until nothing moves: a row sealed under the old key the moment before the new one came is met then.
    while moved := sum(
        wrapping.rewrap(sealed, org_id) for org_id in _organisations(database) for sealed in SEALED_TABLES
    ):
        rewrapped += moved
    done = Rotation(keys.current(), rewrapped, tuple(wrapping.unopened.values()))
    with database.organisation(PLATFORM) as connection:
        after = {"rewrapped": done.rewrapped, "unopened": len(done.unopened)}
        record(connection, actor, Action.KEYS_ROTATED, "master_key", done.key_id, after=after)
    return done


def usage(database: WorkerDatabase) -> Counter[str]:
    """How many rows are sealed under each master key. One query a table and organisation."""
    used: Counter[str] = Counter()
    for org_id in _organisations(database):
        with database.organisation(org_id) as connection:
            for sealed in SEALED_TABLES:
                table = sealed.table
                query = (
                    select(table.c.key_id, func.count())
                    .where(table.c.org_id == org_id)
                    .group_by(table.c.key_id)
                )
                used.update({row.key_id: row[1] for row in connection.execute(query)})
    return used


def retire(database: WorkerDatabase, keys: MasterKeys, key_id: str, actor: Actor) -> None:
    """Forget a master key that no row uses, for good.

    Raises:
        Conflict: a row uses it, it is the current one, or it was until a moment ago.
        NotFound: there is no such key in the file.
    """
    if rows := usage(database)[key_id]:
        raise Conflict(
            f"{rows} stored secrets are sealed under {key_id}.",
            remedy="Run `drovi keys rotate --resume`, and look at what it could not open.",
        )
    with database.organisation(PLATFORM) as connection:
        record(connection, actor, Action.KEYS_RETIRED, "master_key", key_id)
        keys.remove(key_id)


def _organisations(database: WorkerDatabase) -> list[UUID]:
    with database.dispatch() as connection:
        return list(connection.execute(select(organisation.c.id).order_by(organisation.c.id)).scalars())


class _Wrapping:
    """Wraps rows under whatever key is current when they are read, so that two rotations at once end as one."""

    def __init__(self, database: WorkerDatabase, keys: MasterKeys) -> None:
        self._database = database
        self._keys = keys
        self._box = SecretBox(keys)
        self.unopened: dict[tuple[str, UUID], Unopened] = {}

    def rewrap(self, sealed: SealedTable, org_id: UUID) -> int:
        """Wrap one organisation's rows of one table anew; how many were written."""
        table, subject = sealed.table, sealed.table.c[sealed.subject]
        write = (
            update(table)
            .where(subject == bindparam("subject_is"), table.c.ciphertext == bindparam("ciphertext_was"))
            .values(key_id=bindparam("new_key_id"), ciphertext=bindparam("new_ciphertext"))
        )
        written = 0
        for rows in self._batches(sealed, org_id):
            changes = [
                {
                    "subject_is": subject_id,
                    "ciphertext_was": old.ciphertext,
                    "new_key_id": new.key_id,
                    "new_ciphertext": new.ciphertext,
                }
                for subject_id, old in rows
                if (new := self._rewrapped(sealed, org_id, subject_id, old)) is not None
            ]
            if changes:
                with self._database.organisation(org_id) as connection:
                    written += connection.execute(write, changes).rowcount
        return written

    def _rewrapped(self, sealed: SealedTable, org_id: UUID, subject_id: UUID, old: Sealed) -> Sealed | None:
        try:
            return self._box.rewrap(org_id, subject_id, old, purpose=sealed.purpose)
        except (CredentialExpired, NotConfigured) as error:
            name = sealed.table.name
            self.unopened[name, subject_id] = Unopened(name, org_id, subject_id, error.message)
            return None

    def _batches(self, sealed: SealedTable, org_id: UUID) -> Iterator[list[tuple[UUID, Sealed]]]:
        """Rows under any other key than the current, in the order of their subjects."""
        table, subject = sealed.table, sealed.table.c[sealed.subject]
        after: UUID | None = None
        while True:
            query = (
                select(subject, table.c.key_id, table.c.ciphertext)
                .where(table.c.org_id == org_id, table.c.key_id != self._keys.current())
                .order_by(subject)
                .limit(BATCH)
            )
            if after is not None:
                query = query.where(subject > after)
            with self._database.organisation(org_id) as connection:
                rows = connection.execute(query).all()
            if rows:
                yield [(subject_id, Sealed(key, bytes(ciphertext))) for subject_id, key, ciphertext in rows]
            if len(rows) < BATCH:
                return
            after = rows[-1][0]
