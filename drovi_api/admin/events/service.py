"""Reading the event plane's state."""

from __future__ import annotations

from dataclasses import asdict

from drovi_api.admin.dependencies import Act
from drovi_api.admin.events.schemas import EventPlane, Lag, Waiting
from resources import backlog
from resources.audit import PLATFORM, Action


def state(act: Act) -> EventPlane:
    """As of now. Raises ``Transient`` where a log outside does not answer."""
    found = EventPlane(
        lags=[Lag(**asdict(lag)) for lag in backlog.lags(act.connection, act.runtime.log)],
        outbox=_waiting(backlog.unpublished(act.connection)),
        delayed=_waiting(backlog.put_off(act.connection)),
        dead_letters=backlog.dead_letters(act.connection),
    )
    act.audit(Action.ADMIN_EVENTS_READ, "platform", PLATFORM)
    return found


def _waiting(found: backlog.Waiting) -> Waiting:
    return Waiting(events=found.count, seconds=found.seconds)
