"""How often a connection is read: as its owner says, or else as its kind of source has it.

For the API and the command line alike. A rhythm is two columns of the connection, or three; whoever changes it has
the next reading reckoned anew in the same transaction, by the rule that holds after every reading.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, literal_column, select, text, update
from sqlalchemy.dialects.postgresql import JSONB

from drovi_assets.connectors.registry import CONNECTORS, ConnectorSpec
from resources import schedules
from resources.audit import Action, Actor, record
from resources.database import sole
from resources.errors import Invalid
from resources.schedules import Rhythm
from resources.schema import connection as connection_table

SHORTEST_SECONDS: Final = 4
"""Ticks come no more often."""
LONGEST_SECONDS: Final = 31 * 86_400

SHOWN: Final = literal_column(
    "jsonb_strip_nulls(jsonb_build_object("
    "'interval_seconds', CASE WHEN connection.sync_cron IS NULL THEN connection.sync_interval_seconds END,"
    " 'cron', connection.sync_cron,"
    " 'timezone', CASE WHEN connection.sync_cron IS NOT NULL THEN connection.sync_timezone END))",
    JSONB,
).label("rhythm")
"""The rhythm of a connection's row as ``account_of`` gives it."""


def sync_rhythm(
    *, interval_seconds: int | None = None, cron: str | None = None, timezone: str | None = None
) -> Rhythm:
    """A rhythm to read a source by; without a time zone a cron expression is read in UTC.

    Raises:
        Invalid: it is none; says what is wrong, and what one looks like.
    """
    if cron is None and timezone is not None:
        raise Invalid(
            "A time zone says how a cron expression is read, and there is none.",
            remedy="Leave the time zone out, or give a cron expression with it.",
        )
    fields = None if cron is None else " ".join(cron.split())
    rhythm = Rhythm(interval_seconds, fields, "UTC" if timezone is None else timezone).checked()
    if interval_seconds is not None and not SHORTEST_SECONDS <= interval_seconds <= LONGEST_SECONDS:
        raise Invalid(
            f"A source is read at most every {SHORTEST_SECONDS} seconds, and at least every 31 days.",
            remedy=f"Give a number from {SHORTEST_SECONDS} to {LONGEST_SECONDS}, or a cron expression.",
        )
    return rhythm


def account_of(rhythm: Rhythm) -> dict[str, Any]:
    """What people are shown of it: the interval, or the cron expression and its time zone."""
    if rhythm.cron is None:
        return {"interval_seconds": rhythm.interval_seconds}
    return {"cron": rhythm.cron, "timezone": rhythm.timezone}


def columns_of(rhythm: Rhythm | None, spec: ConnectorSpec | None) -> Mapping[str, Any]:
    """The columns of a connection that say so; None is what its kind of source has.

    Beside a cron expression the interval stays its kind's: what failed for a moment is tried again by it.
    """
    own = spec.interval_seconds if spec else None
    interval = rhythm.interval_seconds if rhythm and rhythm.cron is None else own
    return {
        "sync_interval_seconds": text("DEFAULT") if interval is None else interval,
        "sync_cron": rhythm.cron if rhythm else None,
        "sync_timezone": rhythm.timezone if rhythm else "UTC",
    }


def set_rhythm(
    session: Connection,
    connection_id: UUID,
    rhythm: Rhythm | None,
    actor: Actor,
    *,
    request_id: str = "",
) -> None:
    """Read a connection by another rhythm from now on, None: by its kind's; audited, and of no effect where it is so already.

    One that was never read yet is still read at once.

    Raises:
        NotFound: there is no such connection for the caller.
    """
    mine = connection_table.c.id == connection_id
    query = select(connection_table.c.connector, connection_table.c.last_synced_at, SHOWN)
    before = sole(session.execute(query.where(mine).with_for_update()).all(), "connection")
    changed = update(connection_table).where(mine)
    session.execute(changed.values(columns_of(rhythm, CONNECTORS.get(before.connector))))
    after = session.execute(query.where(mine)).one()
    if after.rhythm == before.rhythm:
        return
    if before.last_synced_at is not None:
        schedules.reckon_next_sync(session, connection_id)
    record(
        session,
        actor,
        Action.CONNECTION_RHYTHM_CHANGED,
        "connection",
        connection_id,
        before={"rhythm": before.rhythm},
        after={"rhythm": after.rhythm},
        request_id=request_id,
    )
