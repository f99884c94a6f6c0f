"""A question as retrieval understands it, and its answer as a caller does."""

from __future__ import annotations

from drovi_api.dependencies import ReadSession
from drovi_api.user.ask.schemas import Answer, AskRequest
from drovi_api.user.evidence.schemas import Quote
from drovi_assets.retrieval import answer
from drovi_assets.retrieval.search import Filters
from resources.embedder import TextEmbedder


def ask(session: ReadSession, embedder: TextEmbedder, request: AskRequest) -> Answer:
    """An answer made of quotes the caller may read, or a refusal."""
    result = answer.ask(
        session.connection,
        session.principal.org_id,
        request.question,
        embedder=embedder,
        filters=Filters(path=request.path),
    )
    return Answer(
        answer=result.answer,
        refused=result.refused,
        citations=[Quote.model_validate(one, from_attributes=True) for one in result.citations],
        searched=result.searched,
        latency_ms=result.latency_ms,
    )
