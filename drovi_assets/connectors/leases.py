"""Leases: one sync of a connection at a time, whoever runs it, and no page from a holder that lost its turn.

A lease is a row with an expiry and a fence, a number that rises with every new holder. A page's transaction
renews the lease under its fence, so a worker that was paused past its time commits nothing when it
wakes. All times are the database's: workers' clocks may differ by hours and nothing happens.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import Connection, Label, Text, func, literal_column, update
from sqlalchemy.dialects.postgresql import insert

from resources.database import WorkerDatabase
from resources.errors import Conflict, Transient
from resources.schema import connection_lease
from resources.telemetry import metrics

LEASE_SECONDS = 45.0
"""How long a worker may be silent; a killed one's connection is free again within a minute."""


_NOBODY = ""
"""The holder of a lease that was let go; one that ran out still names who had it."""
_BEFORE: Label[str] = literal_column("old.holder", Text).label("before")


class Fenced(Transient):
    """The lease ran out or passed to another holder: what was read is not committed."""


@dataclass(frozen=True, slots=True)
class Lease:
    """One holder's turn on a connection. ``fence`` is unique to this turn."""

    org_id: UUID
    connection_id: UUID
    fence: int
    ttl: timedelta

    def renew(self, connection: Connection) -> None:
        """Extend the turn inside the caller's transaction, and hold its row until that commits.

        Raises:
            Fenced: the turn is over; the transaction must not commit.
        """
        renewed = connection.execute(
            update(connection_lease)
            .where(
                connection_lease.c.connection_id == self.connection_id,
                connection_lease.c.fence == self.fence,
                # The statement's own time: a transaction that began long ago must not pass as fresh.
                connection_lease.c.expires_at > func.clock_timestamp(),
            )
            .values(expires_at=func.clock_timestamp() + self.ttl)
        )
        if renewed.rowcount != 1:
            raise Fenced(
                "Another worker has taken over this connection.", remedy="Nothing: its sync goes on there."
            )


def acquire(
    database: WorkerDatabase, org_id: UUID, connection_id: UUID, holder: str, ttl: float = LEASE_SECONDS
) -> Lease:
    """Take the connection's turn if it is free or ran out; ``ttl`` in seconds, ``holder`` for people to read.

    Raises:
        Conflict: somebody else's turn is running.
    """
    span = timedelta(seconds=ttl)
    taken = insert(connection_lease).values(
        org_id=org_id,
        connection_id=connection_id,
        holder=holder,
        fence=1,
        expires_at=func.clock_timestamp() + span,
    )
    taken = taken.on_conflict_do_update(
        index_elements=[connection_lease.c.connection_id],
        set_={
            "holder": taken.excluded.holder,
            "fence": connection_lease.c.fence + 1,
            "expires_at": taken.excluded.expires_at,
        },
        where=connection_lease.c.expires_at <= func.clock_timestamp(),
    )
    with database.organisation(org_id) as connection:
        turn = connection.execute(taken.returning(connection_lease.c.fence, _BEFORE)).first()
    if turn is None:
        raise Conflict("This connection is being read already.", remedy="Wait until that sync ends.")
    if turn.before:
        metrics.taken_over("connection")
    return Lease(org_id, connection_id, turn.fence, span)


def release(database: WorkerDatabase, lease: Lease) -> None:
    """End the turn early; of no effect where it has passed to somebody else. The fence is kept: it only rises."""
    with database.organisation(lease.org_id) as connection:
        connection.execute(
            update(connection_lease)
            .where(
                connection_lease.c.connection_id == lease.connection_id,
                connection_lease.c.fence == lease.fence,
            )
            .values(expires_at=func.clock_timestamp(), holder=_NOBODY)
        )


def keep_out(connection: Connection, org_id: UUID, connection_id: UUID, holder: str) -> None:
    """Keep every page of the connection out until the caller's transaction ends, without taking anybody's turn.

    A page renews its lease, which holds the lease's row until it commits; this holds the same row. So what is pushed
    lands between two pages of a sync that goes on, and neither meets the other's unfinished work. The fence and the
    expiry stay as they are.
    """
    row = insert(connection_lease).values(
        org_id=org_id,
        connection_id=connection_id,
        holder=holder,
        fence=0,
        expires_at=func.clock_timestamp(),
    )
    connection.execute(
        row.on_conflict_do_update(
            index_elements=[connection_lease.c.connection_id],
            set_={"holder": connection_lease.c.holder},
        )
    )


@contextmanager
def held(
    database: WorkerDatabase, org_id: UUID, connection_id: UUID, holder: str, ttl: float = LEASE_SECONDS
) -> Iterator[Lease]:
    """A turn for the length of a block, released however it ends; raises as ``acquire``."""
    lease = acquire(database, org_id, connection_id, holder, ttl)
    try:
        yield lease
    finally:
        release(database, lease)
