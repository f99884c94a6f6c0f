"""What is extracted, what is not, and that every quote is exact."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drovi_assets.intelligence.extract import extract, patterns_fired, read
from drovi_assets.intelligence.model import ExtractedObject, TextContext

CONTEXT = TextContext(
    author="Claire Roux",
    recipients=("Marc Delattre",),
    written_at=datetime(2026, 3, 4, 9, 0),  # noqa: DTZ001 - the grammar works on local days
)


def _kinds(text: str, context: TextContext = CONTEXT) -> list[str]:
    return [str(o.kind) for o in extract(text, context)]


def _one(text: str, context: TextContext = CONTEXT) -> ExtractedObject:
    (found,) = extract(text, context)
    return found


@pytest.mark.parametrize(
    "text",
    [
        "I will send you the signed letter by Friday.",
        "We undertake to keep the file confidential.",
        "You will have the VAT records by 31 July at the latest.",
        "Je vous adresserai le projet d'avenant demain.",
        "Nous nous engageons à régulariser les factures sous quinze jours.",
        "Je reviens vers vous jeudi.",
        "Le rapport vous parviendra avant la fin du mois.",
        "The Tenant shall pay the rent quarterly in advance.",
        "Le Preneur s'oblige à entretenir les locaux.",
        "Ms Kessler to circulate three quotes before 30 September.",
        "Mme Kessler transmettra trois devis avant le 30 septembre.",
    ],
)
def test_hears_a_commitment(text: str) -> None:
    """First person, named person, reader's expectation with a day, and party to a contract."""
    assert _kinds(text) == ["commitment"]


@pytest.mark.parametrize(
    "text",
    [
        "Will you send me the letter by Friday?",
        "Please send me the letter by Friday.",
        "I will not attend the hearing.",
        "I will be out of the office next week.",
        "If I sent you the letter, would you sign it?",
        "He said that they would look at it.",
        "Je ne pourrai pas venir jeudi.",
        "Pourriez-vous m'envoyer les comptes ?",
        "Nous verrons bien.",
        '"Confidential Information" shall mean any information disclosed under this agreement.',
        "This Agreement shall be governed by the laws of England.",
        "Nous restons à votre entière disposition.",
        "Please do not hesitate to contact us.",
    ],
)
def test_hears_no_commitment(text: str) -> None:
    """Questions, requests, refusals, states, suppositions, reports, definitions and formulas bind nobody."""
    assert "commitment" not in _kinds(text)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("We have decided to postpone the closing.", "decision"),
        ("It was resolved that the accounts be approved.", "decision"),
        ("L'assemblée générale décide d'affecter le bénéfice au report à nouveau.", "decision"),
        ("Il a été convenu de reporter la cession.", "decision"),
        ("There is a real risk that the claim is time-barred.", "risk"),
        ("La société s'expose à un redressement.", "risk"),
        ("The invoice of £4,500 has been paid.", "claim"),
        ("Le chiffre d'affaires s'élève à 2 480 300 €.", "claim"),
        ("We recommend that any release be recorded in a deed.", "advice"),
        ("Il serait prudent de formaliser deux entretiens.", "advice"),
    ],
)
def test_hears_the_other_kinds(text: str, kind: str) -> None:
    """One sentence of each kind in both languages."""
    assert _kinds(text) == [kind]


@pytest.mark.parametrize(
    "text",
    [
        "No decision has been taken.",
        "La direction n'a pris aucune décision à ce sujet.",
        "The board will decide next week.",
        "Our risk management department is closed.",
        "You should receive the letter tomorrow.",
        "Do you recommend that we sign?",
        "To unsubscribe, click here.",
    ],
)
def test_leaves_the_undecided_the_absent_and_the_boilerplate(text: str) -> None:
    """What is open, absent, expected or printed under every mail is no object."""
    assert _kinds(text) == []


def test_fills_the_slots_of_a_commitment() -> None:
    """Who, to whom, what, by when in the document's words and as a day, and on what condition."""
    found = _one("Once we have your approval, I will file the return by Friday.")
    assert found.slots == {
        "who": "Claire Roux",
        "to": "Marc Delattre",
        "what": "file the return by Friday",
        "due_text": "by Friday",
        "due": "2026-03-06",
        "condition": "Once we have your approval",
    }


def test_fills_the_value_of_a_claim() -> None:
    """An amount is a plain number and an ISO currency."""
    found = _one("Les honoraires s'élèvent à 1,5 million d'euros.")
    assert (found.slots["subject"], found.slots["value"], found.slots["unit"]) == (
        "honoraires",
        "1500000",
        "EUR",
    )


def test_skips_quoted_mail_signature_and_headers() -> None:
    """Another's words below a reply are read in their own message."""
    text = (
        "From: Claire Roux\nSubject: I will pay tomorrow\n\nMerci, bien reçu.\n\n-- \nWe will win your case.\n\n"
        "Le 3 mars 2026 à 10:02, Paul <p@example.org> a écrit :\n> Je vous enverrai les pièces demain.\n"
    )
    assert extract(text, CONTEXT) == []


def test_attributes_a_forwarded_promise_to_its_sender() -> None:
    """The forwarded message may be the only copy: it is read, as its own author's."""
    text = "FYI\n\n---------- Forwarded message ---------\nFrom: Paul Girard <p@example.org>\nSubject: Bundle\n\nI will file the bundle tomorrow.\n"
    assert _one(text).slots["who"] == "Paul Girard"


def test_attributes_minutes_to_the_speaker() -> None:
    """ "Name: words" is said by that name."""
    assert _one("Fiona Grant: I will instruct the surveyor.").slots["who"] == "Fiona Grant"


def test_is_deterministic() -> None:
    """The same text and context give equal objects."""
    text = "We decided to settle. I will call them tomorrow. You should not reply."
    assert extract(text, CONTEXT) == extract(text, CONTEXT)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Do bear in mind that renting it out would defeat the object.", "advice"),
        ("Bank statements coming your way tonight.", "commitment"),
        ("Les factures vous parviennent par la poste demain.", "commitment"),
    ],
)
def test_the_heads_hear_what_no_pattern_knows(text: str, kind: str) -> None:
    """Ways of saying it that no pattern holds, with less confidence than a pattern would have."""
    (sentence,) = read(text, CONTEXT)
    assert not patterns_fired(sentence)
    found = [item for item in extract(text, CONTEXT) if item.kind == kind]
    assert [item.confidence <= 0.75 for item in found] == [True]


@pytest.mark.parametrize(
    "text",
    [
        "Log in with your usual username and the password sent by text.",
        "The panel will rule in December.",
        "Il me faut votre réponse écrite au plus tard le 13 novembre.",
        "You should expect a reply within the month.",
        "503-555-0142 (mobile) l.peters@example.com",
    ],
)
def test_the_heads_leave_requests_manuals_and_addresses(text: str) -> None:
    """What a head alone would take for an object, but is asked of the reader, printed for everybody, or nobody's."""
    assert _kinds(text) == []


_WORDS = st.sampled_from(
    [
        "I",
        "we",
        "will",
        "shall",
        "not",
        "je",
        "nous",
        "enverrai",
        "m'engage",
        "à",
        "décidé",
        "risque",
        "de",
        "recommend",
        "should",
        ">",
        "--",
        "Le",
        "a",
        "écrit",
        ":",
        "wrote",
        "12",
        "500",
        "€",
        "£4.5m",
        "demain",
        "by",
        "Friday",
        "sous",
        "10",
        "jours",
        ".",
        "?",
        "!",
        ";",
        "\n",
        "\n\n",
        "«",
        "»",
        "“",
        "”",
        "|",
        "**",
        "M.",
        "Tenant",
        "the",
        "Preneur",
        "s'oblige",
    ]
)


@settings(max_examples=150)
@given(st.one_of(st.text(max_size=300), st.lists(_WORDS, max_size=60).map(" ".join)))
def test_survives_any_text_with_exact_quotes(text: str) -> None:
    """No text breaks it, and each quote is the text at its offsets."""
    for found in extract(text, CONTEXT):
        assert found.evidence
        assert 0 <= found.confidence <= 1
        assert all(text[q.start : q.end] == q.text != "" for q in found.evidence)
