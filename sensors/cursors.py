"""A sensor's position as text, forgiving: what cannot be read is a beginning, never an error that stops the sensor."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

OVERLAP = timedelta(seconds=5)
"""Rows become visible after the time they carry; what is seen twice has no effect."""
FIRST_LOOK = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class RunsCursor:
    """How far the run table was followed: everything updated before ``seen`` was."""

    seen: datetime

    @classmethod
    def parse(cls, cursor: str | None, now: datetime) -> RunsCursor:
        """The position that ``text`` gave; a day back from ``now`` where there is none, it is damaged or in the future."""
        try:
            seen = datetime.fromisoformat(json.loads(cursor or "")["seen"])
            if seen.tzinfo is not None and seen <= now + OVERLAP:
                return cls(seen.astimezone(UTC))
        except (ValueError, KeyError, TypeError):
            pass
        return cls(now - FIRST_LOOK)

    @property
    def since(self) -> datetime:
        """Where to read from: a little before, for rows that became visible late."""
        return self.seen - OVERLAP

    def after(self, updates: Sequence[datetime]) -> RunsCursor:
        """The position after rows updated at those times."""
        return RunsCursor(max([self.seen, *updates]))

    def text(self) -> str:
        """As Dagster keeps it."""
        return json.dumps({"seen": self.seen.isoformat()})
