"""Evidence as retrieval resolves it: stored with an object, or cited by an answer."""

from __future__ import annotations

from dataclasses import asdict

from drovi_api.dependencies import ReadSession
from drovi_api.user.evidence.schemas import Evidence, PageSize
from drovi_assets.retrieval.cite import resolve


def show(session: ReadSession, evidence_id: str) -> Evidence:
    """The words in their place. Raises ``NotFound`` for what the caller may not read."""
    shown = resolve(session.connection, evidence_id)
    fields = asdict(shown)
    pages = fields.pop("pages")
    size = None
    if shown.page is not None and shown.page <= len(pages):
        width, height = pages[shown.page - 1]
        size = PageSize(width=width, height=height)
    return Evidence(**fields, page_size=size)
