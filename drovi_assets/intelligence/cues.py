"""Cue tables: patterns with the confidence that a hit deserves, and what cancels one.

Decisions, risks and advice are recognised by what people say when they decide, warn or advise; each has its table.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from .language import Language


class Cue(NamedTuple):
    """A pattern, how sure a hit makes us, and where the content begins: the group ``what``, else after the match."""

    pattern: re.Pattern[str]
    confidence: float


class Hit(NamedTuple):
    """The best cue of a sentence; ``start`` and ``end`` of the cue's own words, ``what`` from ``what_at`` on."""

    start: int
    end: int
    confidence: float
    match: re.Match[str]


Table = dict[Language, tuple[Cue, ...]]


def table(fr: dict[str, float], en: dict[str, float]) -> Table:
    """Compiles ``pattern -> confidence`` for both languages; a text of unknown language is tried with both."""
    french = tuple(Cue(re.compile(p, re.IGNORECASE), c) for p, c in fr.items())
    english = tuple(Cue(re.compile(p, re.IGNORECASE), c) for p, c in en.items())
    return {"fr": french, "en": english, "": english + french}


def best(
    cues: Table, text: str, lang: Language, cancelled: re.Pattern[str] | None = None, after: int = 25
) -> Hit | None:
    """The surest cue in ``text`` that ``cancelled`` does not match just around it; the first of equals.

    Around means 60 characters before the cue and ``after`` behind it.
    """
    found: Hit | None = None
    for pattern, confidence in cues[lang]:
        if found and confidence <= found.confidence:
            continue
        for m in pattern.finditer(text):
            if cancelled and cancelled.search(text, max(0, m.start() - 60), min(len(text), m.end() + after)):
                continue
            found = Hit(m.start(), m.end(), confidence, m)
            break
    return found
