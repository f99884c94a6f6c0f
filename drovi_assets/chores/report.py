"""Sending reports: to each member who asked for one, what they themselves may see, in counts.

A letter quotes nothing and names nobody: a mailbox lies outside of all audiences. A member's letter and the note that they
had it are one transaction, so a report that is cut short goes on with the next member.
"""

from __future__ import annotations

from datetime import UTC
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select, update

from drovi_assets.chores.contract import Step, Task
from drovi_assets.deadline import Deadline
from drovi_assets.pipeline.runtime import Runtime
from drovi_assets.reports import Period, Report, report_of
from resources import letters
from resources.organisations import principal_of
from resources.schema import app_user, job, membership, organisation

_FIRST = UUID(int=0)


def send_daily(runtime: Runtime, task: Task, deadline: Deadline) -> Step:
    """The chore of every morning."""
    return _send(runtime, task, deadline, Period.DAILY)


def send_weekly(runtime: Runtime, task: Task, deadline: Deadline) -> Step:
    """The chore of every week."""
    return _send(runtime, task, deadline, Period.WEEKLY)


def _send(runtime: Runtime, task: Task, deadline: Deadline, period: Period) -> Step:
    progress = {"sent": 0, "after": str(_FIRST), **task.progress}
    while (member := _next(runtime, task.org_id, period, UUID(progress["after"]))) is not None:
        progress = _one(runtime, task, member, period, progress)
        if deadline.left <= 0:
            return Step(progress)
    return Step({"sent": progress["sent"], "after": progress["after"]}, finished=True)


def _next(runtime: Runtime, org_id: UUID, period: Period, after: UUID) -> Row[*tuple[Any, ...]] | None:
    query = (
        select(
            *(app_user.c.id, app_user.c.name, app_user.c.email, app_user.c.locale),
            organisation.c.name.label("organisation"),
        )
        .join(membership, membership.c.user_id == app_user.c.id)
        .join(organisation, organisation.c.id == membership.c.org_id)
        .where(
            membership.c.org_id == org_id,
            membership.c.report == period,
            membership.c.user_id > after,
            app_user.c.disabled_at.is_(None),
        )
        .order_by(app_user.c.id)
        .limit(1)
    )
    with runtime.database.organisation(org_id) as connection:
        return connection.execute(query).first()


def _one(
    runtime: Runtime, task: Task, member: Row[*tuple[Any, ...]], period: Period, progress: dict[str, Any]
) -> dict[str, Any]:
    principal = principal_of(runtime.database, task.org_id, member.id)
    with runtime.as_person.acting_as(principal) as connection:
        report = report_of(connection, task.org_id, period, runtime.sources.clock.now().astimezone(UTC))
    progress = {"sent": progress["sent"] + (not report.empty), "after": str(member.id)}
    with runtime.database.organisation(task.org_id) as connection:
        if not report.empty:
            letters.queue(
                connection,
                runtime.sources.secrets,
                to=member.email,
                locale=member.locale,
                template="report",
                values=_values(member, period, report, runtime.public_url),
                org_id=task.org_id,
            )
        connection.execute(update(job).where(job.c.id == task.id).values(progress=progress))
    return progress


def _values(
    member: Row[*tuple[Any, ...]], period: Period, report: Report, public_url: str
) -> dict[str, letters.Value]:
    counts = ("commitments", "decisions", "risks", "claims", "advice", "due_soon", "overdue")
    return {
        "recipient": member.name,
        "organisation": member.organisation,
        "period": period.value,
        "since": report.since,
        "link": f"{public_url}/reports/{period}",
        **{name: str(getattr(report, name)) for name in counts},
    }
