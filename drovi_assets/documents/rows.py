"""The row of a table, or a message that was pushed, as a document: no parser is needed, only words to be found by."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from drovi_assets.documents.model import Block, ParsedDocument
from drovi_assets.documents.plain import blocks_of
from drovi_assets.documents.text import clean

ROW_MEDIA_TYPE = "application/vnd.drovi.row+json"
MESSAGE_MEDIA_TYPE = "application/vnd.drovi.message+json"


def row_document(
    table: str, key: str, row: Mapping[str, Any], *, columns: Sequence[str] = (), title: str = ""
) -> ParsedDocument:
    """A paragraph for each of ``columns`` (all of them where none is named) that has a value, led by its name.

    ``title`` is what a person calls the row; the table and the key stand in where it has none.
    """
    blocks = tuple(
        Block("paragraph", clean(f"{column}: {_worded(row[column])}"), section=table)
        for column in columns or row
        if row.get(column) not in (None, "")
    )
    return ParsedDocument(ROW_MEDIA_TYPE, blocks, title=title or f"{table} {key}")


def message_document(message: Mapping[str, Any]) -> ParsedDocument:
    """The paragraphs of a pushed message's ``text``, under its ``title``, with its ``author`` as who it is from."""
    author = str(message.get("author") or "")
    return ParsedDocument(
        MESSAGE_MEDIA_TYPE,
        tuple(blocks_of(clean(message["text"]))),
        title=clean(message["title"]),
        metadata={"from": author} if author else {},
    )


def _worded(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
