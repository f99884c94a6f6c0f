"""Windows: how a source's history is cut into spans that are read, and re-materialised, on their own.

Months for this year and the two before it, whole years before that: at any moment they cover time exactly
once, and a name always means the same calendar span.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime

from drovi_assets.connectors.contract import Window

UNDATED = Window("undated", datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))
"""The window of items that have no time."""

_LAST_YEAR = UNDATED.end.year

_NAME = re.compile(r"(?!0000)(\d{4})(?:-(0[1-9]|1[0-2]))?", re.ASCII)

MONTHLY_YEARS = 2
"""How many whole years before the current one are cut into months."""


@dataclass(frozen=True, slots=True)
class Span:
    """Days of UTC, the end not among them; written as ISO 8601 does: "2024-01-15/2024-07-01"."""

    start: date
    end: date

    def __str__(self) -> str:
        return f"{self.start}/{self.end}"

    @classmethod
    def parse(cls, text: str) -> Span | None:
        """The span that is written so; None for anything else, a window's name among it."""
        start, _, end = text.partition("/")
        try:
            return cls(date.fromisoformat(start), date.fromisoformat(end))
        except ValueError:
            return None

    def touches(self, window: str) -> bool:
        """Whether a window of that name has a day in common with it; the undated one has none."""
        named = _NAME.fullmatch(window)
        if named is None:
            return False
        year, month = int(named[1]), named[2]
        first = date(year, int(month or 1), 1)
        after = _first_of(year, int(month) + 1) if month else _first_of(year + 1, 1)
        return first < self.end and self.start < after.date()


@dataclass(frozen=True, slots=True)
class Part:
    """What of a source's history is meant: one stream or all; one window, those that a span touches, or all."""

    stream: str | None = None
    window: str | None = None

    def covers(self, stream: str, window: str) -> bool:
        """Whether a window of a stream is meant."""
        if self.stream not in {None, stream}:
            return False
        if self.window is None or self.window == window:
            return True
        span = Span.parse(self.window)
        return span is not None and span.touches(window)


ALL = Part()


def window_of(moment: datetime | None, now: datetime) -> Window:
    """The window an item of that time belongs to; aware datetimes in, UTC calendar out."""
    if moment is None:
        return UNDATED
    moment = moment.astimezone(UTC)
    year, month = moment.year, moment.month
    if year < now.astimezone(UTC).year - MONTHLY_YEARS:
        return Window(f"{year:04d}", datetime(year, 1, 1, tzinfo=UTC), _first_of(year + 1, 1))
    return Window(f"{year:04d}-{month:02d}", datetime(year, month, 1, tzinfo=UTC), _first_of(year, month + 1))


def window_name(moment: datetime | None, this_year: int) -> str:
    """``window_of(moment, now).name``, for rows by the ten thousand."""
    if moment is None:
        return UNDATED.name
    moment = moment.astimezone(UTC)
    year = f"{moment.year:04d}"
    return year if moment.year < this_year - MONTHLY_YEARS else f"{year}-{moment.month:02d}"


def windows_of(moments: Iterable[datetime | None], now: datetime) -> list[Window]:
    """Every window that holds one of ``moments``, newest first, undated last."""
    found = {window_of(moment, now) for moment in moments}
    return sorted(found - {UNDATED}, key=lambda window: window.start, reverse=True) + sorted(
        found & {UNDATED}, key=lambda window: window.name
    )


def _first_of(year: int, month: int) -> datetime:
    if month > 12:
        year, month = year + 1, 1
    return datetime(year, month, 1, tzinfo=UTC) if year <= _LAST_YEAR else UNDATED.end
