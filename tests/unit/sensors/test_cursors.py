"""The position in the run table survives anything that stands in its place, and never goes back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from sensors.cursors import FIRST_LOOK, OVERLAP, RunsCursor

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
moments = st.datetimes(datetime(2000, 1, 1), datetime(2026, 11, 23, 11), timezones=st.just(UTC))  # noqa: DTZ001 - zone added


@given(seen=moments)
def test_a_position_comes_back_as_it_was(seen: datetime) -> None:
    """Through text and back."""
    assert RunsCursor.parse(RunsCursor(seen).text(), NOW).seen == seen


@given(
    text=st.one_of(st.none(), st.text(), st.just('{"seen": 3}'), st.just("[]"), st.just('{"seen": "2026"}'))
)
def test_what_cannot_be_read_is_a_recent_beginning(text: str | None) -> None:
    """A damaged position costs a day of reading again, which has no effect; it never stops the sensor."""
    assert RunsCursor.parse(text, NOW).seen == NOW - FIRST_LOOK


def test_a_position_in_the_future_is_not_believed() -> None:
    """A clock that was wrong would hide every run until then."""
    future = RunsCursor(NOW + timedelta(hours=1)).text()
    assert RunsCursor.parse(future, NOW).seen == NOW - FIRST_LOOK


@given(seen=moments, updates=st.lists(moments))
def test_it_only_moves_forward_and_reads_a_little_back(seen: datetime, updates: list[datetime]) -> None:
    """To the latest row seen; rows that became visible late are read as well."""
    after = RunsCursor(seen).after(updates)
    assert after.seen == max([seen, *updates])
    assert after.since == after.seen - OVERLAP
