"""Sentence spans: exact offsets, French and English abbreviations, lists and wrapped lines."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drovi_assets.intelligence.sentences import sentences


def _split(text: str) -> list[str]:
    return [text[start:end] for start, end in sentences(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        (
            "Conformément à l'art. 1134 du C. civ., M. Petit signe.",
            ["Conformément à l'art. 1134 du C. civ., M. Petit signe."],
        ),
        ("Me Roux a plaidé. Me. Fabre a répondu.", ["Me Roux a plaidé.", "Me. Fabre a répondu."]),
        (
            "See para. 4 and no. 12. It ends at 5 p.m. on Monday.",
            ["See para. 4 and no. 12.", "It ends at 5 p.m. on Monday."],
        ),
        ("J. Smith came. The U.S. Government left.", ["J. Smith came.", "The U.S. Government left."]),
        ("Le taux est de 2.5 %. Il monte.", ["Le taux est de 2.5 %.", "Il monte."]),
        ("« Vraiment ? » demanda-t-elle. Oui.", ["« Vraiment ? » demanda-t-elle.", "Oui."]),
        ("Présents :\n- Mme Arnaud\n- M. Royer", ["Présents :", "Mme Arnaud", "M. Royer"]),
        ("1. First item\n2. Second item", ["First item", "Second item"]),
    ],
)
def test_ends_sentences_where_a_reader_would(text: str, expected: list[str]) -> None:
    """Abbreviations, initials and decimals do not end a sentence; list items do."""
    assert _split(text) == expected


def test_joins_hard_wrapped_lines_and_parts_short_ones() -> None:
    """A mail wrapped at 70 columns is read as prose; a greeting on its own line stands alone."""
    text = "Dear Anna,\nI have read the draft that you sent me yesterday and I think that\nit is nearly ready.\nBest\nTom"
    assert _split(text) == [
        "Dear Anna,",
        "I have read the draft that you sent me yesterday and I think that\nit is nearly ready.",
        "Best",
        "Tom",
    ]


@given(st.text())
def test_spans_are_ordered_trimmed_and_apart(text: str) -> None:
    """On any text: spans do not overlap, are in order and are trimmed."""
    spans = sentences(text)
    assert all(a.end <= b.start for a, b in pairwise(spans))
    assert all(text[s.start : s.end] == text[s.start : s.end].strip() != "" for s in spans)
