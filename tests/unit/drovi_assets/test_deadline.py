"""A tick's time is shared fairly and never overspent."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from drovi_assets.deadline import SMALLEST_SHARE, Budget

seconds = st.floats(0, 60, allow_nan=False)


@given(total=seconds, among=st.integers(1, 100))
def test_a_share_fits_in_what_is_left(total: float, among: int) -> None:
    """Equal parts, at least the smallest useful one, at most everything."""
    budget = Budget.of(total, clock=lambda: 0.0)
    share = budget.share(among)
    assert share.left <= budget.left
    assert share.left >= min(SMALLEST_SHARE, total)
    assert share.left <= max(total / among, SMALLEST_SHARE)


@given(total=seconds, uses=st.lists(seconds, max_size=20))
def test_shares_in_turn_never_overspend(total: float, uses: list[float]) -> None:
    """Whoever uses all of a share leaves the others no less than theirs, and the whole ends in time."""
    now = 0.0
    budget = Budget.of(total, clock=lambda: now)
    for number, use in enumerate(uses):
        if budget.spent:
            break
        now += min(use, budget.share(len(uses) - number).left)
    assert now <= total + 1e-6


def test_a_budget_runs_out() -> None:
    """Nothing is left after its seconds, and less than nothing never is."""
    now = 0.0
    budget = Budget.of(2.0, clock=lambda: now)
    assert not budget.spent
    now = 5.0
    assert budget.spent
    assert budget.left == 0.0
