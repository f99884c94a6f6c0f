"""The baseline for pairs of statements: same thing, incompatible value."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drovi_assets.intelligence.contradiction import compare


@pytest.mark.parametrize(
    ("a", "b", "label"),
    [
        ("The sale price is £415,000.", "The sale price was agreed at £398,000.", "contradiction"),
        ("L'audience se tiendra le 14 octobre.", "L'audience aura lieu le 21 octobre.", "contradiction"),
        ("Invoice 118 was paid on 4 April.", "Invoice 118 remains unpaid.", "contradiction"),
        ("La sous-traitance est autorisée.", "La sous-traitance est interdite.", "contradiction"),
        ("The tenant has given notice.", "The tenant has not given notice.", "contradiction"),
        ("Le capital est de 10 000 euros.", "Le capital social s'élève à 10 000 €.", "consistent"),
        ("The office is in Leeds.", "The office, formerly in Leeds, was moved to York.", "consistent"),
        ("Invoice 118 was paid.", "Invoice 119 was not paid.", "unrelated"),
        ("Ms Kessler will circulate the quotes.", "Mr Dunne signed the lease.", "unrelated"),
    ],
)
def test_labels_a_pair(a: str, b: str, label: str) -> None:
    """Amounts, days, opposites and negation part two statements on one thing; a told change does not."""
    assert compare(a, b).label == label


@given(st.text(max_size=80), st.text(max_size=80))
def test_survives_any_pair(a: str, b: str) -> None:
    """Any two texts get a verdict with a confidence in [0, 1]."""
    assert 0 <= compare(a, b).confidence <= 1
