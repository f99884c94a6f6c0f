"""From the bytes of an event to its body, or to why nobody can read it."""

from __future__ import annotations

from drovi_assets.consumers import headers
from drovi_assets.consumers.contract import Opened
from resources.errors import Invalid
from resources.events.envelope import BODIES, Topic, body_of, opened
from resources.events.log import StoredEvent


def decode(topic: Topic, event: StoredEvent) -> Opened:
    """The event, held against its topic and against whose the log says it is.

    Raises:
        Invalid: it is not an event of that topic that this version understands.
    """
    envelope = opened(event.payload)
    if event.org_id is not None and event.org_id != envelope.org_id:
        raise Invalid(
            "The event says it is another organisation's than the one that published it.",
            remedy="Find out who published it; it is never handled.",
        )
    body = body_of(envelope)
    if BODIES[envelope.type, envelope.version][0] is not topic:
        raise Invalid(
            f"An event of the type {envelope.type} is not for {topic}.", remedy="Mend what publishes it."
        )
    return Opened(event, envelope, body, headers.attempt_of(event.headers))
