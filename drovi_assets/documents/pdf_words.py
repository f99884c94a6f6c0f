"""A PDF page's words and their places, straight from pdfium: the hot loop of the whole room.

The page's text is taken once, words are found by regular expression, and only the loose box of each
word's first and last character is asked for: anything more per character costs several times as much.
It groups words into pdfium's own lines and goes no further; layout is ``pdf_layout``'s business.
"""

# ruff: noqa: FURB136, PLR1730 -- min() and max() a dozen times a word cost 5 % of the whole parse

from __future__ import annotations

import ctypes
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pypdfium2.raw as pdfium_c

from drovi_assets.documents.model import Box
from drovi_assets.documents.text import clean

_TOKEN = re.compile("[^\\s\ufffe]+|\n|\ufffe")
_CARE = re.compile("[^ -~\r\n¡-¬®-ſ‐-—‘-”•…€\ufffe]")
_GARBAGE = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\ue000-\uf8ff\ufffd\U000f0000-\U0010ffff]")
_BOLD = re.compile(rb"bold|black|heavy|semib|demi", re.IGNORECASE)
_FORCE_BOLD = 1 << 18  # font descriptor flag 19, ISO 32000-1 table 123

_HYPHEN = "\ufffe"
"""What pdfium puts where a word is broken at a line's end."""
_ENDS = ("\n", _HYPHEN)
GUTTER = 1.2
"""A gap this many line heights wide may be a gutter between columns, or between a table's cells."""

Placed = tuple[str, Box]
"""A word and its box, in points from the page's top left."""


@dataclass(slots=True)
class Line:
    """Words of one line, left to right. ``size`` is the height of its longest word's box, in points.

    ``hyphenated`` says that pdfium saw a word broken at its end; ``gaps`` holds the indices of words
    that stand after a gap as wide as a column's gutter.
    """

    words: list[Placed]
    x0: float
    y0: float
    x1: float
    y1: float
    size: float
    bold: bool = False
    hyphenated: bool = False
    gaps: tuple[int, ...] = ()

    @property
    def text(self) -> str:
        """The words joined by one space."""
        return " ".join([word[0] for word in self.words])


@dataclass(slots=True)
class PageText:
    """What pdfium reads on a page: its displayed size, its lines in content order, its text's quality."""

    width: float
    height: float
    lines: list[Line]
    characters: int
    garbage: int

    @property
    def unreadable(self) -> bool:
        """A text layer that is mostly control and private-use characters says nothing (fonts without a map)."""
        return self.characters > 0 and self.garbage > 0.3 * self.characters


def read_page(page: Any) -> PageText:
    """The lines of a pypdfium2 page, in points from the top left of what is displayed.

    The displayed part is the CropBox within the MediaBox, turned by the page's rotation. Words wholly
    outside it (printers' marks, hidden text) are left out.
    """
    text_page = page.get_textpage()
    try:
        count = text_page.count_chars()
        text = text_page.get_text_range(errors="replace") if count > 0 else ""
        turn, width, height = _view(page)
        lines = _lines(text_page.raw, text, _indexer(text_page.raw, text, count), turn, (width, height))
    finally:
        text_page.close()
    seen = len(text) - text.count(" ") - text.count("\n") - text.count("\r")
    return PageText(width, height, lines, seen, len(_GARBAGE.findall(text)))


Turn = Callable[[float, float, float, float], Box]
Indexer = Callable[[int], int]


def _view(page: Any) -> tuple[Turn, float, float]:
    """From pdfium's (left, bottom, right, top) in user space to what the reader sees, and its size."""
    left, bottom, right, top = page.get_bbox()
    rotation = page.get_rotation()
    if rotation == 90:
        return (lambda a, b, c, d: (b - bottom, a - left, d - bottom, c - left)), top - bottom, right - left
    if rotation == 180:
        return (lambda a, b, c, d: (right - c, b - bottom, right - a, d - bottom)), right - left, top - bottom
    if rotation == 270:
        return (lambda a, b, c, d: (top - d, right - c, top - b, right - a)), top - bottom, right - left
    return (lambda a, b, c, d: (a - left, top - d, c - left, top - b)), right - left, top - bottom


def _indexer(raw: Any, text: str, count: int) -> Indexer | None:
    """Text index to character index; None where they are the same (pdfium adds and drops characters)."""
    if len(text) == count:
        return None
    return lambda index: int(pdfium_c.FPDFText_GetCharIndexFromTextIndex(raw, index))


class _Loose:
    """Loose boxes of characters, asked of one text page with one pair of C structures."""

    __slots__ = ("_first", "_last", "_raw", "_to_first", "_to_last")

    def __init__(self, raw: Any) -> None:
        self._raw = raw
        self._first, self._last = pdfium_c.FS_RECTF(), pdfium_c.FS_RECTF()
        self._to_first, self._to_last = ctypes.byref(self._first), ctypes.byref(self._last)

    def around(self, a: int, z: int) -> Box | None:
        """Left, bottom, right, top in user space around the characters from ``a`` to ``z``."""
        ask, first, last = pdfium_c.FPDFText_GetLooseCharBox, self._first, self._last
        if not ask(self._raw, a, self._to_first):
            return None
        left, bottom, right, top = first.left, first.bottom, first.right, first.top
        if a == z:
            return (left, bottom, right, top)
        if not ask(self._raw, z, self._to_last):
            return None
        low, high = last.bottom, last.top
        if (
            not bottom <= (low + high) / 2 <= top
        ):  # slanted or vertical: only all characters together cover the word
            return self._around_all(a, z)
        start, end = last.left, last.right
        return (
            left if left < start else start,
            bottom if bottom < low else low,
            right if right > end else end,
            top if top > high else high,
        )

    def _around_all(self, a: int, z: int) -> Box:
        box = self._first
        found = [
            (box.left, box.bottom, box.right, box.top)
            for at in range(a, z + 1)
            if pdfium_c.FPDFText_GetLooseCharBox(self._raw, at, self._to_first)
        ]
        lefts, bottoms, rights, tops = zip(*found, strict=True)
        return (min(lefts), min(bottoms), max(rights), max(tops))


def _lines(raw: Any, text: str, index: Indexer | None, turn: Turn, size: tuple[float, float]) -> list[Line]:
    """One pass over the words; a line ends where pdfium ends it, or where the next word is elsewhere."""
    around = _Loose(raw).around
    careful = _CARE.search(text) is not None
    lines: list[Line] = []
    line: Line | None = None
    longest = 0
    for match in _TOKEN.finditer(text):
        word = match[0]
        if word in _ENDS:
            if line is not None:
                line.hyphenated = word == _HYPHEN
                line = None
            continue
        start, end = match.span()
        a, z = (start, end - 1) if index is None else (index(start), index(end - 1))
        found = around(a, z)
        box = _displayed(found, turn, size) if found else None
        if careful:
            word = "".join(clean(word).split())
        if box is None or not word:
            continue
        if line is None or _elsewhere(line, box):
            line = Line([(word, box)], *box, box[3] - box[1], _is_bold(raw, a))
            lines.append(line)
            longest = end - start
            continue
        _extend(line, word, box)
        if end - start > longest:
            longest, line.size = end - start, box[3] - box[1]
    return lines


def _displayed(found: Box, turn: Turn, size: tuple[float, float]) -> Box | None:
    """The box as displayed, to a hundredth of a point; None outside the page.

    Rounding by hand, because ``round`` costs a tenth of the whole parse here.
    """
    x0, y0, x1, y1 = turn(*found)
    if x1 < 0 or y1 < 0 or x0 > size[0] or y0 > size[1]:
        return None
    return (
        int(x0 * 100 + 0.5) / 100,
        int(y0 * 100 + 0.5) / 100,
        int(x1 * 100 + 0.5) / 100,
        int(y1 * 100 + 0.5) / 100,
    )


def _elsewhere(line: Line, box: Box) -> bool:
    """Below or above the line, or left of what it holds already."""
    x0, y0, _, y1 = box
    tall = y1 - y0
    overlap = (line.y1 if line.y1 < y1 else y1) - (line.y0 if line.y0 > y0 else y0)
    return overlap < 0.3 * (tall if tall < line.size else line.size) or x0 < line.x1 - 2 * tall


def _extend(line: Line, word: str, box: Box) -> None:
    x0, y0, x1, y1 = box
    if x0 - line.x1 > GUTTER * (y1 - y0):
        line.gaps += (len(line.words),)
    line.words.append((word, box))
    if x0 < line.x0:
        line.x0 = x0
    if x1 > line.x1:
        line.x1 = x1
    if y0 < line.y0:
        line.y0 = y0
    if y1 > line.y1:
        line.y1 = y1


_name = ctypes.create_string_buffer(128)
_flags = ctypes.c_int()


def _is_bold(raw: Any, at: int) -> bool:
    """By the font's name first: producers rarely set the descriptor's flag."""
    written = pdfium_c.FPDFText_GetFontInfo(raw, at, _name, 128, ctypes.byref(_flags))
    return written > 0 and (bool(_flags.value & _FORCE_BOLD) or _BOLD.search(_name.value) is not None)
