"""Windows cover time exactly once, and their names sort as their spans do."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drovi_assets.connectors.windows import UNDATED, Part, Span, window_name, window_of, windows_of

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
MOMENTS = st.datetimes(timezones=st.just(UTC))


@pytest.mark.parametrize(
    ("moment", "name"),
    [
        (datetime(2026, 11, 30, 23, 59, tzinfo=UTC), "2026-11"),
        (datetime(2024, 1, 1, tzinfo=UTC), "2024-01"),
        (datetime(2023, 12, 31, 23, 59, tzinfo=UTC), "2023"),
        (datetime(2024, 1, 1, 0, 30, tzinfo=timezone(timedelta(hours=1))), "2023"),
        (datetime(9999, 12, 31, tzinfo=UTC), "9999-12"),
        (datetime(7, 5, 1, tzinfo=UTC), "0007"),
        (None, "undated"),
    ],
)
def test_a_moment_has_one_window(moment: datetime | None, name: str) -> None:
    """Months for this year and the two before it, years before that, by the calendar of UTC."""
    assert window_of(moment, NOW).name == name
    assert window_name(moment, NOW.year) == name


@given(MOMENTS)
def test_a_window_holds_its_moment_and_agrees_with_the_short_way(moment: datetime) -> None:
    """Start included, end excluded."""
    window = window_of(moment, NOW)
    assert window.start <= moment < window.end
    assert window_name(moment, NOW.year) == window.name


@given(st.lists(st.none() | MOMENTS, max_size=30))
def test_windows_are_newest_first_and_do_not_overlap(moments: list[datetime | None]) -> None:
    """Each span once; undated last."""
    windows = windows_of(moments, NOW)
    dated = [window for window in windows if window != UNDATED]
    for later, earlier in itertools.pairwise(dated):
        assert earlier.end <= later.start
    assert (UNDATED in windows) == (None in moments)
    assert UNDATED not in windows[:-1]


@given(MOMENTS, st.dates(), st.dates())
def test_a_span_touches_the_windows_that_it_has_a_day_of(moment: datetime, start: date, end: date) -> None:
    """Whatever the calendar says; and it is read back as it is written."""
    window, span = window_of(moment, NOW), Span(min(start, end), max(start, end))
    days = max(window.start.date(), span.start), min(window.end.date(), span.end)
    assert span.touches(window.name) == (days[0] < days[1])
    assert Span.parse(str(span)) == span


@pytest.mark.parametrize("name", ["undated", "0000", "2024-13", "2024-3", "20240", "2024-03-01", ""])
def test_what_names_no_days_is_touched_by_no_span(name: str) -> None:
    assert not Span(date.min, date.max).touches(name)


def test_a_part_is_a_stream_and_a_window_or_those_that_a_span_touches() -> None:
    """A month of which one day is meant is meant."""
    assert Part().covers("files", "undated")
    assert [Part("files", "2024-03").covers(*one) for one in (("files", "2024-03"), ("rows", "2024-03"))] == [
        True,
        False,
    ]
    part = Part(window="2023-12-31/2024-03-02")
    names = ("2022", "2023", "2024-01", "2024-03", "2024-04", "undated")
    assert [name for name in names if part.covers("files", name)] == ["2023", "2024-01", "2024-03"]
    assert not Part(window="nonsense").covers("files", "2024-03")
