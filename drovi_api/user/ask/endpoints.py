"""Routes of questions."""

from __future__ import annotations

from drovi_api.dependencies import Reads, Runtime, feature
from drovi_api.errors import problem_responses
from drovi_api.user.ask import service
from drovi_api.user.ask.schemas import Answer, AskRequest

router = feature("/ask", "ask")


@router.post("", operation_id="ask", summary="Ask a question", responses=problem_responses(429))
def ask(session: Reads, runtime: Runtime, body: AskRequest) -> Answer:
    """An answer in the sources' own words with citations; a refusal where there is no evidence."""
    with runtime.thinking.admitted():
        return service.ask(session, runtime.embedder, body)
