"""Verification: every hash of a chain computed again, and held against the links, the head and the anchors.

Reads a chain from its beginning, a page at a time, beside its anchors in the same order: time grows with the entries,
memory does not. What each test finds: an edited entry no longer has its hash; a deleted one leaves a gap, swapped ones
have each other's numbers; a tail cut off contradicts the head, and where the head was set back as well, the anchors; a
chain computed anew contradicts the anchors.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, Row, Text, cast, func, select

from resources.audit.anchors import SERIES, Anchor, stored_anchors
from resources.database import WorkerDatabase
from resources.hashing import digest
from resources.object_store import ObjectStore
from resources.schema import audit_anchor, audit_entry, audit_head

PAGE: Final = 1000
MOST_PROBLEMS: Final = 100
"""Told one by one; of a chain that is wrong throughout, the rest is counted."""
_VERSION: Final = "drovi-audit-1"
_NOTHING: Final = bytes(32)
_ENTRY: Final = audit_entry.c

_COLUMNS: Final = (
    _ENTRY.sequence,
    # As text, since a clock set to "infinity" is an edit to be told and not one to fall over.
    cast(func.trim_scale(func.extract("epoch", _ENTRY.at) * 1_000_000), Text).label("microseconds"),
    _ENTRY.actor_kind,
    _ENTRY.actor_id,
    _ENTRY.actor_label,
    _ENTRY.action,
    _ENTRY.subject_kind,
    _ENTRY.subject_id,
    _ENTRY.address,
    _ENTRY.request_id,
    func.coalesce(cast(_ENTRY.before, Text), "").label("before"),
    func.coalesce(cast(_ENTRY.after, Text), "").label("after"),
    _ENTRY.previous_hash,
    _ENTRY.hash,
)


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, and with which entry."""

    sequence: int
    message: str


@dataclass(frozen=True, slots=True)
class Report:
    """What a verification read and found. ``problems`` holds the first hundred of ``problem_count``."""

    org_id: UUID
    entries: int
    anchors: int
    problems: tuple[Problem, ...]
    problem_count: int


@dataclass(slots=True)
class _Reading:
    """How far the chain was read, and what was found so far."""

    sequence: int = 0
    hash: bytes = _NOTHING
    entries: int = 0
    anchors: int = 0
    count: int = 0
    problems: list[Problem] = field(default_factory=list)

    def tell(self, sequence: int, message: str) -> None:
        self.count += 1
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(Problem(sequence, message))


def verify(database: WorkerDatabase, store: ObjectStore, org_id: UUID) -> Report:
    """Read a chain and its anchors whole, and say what does not fit.

    Acts may go on being audited meanwhile. Raises Transient where the database or the object store does not answer.
    """
    reading = _Reading()
    with database.organisation(org_id) as connection:
        # In this order, so that what comes in while this reads contradicts nothing: whatever an earlier one knows
        # of, the next ones hold already.
        noted = connection.execute(
            select(audit_anchor).where(audit_anchor.c.org_id == org_id, audit_anchor.c.stored)
        ).one_or_none()
        names = store.notes(str(org_id), SERIES)
        head = _head(connection, org_id)
        anchors = _Anchors(store, org_id, names, reading)
        for entry in _entries(connection, org_id):
            _check(reading, org_id, entry)
            anchors.hold_against(entry)
        anchors.finish()
        _check_end(reading, head, _head(connection, org_id))
    if noted is not None and f"{noted.sequence:020}" not in names:
        reading.tell(noted.sequence, "its anchor is missing in the object store")
    return Report(org_id, reading.entries, reading.anchors, tuple(reading.problems), reading.count)


def _head(connection: Connection, org_id: UUID) -> Row[Any, Any] | None:
    query = select(audit_head.c.sequence, audit_head.c.hash).where(audit_head.c.org_id == org_id)
    return connection.execute(query).one_or_none()


def _entries(connection: Connection, org_id: UUID) -> Iterator[Row[Any]]:
    after: int | None = None
    while True:
        query = select(*_COLUMNS).where(_ENTRY.org_id == org_id).order_by(_ENTRY.sequence).limit(PAGE)
        if after is not None:
            query = query.where(_ENTRY.sequence > after)
        page = connection.execute(query).all()
        yield from page
        if len(page) < PAGE:
            return
        after = page[-1].sequence


def _check(reading: _Reading, org_id: UUID, entry: Row[Any]) -> None:
    """The entry itself, and its link to the one before."""
    reading.entries += 1
    if bytes(entry.hash) != hash_of(org_id, entry):
        reading.tell(entry.sequence, "the entry is not what it was when it was written")
    if entry.sequence != reading.sequence + 1:
        reading.tell(entry.sequence, f"the entries between {reading.sequence} and this one are missing")
    elif bytes(entry.previous_hash) != reading.hash:
        reading.tell(entry.sequence, "the entry does not follow the one before it")
    reading.sequence, reading.hash = entry.sequence, bytes(entry.hash)


def _check_end(reading: _Reading, before: Row[Any, Any] | None, after: Row[Any, Any] | None) -> None:
    """The head as it was before the entries were read, and as it is after."""
    if before is not None and reading.sequence < before.sequence:
        reading.tell(
            before.sequence, f"the head knows of this entry, and the chain ends at {reading.sequence}"
        )
    if (after.sequence if after is not None else 0) < reading.sequence:
        reading.tell(reading.sequence, "the head of the chain was set back or removed")
    elif after is not None and after.sequence == reading.sequence and bytes(after.hash) != reading.hash:
        reading.tell(reading.sequence, "the head of the chain has another hash")


def hash_of(org_id: UUID, entry: Row[Any]) -> bytes:
    """The hash an entry must have; ``audit_append`` makes the same."""
    return digest(
        _VERSION,
        org_id.bytes,
        entry.sequence.to_bytes(8, "big", signed=True),
        _moment(entry.microseconds),
        entry.actor_kind,
        entry.actor_id,
        entry.actor_label,
        entry.action,
        entry.subject_kind,
        entry.subject_id,
        entry.address,
        entry.request_id,
        entry.before,
        entry.after,
        bytes(entry.previous_hash),
    )


def _moment(microseconds: str) -> bytes:
    try:
        return int(microseconds).to_bytes(8, "big", signed=True)
    except (ValueError, OverflowError):
        return microseconds.encode()  # hashes to something else: no such time was ever written


class _Anchors:
    """A chain's anchors, read along with it."""

    def __init__(self, store: ObjectStore, org_id: UUID, names: Sequence[str], reading: _Reading) -> None:
        self._reading = reading
        self._stored = stored_anchors(store, org_id, names)
        self._next = self._read()

    def _read(self) -> Anchor | None:
        for found in self._stored:
            if isinstance(found, Anchor):
                self._reading.anchors += 1
                return found
            self._reading.tell(self._reading.sequence, found)
        return None

    def hold_against(self, entry: Row[Any]) -> None:
        """Every anchor up to this entry."""
        while self._next is not None and self._next.sequence <= entry.sequence:
            if self._next.sequence < entry.sequence:
                self._reading.tell(self._next.sequence, f"the anchor of {self._next.at} knows of this entry")
            elif self._next.hash != bytes(entry.hash):
                self._reading.tell(entry.sequence, f"the anchor of {self._next.at} has another hash")
            self._next = self._read()

    def finish(self) -> None:
        """The anchors of entries that are no longer there."""
        while self._next is not None:
            self._reading.tell(
                self._next.sequence,
                f"the anchor of {self._next.at} knows of this entry, and the chain ends at {self._reading.sequence}",
            )
            self._next = self._read()
