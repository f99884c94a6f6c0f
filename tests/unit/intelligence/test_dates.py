"""Date expressions in both languages, resolved against the day of writing."""

from __future__ import annotations

from datetime import date, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drovi_assets.intelligence.dates import dates

WEDNESDAY = datetime(2026, 3, 4, 9, 0)  # noqa: DTZ001 - the grammar works on local days


@pytest.mark.parametrize(
    ("text", "words", "value", "deadline"),
    [
        ("au plus tard le 15 mars", "au plus tard le 15 mars", date(2026, 3, 15), True),
        ("le 1er avril 2026", "le 1er avril 2026", date(2026, 4, 1), False),
        ("d'ici fin juin", "d'ici fin juin", date(2026, 6, 30), True),
        ("avant la fin du mois d'avril", "avant la fin du mois d'avril", date(2026, 4, 30), True),
        ("sous huitaine", "sous huitaine", date(2026, 3, 12), True),
        ("sous dix (10) jours ouvrés", "sous dix (10) jours ouvrés", date(2026, 3, 18), True),
        ("vendredi prochain", "vendredi prochain", date(2026, 3, 6), False),
        ("vendredi au plus tard", "vendredi au plus tard", date(2026, 3, 6), True),
        ("d'ici demain soir", "d'ici demain soir", date(2026, 3, 5), True),
        ("après-demain", "après-demain", date(2026, 3, 6), False),
        ("au troisième trimestre 2026", "troisième trimestre 2026", date(2026, 9, 30), False),
        ("la semaine prochaine", "la semaine prochaine", date(2026, 3, 13), False),
        ("by close of business on Friday", "by close of business on Friday", date(2026, 3, 6), True),
        ("next Friday", "next Friday", date(2026, 3, 13), False),
        ("within ten working days", "within ten working days", date(2026, 3, 18), True),
        ("by end of Q3", "by end of Q3", date(2026, 9, 30), True),
        ("by the end of next week", "by the end of next week", date(2026, 3, 13), True),
        ("no later than June 30, 2026", "no later than June 30, 2026", date(2026, 6, 30), True),
        ("on 2026-04-01", "2026-04-01", date(2026, 4, 1), False),
        ("12/03/2026", "12/03/2026", date(2026, 3, 12), False),
        ("03/25/2026", "03/25/2026", date(2026, 3, 25), False),
        ("tomorrow", "tomorrow", date(2026, 3, 5), False),
        ("yesterday", "yesterday", date(2026, 3, 3), False),
        ("3 February", "3 February", date(2026, 2, 3), False),
    ],
)
def test_finds_and_resolves(text: str, words: str, value: date, deadline: bool) -> None:
    """The span is the document's own words; periods mean their last day."""
    (mention,) = dates(text, WEDNESDAY)
    assert (mention.text, mention.value, mention.deadline) == (words, value, deadline)


@pytest.mark.parametrize(
    "text", ["within thirty (30) days of receipt", "dans un délai de dix jours à compter de la signature"]
)
def test_does_not_invent_a_day_counted_from_an_event(text: str) -> None:
    """Counted from something other than now, the words are kept and no day is made up."""
    (mention,) = dates(text, WEDNESDAY)
    assert mention.value is None


@pytest.mark.parametrize(
    "text", ["You may go.", "The march was long.", "sat down", "section 3.2.1", "Maybe in mars"]
)
def test_leaves_ordinary_words_alone(text: str) -> None:
    """Month and day names that are other words are no dates without a figure."""
    assert [d for d in dates(text, WEDNESDAY) if any(c.isdigit() for c in d.text)] == []


def test_without_a_day_of_writing_only_full_dates_have_a_value() -> None:
    """Nothing is resolved against today's date."""
    assert [d.value for d in dates("by Friday or by 3 May 2027", None)] == [None, date(2027, 5, 3)]


@given(st.text(alphabet=st.sampled_from("0123456789/.- marsjuinQTdelfbywithn()'’éû\n")))
def test_survives_any_text(text: str) -> None:
    """Every span is exact and none overlap, whatever the text."""
    found = dates(text, WEDNESDAY)
    assert all(text[d.start : d.end] == d.text for d in found)
    assert all(a.end <= b.start for a, b in pairwise(found))
