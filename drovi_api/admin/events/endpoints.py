"""Routes of the event plane."""

from __future__ import annotations

from drovi_api.admin.dependencies import Acts, feature
from drovi_api.admin.events import service
from drovi_api.admin.events.schemas import EventPlane

router = feature("/events", "events")


@router.get("", operation_id="admin_get_event_plane", summary="How far are events behind?")
def admin_get_event_plane(act: Acts) -> EventPlane:
    """By group, topic and partition; what waits to be published or tried again; what was given up."""
    return service.state(act)
