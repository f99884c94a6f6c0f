"""Changes of what is known, told to the endpoints that asked to be told of them."""

from __future__ import annotations

from collections.abc import Sequence

from drovi_assets.chores.webhooks import enqueue
from drovi_assets.consumers.contract import Handled, Opened, Work
from resources.database import enter


def tell_endpoints(work: Work, events: Sequence[Opened]) -> Handled:
    """Queue a message for each endpoint whose owner may see what changed; of no effect for one that was queued before."""
    for event in events:
        enter(work.connection, event.org_id)
        enqueue(work.connection, event.envelope)
    return Handled()
