"""Commitments: somebody undertakes to do something, in the first person, by name, or as a party to a contract.

Not commitments: questions, requests, suppositions ("if I sent"), refusals ("I will not attend"), states ("I will be
away"), what somebody is said to intend, and the clauses of a contract that bind nobody ("shall mean").
"""

from __future__ import annotations

import re

from . import commitments_en, commitments_fr
from .sentence import Finding, Sentence
from .undertaking import finding

_FIRST = re.compile(r"\b(?:i|we|my|our|mine|me|us|je|j'|nous|on|moi|mon|notre)(?!\w)", re.IGNORECASE)
_ASKS = re.compile(
    r"^(?:please|kindly|merci d|veuillez|prière de|pri[eè]re|pourriez|pouvez|can you|could you|would you)\b|\bplease (?:send|let|tell|call|confirm|provide|return|sign)|\b(?:merci de|veuillez)\b|"
    r"\b(?:i|we) (?:need|must have) your\b|\bil (?:me|nous) fa(?:ut|udrait)\b|\byou should (?:receive|get|expect|see|have)\b|\bvous devriez (?:recevoir|avoir)\b|"
    r"\b(?:will|shall|to|is to|are to) (?:decide|rule|choose|consider)\b|\b(?:décidera|tranchera|choisira|examinera|se prononcera)(?:it|ont)?\b",
    re.IGNORECASE,
)


def find_commitment(s: Sentence) -> Finding | None:
    """The undertaking in ``s``, or None."""
    if s.is_heading or s.is_boilerplate or s.is_question:
        return None
    finders = commitments_fr.FINDERS if s.lang == "fr" else commitments_en.FINDERS
    return next((found for find in finders if (found := find(s)) is not None), None)


def hear_commitment(s: Sentence, likely: float) -> Finding | None:
    """An undertaking that no pattern knows but the head believes: the author's own where it is said in the first person.

    None for what a head cannot tell from one: a request, what the reader should expect, what others will choose.
    """
    if _ASKS.search(s.flat):
        return None
    return finding(s, likely, s.author if _FIRST.search(s.flat) else "", s.flat, 0)
