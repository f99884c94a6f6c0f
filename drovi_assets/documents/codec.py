"""A parsed document as bytes and back, for the way out of the sandbox.

The bytes come from a process that read a hostile file, so they are data and nothing else: a JSON header,
then the attachments' contents. ``decode`` believes no type and raises ``ValueError`` on anything odd.
"""

from __future__ import annotations

import json
import struct
from typing import Any, get_args

from drovi_assets.documents.model import Attachment, Block, BlockKind, Box, Page, ParsedDocument, Word

_LENGTH = struct.Struct(">Q")
_BLOCK_KINDS = frozenset(get_args(BlockKind))


def encode(document: ParsedDocument) -> bytes:
    """The document as bytes; equal documents give equal bytes."""
    head = {
        "media_type": document.media_type,
        "title": document.title,
        "language": document.language,
        "warnings": document.warnings,
        "metadata": document.metadata,
        "pages": [(page.number, page.width, page.height) for page in document.pages],
        "blocks": [_block(block) for block in document.blocks],
        "attachments": [(item.path, item.media_type, len(item.content)) for item in document.attachments],
    }
    raw = json.dumps(head, ensure_ascii=False, separators=(",", ":")).encode()
    return b"".join((_LENGTH.pack(len(raw)), raw, *(item.content for item in document.attachments)))


def _block(block: Block) -> tuple[object, ...]:
    """Words are one flat list of six numbers each: a page has hundreds of them."""
    words = [number for word in block.words for number in (word.start, word.end, *word.box)]
    return (block.kind, block.text, block.page, block.section, block.html, block.boxes, words)


def decode(data: bytes) -> ParsedDocument:
    """The document that ``encode`` was given.

    Raises:
        ValueError: the bytes are not what ``encode`` writes.
    """
    try:
        (length,) = _LENGTH.unpack_from(data)
        end = _LENGTH.size + length
        head = json.loads(data[_LENGTH.size : end])
        return ParsedDocument(
            media_type=_string(head["media_type"]),
            blocks=tuple(_decoded_block(fields) for fields in head["blocks"]),
            pages=tuple(Page(_whole(n), float(width), float(height)) for n, width, height in head["pages"]),
            title=_string(head["title"]),
            language=_string(head["language"]),
            warnings=tuple(map(_string, head["warnings"])),
            metadata={_string(key): value for key, value in head["metadata"].items()},
            attachments=tuple(_attachments(head["attachments"], data, end)),
        )
    except (
        KeyError,
        TypeError,
        AttributeError,
        IndexError,
        struct.error,
        RecursionError,
        OverflowError,
    ) as error:
        raise ValueError(f"not an encoded document: {error!r}") from error


def _decoded_block(fields: Any) -> Block:
    kind, text, page, section, html, boxes, words = fields
    if kind not in _BLOCK_KINDS:
        raise ValueError(f"unknown kind of block: {kind!r}")
    words = map(float, words)
    flat = zip(words, words, words, words, words, words, strict=True)
    return Block(
        kind,
        _string(text),
        None if page is None else _whole(page),
        tuple(_box(*box) for box in boxes),
        _string(section),
        tuple([Word(int(start), int(end), (x0, y0, x1, y1)) for start, end, x0, y0, x1, y1 in flat]),
        _string(html),
    )


def _attachments(listed: Any, data: bytes, at: int) -> list[Attachment]:
    found = []
    for path, media_type, size in listed:
        end = at + _whole(size)
        if end > len(data):
            raise ValueError("an attachment is cut short")
        found.append(Attachment(_string(path), _string(media_type), data[at:end]))
        at = end
    return found


def _box(x0: float, y0: float, x1: float, y1: float) -> Box:
    return (float(x0), float(y0), float(x1), float(y1))


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"not a text: {value!r:.80}")  # noqa: TRY004 -- decode promises ValueError alone
    return value


def _whole(value: Any) -> int:
    if not isinstance(value, int) or value < 0:
        raise ValueError(f"not a count: {value!r:.80}")
    return value
