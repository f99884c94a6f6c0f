"""Draws PDF pages and notes, word by word, what was drawn and where.

Lines are drawn whole, as a word processor does, so a parser has to find the words by itself.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Literal

from reportlab.lib.pagesizes import A4
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfgen.canvas import Canvas

from golden_datasets.cases import DocumentTruth, TrueBlock

Kind = Literal["title", "paragraph", "list_item", "header", "footer"]
Style = tuple[str, float]
"""A standard font's name and its size in points."""

BODY: Style = ("Times-Roman", 11)
HEADING: Style = ("Helvetica-Bold", 13)
SMALL: Style = ("Helvetica", 8)
LEADING = 1.25
"""Distance between baselines, in font sizes."""


class Pages:
    """A PDF in the making. ``y`` is the top of the free space of the column, in points from the page's top."""

    def __init__(self, title: str) -> None:
        self.width, self.height = A4
        self._buffer = io.BytesIO()
        # invariant leaves the date and the random file id out: the same text gives the same bytes
        self._canvas = Canvas(self._buffer, pagesize=A4, invariant=True)
        self._canvas.setTitle(title)
        self._blocks: list[TrueBlock] = []
        self._words: list[tuple[str, int, float, float, float, float]] = []
        self._page = 1
        self._section = ""
        self.y = 72.0

    def block(self, kind: Kind, text: str, *, x: float = 72, width: float = 451, style: Style = BODY) -> None:
        """Draw a block at the current height and move below it; a title opens a section."""
        for line in _wrap(text, width, style):
            self._line(line, x, self.y, style)
            self.y += style[1] * LEADING
        self.y += style[1] * 0.6
        self._note(kind, text)
        if kind == "title":
            self._section = text

    def margin(self, kind: Literal["header", "footer"], text: str, top: float) -> None:
        """Draw a running header or footer at ``top`` without moving the body."""
        self._line(text, 72, top, SMALL)
        self._note(kind, text)

    def next_page(self) -> None:
        """Start a new page."""
        self._canvas.showPage()
        self._page += 1
        self.y = 72.0

    def finish(self) -> tuple[bytes, DocumentTruth]:
        """The file's bytes and its truth."""
        self._canvas.save()
        truth = DocumentTruth(blocks=tuple(self._blocks), words_with_boxes=tuple(self._words))
        return self._buffer.getvalue(), truth

    def _note(self, kind: Kind, text: str) -> None:
        section = "" if kind in {"header", "footer"} else self._section
        self._blocks.append(TrueBlock(kind=kind, text=text, page=self._page, section=section))

    def _line(self, line: str, x: float, top: float, style: Style) -> None:
        font, size = style
        ascent, descent = pdfmetrics.getAscentDescent(font, size)
        self._canvas.setFont(font, size)
        self._canvas.drawString(x, self.height - top - ascent, line)
        at = x
        for word in line.split(" "):
            end = at + pdfmetrics.stringWidth(word, font, size)
            box = (round(at, 1), round(top, 1), round(end, 1), round(top + ascent - descent, 1))
            self._words.append((word, self._page, *box))
            at = end + pdfmetrics.stringWidth(" ", font, size)


def _wrap(text: str, width: float, style: Style) -> list[str]:
    lines: list[str] = []
    for word in text.split(" "):
        if lines and pdfmetrics.stringWidth(f"{lines[-1]} {word}", *style) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def two_columns(
    title: str, columns: Sequence[Sequence[tuple[Kind, str]]], footer: str
) -> tuple[bytes, DocumentTruth]:
    """A title across the page, two columns below it, a footer: the left column is read first."""
    pages = Pages(title)
    pages.block("title", title, style=("Helvetica-Bold", 16))
    top = pages.y
    for column, x in zip(columns, (72.0, 309.0), strict=True):
        pages.y = top
        for kind, text in column:
            pages.block(kind, text, x=x, width=214, style=HEADING if kind == "title" else BODY)
    pages.margin("footer", footer, 800)
    return pages.finish()


def contract(
    title: str, preamble: str, articles: Sequence[tuple[str, Sequence[str]]]
) -> tuple[bytes, DocumentTruth]:
    """A contract of numbered articles over as many pages as it takes, three articles a page."""
    pages = Pages(title)
    pages.block("title", title, style=("Helvetica-Bold", 16))
    pages.block("paragraph", preamble)
    for number, (heading, clauses) in enumerate(articles):
        if number and number % 3 == 0:
            pages.next_page()
        pages.block("title", heading, style=HEADING)
        for clause in clauses:
            pages.block("list_item", clause, x=90, width=433)
    return pages.finish()


def letter(letterhead: str, footer: str, sheets: Sequence[Sequence[str]]) -> tuple[bytes, DocumentTruth]:
    """A letter whose letterhead and footer stand on every page, with the page number in the footer."""
    pages = Pages("")
    for number, paragraphs in enumerate(sheets, start=1):
        if number > 1:
            pages.next_page()
        pages.margin("header", letterhead, 30)
        pages.y = 110
        for text in paragraphs:
            pages.block("paragraph", text)
        pages.margin("footer", f"{footer} - Page {number} / {len(sheets)}", 800)
    return pages.finish()
