"""Documents and their blocks."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, select

from drovi_api.dependencies import ReadSession
from drovi_api.pagination import Page, by_ordinal, page_of
from drovi_api.user.documents.schemas import Block, Document, DocumentSummary, PageShape
from resources.schema import block, document

_DOCUMENT = document.c
_BLOCK = block.c
_ORDER = by_ordinal(_BLOCK.ordinal)

_SUMMARY = (
    _DOCUMENT.id,
    _DOCUMENT.path,
    _DOCUMENT.title,
    _DOCUMENT.media_type,
    _DOCUMENT.status,
    _DOCUMENT.reason,
)
_WHOLE = (
    *_SUMMARY,
    _DOCUMENT.record_id,
    _DOCUMENT.parent_id,
    _DOCUMENT.language,
    _DOCUMENT.author,
    _DOCUMENT.occurred_at,
    _DOCUMENT.bytes,
    _DOCUMENT.pages,
    _DOCUMENT.warnings,
    _DOCUMENT.metadata,
)


def one(session: ReadSession, document_id: UUID) -> Document:
    """A document without its text."""
    row = session.one(select(*_WHOLE).where(_DOCUMENT.id == document_id), "document")
    return Document(
        **_summary(row).model_dump(),
        item_id=row.record_id,
        parent_id=row.parent_id,
        language=row.language,
        author=row.author,
        occurred_at=row.occurred_at,
        bytes=row.bytes,
        pages=[
            PageShape(number=number, width=width, height=height)
            for number, (width, height) in enumerate(row.pages, start=1)
        ],
        warnings=row.warnings,
        metadata=row.metadata,
    )


def of_item(session: ReadSession, item_id: UUID) -> list[DocumentSummary]:
    """The files of an item: its own first, then what is attached to it."""
    rows = session.all(
        select(*_SUMMARY)
        .where(_DOCUMENT.record_id == item_id)
        .order_by(_DOCUMENT.parent_id.is_not(None), _DOCUMENT.path, _DOCUMENT.id)
    )
    return [_summary(row) for row in rows]


def blocks(session: ReadSession, document_id: UUID, cursor: str | None, limit: int) -> Page[Block]:
    """A document's blocks in reading order; ``NotFound`` for no document, an empty page for an empty one."""
    session.one(select(_DOCUMENT.id).where(_DOCUMENT.id == document_id), "document")
    query = (
        select(
            _BLOCK.ordinal,
            _BLOCK.kind,
            func.substr(_DOCUMENT.text, _BLOCK.start + 1, _BLOCK.end - _BLOCK.start).label("text"),
            _BLOCK.start,
            _BLOCK.end,
            _BLOCK.page,
            _BLOCK.section,
            _BLOCK.boxes,
        )
        .join(document, _DOCUMENT.id == _BLOCK.document_id)
        .where(_BLOCK.document_id == document_id)
    )
    rows = session.all(_ORDER.page(query, cursor, limit))
    return page_of(rows, limit, _block, lambda row: (row.ordinal,))


def _summary(row: Row[Any]) -> DocumentSummary:
    return DocumentSummary(
        id=row.id,
        path=row.path,
        title=row.title,
        media_type=row.media_type,
        status=row.status,
        reason=row.reason,
    )


def _block(row: Row[Any]) -> Block:
    return Block(
        ordinal=row.ordinal,
        kind=row.kind,
        text=row.text,
        start=row.start,
        end=row.end,
        page=row.page,
        section=row.section,
        boxes=row.boxes,
    )
