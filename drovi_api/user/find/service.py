"""A search request as retrieval understands it."""

from __future__ import annotations

from drovi_api.dependencies import ReadSession
from drovi_api.user.find.schemas import FindRequest, FindResult, FindResults
from drovi_assets.retrieval.search import Filters, search
from resources.embedder import TextEmbedder


def find(session: ReadSession, embedder: TextEmbedder, request: FindRequest) -> FindResults:
    """The passages that answer best among those the caller may read."""
    hits = search(
        session.connection,
        session.principal.org_id,
        request.query,
        embedder=embedder,
        limit=request.limit,
        filters=Filters(
            kinds=frozenset(map(str, request.kinds)),
            path=request.path,
            since=request.since,
            until=request.until,
        ),
    )
    return FindResults(
        results=[
            FindResult(
                kind=hit.kind,
                id=hit.document_id,
                title=hit.title,
                path=hit.path,
                score=min(1.0, hit.score),
                snippet=hit.snippet,
                page=hit.page,
            )
            for hit in hits
        ]
    )
