"""What a connection's row says of how it does: when it is read next, whether it waits for a person, and for what."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

from sqlalchemy import func, update

from drovi_assets.connectors.committing import Source
from drovi_assets.connectors.pacing import caller_of
from drovi_assets.connectors.runtime import Runtime
from resources import budgets, schedules
from resources.errors import RateLimited, Transient
from resources.schema import connection as connection_table


def synced(runtime: Runtime, source: Source) -> None:
    """It was read just now; its next time is as its rhythm says."""
    mine = update(connection_table).where(connection_table.c.id == source.connection_id)
    rhythm = (
        *(connection_table.c.id, connection_table.c.sync_cron, connection_table.c.sync_timezone),
        *(connection_table.c.sync_interval_seconds, func.now().label("now")),
    )
    by_interval = func.now() + connection_table.c.sync_interval_seconds * timedelta(seconds=1)
    with runtime.database.organisation(source.org_id) as connection:
        synced = mine.values(last_synced_at=func.now(), next_sync_at=by_interval).returning(*rhythm)
        row = connection.execute(synced).one()
        if row.sync_cron is not None:
            connection.execute(mine.values(next_sync_at=schedules.next_sync(row, row.now)))


def postpone(runtime: Runtime, source: Source, error: Transient) -> None:
    """Tell the schedule when to come back: a provider's deadline is kept by every worker, not by this one alone."""
    with suppress(Transient), runtime.database.organisation(source.org_id) as connection:
        wait = timedelta(
            seconds=error.retry_after or 0
        ) + connection_table.c.sync_interval_seconds * timedelta(seconds=1)
        connection.execute(
            update(connection_table)
            .where(connection_table.c.id == source.connection_id)
            .values(next_sync_at=func.greatest(connection_table.c.next_sync_at, func.now() + wait))
        )
        if (
            error.retry_after
            and isinstance(error, RateLimited)
            and not isinstance(error, budgets.BudgetSpent)
        ):
            # A sync that a person asks for does not look at the schedule; it does at this.
            budgets.drain(connection, caller_of(source), error.retry_after)


def set_status(
    runtime: Runtime, source: Source, status: str, detail: str, *, only_if: str | None = None
) -> None:
    """Say so, unless it is paused or being erased; ``only_if`` names the status that it must have."""
    with runtime.database.organisation(source.org_id) as connection:
        # A pause is its owner's word, and an erasure cuts a sync off: a turn that was under way ends neither.
        change = update(connection_table).where(
            connection_table.c.id == source.connection_id,
            connection_table.c.status.not_in(("paused", "erasing")),
        )
        if only_if is not None:
            change = change.where(connection_table.c.status == only_if)
        connection.execute(change.values(status=status, status_detail=detail))
