"""Reports: how much of what a reader may see is new, falls due or is overdue, in one query under their own rights."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Connection, text

SOON = timedelta(days=7)
"""How far ahead a deadline is told."""


class Period(StrEnum):
    """How often somebody is told."""

    DAILY = "daily"
    WEEKLY = "weekly"

    @property
    def length(self) -> timedelta:
        """The time that one report covers."""
        return timedelta(days=1 if self is Period.DAILY else 7)


@dataclass(frozen=True, slots=True)
class Report:
    """Counts, and nothing of what is counted. ``overdue`` are commitments whose day has passed and is not forgotten yet."""

    since: datetime
    until: datetime
    commitments: int
    decisions: int
    risks: int
    claims: int
    advice: int
    due_soon: int
    overdue: int

    @property
    def empty(self) -> bool:
        """Whether there is nothing to tell."""
        new = self.commitments + self.decisions + self.risks + self.claims + self.advice
        return not (new or self.due_soon or self.overdue)


# Dates are ISO 8601 text, whose order is that of the days.
_COUNTS = text(
    """
    SELECT count(*) FILTER (WHERE kind = 'commitment' AND recorded_at >= :since) AS commitments,
           count(*) FILTER (WHERE kind = 'decision' AND recorded_at >= :since) AS decisions,
           count(*) FILTER (WHERE kind = 'risk' AND recorded_at >= :since) AS risks,
           count(*) FILTER (WHERE kind = 'claim' AND recorded_at >= :since) AS claims,
           count(*) FILTER (WHERE kind = 'advice' AND recorded_at >= :since) AS advice,
           count(*) FILTER (WHERE kind = 'commitment' AND slots->>'due' BETWEEN :today AND :soon) AS due_soon,
           count(*) FILTER (WHERE kind = 'commitment' AND slots->>'due' < :today) AS overdue
    FROM intelligence_object
    WHERE org_id = :org_id AND superseded_at IS NULL AND stale_since IS NULL
      AND (recorded_at >= :since OR kind = 'commitment')
    """
)


def report_of(connection: Connection, org_id: UUID, period: Period, until: datetime) -> Report:
    """What the transaction's reader is told at ``until`` of the period before it."""
    since = until - period.length
    counts = (
        connection.execute(
            _COUNTS,
            {
                "org_id": org_id,
                "since": since,
                "today": until.date().isoformat(),
                "soon": (until + SOON).date().isoformat(),
            },
        )
        .mappings()
        .one()
    )
    return Report(since, until, **counts)
