"""How the connections that events are about stand: whether there is one, and whether work on it is wanted now."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, or_, select

from drovi_assets.consumers.contract import Opened, Work
from resources.events.envelope import AboutConnection
from resources.schema import connection as connection_table
from resources.schema import organisation


@dataclass(frozen=True, slots=True)
class Standing:
    """A connection as a handler needs it. ``wanted``: nobody paused or stopped it, and there is somebody to read it for."""

    id: UUID
    org_id: UUID
    connector: str
    audience_id: UUID
    wanted: bool


def by_source(work: Work, events: Sequence[Opened]) -> tuple[list[tuple[Standing, list[Opened]]], int]:
    """Events by the connection that they are about, each one's in their order; and how many are about none.

    Connections come in one order for everybody, or two consumers could wait for each other's. Another organisation's
    connection is none, and so is one that is being erased.
    """
    told: defaultdict[UUID, list[Opened]] = defaultdict(list)
    for event in events:
        if isinstance(event.body, AboutConnection):
            told[event.body.connection_id].append(event)
    found = [
        (source, mine)
        for source in sorted(_look_up(work, told), key=lambda one: one.id)
        if (mine := [event for event in told[source.id] if event.org_id == source.org_id])
    ]
    return found, len(events) - sum(len(mine) for _, mine in found)


def _look_up(work: Work, ids: Collection[UUID]) -> list[Standing]:
    """The connections of those ids; what is being erased is gone already. One query, and one for each that may be stopped."""
    row = connection_table.c
    # A private source is its owner's: while they are no member, there is nobody to read it for.
    somebody_reads = or_(row.visibility == "ORG_SHARED", func.is_member(row.org_id, row.owner_id))
    query = (
        select(
            row.id,
            row.org_id,
            row.connector,
            row.audience_id,
            # What it waits for a person for concerns how it is read; what is pushed needs none of that.
            (
                row.status.in_(("active", "needs_person"))
                & (organisation.c.status == "active")
                & somebody_reads
            ).label("wanted"),
        )
        .join(organisation, organisation.c.id == row.org_id)
        .where(row.id.in_(ids), row.status != "erasing")
    )
    return [
        Standing(
            one.id,
            one.org_id,
            one.connector,
            one.audience_id,
            one.wanted and not work.stopped(work.connection, one.connector, one.org_id),
        )
        for one in work.connection.execute(query)
    ]
