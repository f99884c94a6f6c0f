"""The one clock: aware datetimes in UTC, and a seam for tests that need to say what time it is.

Leases and token buckets do not use it: they go by the database's clock, the only one that several
machines share.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What code takes when the time is part of its logic."""

    def now(self) -> datetime:
        """Aware, in UTC."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Aware, in UTC."""
        return datetime.now(UTC)


def now() -> datetime:
    """The machine's time, aware, in UTC; for code whose logic does not turn on it."""
    return datetime.now(UTC)
