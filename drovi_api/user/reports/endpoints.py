"""Routes of reports."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query

from drovi_api.dependencies import Reads, Writes, feature, requires
from drovi_api.user.reports import repository, service
from drovi_api.user.reports.schemas import ReportCounts, ReportSubscription
from drovi_assets.reports import Period
from resources.permissions import Permission

router = feature("/reports", "reports")


@router.get("", operation_id="get_report", summary="Read a report")
def get_report(
    session: Reads, period: Annotated[Period, Query(description="How far back it goes.")] = Period.WEEKLY
) -> ReportCounts:
    """How much is new, falls due or is overdue, of what the caller may see."""
    return service.report(session, period)


@router.get(
    "/subscription", operation_id="get_report_subscription", summary="Read how often one is told by mail"
)
def get_report_subscription(session: Reads) -> ReportSubscription:
    """The caller's own choice in this organisation."""
    return repository.subscription(session)


@router.put(
    "/subscription", operation_id="set_report_subscription", summary="Choose how often one is told by mail"
)
@requires(Permission.RECEIVE_REPORTS)
def set_report_subscription(session: Writes, body: ReportSubscription) -> ReportSubscription:
    """A report by mail every day or every week, or none. It holds counts, and quotes nothing."""
    return service.subscribe(session, body)
