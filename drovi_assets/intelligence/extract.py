"""Commitments, decisions, risks, claims and advice in a text, each with its exact quote.

Patterns in French and English know the set phrases; small linear heads (``heads.py``) hear what no pattern knows and doubt
what a pattern took too readily.
Deterministic, offline, and safe on any text: what it cannot read it leaves alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from .advice import find_advice, hear_advice
from .claims import find_claim, hear_claim
from .commitments import find_commitment, hear_commitment
from .decisions import find_decision, hear_decision
from .features import grams
from .heads import shipped
from .language import Language, language
from .lexicon import words
from .model import ExtractedObject, ObjectKind, Quote, TextContext
from .risks import find_risk, hear_risk
from .sentence import Finding, Sentence
from .sentences import Span, sentences
from .zones import zones

# Part of an object's provenance: raise it whenever the same text may give other objects than before.
EXTRACTOR_VERSION = "2"

_PATTERNS: tuple[tuple[ObjectKind, Callable[[Sentence], Finding | None]], ...] = (
    (ObjectKind.COMMITMENT, find_commitment),
    (ObjectKind.DECISION, find_decision),
    (ObjectKind.RISK, find_risk),
    (ObjectKind.ADVICE, find_advice),
    (ObjectKind.CLAIM, find_claim),
)
_HEARD: dict[ObjectKind, Callable[[Sentence, float], Finding | None]] = {
    ObjectKind.COMMITMENT: hear_commitment,
    ObjectKind.DECISION: hear_decision,
    ObjectKind.RISK: hear_risk,
    ObjectKind.ADVICE: hear_advice,
    ObjectKind.CLAIM: hear_claim,
}
# A head alone is never surer than a pattern.
_SUREST_ALONE = 0.7
# A pattern this sure is not overruled by a head.
_BEYOND_DOUBT = 0.8
_LEAST_WORDS = 4
_WORD = re.compile(r"[^\W\d_]{2,}")
_CONTRACT = re.compile(
    r"\b(?:this (?:\w+ ){0,3}agreement|the parties|hereinafter|hereto|hereof|whereas|witnesseth|party of the first part|in witness whereof|"
    r"entre les soussign[ée]s|ci-après (?:dénommée?|désignée?)|il a été (?:arrêté et )?convenu ce qui suit|le présent (?:contrat|bail|accord|avenant)|les parties|article \d+)\b",
    re.IGNORECASE,
)
_SPEAKER = re.compile(
    r"(?P<who>(?:(?:M|Mr|Mrs|Ms|Mme|Me|Dr)\.? )?[A-ZÀ-Ý][\w'.-]+(?: [A-ZÀ-Ý][\w'.-]+){0,2})(?: \([^)]{1,40}\))?\s?:\s+(?=\S)"
)
_LABELS = words(
    "action actions decision decisions résolution resolution décision décisions note notes risk risks risque risques advice conseil conseils "
    "recommendation recommendations recommandation recommandations todo objet subject date re nb ps agenda present présents absents task suivi warning alerte"
)
_SEMICOLON = re.compile(r"\s*;\s+")
_CLAUSE_FROM = 15
# A sentence longer than this is a table or a run-on page, not something to quote.
_LONGEST = 1500


def extract(text: str, context: TextContext = TextContext()) -> list[ExtractedObject]:  # noqa: B008 - immutable default
    """The objects that ``text`` states, in the order of their quotes; ``text[start:end] == quote.text`` for each."""
    found: list[ExtractedObject] = []
    for sentence in read(text, context):
        for kind, finding in _judge(sentence):
            quote = Quote(sentence.text, sentence.start, sentence.start + len(sentence.text))
            confidence = round(min(1.0, max(0.0, finding.confidence)), 3)
            found.append(
                ExtractedObject(kind, " ".join(sentence.text.split()), (quote,), confidence, finding.slots)
            )
    return found


def patterns_fired(sentence: Sentence) -> dict[ObjectKind, Finding]:
    """What the patterns make of a sentence, before any head is asked."""
    found = ((kind, find(sentence)) for kind, find in _PATTERNS)
    return {kind: finding for kind, finding in found if finding is not None}


def _judge(s: Sentence) -> Iterator[tuple[ObjectKind, Finding]]:
    """The objects of one sentence: patterns that the heads do not doubt, then what only the heads hear.

    A claim is what is left of a sentence once its decision or advice is noted.
    """
    if s.is_question or s.is_boilerplate or s.is_heading:
        return
    fired = patterns_fired(s)
    heads = shipped()
    likely = heads.probabilities(grams(s, {kind: finding.confidence for kind, finding in fired.items()}))
    taken = False
    for kind, _ in _PATTERNS:
        if kind is ObjectKind.CLAIM and taken:
            continue
        if kind in fired:
            trusted = fired[kind].confidence >= _BEYOND_DOUBT or likely[kind] >= heads.doubts[kind]
            kept = fired[kind] if trusted else None
        else:
            believed = likely[kind] >= heads.speaks[kind] and _may_be_heard(s)
            kept = _HEARD[kind](s, min(likely[kind], _SUREST_ALONE)) if believed else None
        if kept is not None:
            taken = True
            yield kind, kept


def _may_be_heard(s: Sentence) -> bool:
    """A head needs a few words to go by, not an address or a date line; the terms of a contract it cannot tell apart, only patterns can."""
    return not s.contract and "@" not in s.flat and len(_WORD.findall(s.flat)) >= _LEAST_WORDS


def read(text: str, context: TextContext) -> Iterator[Sentence]:
    """The sentences that are the author's own, in order, with what the patterns and heads need to know."""
    main = language(text)
    contract = _is_contract(text)
    for zone in zones(text):
        part = text[zone.start : zone.end]
        for span in _clauses(part):
            if span.end - span.start > _LONGEST:
                continue
            start, end = zone.start + span.start, zone.start + span.end
            author = zone.author or context.author
            if (speaker := _SPEAKER.match(text, start, end)) and speaker["who"].lower() not in _LABELS:
                author, start = speaker["who"], speaker.end()
            words = text[start:end]
            place = None if len(words) * 1.25 > len(text) else start / len(text)
            yield Sentence(words, start, _language_of(words, main), author, context, contract, place)


def _clauses(part: str) -> Iterator[Span]:
    """Sentences, parted at semicolons where both sides could stand alone."""
    for start, end in sentences(part):
        cursor = start
        for m in _SEMICOLON.finditer(part, start, end):
            if m.start() - cursor >= _CLAUSE_FROM and end - m.end() >= _CLAUSE_FROM:
                yield Span(cursor, m.start())
                cursor = m.end()
        yield Span(cursor, end)


def _language_of(words: str, main: Language) -> Language:
    """The sentence's own language where it is long enough to tell, else the text's."""
    return (language(words) or main) if len(words) > 40 or not main else main


def _is_contract(text: str) -> bool:
    """Enough of a contract's set phrases for its length: a letter about a contract has a few, a contract many."""
    hits = len(_CONTRACT.findall(text[:20_000]))
    return hits >= 3 and hits / max(1, len(text[:20_000]) / 1000) >= 0.8
