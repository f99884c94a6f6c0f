"""The rules of looking after background work. What concerns an organisation's job is in that organisation's log too."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from drovi_api.admin.dependencies import Act
from drovi_api.admin.jobs import repository
from drovi_api.admin.jobs.repository import Filters
from drovi_api.admin.jobs.schemas import AdminJob, Argument
from drovi_api.pagination import Page
from resources import job_rows
from resources.audit import PLATFORM, Action


def listed(act: Act, filters: Filters, cursor: str | None, limit: int) -> Page[AdminJob]:
    """A page of those that the filters leave."""
    page = repository.page(act.connection, filters, cursor, limit)
    act.audit(Action.ADMIN_JOBS_LISTED, "platform", PLATFORM, after=_named(asdict(filters)))
    return page


def cancel(act: Act, job_id: UUID) -> AdminJob:
    """Call one off. Raises ``NotFound``, and ``Conflict`` where it is over."""
    return _changed(act, job_id, job_rows.cancel)


def retry(act: Act, job_id: UUID) -> AdminJob:
    """Have one tried again. Raises ``NotFound``, and ``Conflict`` where it did not fail and was not cancelled."""
    return _changed(act, job_id, job_rows.retry)


def replay(act: Act, job_id: UUID, arguments: Mapping[str, Argument]) -> AdminJob:
    """Ask for the same work again, as a job of its own. Raises ``NotFound``, and ``Conflict`` where it stands for a run."""
    before = repository.one(act.connection, job_id)
    made = repository.one(act.connection, job_rows.replay(act.connection, job_id, arguments))
    act.audit(
        Action.ADMIN_JOB_CHANGED,
        "job",
        made.id,
        organisations=_concerned(made),
        before={"arguments": before.arguments},
        after={"arguments": made.arguments, "replay_of": str(job_id)},
    )
    return made


def _changed(act: Act, job_id: UUID, change: Callable[[Connection, UUID], object]) -> AdminJob:
    before = repository.one(act.connection, job_id)
    change(act.connection, job_id)
    after = repository.one(act.connection, job_id)
    act.audit(
        Action.ADMIN_JOB_CHANGED,
        "job",
        job_id,
        organisations=_concerned(after),
        before={"status": before.status},
        after={"status": after.status, "cancel_requested": after.cancel_requested_at is not None},
    )
    return after


def _concerned(job: AdminJob) -> list[UUID]:
    return [job.organisation_id] if job.organisation_id else []


def _named(filters: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(wanted) for name, wanted in filters.items() if wanted is not None}
