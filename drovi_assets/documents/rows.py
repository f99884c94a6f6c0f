"""The row of a table as a document: it needs no parser, only words to be found and quoted by."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from drovi_assets.documents.model import Block, ParsedDocument
from drovi_assets.documents.text import clean

ROW_MEDIA_TYPE = "application/vnd.drovi.row+json"


def row_document(table: str, key: str, row: Mapping[str, Any]) -> ParsedDocument:
    """A paragraph for every column that has a value, each led by its column's name."""
    blocks = tuple(
        Block("paragraph", clean(f"{column}: {_worded(value)}"), section=table)
        for column, value in row.items()
        if value not in (None, "")
    )
    return ParsedDocument(ROW_MEDIA_TYPE, blocks, title=f"{table} {key}")


def _worded(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
