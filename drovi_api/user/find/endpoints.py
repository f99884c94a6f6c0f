"""Routes of search."""

from __future__ import annotations

from drovi_api.dependencies import Reads, Runtime, feature
from drovi_api.errors import problem_responses
from drovi_api.user.find import service
from drovi_api.user.find.schemas import FindRequest, FindResults

router = feature("/find", "find")


@router.post("", operation_id="find", summary="Search", responses=problem_responses(429))
def find(session: Reads, runtime: Runtime, body: FindRequest) -> FindResults:
    """Words and meaning together, over everything the caller may see. A POST, so that no log keeps the question."""
    with runtime.thinking.admitted():
        return service.find(session, runtime.embedder, body)
