"""Every consumer there is."""

from __future__ import annotations

from drovi_assets.consumers.contract import Consumer
from drovi_assets.consumers.landed import derive
from drovi_assets.consumers.pushed import take_in
from resources.events.envelope import Topic

CONSUMERS: tuple[Consumer, ...] = (
    Consumer(Topic.RAW, "landing", take_in),
    Consumer(Topic.INTELLIGENCE, "deriving", derive, batch=20, backlog=500),
)
