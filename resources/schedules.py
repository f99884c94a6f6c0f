"""Schedules: what asks for work by the clock, kept in rows that heal by themselves.

A rhythm is an interval or five cron fields in a time zone, put off by a jitter that is always the same for one schedule.
``reconcile`` works on sets: rows that are missing are made, rows of kinds that are no more go, and what is due becomes
jobs. A slot and the schedule's next time commit together and the slot is in the job's key, so that a kill loses none
and doubles none; of the slots that were missed, one is made up for. All times are the database's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError
from sqlalchemy import Connection, Row, bindparam, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import JSONB

from resources.errors import Conflict, Invalid, NotFound
from resources.schema import connection as connection_table
from resources.schema import schedule
from resources.telemetry import get_logger

AT_ONCE: Final = 10_000
CONNECTION_JITTER_SECONDS: Final = 60
"""A thousand sources that are read "at seven" are read in the minute after."""
LONGEST_AHEAD: Final = timedelta(days=1)
"""A source's next sync further than this past its next slot is nobody's wish: a clock that was wrong, for one."""
_YEARS_AHEAD: Final = timedelta(days=5 * 366)


@dataclass(frozen=True, slots=True)
class Rhythm:
    """When something is due: every so many seconds, or by cron; exactly one of them. Jitter in seconds."""

    interval_seconds: int | None = None
    cron: str | None = None
    timezone: str = "UTC"
    jitter_seconds: int = 0

    def checked(self) -> Rhythm:
        """Itself.

        Raises:
            Invalid: it is no rhythm; says what is wrong, and what one looks like.
        """
        if (self.interval_seconds is None) == (self.cron is None):
            raise Invalid(
                "A rhythm is an interval or a cron expression.", remedy="Give exactly one of the two."
            )
        if self.interval_seconds is not None and self.interval_seconds <= 0:
            raise Invalid("An interval is at least one second.", remedy="Give a number above zero.")
        try:
            zone = ZoneInfo(self.timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:  # a folder of zones, for one
            raise Invalid(
                f"There is no time zone {self.timezone!r}.", remedy='Give a name such as "Europe/Paris".'
            ) from error
        if self.cron is not None:
            _checked_cron(self.cron, zone)
        return self

    def after(self, moment: datetime, identity: UUID) -> datetime:
        """The first time after an aware moment, as the schedule of that id has it; in UTC.

        An hour that a clock change skips is made up for right after it, one that it repeats counts once.
        """
        offset = timedelta(seconds=_share(identity) * self.jitter_seconds)
        if self.interval_seconds is not None:
            # On a grid of its own, so that it is the same whoever reckons it, and spread over the interval.
            phase = timedelta(seconds=_share(identity) * self.interval_seconds)
            since = (moment - _EPOCH - phase).total_seconds()
            steps = int(since // self.interval_seconds) + 1
            return _EPOCH + phase + timedelta(seconds=steps * self.interval_seconds)
        local = (moment - offset).astimezone(ZoneInfo(self.timezone))
        return next(CronSim(self.cron or "", local)).astimezone(UTC) + offset


_log = get_logger(__name__)
_EPOCH: Final = datetime(2020, 1, 1, tzinfo=UTC)


def _checked_cron(cron: str, zone: ZoneInfo) -> None:
    example = 'Give minute, hour, day, month and weekday, as in "0 7 * * 1-5".'
    if len(cron.split()) != 5:
        raise Invalid(f"{cron!r} is not a cron expression: it has not five fields.", remedy=example)
    now = datetime.now(zone)
    try:
        first = next(CronSim(cron, now))
    except (CronSimError, ValueError) as error:  # a number beyond what Python reads, for one
        raise Invalid(f"{cron!r} is not a cron expression: {error}.", remedy=example) from error
    except StopIteration:
        first = now + _YEARS_AHEAD
    if first - now >= _YEARS_AHEAD:
        raise Invalid(f"{cron!r} never comes.", remedy="Name a day that there is.")


def _share(identity: UUID) -> float:
    """A number in [0, 1) that is an id's own; the id itself is not even, since version 7 begins with the time."""
    return int.from_bytes(hashlib.blake2b(identity.bytes, digest_size=6).digest(), "big") / 2**48


@dataclass(frozen=True, slots=True)
class Periodic:
    """A kind of work by the clock: its rhythm, whose it is, and whether it begins as soon as its row is made.

    ``organisations`` is a query for the ids of those that have it; empty for the platform's own work.
    """

    rhythm: Rhythm
    organisations: str = ""
    at_once: bool = False
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What a pass over the schedules did."""

    made: int = 0
    dropped: int = 0
    asked: int = 0
    healed: int = 0


def reconcile(connection: Connection, periodic: Mapping[str, Periodic]) -> Reconciled:
    """Bring the rows up to the registry, turn what is due into jobs and mend connections' times; in one transaction."""
    dropped = _drop(connection, periodic)
    made = sum(_make(connection, kind, one) for kind, one in periodic.items())
    return Reconciled(made, dropped, ask_due(connection), heal_connections(connection))


# Of another's pass that runs at the same time the rows are locked: it does them.
_DUE = text(
    """
    SELECT id, interval_seconds, cron, timezone, jitter_seconds, next_run_at, now() AS now
    FROM schedule WHERE enabled AND (next_run_at IS NULL OR next_run_at <= now())
    ORDER BY next_run_at LIMIT :limit FOR UPDATE SKIP LOCKED
    """
)
_ASK = text(
    """
    WITH slot AS (
        SELECT * FROM unnest(CAST(:ids AS uuid[]), CAST(:slots AS timestamptz[]), CAST(:nexts AS timestamptz[]))
            AS slot (id, at, next_at)
    ), moved AS (
        UPDATE schedule SET next_run_at = slot.next_at, last_run_at = coalesce(slot.at, last_run_at)
        FROM slot WHERE slot.id = schedule.id
        RETURNING schedule.id, schedule.org_id, schedule.connection_id, schedule.kind, schedule.arguments, slot.at
    )
    INSERT INTO job (org_id, connection_id, kind, arguments, idempotency_key)
    SELECT org_id, connection_id, kind, arguments,
           'schedule:' || id || ':' || to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
    FROM moved WHERE at IS NOT NULL
    ON CONFLICT DO NOTHING
    """
)


def ask_due(connection: Connection, limit: int = AT_ONCE) -> int:
    """Turn schedules that are due into jobs, and reckon the next time of those and of new ones; how many were asked for."""
    rows = connection.execute(_DUE, {"limit": limit}).all()
    if not rows:
        return 0
    nexts = [_next(row) for row in rows]
    names = {"ids": [row.id for row in rows], "slots": [row.next_run_at for row in rows], "nexts": nexts}
    return connection.execute(_ASK, names).rowcount


def heal_connections(connection: Connection) -> int:
    """Give sources whose next sync is absurdly far the time that their rhythm says; how many that were.

    What a provider asked us to wait for is within a day. One look by index where all is well.
    """
    far = or_(
        connection_table.c.sync_cron.is_not(None),
        connection_table.c.next_sync_at
        > func.now() + LONGEST_AHEAD + 2 * connection_table.c.sync_interval_seconds * timedelta(seconds=1),
    )
    columns = (
        *(connection_table.c.id, connection_table.c.sync_cron, connection_table.c.sync_timezone),
        *(connection_table.c.next_sync_at, func.now().label("now")),
    )
    query = select(*columns).where(
        connection_table.c.next_sync_at > func.now() + LONGEST_AHEAD,
        connection_table.c.status != "erasing",
        far,
    )
    healed: dict[UUID, datetime] = {}
    slots: dict[tuple[str, str], datetime] = {}
    for row in connection.execute(query):
        if row.sync_cron is None:
            healed[row.id] = row.now
            continue
        by = (row.sync_cron, row.sync_timezone)
        if by not in slots:
            slots[by] = Rhythm(cron=row.sync_cron, timezone=row.sync_timezone).after(row.now, row.id)
        slot = slots[by]
        if row.next_sync_at > slot + LONGEST_AHEAD:
            healed[row.id] = slot
    if healed:
        names = {"ids": list(healed), "times": list(healed.values())}
        connection.execute(_HEAL, names)
    return len(healed)


_HEAL = text(
    """
    UPDATE connection SET next_sync_at = healed.at
    FROM unnest(CAST(:ids AS uuid[]), CAST(:times AS timestamptz[])) AS healed (id, at)
    WHERE healed.id = connection.id
    """
)


def reckon_next_sync(connection: Connection, connection_id: UUID, **values: Any) -> None:
    """Give a source the next time that its rhythm, as it stands, says from now on; ``values`` of other columns go with it."""
    mine = update(connection_table).where(connection_table.c.id == connection_id)
    by_interval = func.now() + connection_table.c.sync_interval_seconds * timedelta(seconds=1)
    rhythm = (connection_table.c.sync_cron, connection_table.c.sync_timezone, func.now().label("now"))
    row = connection.execute(mine.values(next_sync_at=by_interval, **values).returning(*rhythm)).one()
    if row.sync_cron is not None:
        by_cron = Rhythm(
            cron=row.sync_cron, timezone=row.sync_timezone, jitter_seconds=CONNECTION_JITTER_SECONDS
        )
        connection.execute(mine.values(next_sync_at=by_cron.after(row.now, connection_id)))


def listed(connection: Connection) -> Sequence[Row[Any]]:
    """Every schedule, the next one first."""
    return connection.execute(select(schedule).order_by(schedule.c.next_run_at, schedule.c.id)).all()


def enable(connection: Connection, schedule_id: UUID, *, enabled: bool) -> None:
    """Let a schedule ask for work, or have it wait; what it missed meanwhile is not made up for.

    Raises:
        NotFound: there is no such schedule.
    """
    changed = update(schedule).where(schedule.c.id == schedule_id)
    # Reckoned anew from now.
    if connection.execute(changed.values(enabled=enabled, next_run_at=None)).rowcount == 0:
        raise NotFound("There is no such schedule.", remedy="Check the id.")


def run_now(connection: Connection, schedule_id: UUID) -> None:
    """Have a schedule ask for its work at the next pass, within a minute.

    Raises:
        NotFound: there is no such schedule.
        Conflict: it is not enabled.
    """
    due = update(schedule).where(schedule.c.id == schedule_id, schedule.c.enabled)
    if connection.execute(due.values(next_run_at=func.now())).rowcount == 0:
        if connection.execute(select(schedule.c.id).where(schedule.c.id == schedule_id)).first() is None:
            raise NotFound("There is no such schedule.", remedy="Check the id.")
        raise Conflict("The schedule is not enabled.", remedy="Enable it first.")


_MAKE = """
INSERT INTO schedule (org_id, kind, arguments, interval_seconds, cron, timezone, jitter_seconds, next_run_at)
SELECT wanted.id, :kind, :arguments, :interval_seconds, :cron, :timezone, :jitter_seconds,
       CASE WHEN :at_once THEN now() END
FROM ({wanted}) AS wanted (id)
WHERE NOT EXISTS (
    SELECT FROM schedule s WHERE s.kind = :kind AND s.connection_id IS NULL AND s.org_id IS NOT DISTINCT FROM wanted.id
)
ON CONFLICT DO NOTHING
"""
_DROP_UNKNOWN = text(
    "DELETE FROM schedule WHERE connection_id IS NULL AND NOT kind = ANY (CAST(:kinds AS text[]))"
)


def _make(connection: Connection, kind: str, periodic: Periodic) -> int:
    """Rows that are missing. One whose rhythm was changed by hand keeps it."""
    wanted = periodic.organisations or "SELECT CAST(NULL AS uuid)"
    statement = text(_MAKE.format(wanted=wanted)).bindparams(bindparam("arguments", type_=JSONB))
    names = {
        "kind": kind,
        "arguments": dict(periodic.arguments),
        "interval_seconds": periodic.rhythm.interval_seconds,
        "cron": periodic.rhythm.cron,
        "timezone": periodic.rhythm.timezone,
        "jitter_seconds": periodic.rhythm.jitter_seconds,
        "at_once": periodic.at_once,
    }
    return connection.execute(statement, names).rowcount


def _drop(connection: Connection, periodic: Mapping[str, Periodic]) -> int:
    dropped = connection.execute(_DROP_UNKNOWN, {"kinds": list(periodic)}).rowcount
    for kind, one in periodic.items():
        if one.organisations:
            gone = text(
                f"DELETE FROM schedule WHERE kind = :kind AND connection_id IS NULL"  # noqa: S608 - the registry's own text
                f" AND org_id NOT IN ({one.organisations})"
            )
            dropped += connection.execute(gone, {"kind": kind}).rowcount
    return dropped


def _next(row: Row[Any]) -> datetime:
    rhythm = Rhythm(row.interval_seconds, row.cron, row.timezone, row.jitter_seconds)
    try:
        return rhythm.checked().after(row.now, row.id)
    except Invalid as error:  # written past all checks; it must not hold the others up
        _log.warning("schedule without a rhythm", schedule=str(row.id), error=str(error))
        now: datetime = row.now
        return now + LONGEST_AHEAD
