"""Sentence spans with exact offsets, for French and English prose, mail, minutes and contracts.

A fast splitter of our own: two regular expressions and a list of abbreviations. It never changes a character,
so ``text[span.start : span.end]`` is the sentence. Paragraph breaks, list items and short lines end a sentence;
the line breaks of hard-wrapped mail do not.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from .lexicon import words

_ABBREVIATIONS = words(
    # French: titles, legal references, trade
    "m mm mme mmes mlle mlles me mes dr pr prof maître art al n no nos p pp cf etc av bd env ex hab ref réf "
    "tél tel st ste sté cie ets éts vol chap fig ann obs cass civ com soc crim req ord trib jurispr éd ed "
    "ibid op cit loc c.-à-d janv févr avr juil sept oct nov déc min max approx "
    # English
    "mr mrs ms messrs jr sr inc ltd co corp llc plc no nos vs v esq hon gen col rev gov sen rep sec secs "
    "para paras cl ch ex exh sched dept est e.g i.e eg ie u.s u.k p.m a.m jan feb mar apr jun jul aug dec "
    "mon tue wed thu fri sat sun approx resp"
)
_ALWAYS_BEFORE_CAPITAL = words("m mm mme mmes mlle mlles me mes dr pr prof mr mrs ms messrs st ste vs v")

# What may end a sentence inside a paragraph: a terminator, closing marks, then blank space.
_STOP = re.compile(r"(?P<mark>[.!?…]+)(?P<close>[\"'”’)\]]*(?:\s?»)?[)\]]?)(?=\s)|;(?=\s*\n)|:(?=\s*\n)")
_WORD_BEFORE = re.compile(r"[^\s(\[«“\"'’]+$")
_OPENER = re.compile(r"[\s\"'«“”‘(\[*_]*")
_BULLET = re.compile(
    r"[ \t]*(?:[-–—•·*▪◦‣●○■]\s+|\(?(?:(?:\d{1,2}|[a-z]|[ivx]{1,4}|[IVX]{2,4})[.)]|[A-Z]\))\s+|\d{1,2}(?:\.\d{1,2})+\.?\s+|\d+°\s*|n°\s*\d+\s*[-–:]\s*)"
)
_NON_SPACE = re.compile(r"\S")
# A line at least this long without a final mark is taken for a wrapped one; mail wraps at 65 to 80.
_WRAPPED_FROM = 48


class Span(NamedTuple):
    """Start inclusive, end exclusive, in code points."""

    start: int
    end: int


def sentences(text: str) -> list[Span]:
    """The sentences of ``text`` in order, trimmed of blank space and of the list marker before them."""
    spans: list[Span] = []
    for start, end in _paragraphs(text):
        _split_paragraph(text, start, end, spans)
    return spans


def _paragraphs(text: str) -> list[tuple[int, int]]:
    """Runs of lines that may share a sentence: hard-wrapped lines are joined, everything else is apart."""
    runs: list[tuple[int, int]] = []
    start = -1
    last_line = (0, 0)
    position = 0
    for line in text.splitlines(keepends=True):
        begin, position = position, position + len(line)
        stripped = line.strip()
        if not stripped:
            if start >= 0:
                runs.append((start, last_line[1]))
            start = -1
            continue
        if start >= 0 and not _continues(text[last_line[0] : last_line[1]].strip(), line):
            runs.append((start, last_line[1]))
            start = -1
        if start < 0:
            start = begin
        last_line = (begin, position)
    if start >= 0:
        runs.append((start, last_line[1]))
    return runs


def _continues(before: str, line: str) -> bool:
    """Whether ``line`` goes on with the sentence of the line ``before`` it."""
    if _BULLET.match(line):
        return False
    first = line.lstrip()[0]
    if first in ">|" or before[0] in ">|":
        return first == before[0] == ">"
    last = before[-1]
    if first.islower():
        return last not in ".!?:;…" or len(before) >= _WRAPPED_FROM
    if last in ",(–—-/&’'":
        return len(before) >= _WRAPPED_FROM or last in "(/&’'"
    return len(before) >= _WRAPPED_FROM and last != ":"


def _split_paragraph(text: str, start: int, end: int, spans: list[Span]) -> None:
    bullet = _BULLET.match(text, start, end)
    cursor = bullet.end() if bullet else start
    for stop in _STOP.finditer(text, cursor, end):
        if _ends_sentence(text, stop, end):
            _add(text, cursor, stop.end(), spans)
            cursor = stop.end()
    _add(text, cursor, end, spans)


def _ends_sentence(text: str, stop: re.Match[str], end: int) -> bool:
    mark = stop.group("mark")
    if mark is None:
        return True
    opener = _OPENER.match(text, stop.end(), end)
    after = opener.end() if opener else stop.end()
    if after >= end:
        return True
    following = text[after]
    if mark != ".":
        # "?" and "!" end a sentence unless the next word goes on in small letters after a closing quotation mark.
        return not (following.islower() and (stop.group("close") or mark[0] in ".…"))
    if following.islower():
        return False
    word = _WORD_BEFORE.search(text, max(0, stop.start() - 24), stop.start())
    if word is None:
        return True
    last = word.group().lower().lstrip("-–—")
    if last in _ALWAYS_BEFORE_CAPITAL:
        # "Me." may be the pronoun at the end of a sentence; the title is written with a capital.
        return last == "me" and word.group() == "me"
    if last in _ABBREVIATIONS:
        # "Ltd." at the end of a line closes it: a wrapped line seldom breaks there, a paragraph often does.
        broken = "\n" in text[stop.end() : after] and following.isupper()
        return broken or not (following.isdigit() or following.isupper())
    # Initials: "J. Dupont", "S.A. Durand", "U.S. District"; a lone figure is a list number.
    return not (re.fullmatch(r"(?:[a-zà-ÿ]\.)*[a-zà-ÿ]", last) and word.group()[0].isupper()) and not (
        last.isdigit() and word.start() == _line_start(text, stop.start())
    )


def _line_start(text: str, position: int) -> int:
    begin = text.rfind("\n", 0, position) + 1
    found = _NON_SPACE.search(text, begin)
    return found.start() if found else begin


def _add(text: str, start: int, end: int, spans: list[Span]) -> None:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    if start < end:
        spans.append(Span(start, end))
