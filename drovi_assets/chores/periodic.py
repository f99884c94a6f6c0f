"""What is done by the clock: by kind of job, how often and for whom. ``schedules.reconcile`` makes the rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from drovi_assets.chores.subscriptions import subscribing
from drovi_assets.connectors.registry import CONNECTORS
from resources.schedules import Periodic, Rhythm

_RETAINING = """
SELECT policy.org_id FROM organisation_policy policy JOIN organisation ON organisation.id = policy.org_id
WHERE policy.retention_days <> '{}' AND organisation.status = 'active'
"""

_ACTIVE = "SELECT id FROM organisation WHERE status = 'active'"
_TOLD = """
SELECT DISTINCT member.org_id FROM membership member JOIN organisation ON organisation.id = member.org_id
WHERE member.report = '{period}' AND organisation.status = 'active'
"""
_SUBSCRIBING = """
SELECT DISTINCT connection.org_id FROM connection JOIN organisation ON organisation.id = connection.org_id
WHERE connection.connector IN ({names}) AND organisation.status = 'active'
"""
_OFFICE_HOURS = "Europe/Paris"
"""Where the first users begin their day; administration can move a schedule."""


def _told(period: str, cron: str) -> Periodic:
    return Periodic(
        Rhythm(cron=cron, timezone=_OFFICE_HOURS, jitter_seconds=600), _TOLD.format(period=period)
    )


def _nightly(cron: str) -> Periodic:
    """While few people work, and not everybody's at once."""
    return Periodic(Rhythm(cron=cron, timezone=_OFFICE_HOURS, jitter_seconds=3600), _ACTIVE)


def _renewals(connectors: Sequence[str]) -> dict[str, Periodic]:
    """None where no connector's provider pushes for a while only. Names come from the code, never from a person."""
    if not connectors:
        return {}
    names = ", ".join(f"'{name}'" for name in connectors)
    return {"renew_subscriptions": Periodic(Rhythm(interval_seconds=300), _SUBSCRIBING.format(names=names))}


PERIODIC: Final[Mapping[str, Periodic]] = {
    # Begun with the policy that asks for it, since whoever writes one means now.
    "retention": Periodic(Rhythm(interval_seconds=86_400), _RETAINING, at_once=True),
    "golden_evaluation": Periodic(Rhythm(cron="17 3 * * *")),
    "report_daily": _told("daily", "0 7 * * 1-5"),
    "report_weekly": _told("weekly", "0 7 * * 1"),
    "candidates": _nightly("0 1 * * *"),
    "decay": _nightly("0 4 * * *"),
    **_renewals(subscribing(CONNECTORS)),
}
