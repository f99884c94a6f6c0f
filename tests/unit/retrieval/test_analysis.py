"""Text becomes the same terms however it is written, and a question finds them."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drovi_assets.retrieval.analysis import analyse, fold, hasher, query_terms, tokens

ONE, OTHER = UUID(int=1), UUID(int=2)


def _finds(question: str, text: str, language: str) -> bool:
    indexed = set(analyse(text, language))
    return all(indexed.intersection(term.forms) for term in query_terms(question))


@pytest.mark.parametrize(
    "amount", ["12 500,00 €", "12500.00", "12,500", "12 500", "12\u202f500", "12.500,00"]
)
def test_an_amount_is_one_term_however_it_is_written(amount: str) -> None:
    assert "12500" in analyse(amount, "fr")


@pytest.mark.parametrize(
    ("question", "text", "language"),
    [
        ("12/03/2026", "signé le 12 mars 2026", "fr"),
        ("2026-02-01", "à compter du 1er février 2026", "fr"),
        ("n° 2024/118", "dossier n° 2024/118", "fr"),
        ("MTR-2024-017", "see mtr-2024-017.", "en"),
        ("jean.dupont@morel.fr", "De : Jean.Dupont@morel.fr", "fr"),
        ("0.75", "une part de 0,75", "fr"),
    ],
)
def test_dates_numbers_references_and_addresses_are_found_in_any_form(
    question: str, text: str, language: str
) -> None:
    assert _finds(question, text, language)


def test_a_day_is_one_term_in_words_and_in_figures() -> None:
    for written in ("12 mars 2026", "March 12, 2026", "12/03/2026", "2026-03-12"):
        assert any("2026-03-12" in term.forms for term in query_terms(written)), written


@pytest.mark.parametrize(
    ("question", "text", "language"),
    [
        ("l'avocat qu'il a décidé", "d’avocats décidés", "fr"),
        ("Œuvre", "des oeuvres", "fr"),
        ("decision societe", "la décision de la société", "fr"),
        ("commitments", "We are committed; one commitment", "en"),
        # The question's own language is a guess, so both languages' stems are looked for.
        ("décisions", "une décision", "fr"),
        ("payment", "les payments du client", "en"),
    ],
)
def test_inflected_unaccented_and_elided_words_meet(question: str, text: str, language: str) -> None:
    assert _finds(question, text, language)


def test_a_filler_of_one_language_is_content_in_the_other() -> None:
    assert "car" in analyse("the car is here", "en")
    assert "car" not in analyse("car il est venu", "fr")


def test_half_a_reference_is_not_the_reference() -> None:
    terms = query_terms("2024/118")
    assert ("2024/118",) in [term.forms for term in terms]


def test_a_question_of_fillers_alone_asks_for_nothing() -> None:
    assert query_terms("what is it?") == []


@given(st.text(max_size=200), st.sampled_from(["fr", "en", ""]))
def test_every_token_stands_where_it_says_and_any_text_can_be_analysed(text: str, language: str) -> None:
    for token in tokens(text, language):
        assert 0 <= token.start < token.end <= len(text)
        assert token.forms
    assert analyse(text, language).total() == sum(len(token.forms) for token in tokens(text, language))


@given(st.text(alphabet=st.characters(max_codepoint=0x24F), max_size=30))
def test_folding_twice_changes_nothing(word: str) -> None:
    assert fold(fold(word)) == fold(word)


def test_hashes_are_signed_32_bit_and_organisations_do_not_share_them() -> None:
    words = [f"mot{number}" for number in range(2_000)]
    mine, theirs = {hasher(ONE)(word) for word in words}, {hasher(OTHER)(word) for word in words}
    assert len(mine) == len(words)
    assert all(-(2**31) <= value < 2**31 for value in mine)
    assert not mine & theirs
