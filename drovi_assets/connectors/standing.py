"""What a connection's row says of how it does: when it is read next, whether it waits for a person, and for what."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import Final

from sqlalchemy import func, update

from drovi_assets.connectors.committing import Source
from drovi_assets.connectors.pacing import caller_of
from drovi_assets.connectors.runtime import Runtime
from resources import budgets, schedules
from resources.errors import RateLimited, Transient
from resources.schema import connection as connection_table

AGAIN_SECONDS: Final = 300
"""What is read once a day is not left for a day because its source was away for a moment."""


def synced(runtime: Runtime, source: Source) -> None:
    """It was read just now; its next time is as its rhythm says."""
    with runtime.database.organisation(source.org_id) as connection:
        schedules.reckon_next_sync(connection, source.connection_id, last_synced_at=func.now())


def postpone(runtime: Runtime, source: Source, error: Transient) -> None:
    """Tell the schedule when to come back: a provider's deadline is kept by every worker, not by this one alone."""
    with suppress(Transient), runtime.database.organisation(source.org_id) as connection:
        usual = func.least(connection_table.c.sync_interval_seconds, AGAIN_SECONDS) * timedelta(seconds=1)
        wait = usual + timedelta(seconds=error.retry_after or 0)
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
