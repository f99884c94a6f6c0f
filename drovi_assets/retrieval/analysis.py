"""From text to the terms of the lexical index, and from a question to the terms to look for.

A term is the stem of a folded word, or the normal form of a number, date, address or reference, so that "12 500,00 €",
"12500.00" and "12,500" are one term, and "12/03/2026" finds "12 mars 2026". The index holds a term as a signed 32-bit
hash, salted with the organisation.

Collisions: two stems of one organisation share a hash with odds of 1 in 2^32, so a query word meets a foreign word of
a vocabulary of 200,000 about once in 21,000 words, and then only gains a wrong candidate. Between organisations the
salt makes postings disjoint but for the same odds, and the search function filters on the organisation anyway: the salt
keeps one tenant's frequent words from lengthening another's postings, it is not what protects them.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from uuid import UUID

import Stemmer

from drovi_assets.intelligence.language import language as language_of
from drovi_assets.retrieval.stopwords import stop_words

_STEMMERS = {"fr": Stemmer.Stemmer("french"), "en": Stemmer.Stemmer("english")}
_INDEX_STEMMER_OF_UNKNOWN = "en"

_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "janvier janv january jan",
            "fevrier fevr fev february feb",
            "mars march mar",
            "avril avr april apr",
            "mai may",
            "juin june jun",
            "juillet juil july jul",
            "aout august aug",
            "septembre sept september sep",
            "octobre oct october",
            "novembre nov november",
            "decembre dec december",
        ),
        start=1,
    )
    for name in names.split()
}

_TOKEN = re.compile(
    r"""
      (?P<email>[\w.+-]+@[\w-]+(?:\.[\w-]+)+)
    | (?P<date>(?<!\d)(?:\d{4}-\d{1,2}-\d{1,2}|\d{1,2}[/.-]\d{1,2}[/.-]\d{4})(?!\d))
    | (?P<reference>(?=[\w/.-]*\d)[^\W_]+(?:[-/][^\W_]+)+)
    | (?P<number>(?<![\w.])\d{1,3}(?:[ \u00a0\u202f.,'’]\d{3})+(?:[.,]\d{1,2})?(?![\w]) | (?<![\w.])\d+[.,]\d+(?![\w]))
    | (?P<word>[^\W_]+)
    """,
    re.VERBOSE,
)
_COMPOUND = ("email", "reference")
_SPLIT = re.compile(r"[^\W_]+")
_DATE_PARTS = re.compile(r"\d+")
_SPACING = re.compile(r"[ \u00a0\u202f'’]")
_MARK = re.compile(r"[.,]")
_THOUSANDS = re.compile(r"\d{1,3}(?:\.\d{3})+|\d{1,3}(?:,\d{3})+")


@dataclass(frozen=True, slots=True)
class Token:
    """A word of the text at ``text[start:end]``; ``forms`` are its terms, the most specific first."""

    start: int
    end: int
    forms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class QueryTerm:
    """One word to look for: any of ``forms`` counts as that word."""

    word: str
    forms: tuple[str, ...]


def tokens(text: str, language: str = "") -> list[Token]:
    """The words of ``text`` in order, stop words left out, stemmed as ``language`` ("fr", "en" or "" unknown)."""
    found: list[Token] = []
    for match in _TOKEN.finditer(text):
        kind, word = match.lastgroup or "word", match.group()
        forms = _word_forms(word, language) if kind == "word" else _special_forms(kind, word)
        if forms:
            found.append(Token(match.start(), match.end(), forms))
    return found + _written_dates(text)


def analyse(text: str, language: str) -> Counter[str]:
    """Term frequencies of a text to be indexed."""
    return Counter(form for token in tokens(text, language) for form in token.forms)


def query_terms(text: str) -> list[QueryTerm]:
    """What to look for, once each, in order of appearance.

    A word carries the stems of both languages: the language of a short question is a guess, that of the text it
    should find is unknown.
    """
    stops = stop_words(language_of(text))
    found: dict[tuple[str, ...], QueryTerm] = {}
    for raw in _raw_tokens(text):
        readings: list[tuple[str, ...]]
        if raw.kind in _COMPOUND:
            # Each part is a word of its own here: matching "2024" alone is not matching "2024/118".
            readings = [(form,) for form in _special_forms(raw.kind, raw.text)]
        elif raw.kind != "word":
            readings = [_special_forms(raw.kind, raw.text)]
        elif fold(raw.text) in stops:
            continue
        else:
            word = raw.text.lower()
            readings = [tuple(dict.fromkeys(_stem(word, language) for language in _STEMMERS))]
        for forms in readings:
            found.setdefault(forms, QueryTerm(raw.text, forms))
    for token in _written_dates(text):
        found.setdefault(token.forms, QueryTerm(text[token.start : token.end], token.forms))
    return list(found.values())


def hasher(org_id: UUID) -> TermHasher:
    """The hash function of an organisation's terms."""
    return TermHasher(int.from_bytes(blake2b(org_id.bytes, digest_size=4).digest(), "big"))


@dataclass(frozen=True, slots=True)
class TermHasher:
    """Maps terms to signed 32-bit integers; xor with a salt keeps a good hash good and costs nothing."""

    salt: int

    def __call__(self, term: str) -> int:
        """The hash of a term, as Postgres' ``integer`` holds it."""
        value = _hash(term) ^ self.salt
        return value - (1 << 32) if value >= 1 << 31 else value


@lru_cache(maxsize=200_000)
def _hash(term: str) -> int:
    return int.from_bytes(blake2b(term.encode(), digest_size=4).digest(), "big")


@lru_cache(maxsize=100_000)
def fold(word: str) -> str:
    """Lower case without accents, ligatures or typographic forms: "Œuvre" and "oeuvre" are one word."""
    if word.isascii():
        return word.lower()
    # Lower case last: some compatibility forms decompose into capitals.
    plain = "".join(c for c in unicodedata.normalize("NFKD", word) if not unicodedata.combining(c)).lower()
    return plain.replace("œ", "oe").replace("æ", "ae").replace("ß", "ss")


@lru_cache(maxsize=200_000)
def _stem(word: str, language: str) -> str:
    # Stemmed before folding: the French rules read accents ("décidé" and "décider", but not "decide").
    return fold(_STEMMERS[language].stemWord(word.replace("œ", "oe")))


@lru_cache(maxsize=200_000)
def _word_forms(word: str, language: str) -> tuple[str, ...]:
    """What a word of a text is found by; nothing for a stop word."""
    if fold(word) in stop_words(language):
        return ()
    return (_stem(word.lower(), language if language in _STEMMERS else _INDEX_STEMMER_OF_UNKNOWN),)


@dataclass(frozen=True, slots=True)
class _Raw:
    kind: str
    text: str
    start: int
    end: int


def _raw_tokens(text: str) -> Iterator[_Raw]:
    for match in _TOKEN.finditer(text):
        yield _Raw(match.lastgroup or "word", match.group(), match.start(), match.end())


@lru_cache(maxsize=20_000)
def _special_forms(kind: str, text: str) -> tuple[str, ...]:
    match kind:
        case "number":
            return _numbers(text)
        case "date":
            return _dates(text) or _numbers(text)
        case _:
            # A reference or an address is found whole and by its parts.
            return tuple(dict.fromkeys((fold(text), *(fold(part) for part in _SPLIT.findall(text)))))


def _numbers(text: str) -> tuple[str, ...]:
    compact = _SPACING.sub("", text)
    if _THOUSANDS.fullmatch(compact):
        thousands = _MARK.sub("", compact)
        # "1.500" is fifteen hundred in one country and one and a half in another: both are kept.
        return (thousands, _decimal(compact)) if len(_MARK.findall(compact)) == 1 else (thousands,)
    return (_decimal(compact),)


def _decimal(compact: str) -> str:
    """The last mark read as the decimal point, trailing zeros dropped: "1.234,50" is "1234.5"."""
    *groups, fraction = _MARK.split(compact)
    if not groups:
        return compact
    whole, fraction = "".join(groups), fraction.rstrip("0")
    return f"{whole}.{fraction}" if fraction else whole


def _dates(text: str) -> tuple[str, ...]:
    first, second, third = (int(part) for part in _DATE_PARTS.findall(text))
    if first > 31:
        return _iso(first, second, third)
    # Day first, or month first where that is possible: a question and its source need not agree.
    return tuple(dict.fromkeys((*_iso(third, second, first), *_iso(third, first, second))))


def _iso(year: int, month: int, day: int) -> tuple[str, ...]:
    return (f"{year:04}-{month:02}-{day:02}",) if 1 <= month <= 12 and 1 <= day <= 31 else ()


_MONTH_NAMES = (
    "|".join(sorted(_MONTHS, key=len, reverse=True))
    .replace("fe", "f[eé]")
    .replace("aout", "ao[uû]t")
    .replace("dec", "d[eé]c")
)
_WRITTEN = re.compile(
    rf"\b(?:(?P<d1>\d{{1,2}})(?:er|st|nd|rd|th)?\s+(?:of\s+)?(?P<m1>{_MONTH_NAMES})\.?,?\s+(?P<y1>\d{{4}})"
    rf"|(?P<m2>{_MONTH_NAMES})\.?\s+(?P<d2>\d{{1,2}})(?:st|nd|rd|th)?,?\s+(?P<y2>\d{{4}}))\b",
    re.IGNORECASE,
)


def _written_dates(text: str) -> list[Token]:
    """The term of each day that is written out ("12 mars 2026", "March 12, 2026"), beside its words."""
    found = []
    for match in _WRITTEN.finditer(text):
        day, month, year = (match[name + "1"] or match[name + "2"] for name in "dmy")
        if forms := _iso(int(year), _MONTHS[fold(month)], int(day)):
            found.append(Token(match.start(), match.end(), forms))
    return found
