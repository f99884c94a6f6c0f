"""Kill switches: everything, one kind of source, or one organisation stands still until somebody releases it.

A switch is a row, so it takes effect in every process at its next look: sensors leave what is stopped where it lies,
bulk work ends its turn and is queued again, syncs that were asked for wait. Nothing is lost and nothing is failed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Text,
    Uuid,
    and_,
    delete,
    false,
    literal,
    or_,
    select,
    text,
)
from sqlalchemy import exists as sql_exists
from sqlalchemy.dialects.postgresql import insert

from resources import audit
from resources.audit import Action, Actor
from resources.database import enter
from resources.errors import Conflict, Halted, Invalid, NotFound
from resources.schema import connection as connection_table
from resources.schema import job, kill_switch, organisation

WAIT_SECONDS: Final = 60.0
DETAIL: Final = (
    "Drovi's operators have stopped this source for now. It goes on by itself once they release it."
)
"""What its people read. Not the reason: that may speak of others."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What a switch stops: one kind of source, one organisation, or, where neither is named, everything."""

    connector: str | None = None
    org_id: UUID | None = None

    def __str__(self) -> str:
        if self.connector is not None:
            return f"connector {self.connector}"
        return "everything" if self.org_id is None else f"organisation {self.org_id}"


EVERYTHING: Final = Scope()


def throw(connection: Connection, scope: Scope, reason: str, actor: Actor, *, request_id: str = "") -> bool:
    """Stop what the scope names, and tell the audit log; False where it was stopped already.

    Raises:
        Invalid: no reason is given, or the scope names two things.
        NotFound: there is no such organisation.
    """
    reason = reason.strip()
    if not reason:
        raise Invalid("A kill switch needs a reason.", remedy="Say why, for whoever finds it thrown.")
    if scope.connector is not None and scope.org_id is not None:
        raise Invalid("A kill switch stops one thing.", remedy="Name a connector or an organisation.")
    if scope.org_id is not None and not _there(connection, scope.org_id):
        raise NotFound("There is no such organisation.", remedy="Check the id.")
    thrown = insert(kill_switch).values(
        connector=scope.connector,
        org_id=scope.org_id,
        reason=reason,
        thrown_by=actor.label or actor.kind.value,
    )
    made = connection.execute(
        thrown.on_conflict_do_nothing().returning(kill_switch.c.id)
    ).scalar_one_or_none()
    if made is None:
        return False
    _tell(connection, Action.KILL_SWITCH_THROWN, (made, scope, reason), actor, request_id)
    return True


def release(connection: Connection, scope: Scope, actor: Actor, *, request_id: str = "") -> None:
    """Let what the scope names go on.

    Raises:
        Conflict: it is not stopped by a switch of its own.
    """
    one = delete(kill_switch).where(
        kill_switch.c.connector.is_not_distinct_from(scope.connector),
        kill_switch.c.org_id.is_not_distinct_from(scope.org_id),
    )
    row = connection.execute(one.returning(kill_switch.c.id, kill_switch.c.reason)).one_or_none()
    if row is None:
        raise Conflict(f"No switch of its own stops {scope}.", remedy="See which are thrown: `drovi stops`.")
    _tell(connection, Action.KILL_SWITCH_RELEASED, (row.id, scope, row.reason), actor, request_id)


def thrown(connection: Connection) -> Sequence[Row[Any]]:
    """Every switch that is thrown, the oldest first."""
    return connection.execute(select(kill_switch).order_by(kill_switch.c.thrown_at, kill_switch.c.id)).all()


def stopped(
    org_id: ColumnElement[UUID | None], connector: ColumnElement[str | None] | None = None
) -> ColumnElement[bool]:
    """As a clause: whether a switch stops that organisation's work, or that kind of source; NULL is neither."""
    hit = and_(kill_switch.c.connector.is_(None), kill_switch.c.org_id.is_(None))
    of_kind = false() if connector is None else kill_switch.c.connector == connector
    return sql_exists().where(or_(hit, kill_switch.c.org_id == org_id, of_kind)).correlate_except(kill_switch)


def connection_stopped() -> ColumnElement[bool]:
    """``stopped`` for a query over connections."""
    return stopped(connection_table.c.org_id, connection_table.c.connector)


def job_stopped() -> ColumnElement[bool]:
    """``stopped`` for a query over jobs: by their organisation, and by the kind of source that they are about."""
    connector = (
        select(connection_table.c.connector)
        .where(connection_table.c.id == job.c.connection_id)
        .correlate_except(connection_table)
        .scalar_subquery()
    )
    return stopped(job.c.org_id, connector)


def is_stopped(connection: Connection, org_id: UUID | None, connector: str | None = None) -> bool:
    """``stopped``, asked for one thing."""
    query = select(stopped(literal(org_id, Uuid), literal(connector, Text)))
    return bool(connection.execute(query).scalar_one())


def check(connection: Connection, connection_id: UUID) -> None:
    """Raise ``Halted`` where a switch stops that source; asked at the beginning of every turn on it."""
    query = select(connection_table.c.id).where(connection_table.c.id == connection_id, connection_stopped())
    if connection.execute(query).first() is not None:
        raise Halted(
            "This source is stopped.",
            remedy="It goes on once its switch is released.",
            retry_after=WAIT_SECONDS,
        )


_SHOW = text(
    """
    UPDATE connection SET status_detail = :detail
    WHERE status = 'active' AND status_detail = '' AND EXISTS (
        SELECT FROM kill_switch
        WHERE (connector IS NULL AND org_id IS NULL) OR org_id = connection.org_id OR connector = connection.connector
    )
    """
)
_HIDE = text(
    """
    UPDATE connection SET status_detail = ''
    WHERE status_detail = :detail AND (status <> 'active' OR NOT EXISTS (
        SELECT FROM kill_switch
        WHERE (connector IS NULL AND org_id IS NULL) OR org_id = connection.org_id OR connector = connection.connector
    ))
    """
)


def show(connection: Connection) -> int:
    """Bring what the sources' people read up to the switches, in a worker's transaction; how many sources changed."""
    names = {"detail": DETAIL}
    changed = connection.execute(_HIDE, names).rowcount
    if thrown(connection):
        changed += connection.execute(_SHOW, names).rowcount
    return changed


def _there(connection: Connection, org_id: UUID) -> bool:
    query = select(organisation.c.id).where(organisation.c.id == org_id)
    return connection.execute(query).first() is not None


def _tell(
    connection: Connection, action: Action, switch: tuple[UUID, Scope, str], actor: Actor, request_id: str
) -> None:
    """In the platform's chain, and in the organisation's where it is about one; that one without who and why."""
    switch_id, scope, reason = switch
    after = {"scope": str(scope), "reason": reason}
    enter(connection, audit.PLATFORM)
    audit.record(connection, actor, action, "kill_switch", switch_id, after=after, request_id=request_id)
    if scope.org_id is not None:
        enter(connection, scope.org_id)
        audit.record(connection, audit.SYSTEM, action, "organisation", scope.org_id, request_id=request_id)
