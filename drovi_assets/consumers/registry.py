"""Every consumer there is, and what stops them."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import Connection

from drovi_assets.consumers.contract import Consumer
from drovi_assets.consumers.landed import derive
from drovi_assets.consumers.pushed import take_in
from drovi_assets.consumers.told import tell_endpoints
from resources import kill_switches
from resources.events.envelope import Topic

CONSUMERS: tuple[Consumer, ...] = (
    Consumer(Topic.RAW, "landing", take_in),
    Consumer(Topic.GRAPH, "webhooks", tell_endpoints),
    Consumer(Topic.INTELLIGENCE, "deriving", derive, batch=20, backlog=500),
)


def stopped(connection: Connection, connector: str, org_id: UUID) -> bool:
    """Whether a kill switch stands against a kind of source in an organisation."""
    return kill_switches.is_stopped(connection, org_id, connector)
