"""Kill switches in the database: a row stops, its deletion releases."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, delete, select
from sqlalchemy.dialects.postgresql import insert

from drovi_api.admin.kill_switches.schemas import KillSwitch, NewKillSwitch
from resources.database import sole
from resources.schema import kill_switch

_COLUMNS = (
    kill_switch.c.org_id.label("organisation_id"),
    *(kill_switch.c[name] for name in KillSwitch.model_fields if name in kill_switch.c),
)


def thrown(connection: Connection) -> list[KillSwitch]:
    """The oldest first."""
    rows = connection.execute(select(*_COLUMNS).order_by(kill_switch.c.thrown_at, kill_switch.c.id))
    return [_shown(row) for row in rows]


def throw(connection: Connection, wanted: NewKillSwitch, by: str) -> KillSwitch | None:
    """Stop what it names; None where that is stopped already."""
    row = {
        "connector": wanted.connector,
        "org_id": wanted.organisation_id,
        "reason": wanted.reason,
        "thrown_by": by,
    }
    made = connection.execute(
        insert(kill_switch).values(row).on_conflict_do_nothing().returning(*_COLUMNS)
    ).one_or_none()
    return None if made is None else _shown(made)


def release(connection: Connection, switch_id: UUID) -> KillSwitch:
    """Let it go on. Raises ``NotFound``."""
    gone = delete(kill_switch).where(kill_switch.c.id == switch_id).returning(*_COLUMNS)
    return _shown(sole(connection.execute(gone).all(), "kill switch"))


def _shown(row: Row[Any]) -> KillSwitch:
    return KillSwitch(**row._asdict())
