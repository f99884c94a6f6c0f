"""Blocks into chunks: the unit that is searched, embedded and mined for evidence."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from drovi_assets.documents.model import Block, Chunk, ParsedDocument

CHUNKER_VERSION = "1"
"""Changes whenever the same document would be cut differently."""

TARGET_WORDS = 180
_MOST_WORDS = 240
"""A chunk may grow this far to keep a block whole; the embedding model reads 256 tokens, more words are lost on it."""

_WORD = re.compile(r"\S+")
_BREAK = re.compile(r"(?<=[.!?;:…])[\"'»”)\]]*\s+|\n")


@dataclass(frozen=True, slots=True)
class _Piece:
    """A block, or whole sentences of a long one, as offsets in the document's text."""

    start: int
    end: int
    words: int
    block: Block
    opens: bool


def chunk(document: ParsedDocument) -> tuple[Chunk, ...]:
    """Cut a document into chunks of about ``TARGET_WORDS`` words, in reading order.

    Whole blocks of the same page and section are merged; a heading opens the chunk of what it heads.
    Quoted mail stays, apart from the sender's own words and marked ``quoted``: its original may not be
    in any source. A running header or footer is taken once and its repetitions left out, since the same
    words on every page would outrank the pages' own and can prove nothing more.
    """
    text = document.text
    chunks: list[Chunk] = []
    for group in _groups(_pieces(document)):
        first = group[0]
        start, end = first.start, group[-1].end
        section = _section(group)
        chunks.append(
            Chunk(
                len(chunks),
                start,
                end,
                text[start:end],
                first.block.page,
                section,
                first.block.kind == "other",
            )
        )
    return tuple(chunks)


def _section(group: list[_Piece]) -> str:
    """The last of the headings that open the group, else the section it continues."""
    section = group[0].block.section
    for piece in group:
        if piece.block.kind != "title":
            break
        section = " ".join(piece.block.text.split())
    return section


def _pieces(document: ParsedDocument) -> Iterator[_Piece]:
    seen: set[tuple[str, str]] = set()
    for at, block in document.placed():
        if not block.text.strip():
            continue
        if block.kind in {"header", "footer"}:
            key = (block.kind, re.sub(r"\d+", "#", block.text))
            if key in seen:
                continue
            seen.add(key)
        words = len(_WORD.findall(block.text))
        if words <= _MOST_WORDS:
            yield _Piece(at, at + len(block.text), words, block, opens=True)
            continue
        for number, (start, end) in enumerate(_sentences(block.text)):
            yield _Piece(
                at + start, at + end, len(_WORD.findall(block.text, start, end)), block, opens=number == 0
            )


def _sentences(text: str) -> Iterator[tuple[int, int]]:
    """Spans of whole sentences or lines of at most ``TARGET_WORDS`` words; a longer sentence is cut at a word's end."""
    start = end = words = 0
    for sentence_start, sentence_end in _split(text):
        count = len(_WORD.findall(text, sentence_start, sentence_end))
        if words and words + count > TARGET_WORDS:
            yield start, end
            words = 0
        if not words:
            start = sentence_start
        end = sentence_end
        words += count
    if words:
        yield start, end


def _split(text: str) -> Iterator[tuple[int, int]]:
    at = 0
    for match in (*_BREAK.finditer(text), None):
        end = match.start() if match else len(text)
        if text[at:end].strip():
            yield from _bounded(text, at, end)
        at = match.end() if match else end


def _bounded(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    words = [match.span() for match in _WORD.finditer(text, start, end)]
    for at in range(0, len(words), TARGET_WORDS):
        part = words[at : at + TARGET_WORDS]
        yield part[0][0], part[-1][1]


def _groups(pieces: Iterator[_Piece]) -> Iterator[list[_Piece]]:
    group: list[_Piece] = []
    words = 0
    for piece in pieces:
        if group and not _joins(group, piece, words):
            yield group
            group, words = [], 0
        group.append(piece)
        words += piece.words
    if group:
        yield group


def _joins(group: list[_Piece], piece: _Piece, words: int) -> bool:
    """Same page, same author, same section (a heading, or several in a row, belongs to what follows), not too long."""
    last = group[-1].block
    if piece.block.page != last.page or (piece.block.kind == "other") != (last.kind == "other"):
        return False
    if not piece.opens or words + piece.words > _MOST_WORDS or words >= TARGET_WORDS:
        return False
    headings_only = all(item.block.kind == "title" for item in group)
    if piece.block.kind == "title":
        return headings_only
    return headings_only or piece.block.section == last.section or last.kind == "title"
