"""Metrics are right on small cases worked out by hand, and keep their bounds on any input."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drovi_assets.evaluation import metrics
from drovi_assets.evaluation.metrics import Counts

spans = st.tuples(st.integers(0, 50), st.integers(1, 20)).map(lambda pair: (pair[0], pair[0] + pair[1]))


def test_precision_and_recall_by_hand() -> None:
    """Three right, one invented, two missed."""
    counts = Counts(hits=3, invented=1, missed=2)
    assert counts.precision == pytest.approx(0.75)
    assert counts.recall == pytest.approx(0.6)
    assert counts.f1 == pytest.approx(2 / 3)


def test_silence_is_right_only_where_there_is_nothing_to_find() -> None:
    """Nothing found is perfect on nothing, and worthless on something."""
    assert Counts().f1 == 1.0
    assert Counts(missed=1).precision == 0.0
    assert Counts(invented=1).f1 == 0.0


def test_a_quote_matches_a_clause_of_its_sentence_but_not_a_page() -> None:
    """A sentence three times as long as the clause still points at it; a page does not."""
    assert metrics.match([(10, 20)], [[(5, 35)]])
    assert metrics.match([(10, 20)], [[(0, 500)]]) == []


def test_matching_is_one_to_one_and_prefers_the_best_overlap() -> None:
    """Two predictions on one true span: one hit, one invention."""
    assert metrics.match([(0, 10)], [[(0, 8)], [(0, 10)]]) == [(0, 1, 1.0)]


def test_an_object_with_several_quotes_counts_by_its_best() -> None:
    """Extra evidence does no harm."""
    assert metrics.match([(0, 10)], [[(40, 50), (0, 10)]]) == [(0, 0, 1.0)]


@given(st.lists(spans, max_size=6), st.lists(st.lists(spans, min_size=1, max_size=2), max_size=6))
def test_matching_never_uses_anything_twice(
    truth: list[metrics.Span], found: list[list[metrics.Span]]
) -> None:
    """Each side of a pair appears once."""
    pairs = metrics.match(truth, found)
    assert len({i for i, _, _ in pairs}) == len({j for _, j, _ in pairs}) == len(pairs)


@given(spans, spans)
def test_span_overlap_is_symmetric_and_bounded(a: metrics.Span, b: metrics.Span) -> None:
    """A span overlaps itself entirely."""
    assert metrics.span_iou(a, b) == metrics.span_iou(b, a)
    assert 0 <= metrics.span_iou(a, b) <= 1
    assert metrics.span_iou(a, a) == 1


def test_covered_characters() -> None:
    """Overlapping spans of one side are counted once."""
    assert metrics.covered([(0, 4)], [(2, 6), (3, 6)]) == Counts(hits=2, invented=2, missed=2)


def test_words_are_compared_as_multisets_without_case() -> None:
    """The second "le" is not free."""
    assert metrics.token_counts("Le bail et le loyer", "le bail") == Counts(hits=2, invented=0, missed=3)


def test_box_overlap() -> None:
    """Half of each is shared: a third of the union."""
    assert metrics.box_iou((0, 0, 2, 2), (1, 0, 3, 2)) == pytest.approx(1 / 3)
    assert metrics.box_iou((0, 0, 1, 1), (1, 0, 2, 1)) == 0.0


@pytest.mark.parametrize(
    ("positions", "share"), [([0, 1, 2, 3], 1.0), ([3, 2, 1, 0], 0.25), ([0, 2, 1, 3], 0.75), ([], 1.0)]
)
def test_reading_order(positions: list[int], share: float) -> None:
    """The longest rising part of the positions."""
    assert metrics.in_order(positions) == share


def test_percentiles_are_values_that_occurred() -> None:
    """Nearest rank, not interpolation."""
    assert metrics.percentile([4.0, 1.0, 3.0, 2.0], 0.5) == 2.0
    assert metrics.percentile([4.0, 1.0, 3.0, 2.0], 0.95) == 4.0
    assert metrics.percentile([], 0.5) == 0.0


def test_labels_one_against_the_rest() -> None:
    """A confusion between two other labels does not touch this one."""
    assert metrics.label_counts(["a", "b", "c"], ["a", "c", "a"], label="a") == Counts(hits=1, invented=1)
