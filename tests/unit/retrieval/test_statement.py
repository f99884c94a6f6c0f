"""What can answer a question, and what only shares its words."""

from __future__ import annotations

import pytest

from drovi_assets.retrieval.statement import is_statement


@pytest.mark.parametrize(
    "sentence",
    [
        "Le plafond est porté à 750 000 €.",
        "25/02/2026 10:42 Distribué contre signature - Norhelm Capital SA",
        "Total due £9,250.00",
        "Owner: N. Feki",
        "She said: “we agree”",
    ],
)
def test_a_statement_can_answer(sentence: str) -> None:
    """Sentences, and lines of a table that tell a figure, a time or a named value."""
    assert is_statement(sentence)


@pytest.mark.parametrize(
    "line",
    [
        "Article 8 - Garantie d'actif et de passif",
        "Dépollution du site de Montreuil",
        "RE: VAT return, quarter ended 30 June 2026",
        "À qui appartient le stock quand il est à Lyon ?",
        "Mr Lowe asked: “are we covered?”",
        "Plafond.",
        "",
    ],
)
def test_a_heading_a_subject_and_a_question_cannot(line: str) -> None:
    assert not is_statement(line)


def test_the_title_of_the_document_is_no_answer() -> None:
    """Not even one that ends like a sentence."""
    assert not is_statement("Compte rendu de la réunion.", "Compte rendu de la réunion")
