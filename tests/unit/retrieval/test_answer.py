"""An answer is made of the passages' own sentences, or it is a refusal."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drovi_assets.retrieval.answer import select_answer
from drovi_assets.retrieval.question import Expected, expected_answer, holds
from drovi_assets.retrieval.reading import Readable

LEASE = Readable(
    "lease",
    "The lease of the Lyon office was signed on 12 March 2024. The monthly rent is 4,200 euros. "
    "Either party may terminate the lease with six months' notice.",
    title="Lease of the Lyon office",
    language="en",
    similarity=0.6,
)
LETTRE = Readable(
    "lettre",
    "Maître Duval a remis ses conclusions le 3 mai 2025. L'audience est fixée au 14 juin 2025 devant le tribunal de commerce.",
    title="Dossier Morel",
    language="fr",
    similarity=0.4,
)
CANTEEN = Readable(
    "canteen", "The canteen serves soup at noon. Bread is free on Fridays.", language="en", similarity=0.05
)


@dataclass(frozen=True)
class Bare:
    """A passage of whoever measures the answerer: nothing is known of it but its words."""

    id: str
    text: str
    title: str = ""


@pytest.mark.parametrize(
    ("question", "passages", "holds_words"),
    [
        ("What is the monthly rent of the Lyon office?", [LEASE, CANTEEN], "4,200 euros"),
        ("When was the lease of the Lyon office signed?", [LEASE, CANTEEN], "12 March 2024"),
        ("Quand est fixée l'audience du dossier Morel ?", [LETTRE, CANTEEN], "14 juin 2025"),
    ],
)
def test_the_first_sentence_quoted_answers(question: str, passages: list[Readable], holds_words: str) -> None:
    answer = select_answer(question, passages)
    assert not answer.refused
    assert holds_words in answer.text


@pytest.mark.parametrize(
    "question",
    [
        "Who insures the warehouse in Marseille against flooding?",
        "Quel est le montant de l'amende infligée à la société Bertrand ?",
        "what is it?",
        "",
    ],
)
def test_what_no_passage_speaks_of_is_refused(question: str) -> None:
    answer = select_answer(question, [LEASE, CANTEEN])
    assert answer.refused
    assert answer.text == ""


def test_no_passages_is_a_refusal() -> None:
    assert select_answer("What is the rent?", []).refused


def test_a_passage_needs_no_more_than_an_id_a_text_and_a_title() -> None:
    answer = select_answer(
        "What is the monthly rent of the Lyon office?",
        [Bare("1", LEASE.text, LEASE.title), Bare("2", CANTEEN.text)],
    )
    assert answer.citations[0].passage == "1"


@settings(max_examples=60)
@given(
    st.lists(st.text(alphabet="Le bail office rent. 12\n€'éà?", max_size=120), max_size=4),
    st.text(alphabet="rent bail office 12?é ", max_size=40),
)
def test_a_quote_is_always_exactly_what_stands_in_its_passage(texts: list[str], question: str) -> None:
    passages = [Readable(str(place), text, similarity=0.9) for place, text in enumerate(texts)]
    for cited in select_answer(question, passages).citations:
        assert texts[int(cited.passage)][cited.start : cited.end] == cited.text != ""


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Quand le bail a-t-il été signé ?", Expected.TIME),
        ("By when must we reply?", Expected.TIME),
        ("Combien coûte l'expertise ?", Expected.AMOUNT),
        ("How many employees are there?", Expected.NUMBER),
        ("Quel est le délai de préavis ?", Expected.NUMBER),
        ("Qui a signé la lettre ?", Expected.PERSON),
        ("Where is the office?", Expected.PLACE),
        ("Pourquoi le client refuse-t-il ?", Expected.REASON),
        ("Can we terminate the lease?", Expected.YES_NO),
        ("Describe the lease.", Expected.ANY),
    ],
)
def test_the_wording_tells_the_kind_of_answer(question: str, expected: Expected) -> None:
    assert expected_answer(question) is expected


def test_what_the_question_says_itself_is_no_answer_to_it() -> None:
    assert holds(Expected.TIME, "It was signed in 2024.", "What was signed in 2024?") is False
    assert holds(Expected.TIME, "It was signed in 2024.", "When was it signed?") is True
    assert holds(Expected.ANY, "It was signed.", "Describe it.") is None
