"""Routes of parsed documents."""

from __future__ import annotations

from uuid import UUID

from drovi_api.dependencies import Reads, feature
from drovi_api.errors import problem_responses
from drovi_api.pagination import DEFAULT_LIMIT, CursorText, Limit, Page
from drovi_api.user.documents import repository
from drovi_api.user.documents.schemas import Block, Document

router = feature("/documents", "documents")


@router.get(
    "/{document_id}",
    operation_id="get_document",
    summary="Read a document's description",
    responses=problem_responses(404),
)
def get_document(session: Reads, document_id: UUID) -> Document:
    """A parsed file: its pages, warnings and metadata; or why it was refused."""
    return repository.one(session, document_id)


@router.get(
    "/{document_id}/blocks",
    operation_id="list_document_blocks",
    summary="Read a document block by block",
    responses=problem_responses(404),
)
def list_document_blocks(
    session: Reads, document_id: UUID, cursor: CursorText = None, limit: Limit = DEFAULT_LIMIT
) -> Page[Block]:
    """Titles, paragraphs, tables, … in reading order, each with its page and boxes."""
    return repository.blocks(session, document_id, cursor, limit)
