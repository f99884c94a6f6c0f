"""Subscriptions at providers that push for a while: made, renewed in time, made anew where the provider forgot them.

Asked for by the clock, one job an organisation. A subscription is looked after when half of the time that it has left is
over, or a day before it ends, whichever is later; so one that fails is tried many times before it ends. A provider that
refuses for a person's sake stops its connection and tells the owner, as a sync does; it is tried again once that is active.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, Row, func, select, text, update

from drovi_assets.chores.contract import Step, Task
from drovi_assets.connectors.contract import Connector, Subscribed, Subscribes
from drovi_assets.connectors.intakes import Opened, opened_of
from drovi_assets.connectors.opening import call_aside
from drovi_assets.connectors.registry import ConnectorSpec
from drovi_assets.connectors.runner import using
from drovi_assets.deadline import Deadline
from drovi_assets.pipeline.runtime import Runtime
from resources.errors import Conflict, DroviError, InvariantBroken, NeedsPerson, NotFound, Transient
from resources.schema import connection as connection_table
from resources.schema import subscription
from resources.telemetry import get_logger

MARGIN: Final = timedelta(days=1)
LOOKED_AFTER: Final = timedelta(days=1)
"""How often one that never ends is renewed: a provider may have forgotten it."""
FIRST_WAIT_SECONDS: Final = 30.0
LONGEST_WAIT_SECONDS: Final = 3600.0
_AT_ONCE: Final = 100
_log = get_logger(__name__)

_ENSURE = text(
    """
    INSERT INTO subscription (org_id, connection_id)
    SELECT c.org_id, c.id FROM connection c JOIN webhook_intake i ON i.connection_id = c.id
    WHERE c.org_id = :org_id AND c.connector = ANY (:connectors) AND c.status = 'active'
    ON CONFLICT DO NOTHING
    """
)


def renew_subscriptions(runtime: Runtime, task: Task, deadline: Deadline) -> Step:
    """The chore: what is due in one organisation, the most urgent first."""
    progress = {"renewed": 0, "failed": 0, **task.progress}
    connectors = subscribing(runtime.sources.connectors)
    with runtime.database.organisation(task.org_id) as connection:
        connection.execute(_ENSURE, {"org_id": task.org_id, "connectors": connectors})
        due = connection.execute(_due(task.org_id, connectors)).all()
    for row in due:
        if deadline.left <= 0:
            return Step(progress)
        progress["renewed" if _one(runtime, row) else "failed"] += 1
    return Step(progress, finished=len(due) < _AT_ONCE)


def end(runtime: Runtime, org_id: UUID, connection_id: UUID) -> None:
    """Have a provider push no more for a connection that is being erased: asked once, as long as we may still sign in there.

    Where that fails it ends by itself, or pushes to an address that there is no more.
    """
    with runtime.database.organisation(org_id) as connection:
        query = select(subscription.c.provider_id).where(subscription.c.connection_id == connection_id)
        provider_id = connection.execute(query.with_for_update()).scalar_one_or_none()
        if provider_id is None:
            return
        connection.execute(_of(connection_id).values(provider_id=None, expires_at=None))

    def unsubscribe(connector: Connector) -> None:
        if isinstance(connector, Subscribes):
            connector.unsubscribe(provider_id)

    try:
        call_aside(runtime.sources, connection_id, unsubscribe)
    except DroviError as error:
        _log.warning("a subscription was left behind", connection=str(connection_id), error=str(error))


def subscribing(connectors: Mapping[str, ConnectorSpec]) -> list[str]:
    """The names of connectors whose providers push for a while."""
    return sorted(name for name, spec in connectors.items() if spec.subscribes)


def _due(org_id: UUID, connectors: list[str]) -> Any:
    return (
        select(subscription)
        .join(connection_table, connection_table.c.id == subscription.c.connection_id)
        .where(
            subscription.c.org_id == org_id,
            subscription.c.due_at <= func.now(),
            connection_table.c.status == "active",
            connection_table.c.connector == func.any(connectors),
        )
        .order_by(subscription.c.expires_at.asc().nulls_first(), subscription.c.connection_id)
        .limit(_AT_ONCE)
    )


def _one(runtime: Runtime, row: Row[Any]) -> bool:
    with runtime.database.organisation(row.org_id) as connection:
        opened = opened_of(connection, runtime.sources.secrets, row.connection_id)
    try:
        held = using(
            runtime.sources, row.connection_id, lambda connector: _held(runtime, row, opened, connector)
        )
    except Conflict:  # it is being read, or was paused meanwhile: the next time the clock asks
        return False
    except (Transient, NeedsPerson) as error:
        _put_off(runtime, row, error)
        return False
    with runtime.database.organisation(row.org_id) as connection:
        _keep(connection, row.connection_id, held, runtime.sources.clock.now())
    return True


def _held(runtime: Runtime, row: Row[Any], opened: Opened, connector: Connector) -> Subscribed:
    if not isinstance(connector, Subscribes):
        raise InvariantBroken(f"{connector.name} says that it subscribes, and does not.")
    if row.provider_id is not None:
        try:
            return connector.renew(row.provider_id)
        except NotFound:
            _forget(runtime, row)
    return connector.subscribe(opened.url(runtime.public_url), opened.secret)


def _forget(runtime: Runtime, row: Row[Any]) -> None:
    """The provider has none by that name: whatever comes of the next one, it is not asked for again."""
    with runtime.database.organisation(row.org_id) as connection:
        connection.execute(_of(row.connection_id).values(provider_id=None, expires_at=None))


def _keep(connection: Connection, connection_id: UUID, held: Subscribed, now: datetime) -> None:
    connection.execute(
        _of(connection_id).values(
            provider_id=held.provider_id,
            expires_at=held.expires_at,
            due_at=now + _until_due(held, now),
            failures=0,
            problem="",
        )
    )


def _until_due(held: Subscribed, now: datetime) -> timedelta:
    if held.expires_at is None:
        return LOOKED_AFTER
    left = max(held.expires_at - now, timedelta())
    return max(left / 2, left - MARGIN)


def _put_off(runtime: Runtime, row: Row[Any], error: Transient | NeedsPerson) -> None:
    """Later each time. Where a person must act the connection waits for them, and this for the connection."""
    wait = min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2.0**row.failures)
    if isinstance(error, Transient):
        wait = max(wait, error.retry_after or 0.0)
    with runtime.database.organisation(row.org_id) as connection:
        connection.execute(
            _of(row.connection_id).values(
                due_at=func.now() + timedelta(seconds=wait),
                failures=subscription.c.failures + 1,
                problem=str(error)[:500],
            )
        )


def _of(connection_id: UUID) -> Any:
    return update(subscription).where(subscription.c.connection_id == connection_id)
