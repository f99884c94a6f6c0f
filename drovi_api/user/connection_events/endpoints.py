"""The stream of what happens to connections."""

from __future__ import annotations

from typing import Annotated

from fastapi import Header

from drovi_api.dependencies import Reads
from drovi_api.stream_routes import stream
from drovi_api.streams import Backlog
from drovi_api.user.connection_events import repository
from drovi_api.user.connection_events.schemas import ConnectionState

router = stream("/connections/events", "connections", ConnectionState)

LastEventId = Annotated[
    int | None,
    Header(
        ge=0, lt=2**63, description="The id of the last event that was seen; a browser sends it by itself."
    ),
]


@router.get("", operation_id="watch_connections", summary="Watch connections")
def watch_connections(session: Reads, last_event_id: LastEventId = None) -> Backlog:
    """How every connection does that the caller may see, then each change of one, as server-sent events.

    Lines that begin with a colon keep the connection open. It ends when the caller's key, session or membership does.
    """
    return repository.backlog(session, last_event_id)
