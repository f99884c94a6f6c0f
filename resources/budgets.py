"""Call budgets: how often providers are called, by all processes together, as token buckets in the database.

Three buckets stand behind a call, of the provider, of the organisation and of the connection; it is made when each of them
that has a rate holds a token, and takes one of all or of none. They fill by the database's clock, so workers' clocks do not
matter. A provider that says when to come back empties the connection's bucket until then.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, Row, bindparam, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from resources.errors import RateLimited
from resources.schema import call_budget


@dataclass(frozen=True, slots=True)
class Rate:
    """Calls a second in the long run, and how many may be made at once."""

    per_second: float
    burst: float = 1.0


@dataclass(frozen=True, slots=True)
class Rates:
    """What a provider allows: to all of us, to one organisation, to one connection. None: as much as one likes."""

    provider: Rate | None = None
    organisation: Rate | None = None
    connection: Rate | None = None

    def __bool__(self) -> bool:
        return not (self.provider is None and self.organisation is None and self.connection is None)


UNLIMITED: Final = Rates()


@dataclass(frozen=True, slots=True)
class Caller:
    """On whose account a call is made."""

    provider: str
    org_id: UUID
    connection_id: UUID

    def buckets(self, rates: Rates) -> Mapping[tuple[UUID | None, UUID | None], Rate | None]:
        """The rate of each bucket behind a call, by the columns that name it."""
        return {
            (None, None): rates.provider,
            (self.org_id, None): rates.organisation,
            (self.org_id, self.connection_id): rates.connection,
        }


class BudgetSpent(RateLimited):
    """Our own budget of calls is spent; ``retry_after`` says until when."""


def take(connection: Connection, caller: Caller, rates: Rates, calls: float = 1.0) -> float:
    """Take tokens for that many calls from every bucket, or from none; seconds to wait where one lacks them, else 0.

    0 calls takes nothing, and waits where a provider's own deadline stands. The buckets are locked until the caller's
    transaction ends: it should hold nothing else.
    """
    wanted = caller.buckets(rates)
    limited = {name for name, rate in wanted.items() if rate is not None}
    rows = _locked(connection, caller)
    if missing := limited - {(row.org_id, row.connection_id) for row in rows}:
        for org_id, connection_id in sorted(missing, key=str):
            _open(connection, caller.provider, org_id, connection_id, wanted[org_id, connection_id])
        rows = _locked(connection, caller)
    if not rows:
        return 0.0
    # Asked once the rows are ours: whoever had them before counted at an earlier moment.
    now: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
    filled = {row.id: _filled(row, wanted[row.org_id, row.connection_id], now) for row in rows}
    wait = max(_wait(row, wanted[row.org_id, row.connection_id], filled[row.id], calls, now) for row in rows)
    if wait == 0 and calls:
        taken = [
            {"row_id": row.id, "left": filled[row.id] - calls, "at": now}
            for row in rows
            if wanted[row.org_id, row.connection_id] is not None
        ]
        if taken:
            connection.execute(_TAKE, taken)
    return wait


def drain(connection: Connection, caller: Caller, seconds: float) -> None:
    """No call of the connection for that long: the provider asked for it. A later deadline that stands is kept."""
    until = func.clock_timestamp() + timedelta(seconds=seconds)
    row = insert(call_budget).values(
        provider=caller.provider,
        org_id=caller.org_id,
        connection_id=caller.connection_id,
        tokens=0.0,
        counted_at=until,
    )
    connection.execute(
        row.on_conflict_do_update(
            constraint="uq_call_budget_provider_org_id_connection_id",
            set_={
                "tokens": 0.0,
                "counted_at": func.greatest(call_budget.c.counted_at, row.excluded.counted_at),
            },
        )
    )


_TAKE: Final = (
    update(call_budget)
    .where(call_budget.c.id == bindparam("row_id"))
    .values(tokens=bindparam("left"), counted_at=bindparam("at"))
)


def _locked(connection: Connection, caller: Caller) -> list[Row[Any]]:
    """The buckets that there are, always locked in the same order."""
    query = (
        select(call_budget)
        .where(
            call_budget.c.provider == caller.provider,
            or_(call_budget.c.org_id.is_(None), call_budget.c.org_id == caller.org_id),
            or_(call_budget.c.connection_id.is_(None), call_budget.c.connection_id == caller.connection_id),
        )
        .order_by(call_budget.c.id)
        .with_for_update()
    )
    return list(connection.execute(query).all())


def _open(
    connection: Connection, provider: str, org_id: UUID | None, connection_id: UUID | None, rate: Rate | None
) -> None:
    full = 0.0 if rate is None else rate.burst
    row = insert(call_budget).values(
        provider=provider,
        org_id=org_id,
        connection_id=connection_id,
        tokens=full,
        counted_at=func.clock_timestamp(),
    )
    connection.execute(row.on_conflict_do_nothing())


def _filled(row: Row[Any], rate: Rate | None, now: datetime) -> float:
    if rate is None:
        return 0.0
    elapsed: float = max(0.0, (now - row.counted_at).total_seconds())
    return min(rate.burst, float(row.tokens) + elapsed * rate.per_second)


def _wait(row: Row[Any], rate: Rate | None, filled: float, calls: float, now: datetime) -> float:
    deadline: float = max(0.0, (row.counted_at - now).total_seconds())
    if rate is None:
        return deadline
    # More than ever fits in waits for a full bucket, and leaves it in debt.
    lacking = min(calls, rate.burst) - filled
    return deadline + max(0.0, lacking / rate.per_second)
