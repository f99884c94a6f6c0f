"""The rules of reports."""

from __future__ import annotations

from datetime import UTC, datetime

from drovi_api.dependencies import ReadSession, WriteSession
from drovi_api.user.reports import repository
from drovi_api.user.reports.schemas import ReportCounts, ReportSubscription
from drovi_assets.reports import Period, report_of
from resources.audit import Action


def report(session: ReadSession, period: Period) -> ReportCounts:
    """What the caller may see, now."""
    found = report_of(session.connection, session.principal.org_id, period, datetime.now(UTC))
    return ReportCounts.model_validate(found)


def subscribe(session: WriteSession, wanted: ReportSubscription) -> ReportSubscription:
    """Change how often the caller is told."""
    before = repository.subscription(session)
    if before != wanted:
        repository.subscribe(session, wanted.period)
        session.audit(
            Action.REPORTS_CHANGED,
            "user",
            session.principal.user_id,
            before={"report": before.period},
            after={"report": wanted.period},
        )
    return wanted
