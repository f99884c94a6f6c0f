"""Stage 2: records to documents, blocks and chunks; attachments become documents of their own."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, delete, insert, select, update

from drovi_assets.documents.chunks import CHUNKER_VERSION, chunk
from drovi_assets.documents.model import Attachment, ParsedDocument
from drovi_assets.documents.parse import PARSER_VERSION
from drovi_assets.documents.rows import message_document, row_document
from drovi_assets.intelligence.extract import EXTRACTOR_VERSION
from drovi_assets.intelligence.language import language
from drovi_assets.pipeline.records import record_id
from drovi_assets.pipeline.runtime import Runtime
from drovi_assets.records.normalise import SourceItem, row_reading
from drovi_assets.retrieval.index import forget
from resources.errors import DroviError, Invalid
from resources.hashing import derive_id, digest
from resources.records import PUSHED_STREAM
from resources.schema import block, document, intelligence_object
from resources.schema import chunk as chunk_table

MAX_DEPTH = 4
"""How deep attachments are followed: a mail in an archive in a mail is real, deeper is an attack."""

VERSION = f"{PARSER_VERSION}.{CHUNKER_VERSION}"


@dataclass(frozen=True, slots=True)
class DerivedDocument:
    """A document before it is stored; ``outcome`` is what the parser made of it, or why it refused."""

    id: UUID
    item: SourceItem
    parent_id: UUID | None
    path: str
    blob: str | None
    size: int
    outcome: ParsedDocument | DroviError


@dataclass(frozen=True, slots=True)
class _File:
    """A file on its way to the parser."""

    id: UUID
    item: SourceItem
    parent_id: UUID | None
    path: str
    blob: str | None
    content: bytes
    depth: int


def derive_documents(runtime: Runtime, org_id: UUID, items: Sequence[SourceItem]) -> list[DerivedDocument]:
    """Parse the items' files, and their attachments, level by level; rows need no parser."""
    derived = [_from_row(item) for item in items if item.blob is None]
    level = [_from_item(runtime, org_id, item) for item in items if item.blob is not None]
    while level:
        deeper: list[_File] = []
        for file, outcome in _parse(runtime, level):
            derived.append(
                DerivedDocument(
                    file.id, file.item, file.parent_id, file.path, file.blob, len(file.content), outcome
                )
            )
            if isinstance(outcome, ParsedDocument) and file.depth < MAX_DEPTH:
                deeper.extend(_attached(runtime, org_id, file, one) for one in outcome.attachments)
        level = deeper
    return sorted(derived, key=lambda one: (str(one.item.id), one.path))


def write_documents(connection: Connection, org_id: UUID, derived: Sequence[DerivedDocument]) -> list[UUID]:
    """Store what changed; a document whose content stands already is left as it is, ids and history included.

    Returns the ids of the documents that were written anew.
    """
    rows = {one.id: _document_row(org_id, one) for one in derived}
    known = connection.execute(
        select(document.c.id, document.c.digest, document.c.superseded_at).where(document.c.id.in_(rows))
    ).all()
    same = {row.id for row in known if row.digest == rows[row.id]["digest"]}
    revived = [row.id for row in known if row.id in same and row.superseded_at is not None]
    if revived:
        connection.execute(update(document).where(document.c.id.in_(revived)).values(superseded_at=None))
    _remove(connection, org_id, [row.id for row in known if row.id not in same])
    fresh = sorted((one for one in derived if one.id not in same), key=lambda one: one.path.count("!"))
    if fresh:
        connection.execute(insert(document), [rows[one.id] for one in fresh])
    for one in fresh:
        _write_content(connection, org_id, one)
    return [one.id for one in fresh]


def _remove(connection: Connection, org_id: UUID, document_ids: Sequence[UUID]) -> None:
    if not document_ids:
        return
    forget(connection, org_id, document_ids)
    # Objects first: the schema lets no object outlive its evidence.
    connection.execute(delete(intelligence_object).where(intelligence_object.c.document_id.in_(document_ids)))
    connection.execute(delete(document).where(document.c.id.in_(document_ids)))


def _from_row(item: SourceItem) -> DerivedDocument:
    path = f"{item.stream}/{item.provider_id}"
    row = json.loads(item.payload)
    if item.stream == PUSHED_STREAM:
        parsed = message_document(row)
    else:
        reading = row_reading(item, row)
        parsed = row_document(
            item.stream, item.provider_id, row, columns=reading.columns, title=reading.title
        )
    return DerivedDocument(
        _document_id(item, path), item, None, path, None, len(item.payload.encode()), parsed
    )


def _from_item(runtime: Runtime, org_id: UUID, item: SourceItem) -> _File:
    path = str(json.loads(item.payload).get("path") or item.provider_id)
    content = runtime.objects.get(str(org_id), item.blob or "")
    return _File(_document_id(item, path), item, None, path, item.blob, content, 0)


def _attached(runtime: Runtime, org_id: UUID, parent: _File, attachment: Attachment) -> _File:
    # "!" as in a jar's address: what stands before it is the container.
    path = f"{parent.path}!/{attachment.path}"
    blob = runtime.objects.put(str(org_id), attachment.content)
    return _File(
        _document_id(parent.item, path),
        parent.item,
        parent.id,
        path,
        blob,
        attachment.content,
        parent.depth + 1,
    )


def _document_id(item: SourceItem, path: str) -> UUID:
    return derive_id("document", str(item.id), path)


def _parse(runtime: Runtime, files: Sequence[_File]) -> Iterator[tuple[_File, ParsedDocument | DroviError]]:
    named = ((number, file.content, file.path.rsplit("/", 1)[-1]) for number, file in enumerate(files))
    for number, outcome in runtime.parser.parse_many(named):
        yield files[number], outcome


def _document_row(org_id: UUID, derived: DerivedDocument) -> dict[str, Any]:
    row: dict[str, Any] = {
        "id": derived.id,
        "org_id": org_id,
        "audience_id": derived.item.audience_id,
        "record_id": record_id(derived.item.id),
        "parent_id": derived.parent_id,
        "path": derived.path,
        "blob": derived.blob,
        "bytes": derived.size,
        "parser_version": VERSION,
        # The next stage does, or the document is done again from here.
        "extractor_version": EXTRACTOR_VERSION,
    }
    outcome = derived.outcome
    if isinstance(outcome, DroviError):
        refusal = str(
            outcome if isinstance(outcome, Invalid) else Invalid(outcome.message, remedy=outcome.remedy)
        )
        return row | {
            "title": derived.path.rsplit("/", 1)[-1],
            "media_type": "application/octet-stream",
            "language": "",
            "author": "",
            "occurred_at": derived.item.occurred_at,
            "status": "refused",
            "reason": refusal,
            "warnings": [],
            "pages": [],
            "metadata": {},
            "text": "",
            "digest": digest("refused", VERSION, refusal),
        }
    text = outcome.text
    return row | {
        "title": outcome.title or derived.path.rsplit("/", 1)[-1],
        "media_type": outcome.media_type,
        "language": outcome.language or language(text),
        "author": str(outcome.metadata.get("from") or ""),
        "occurred_at": _moment(outcome.metadata.get("date")) or derived.item.occurred_at,
        "status": "parsed",
        "reason": "",
        "warnings": list(outcome.warnings),
        "pages": [[page.width, page.height] for page in outcome.pages],
        "metadata": outcome.metadata,
        "text": text,
        "digest": _digest_of(outcome, text),
    }


def _digest_of(parsed: ParsedDocument, text: str) -> bytes:
    layout = [
        [one.kind, one.page, one.section, one.boxes, [word.box for word in one.words]]
        for one in parsed.blocks
    ]
    return digest(
        VERSION, text, json.dumps([layout, parsed.metadata, parsed.title], sort_keys=True, default=str)
    )


def _moment(value: object) -> datetime | None:
    try:
        return datetime.fromisoformat(str(value)) if value else None
    except ValueError:
        return None


def _write_content(connection: Connection, org_id: UUID, derived: DerivedDocument) -> None:
    parsed = derived.outcome
    if not isinstance(parsed, ParsedDocument):
        return
    tenant: dict[str, Any] = {
        "org_id": org_id,
        "audience_id": derived.item.audience_id,
        "document_id": derived.id,
    }
    blocks = [
        tenant
        | {
            "ordinal": ordinal,
            "kind": one.kind,
            "start": at,
            "end": at + len(one.text),
            "page": one.page,
            "section": one.section,
            "boxes": [list(box) for box in one.boxes],
            "html": one.html,
            "word_offsets": [offset for word in one.words for offset in (word.start, word.end)],
            "word_boxes": [edge for word in one.words for edge in word.box],
        }
        for ordinal, (at, one) in enumerate(parsed.placed())
    ]
    chunks = [
        tenant
        | {
            "id": derive_id("chunk", str(derived.id), str(one.ordinal), one.text),
            "ordinal": one.ordinal,
            "start": one.start,
            "end": one.end,
            "page": one.page,
            "section": one.section,
            "text": one.text,
        }
        for one in chunk(parsed)
    ]
    if blocks:
        connection.execute(insert(block), blocks)
    if chunks:
        connection.execute(insert(chunk_table), chunks)
