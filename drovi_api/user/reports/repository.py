"""The caller's own membership: how often they are told."""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, select, update

from drovi_api.dependencies import ReadSession, WriteSession
from drovi_api.user.reports.schemas import ReportSubscription, Told
from resources.schema import membership


def subscription(session: ReadSession) -> ReportSubscription:
    """The caller's."""
    row = session.one(select(membership.c.report).where(_mine(session)), "membership")
    return ReportSubscription(period=row.report)


def subscribe(session: WriteSession, period: Told) -> None:
    """Change the caller's."""
    session.run(update(membership).where(_mine(session)).values(report=period))


def _mine(session: ReadSession) -> ColumnElement[bool]:
    principal = session.principal
    return and_(membership.c.org_id == principal.org_id, membership.c.user_id == principal.user_id)
