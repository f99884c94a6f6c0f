"""What a member may do with background work: call off and try again the reading of a source that they see."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from sqlalchemy import Connection

from drovi_api.dependencies import WriteSession
from drovi_api.user.jobs import repository
from drovi_api.user.jobs.schemas import Job
from resources import job_rows
from resources.audit import Action
from resources.errors import Forbidden

_ASKED_FOR = frozenset({"sync", "backfill", "replay"})


def cancel(session: WriteSession, job_id: UUID) -> Job:
    """Call a job off: one that waits at once, one that runs where its worker next has everything stored.

    Raises:
        NotFound: there is no such job for the caller.
        Forbidden: it does not read a source, so stopping it is not theirs: an erasure, for one.
        Conflict: it is over.
    """
    return _act(session, job_id, _ASKED_FOR | {job_rows.MATERIALIZE}, job_rows.cancel, Action.JOB_CANCELLED)


def retry(session: WriteSession, job_id: UUID) -> Job:
    """Queue a job again that failed or was cancelled, due now; raises as ``cancel``."""
    return _act(session, job_id, _ASKED_FOR, job_rows.retry, Action.JOB_RETRIED)


def _act(
    session: WriteSession,
    job_id: UUID,
    kinds: frozenset[str],
    act: Callable[[Connection, UUID], object],
    action: Action,
) -> Job:
    before = repository.one(session, job_id)
    if before.connection_id is None or before.kind not in kinds:
        raise Forbidden(
            f"A job of the kind {before.kind} cannot be called off or tried again here.",
            remedy="Only the reading of a source can; ask whoever runs Drovi for you.",
        )
    act(session.connection, job_id)
    after = repository.one(session, job_id)
    session.audit(
        action,
        "job",
        job_id,
        before={"status": before.status},
        after={"status": after.status, "kind": after.kind, "connection_id": str(after.connection_id)},
    )
    return after
