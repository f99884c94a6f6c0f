"""Stage 6: every stored change becomes an event, written in the same transaction as the change itself."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, insert

from resources.schema import outbox


def tell(connection: Connection, org_id: UUID, topic: str, *, key: str, payload: dict[str, Any]) -> None:
    """Queue an event for the relay. ``payload`` names rows by id and carries none of their content."""
    connection.execute(
        insert(outbox).values(
            org_id=org_id, topic=topic, key=key, payload=json.dumps(payload, sort_keys=True).encode()
        )
    )
