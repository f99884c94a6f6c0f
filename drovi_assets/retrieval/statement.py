"""Which sentences can answer at all: statements can; headings, subject lines and questions only look like it.

A heading shares more words with a question than the sentence that answers it, and a question in a letter more still.
"""

from __future__ import annotations

import re

_ENDED = re.compile(r"[.!;:…»”\"')\]]\s*$")
_ASKS = re.compile(r"\?[\s»”\"')\]]*$")
_SUBJECT = re.compile(r"^(?:re|fw|fwd|tr|rép|objet|subject|concerne)\s*:", re.IGNORECASE)
_TELLS = re.compile(
    r"[€$£]\s?\d|\d[\d\s.,/]*(?:[€$£%]|eur|gbp|usd|chf|k€|m€)|\d{1,2}[:h]\d{2}|\d{4}|\w+\s*:\s*\S",
    re.IGNORECASE,
)
_NUMBERED = re.compile(
    r"^(?:(?:article|clause|section|annexe|appendix|schedule|chapitre)\s+)?[\dIVX]+(?:[.\-–)]\s*|\s+)",
    re.IGNORECASE,
)
_LONGEST_HEADING = 14
"""Words: what is longer and has no full stop is a line of a table or a list, and may tell something."""


def is_statement(sentence: str, *headings: str) -> bool:
    """Whether ``sentence`` says something; ``headings`` are the title and section that it stands under."""
    words = " ".join(sentence.split())
    if not words or _ASKS.search(words) or _SUBJECT.match(words):
        return False
    if any(_same(words, heading) for heading in headings):
        return False
    if _ENDED.search(words) and len(words.split()) > 2:
        return True
    if len(words.split()) > _LONGEST_HEADING:
        return True
    return bool(_TELLS.search(_NUMBERED.sub("", words)))


def _same(words: str, heading: str) -> bool:
    return bool(heading) and words.rstrip(".").casefold() == " ".join(heading.split()).rstrip(".").casefold()
