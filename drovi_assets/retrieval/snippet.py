"""The stretch of a passage that shows why it was found."""

from __future__ import annotations

from collections.abc import Sequence

from drovi_assets.retrieval.analysis import QueryTerm, tokens

LENGTH = 240
"""Characters of a snippet at most, ellipses apart."""


def snippet(text: str, terms: Sequence[QueryTerm], language: str = "", *, length: int = LENGTH) -> str:
    """About ``length`` characters around the most different words of ``terms``, cut between words, on one line.

    The beginning of the text where none of them occurs.
    """
    start = _best_start(_matches(text, terms, language), length)
    end = min(len(text), start + length)
    start = 0 if end == len(text) and end <= length else max(0, min(start, len(text) - length))
    if start > 0:
        start = _next_gap(text, start)
    if end < len(text):
        end = _previous_gap(text, end, start)
    words = " ".join(text[start:end].split())
    return ("… " if start > 0 else "") + words + (" …" if end < len(text) else "")


def _matches(text: str, terms: Sequence[QueryTerm], language: str) -> list[tuple[int, int]]:
    """(position, index of the term) of every occurrence, by position."""
    of_form = {form: index for index, term in enumerate(terms) for form in term.forms}
    found = {
        (token.start, of_form[form])
        for reading in ({language} if language else {"fr", "en"})
        for token in tokens(text, reading)
        for form in token.forms
        if form in of_form
    }
    return sorted(found)


def _best_start(matches: Sequence[tuple[int, int]], length: int) -> int:
    """Where the window opens that shows the most different terms; a little before the first of them."""
    best, best_count = 0, 0
    for first, (position, _) in enumerate(matches):
        inside = [match for match in matches[first:] if match[0] < position + length * 3 // 4]
        if (count := len({term for _, term in inside})) > best_count:
            best, best_count = position, count
    return max(0, best - length // 4)


def _next_gap(text: str, position: int) -> int:
    while position < len(text) and not text[position - 1].isspace():
        position += 1
    return position


def _previous_gap(text: str, position: int, floor: int) -> int:
    cut = position
    while cut > floor and not text[cut].isspace():
        cut -= 1
    return cut if cut > floor else position
