"""Routes of evidence."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path

from drovi_api.dependencies import Reads, feature
from drovi_api.errors import problem_responses
from drovi_api.user.evidence import service
from drovi_api.user.evidence.schemas import Evidence

router = feature("/evidence", "evidence")

EvidenceId = Annotated[
    str,
    Path(
        pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(:\d{1,9}-\d{1,9})?$",
        description="As objects and citations give it.",
    ),
]


@router.get(
    "/{evidence_id}",
    operation_id="get_evidence",
    summary="Show where it says so",
    responses=problem_responses(404),
)
def get_evidence(session: Reads, evidence_id: EvidenceId) -> Evidence:
    """The exact words, the passage around them, their page and the boxes to highlight on it."""
    return service.show(session, evidence_id)
