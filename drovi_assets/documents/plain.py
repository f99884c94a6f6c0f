"""Plain text, Markdown and CSV."""

from __future__ import annotations

import csv
import html
import io
import re
from collections.abc import Iterator

from drovi_assets.documents import sniff, web
from drovi_assets.documents.charset import decode
from drovi_assets.documents.model import Block, BlockKind, ParsedDocument
from drovi_assets.documents.text import clean, collapse, is_shouted, language, tidy

_BLANK = re.compile(r"\n[^\S\n]*\n\s*")
_ITEM = re.compile(r"^\s*(?:[•●◦▪·*–—-]|\(?(?:[a-z]|[ivx]{1,5}|\d{1,3})[.)])\s+\S")
_NUMBERED = re.compile(
    r"(?:article|section|chapitre|chapter|annexe|annex|appendix|schedule|exhibit)\s+(?:[ivxlc]+|\d+)\b",
    re.IGNORECASE,
)
_FRONT_MATTER = re.compile(r"\A---\n(.*?\n)---\s*\n", re.DOTALL)
_TITLE_LINE = re.compile(r"^title:\s*[\"']?(.+?)[\"']?\s*$", re.MULTILINE)
_ROWS_PER_BLOCK = 50
"""A table is cut into blocks of this many rows, each with its header, so that a row is found with its columns' names."""


def parse_text(content: bytes) -> ParsedDocument:
    """Paragraphs between blank lines; the lines inside are kept as they stand."""
    decoded = decode(content)
    text = clean(decoded.text)
    blocks = tuple(blocks_of(text))
    return ParsedDocument(sniff.TEXT, blocks, language=language(text), warnings=_warnings(decoded.exact))


def blocks_of(text: str) -> Iterator[Block]:
    """The paragraphs of a cleaned plain text, with its headings as sections."""
    section = ""
    for raw in _BLANK.split(text):
        for part in _items(tidy(raw)):
            if not part:
                continue
            kind = _kind(part)
            yield Block(kind, part, section=section)
            if kind == "title":
                section = collapse(part)


def _items(paragraph: str) -> Iterator[str]:
    """A run of list items without blank lines between them becomes one part an item."""
    start = 0
    lines = paragraph.split("\n")
    for at in range(1, len(lines)):
        if _ITEM.match(lines[at]) and (
            at - start > 1 or _ITEM.match(lines[start]) or lines[at - 1].endswith(":")
        ):
            yield "\n".join(lines[start:at])
            start = at
    yield "\n".join(lines[start:])


def _kind(part: str) -> BlockKind:
    short = "\n" not in part and len(part) <= 120 and len(part.split()) <= 14
    if short and (is_shouted(part) or (_NUMBERED.match(part) and not part.endswith((".", ";", ",")))):
        return "title"
    return "list_item" if _ITEM.match(part) else "paragraph"


def parse_markdown(content: bytes) -> ParsedDocument:
    """Rendered by CommonMark's rules, with tables, and read as the HTML it means."""
    from markdown_it import MarkdownIt

    decoded = decode(content)
    text = clean(decoded.text)
    front = _FRONT_MATTER.match(text)
    named = _TITLE_LINE.search(front[1]) if front else None
    rendered = (
        MarkdownIt("commonmark")
        .enable(["table", "strikethrough"])
        .render(text[front.end() :] if front else text)
    )
    read = web.read_html(rendered)
    blocks = read.blocks
    if front:
        blocks = (Block("code", tidy(front[1])), *blocks)
    heading = next((block.text for block in blocks if block.kind == "title"), "")
    return ParsedDocument(
        sniff.MARKDOWN,
        blocks,
        title=named[1] if named else collapse(heading),
        language=language(text),
        warnings=_warnings(decoded.exact),
    )


def parse_csv(content: bytes) -> ParsedDocument:
    """Rows as table blocks. The delimiter is the one that gives the most rows the same number of cells."""
    decoded = decode(content)
    text = clean(decoded.text)
    csv.field_size_limit(10_000_000)
    rows = [cells for cells in csv.reader(io.StringIO(text), delimiter=_delimiter(text)) if any(cells)]
    return ParsedDocument(
        sniff.CSV, tuple(table_blocks(rows)), language=language(text), warnings=_warnings(decoded.exact)
    )


def table_blocks(rows: list[list[str]], section: str = "") -> Iterator[Block]:
    """Blocks of ``_ROWS_PER_BLOCK`` rows, each opened by the first row, which usually names the columns."""
    if not rows:
        return
    head, body = rows[0], rows[1:]
    for at in range(0, max(1, len(body)), _ROWS_PER_BLOCK):
        part = [head, *body[at : at + _ROWS_PER_BLOCK]]
        text = "\n".join(" | ".join(collapse(cell) for cell in row) for row in part)
        yield Block("table", text, section=section, html=_markup(part))


def _markup(rows: list[list[str]]) -> str:
    return (
        "<table>"
        + "".join(f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
        + "</table>"
    )


def _delimiter(text: str) -> str:
    lines = [line for line in text[:65_536].split("\n")[:50] if line]
    best, score = ",", 0.0
    for candidate in (",", ";", "\t", "|"):
        widths = [len(row) for row in csv.reader(lines, delimiter=candidate)]
        common = max(set(widths), key=lambda width: (widths.count(width), width), default=1)
        agreement = widths.count(common) / len(widths) if common > 1 else 0.0
        if agreement > score:
            best, score = candidate, agreement
    return best


def _warnings(exact: bool) -> tuple[str, ...]:
    return () if exact else ("Some bytes are in no known character set and were replaced.",)
