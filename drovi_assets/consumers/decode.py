"""From the bytes of an event to its body, or to why nobody can read it."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import Annotated, Any, Literal

from pydantic import Discriminator, TypeAdapter, ValidationError, create_model

from drovi_assets.consumers import headers
from drovi_assets.consumers.contract import Opened
from resources.errors import Invalid
from resources.events.envelope import BODIES, Envelope, EventType, Topic, body_of, opened
from resources.events.log import StoredEvent


def _typed() -> Any:
    """Every envelope that is understood, its body as the model of its type: read in one go, in half the time of two."""
    of_type: dict[EventType, list[Any]] = {}
    for (event_type, version), (_, body) in BODIES.items():
        name = f"{body.__name__}V{version}"
        fields: dict[str, Any] = {
            "type": (Literal[event_type], ...),
            "version": (Literal[version], ...),
            "body": (body, ...),
        }
        of_type.setdefault(event_type, []).append(create_model(name, __base__=Envelope, **fields))
    types = [reduce(or_, versions) for versions in of_type.values()]
    anything: Any = Annotated[reduce(or_, types), Discriminator("type")]
    return TypeAdapter(anything).validator  # the adapter's own method costs an eighth of the whole


_TYPED = _typed()


def decode(topic: Topic, event: StoredEvent) -> Opened:
    """The event, held against its topic and against whose the log says it is.

    Raises:
        Invalid: it is not an event of that topic that this version understands.
    """
    try:
        envelope = _TYPED.validate_json(event.payload)
    except ValidationError:
        body_of(opened(event.payload))  # says more clearly what is wrong with it
        raise Invalid("The event is not what its type says.", remedy="Mend what publishes it.") from None
    if event.org_id is not None and event.org_id != envelope.org_id:
        raise Invalid(
            "The event says it is another organisation's than the one that published it.",
            remedy="Find out who published it; it is never handled.",
        )
    if BODIES[envelope.type, envelope.version][0] is not topic:
        raise Invalid(
            f"An event of the type {envelope.type} is not for {topic}.", remedy="Mend what publishes it."
        )
    return Opened(event, envelope, envelope.body, headers.attempt_of(event.headers))
