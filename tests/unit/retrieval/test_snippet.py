"""A snippet shows the words that were looked for, cut between words."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from drovi_assets.retrieval.analysis import query_terms
from drovi_assets.retrieval.snippet import LENGTH, snippet

LONG = "Préambule sans intérêt. " * 40 + "Le préavis de résiliation est de six mois. " + "Suite et fin. " * 40


def test_the_words_are_in_the_window() -> None:
    shown = snippet(LONG, query_terms("préavis de résiliation"), "fr")
    assert "préavis de résiliation" in shown
    assert shown.startswith("… ")
    assert shown.endswith(" …")


def test_a_short_text_is_shown_whole_on_one_line() -> None:
    assert snippet("One\n two.", query_terms("two"), "en") == "One two."


@given(st.text(max_size=600), st.text(max_size=30))
def test_it_never_adds_a_word_or_runs_over(text: str, query: str) -> None:
    shown = snippet(text, query_terms(query))
    assert len(shown) <= LENGTH + len("…  …")
    assert shown.removeprefix("… ").removesuffix(" …") in " ".join(text.split())
