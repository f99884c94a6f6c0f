"""Rotation: a new master key, every stored secret's data key wrapped under it, the old key retired.

What is left to do is in the rows themselves (the id of their key), so a rotation that was interrupted goes on where it
stopped. A row is written only if it still holds what was read: whoever sealed it anew meanwhile is not overwritten.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Table, Uuid, bindparam, func, literal, select, update

from resources.audit import PLATFORM, Action, Actor, record
from resources.database import IdentityDatabase, WorkerDatabase
from resources.errors import Conflict, CredentialExpired, NotConfigured
from resources.master_keys import MasterKeys
from resources.schema import (
    admin_user,
    connection_secret,
    organisation,
    outgoing_mail,
    user_credential,
    webhook_endpoint,
    webhook_intake,
)
from resources.secrets import Purpose, Sealed, SecretBox

BATCH: Final = 500
"""Rows a transaction: short enough that nobody who seals one of them anew waits."""


@dataclass(frozen=True, slots=True)
class Databases:
    """The roles that may write sealed secrets."""

    worker: WorkerDatabase
    identity: IdentityDatabase


class Keeper(StrEnum):
    """Whose rows a table's are: as which role, and in how many parts, they are gone through."""

    ORGANISATION = "the worker's, one organisation at a time"
    WORKER = "the worker's, all at once"
    IDENTITY = "the identity role's, all at once"


@dataclass(frozen=True, slots=True)
class SealedTable:
    """A table of sealed secrets: the column of the subject they are bound to, and those of the sealing.

    They are bound to the row's ``org_id`` as well; where it is null or there is none, to the nil UUID.
    """

    table: Table
    subject: str
    purpose: Purpose
    keeper: Keeper = Keeper.ORGANISATION
    key_id: str = "key_id"
    ciphertext: str = "ciphertext"

    @property
    def org_id(self) -> ColumnElement[UUID]:
        """The organisation that a row's secret is bound to."""
        if "org_id" in self.table.c:
            return func.coalesce(self.table.c.org_id, _NOBODY)
        return literal(_NOBODY, Uuid)

    @property
    def kept(self) -> ColumnElement[bool]:
        """Rows that hold a secret."""
        return func.octet_length(self.table.c[self.ciphertext]) > 0


_NOBODY: Final = UUID(int=0)
_TOTP: Final = {"key_id": "totp_key_id", "ciphertext": "totp_ciphertext"}
SEALED_TABLES: Final = (
    SealedTable(connection_secret, "connection_id", Purpose.CONNECTION),
    SealedTable(webhook_intake, "connection_id", Purpose.WEBHOOK),
    SealedTable(webhook_endpoint, "id", Purpose.WEBHOOK, Keeper.WORKER),
    SealedTable(outgoing_mail, "id", Purpose.LETTER, Keeper.WORKER),
    SealedTable(user_credential, "user_id", Purpose.SECOND_FACTOR, Keeper.IDENTITY, **_TOTP),
    SealedTable(admin_user, "id", Purpose.SECOND_FACTOR, Keeper.IDENTITY, **_TOTP),
)
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


Part = Callable[[], AbstractContextManager[Connection]]
"""Opens a transaction that sees one part of a table's rows."""


def rotate(databases: Databases, keys: MasterKeys, actor: Actor, *, resume: bool = False) -> Rotation:
    """Make a new master key the current one, and wrap every data key under it; ``resume`` takes the current as it is.

    Secrets may be opened and sealed meanwhile. Raises Conflict where a key cannot be made here.
    """
    if not resume:
        keys.add()
    wrapping = _Wrapping(keys)
    rewrapped = 0
    # Again until nothing moves: a row sealed under the old key the moment before the new one came is met then.
    while moved := sum(
        wrapping.rewrap(sealed, part) for sealed in SEALED_TABLES for part in _parts(databases, sealed)
    ):
        rewrapped += moved
    done = Rotation(keys.current(), rewrapped, tuple(wrapping.unopened.values()))
    with databases.worker.organisation(PLATFORM) as connection:
        after = {"rewrapped": done.rewrapped, "unopened": len(done.unopened)}
        record(connection, actor, Action.KEYS_ROTATED, "master_key", done.key_id, after=after)
    return done


def usage(databases: Databases) -> Counter[str]:
    """How many rows are sealed under each master key. One query a table, and one an organisation where it has parts."""
    used: Counter[str] = Counter()
    for sealed in SEALED_TABLES:
        key_id = sealed.table.c[sealed.key_id]
        query = select(key_id, func.count()).where(sealed.kept).group_by(key_id)
        for part in _parts(databases, sealed):
            with part() as connection:
                used.update({row[0]: row[1] for row in connection.execute(query)})
    return used


def retire(databases: Databases, keys: MasterKeys, key_id: str, actor: Actor) -> None:
    """Forget a master key that no row uses, for good.

    Raises:
        Conflict: a row uses it, it is the current one, or it was until a moment ago.
        NotFound: there is no such key in the file.
    """
    if rows := usage(databases)[key_id]:
        raise Conflict(
            f"{rows} stored secrets are sealed under {key_id}.",
            remedy="Run `drovi keys rotate --resume`, and look at what it could not open.",
        )
    with databases.worker.organisation(PLATFORM) as connection:
        record(connection, actor, Action.KEYS_RETIRED, "master_key", key_id)
        keys.remove(key_id)


def _parts(databases: Databases, sealed: SealedTable) -> list[Part]:
    match sealed.keeper:
        case Keeper.IDENTITY:
            return [databases.identity.transaction]
        case Keeper.WORKER:
            return [databases.worker.dispatch]
        case Keeper.ORGANISATION:
            with databases.worker.dispatch() as connection:
                org_ids = connection.execute(select(organisation.c.id).order_by(organisation.c.id)).scalars()
                return [partial(databases.worker.organisation, org_id) for org_id in org_ids]


class _Wrapping:
    """Wraps rows under whatever key is current when they are read, so that two rotations at once end as one."""

    def __init__(self, keys: MasterKeys) -> None:
        self._keys = keys
        self._box = SecretBox(keys)
        self.unopened: dict[tuple[str, UUID], Unopened] = {}

    def rewrap(self, sealed: SealedTable, part: Part) -> int:
        """Wrap the rows of one part of a table anew; how many were written."""
        table = sealed.table
        write = (
            update(table)
            .where(
                table.c[sealed.subject] == bindparam("subject_is"),
                table.c[sealed.ciphertext] == bindparam("ciphertext_was"),
            )
            .values({sealed.key_id: bindparam("new_key_id"), sealed.ciphertext: bindparam("new_ciphertext")})
        )
        written = 0
        for rows in self._batches(sealed, part):
            changes = [
                {
                    "subject_is": subject_id,
                    "ciphertext_was": old.ciphertext,
                    "new_key_id": new.key_id,
                    "new_ciphertext": new.ciphertext,
                }
                for org_id, subject_id, old in rows
                if (new := self._rewrapped(sealed, org_id, subject_id, old)) is not None
            ]
            if changes:
                with part() as connection:
                    written += connection.execute(write, changes).rowcount
        return written

    def _rewrapped(self, sealed: SealedTable, org_id: UUID, subject_id: UUID, old: Sealed) -> Sealed | None:
        try:
            return self._box.rewrap(org_id, subject_id, old, purpose=sealed.purpose)
        except (CredentialExpired, NotConfigured) as error:
            name = sealed.table.name
            self.unopened[name, subject_id] = Unopened(name, org_id, subject_id, error.message)
            return None

    def _batches(self, sealed: SealedTable, part: Part) -> Iterator[list[tuple[UUID, UUID, Sealed]]]:
        """Rows under any other key than the current, in the order of their subjects: organisation, subject, sealing."""
        table, subject = sealed.table, sealed.table.c[sealed.subject]
        key_id, ciphertext = table.c[sealed.key_id], table.c[sealed.ciphertext]
        after: UUID | None = None
        while True:
            query = (
                select(sealed.org_id, subject, key_id, ciphertext)
                .where(sealed.kept, key_id != self._keys.current())
                .order_by(subject)
                .limit(BATCH)
            )
            if after is not None:
                query = query.where(subject > after)
            with part() as connection:
                rows = connection.execute(query).all()
            if rows:
                yield [(row[0], row[1], Sealed(row[2], bytes(row[3]))) for row in rows]
            if len(rows) < BATCH:
                return
            after = rows[-1][1]
