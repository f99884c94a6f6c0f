"""How far a history is, reckoned from the windows that were read."""

from __future__ import annotations

from drovi_assets.pace import Pace


class Clock:
    """Moves when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_nothing_is_said_of_a_history_that_was_not_begun() -> None:
    """A sync of what changed has no windows."""
    assert Pace().figures() == {}


def test_how_long_it_takes_is_not_known_before_a_window_is_read() -> None:
    pace = Pace(Clock())
    pace.begin(before=2, left=3)
    assert pace.figures() == {"windows_done": 2, "windows_total": 5, "eta_seconds": None, "last_error": None}


def test_the_rest_is_reckoned_at_the_pace_of_this_worker() -> None:
    """What others read before it says nothing of how fast the source is now."""
    clock = Clock()
    pace = Pace(clock)
    pace.begin(before=50, left=10)
    for _ in range(4):
        clock.now += 30
        pace.advance()
    figures = pace.figures()
    assert (figures["windows_done"], figures["windows_total"]) == (54, 60)
    assert figures["eta_seconds"] == 6 * 30


def test_a_worker_that_goes_on_after_a_pause_counts_on() -> None:
    """Its windows are counted once, and a window that came up meanwhile is one more."""
    clock = Clock()
    pace = Pace(clock)
    pace.begin(before=0, left=3)
    clock.now += 10
    pace.advance()
    pace.begin(before=1, left=3)
    figures = pace.figures()
    assert (figures["windows_done"], figures["windows_total"], figures["eta_seconds"]) == (1, 4, 30)


def test_nothing_left_takes_no_time() -> None:
    pace = Pace(Clock())
    pace.begin(before=7, left=0)
    assert pace.figures()["eta_seconds"] == 0
