"""Rhythms: when something is due next, across clock changes, spread by its own id; and what is no rhythm."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import UUID, uuid4

import pytest

from resources.errors import Invalid
from resources.schedules import Rhythm

ONE = UUID(int=1)
PARIS = "Europe/Paris"


def _run(rhythm: Rhythm, start: datetime, count: int) -> list[datetime]:
    moments = [start]
    for _ in range(count):
        moments.append(rhythm.after(moments[-1], ONE))
    return moments[1:]


def test_seven_in_the_morning_stays_seven_when_clocks_change() -> None:
    """Paris goes from UTC+1 to UTC+2 on 29 March 2026, and back on 25 October."""
    rhythm = Rhythm(cron="0 7 * * *", timezone=PARIS)
    spring = _run(rhythm, datetime(2026, 3, 27, 12, tzinfo=UTC), 3)
    assert [moment.hour for moment in spring] == [6, 5, 5]
    autumn = _run(rhythm, datetime(2026, 10, 23, 12, tzinfo=UTC), 3)
    assert [moment.hour for moment in autumn] == [5, 6, 6]


def test_an_hour_that_is_skipped_is_made_up_for_and_one_that_is_repeated_counts_once() -> None:
    """Each day has one half past two."""
    rhythm = Rhythm(cron="30 2 * * *", timezone=PARIS)
    for start in (datetime(2026, 3, 27, 12, tzinfo=UTC), datetime(2026, 10, 23, 12, tzinfo=UTC)):
        days = [moment.date() for moment in _run(rhythm, start, 5)]
        assert days == [start.date() + timedelta(days=number) for number in range(1, 6)]


@pytest.mark.parametrize(
    "rhythm", [Rhythm(interval_seconds=3600), Rhythm(cron="*/5 * * * *", jitter_seconds=120)]
)
def test_a_schedules_times_are_its_own_and_always_the_same(rhythm: Rhythm) -> None:
    """Whoever reckons them, from whatever moment before; a thousand are spread, each strictly after the moment."""
    start = datetime(2026, 5, 4, 9, tzinfo=UTC)
    ids = [uuid4() for _ in range(200)]
    for one in ids:
        after = rhythm.after(start, one)
        assert after > start
        assert rhythm.after(after - timedelta(seconds=1), one) == after
        assert rhythm.after(after, one) > after
    moments = {rhythm.after(start, one) for one in ids}
    assert len(moments) > 190
    assert max(moments) - min(moments) > timedelta(seconds=100)


def test_an_interval_keeps_its_distance() -> None:
    moments = _run(Rhythm(interval_seconds=86_400), datetime(2026, 3, 27, tzinfo=UTC), 4)
    assert {later - former for former, later in pairwise(moments)} == {timedelta(days=1)}


@pytest.mark.parametrize(
    ("rhythm", "says"),
    [
        (Rhythm(), "interval or a cron"),
        (Rhythm(60, "* * * * *"), "interval or a cron"),
        (Rhythm(0), "at least one second"),
        (Rhythm(cron="0 7 * *"), "five fields"),
        (Rhythm(cron="0 7 * * * *"), "five fields"),
        (Rhythm(cron="0 25 * * *"), "Bad hour"),
        (Rhythm(cron="0 7 30 2 *"), "never comes|Bad day"),
        (Rhythm(cron="0 7 * * *", timezone="Paris"), "no time zone 'Paris'"),
        (Rhythm(cron="0 7 * * *", timezone="../etc"), "no time zone"),
        (Rhythm(cron="0 7 * * *", timezone="Europe"), "no time zone"),
        (Rhythm(cron="0 7 * * *", timezone="x" * 5000), "no time zone"),
        (Rhythm(cron="9" * 5000 + " 7 * * *"), "not a cron expression"),
    ],
)
def test_what_is_no_rhythm_is_refused_with_what_is_wrong(rhythm: Rhythm, says: str) -> None:
    with pytest.raises(Invalid, match=says):
        rhythm.checked()


def test_a_rhythm_is_accepted() -> None:
    for rhythm in (Rhythm(4), Rhythm(cron="0 7 * * 1-5", timezone=PARIS), Rhythm(cron="0 7 29 2 *")):
        assert rhythm.checked() is rhythm
