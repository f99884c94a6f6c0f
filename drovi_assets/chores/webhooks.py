"""Telling other systems of changes: what an endpoint's owner may see, by ids alone, signed, until it has arrived.

A change becomes a delivery in the transaction that consumes its event (``enqueue``), of every endpoint whose owner may see
what changed; that is looked at again before each try, so nobody is told of what was taken back meanwhile. A delivery is
claimed for ``CLAIM_SECONDS`` and counted before it is sent: a worker that dies in between costs a repetition under the
same ``webhook-id``, by which a receiver knows it. A kill switch on everything or on the organisation keeps it waiting.
"""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, Final
from urllib.parse import urlsplit

from sqlalchemy import Connection, Row, delete, func, select, text, true, update

from drovi_assets.deadline import Deadline
from drovi_assets.pipeline.runtime import Runtime
from resources import letters
from resources.audit import SYSTEM, Action, record
from resources.errors import DroviError, Transient
from resources.events.envelope import Envelope, ObjectsChanged, body_of
from resources.http import Budget, HttpClient
from resources.schema import app_user, organisation, webhook_delivery, webhook_endpoint
from resources.secrets import Purpose, Sealed
from resources.telemetry import get_logger
from resources.webhooks import OBJECTS_CHANGED, headers_of, keys_in, payload_of

AT_ONCE: Final = 8
OF_ONE_ENDPOINT: Final = 4
CLAIM_SECONDS: Final = 60
WAITS: Final = (5, 30, 120, 600, 1800, 3600, 2 * 3600, 4 * 3600, 6 * 3600, 10 * 3600)
"""Seconds before each further try: a day in all. What has not arrived by then is dead, and can be sent anew by hand."""
DISABLED_AFTER: Final = timedelta(days=1)
"""An endpoint where nothing has arrived for so long, and to which a delivery died, is told nothing more."""
BUDGET: Final = Budget(seconds=5.0, step_seconds=5.0, attempts=1, max_bytes=64 * 1024)
_GONE: Final = 410
_log = get_logger(__name__)

_ENQUEUE = text(
    """
    INSERT INTO webhook_delivery (org_id, user_id, endpoint_id, event_id, type, payload, document_id)
    SELECT e.org_id, e.user_id, e.id, :event_id, :type, :payload, d.id
    FROM webhook_endpoint e JOIN document d ON d.id = :document_id AND d.org_id = e.org_id
    WHERE e.org_id = :org_id AND e.status = 'active' AND :type = ANY (e.event_types)
      AND d.audience_id = ANY (audiences_of(e.org_id, e.user_id))
    ON CONFLICT DO NOTHING
    """
)
# A few of each endpoint: one that is slow, or was away for a day, is not all that is done.
_CLAIM = text(
    """
    UPDATE webhook_delivery d
    SET attempts = d.attempts + 1, due_at = now() + make_interval(secs => :seconds)
    FROM (
        SELECT due.id, e.url, e.key_id, e.ciphertext
        FROM webhook_endpoint e
        JOIN organisation o ON o.id = e.org_id AND o.status = 'active'
        CROSS JOIN LATERAL (
            SELECT one.id, one.due_at FROM webhook_delivery one
            WHERE one.endpoint_id = e.id AND one.status = 'pending' AND one.due_at <= now()
            ORDER BY one.due_at LIMIT :each FOR UPDATE SKIP LOCKED
        ) due
        WHERE e.status = 'active' AND NOT EXISTS (
            SELECT FROM kill_switch k WHERE k.connector IS NULL AND (k.org_id IS NULL OR k.org_id = e.org_id)
        )
        ORDER BY due.due_at LIMIT :limit
    ) claimed
    WHERE claimed.id = d.id
    RETURNING d.*, claimed.url, claimed.key_id, claimed.ciphertext
    """
)
_SEEN = text(
    "SELECT d.audience_id = ANY (audiences_of(:org_id, :user_id)) FROM document d WHERE d.id = :document_id"
)


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What became of a try; ``gone``: the endpoint asks to be told nothing more."""

    delivered: bool
    status: int | None = None
    error: str = ""
    wait: float = 0.0
    gone: bool = False


def enqueue(connection: Connection, envelope: Envelope) -> int:
    """Have a change told to every endpoint whose owner may see it now; how many there are. Of no effect when repeated.

    In a transaction of the organisation's; an event that endpoints are not told of makes nothing.
    """
    body = body_of(envelope)
    if not isinstance(body, ObjectsChanged):
        return 0
    made = connection.execute(
        _ENQUEUE,
        {
            "org_id": envelope.org_id,
            "event_id": envelope.id,
            "type": OBJECTS_CHANGED,
            "document_id": body.document_id,
            "payload": payload_of(OBJECTS_CHANGED, envelope.occurred_at, body.model_dump(mode="json")),
        },
    )
    return made.rowcount


def deliver(runtime: Runtime, deadline: Deadline) -> int:
    """Send what is due until the deadline; how many have arrived. A try under way may take ``BUDGET`` longer."""
    arrived = 0
    while deadline.left > 0:
        with runtime.database.dispatch() as connection:
            names = {"seconds": CLAIM_SECONDS, "each": OF_ONE_ENDPOINT, "limit": AT_ONCE}
            claimed = connection.execute(_CLAIM, names).all()
        if not claimed:
            break
        client = runtime.outbound.open(BUDGET)
        try:
            with ThreadPoolExecutor(AT_ONCE) as pool:
                arrived += sum(pool.map(partial(_one, runtime, client), claimed))
        finally:
            client.close()
    return arrived


def _one(runtime: Runtime, client: HttpClient, row: Row[Any]) -> bool:
    if not _may_be_told(runtime, row):
        with runtime.database.dispatch() as connection:
            connection.execute(delete(webhook_delivery).where(webhook_delivery.c.id == row.id))
        return False
    try:
        outcome = _sent(runtime, client, row)
    except DroviError as error:
        asked = error.retry_after if isinstance(error, Transient) else None
        outcome = _Outcome(delivered=False, error=str(error), wait=asked or 0.0)
    except Exception:  # noqa: BLE001 - as said below
        # A defect in one must not stop the others: it is tried again as any that fails.
        _log.exception("webhook failed", delivery=str(row.id))
        outcome = _Outcome(delivered=False, error="Something went wrong inside Drovi.")
    _keep(runtime, row, outcome)
    return outcome.delivered


def _may_be_told(runtime: Runtime, row: Row[Any]) -> bool:
    if row.document_id is None:
        return True
    names = {"org_id": row.org_id, "user_id": row.user_id, "document_id": row.document_id}
    with runtime.database.organisation(row.org_id) as connection:
        return bool(connection.execute(_SEEN, names).scalar_one_or_none())


def _sent(runtime: Runtime, client: HttpClient, row: Row[Any]) -> _Outcome:
    sealed = Sealed(row.key_id, bytes(row.ciphertext))
    moment = runtime.sources.clock.now()
    secrets = runtime.sources.secrets.open(row.org_id, row.endpoint_id, sealed, purpose=Purpose.WEBHOOK)
    body = row.payload.encode()
    headers = headers_of(keys_in(secrets, moment), str(row.id), int(moment.timestamp()), body)
    answer = runtime.outbound.post(client, row.url, headers | {"content-type": "application/json"}, body)
    if 200 <= answer.status < 300:
        return _Outcome(delivered=True, status=answer.status)
    said = f"The endpoint answered {answer.status}."
    return _Outcome(delivered=False, status=answer.status, error=said, gone=answer.status == _GONE)


def _keep(runtime: Runtime, row: Row[Any], outcome: _Outcome) -> None:
    mine, endpoint = webhook_delivery.c.id == row.id, webhook_endpoint.c.id == row.endpoint_id
    dead = outcome.gone or row.attempts > len(WAITS)
    change: dict[str, Any] = {"last_status": outcome.status, "last_error": outcome.error[:500]}
    if outcome.delivered or dead:
        change |= {"status": "delivered" if outcome.delivered else "dead", "finished_at": func.now()}
    else:
        change["due_at"] = func.now() + timedelta(seconds=_wait(row.attempts, outcome.wait))
    with runtime.database.organisation(row.org_id) as connection:
        connection.execute(update(webhook_delivery).where(mine).values(change))
        if outcome.delivered:
            working = update(webhook_endpoint).where(endpoint, webhook_endpoint.c.failing_since.is_not(None))
            connection.execute(working.values(failing_since=None))
            return
        since = func.coalesce(webhook_endpoint.c.failing_since, func.now())
        connection.execute(update(webhook_endpoint).where(endpoint).values(failing_since=since))
        if dead:
            _disable(runtime, connection, row, outcome)


def _disable(runtime: Runtime, connection: Connection, row: Row[Any], outcome: _Outcome) -> None:
    """Tell an endpoint nothing more where it asks for that, or where nothing arrives; its owner is told, and can resume."""
    endpoint_id = row.endpoint_id
    hopeless = webhook_endpoint.c.failing_since <= func.now() - DISABLED_AFTER
    stopped = update(webhook_endpoint).where(
        webhook_endpoint.c.id == endpoint_id, webhook_endpoint.c.status == "active"
    )
    if not outcome.gone:
        stopped = stopped.where(hopeless)
    detail = f"Nothing has arrived for a day. {outcome.error}" if not outcome.gone else outcome.error
    done = connection.execute(stopped.values(status="disabled", status_detail=detail))
    if done.rowcount:
        _write_to_owner(runtime, connection, row)
        record(
            connection, SYSTEM, Action.WEBHOOK_DISABLED, "webhook", endpoint_id, after={"status": "disabled"}
        )


def _write_to_owner(runtime: Runtime, connection: Connection, row: Row[Any]) -> None:
    """The letter names the host alone: an address may carry a key."""
    named = select(app_user.c.email, app_user.c.locale, app_user.c.name, organisation.c.name.label("firm"))
    owner = named.where(app_user.c.id == row.user_id, organisation.c.id == row.org_id)
    person = connection.execute(owner.select_from(app_user.join(organisation, true()))).one()
    letters.queue(
        connection,
        runtime.sources.secrets,
        to=person.email,
        locale=person.locale,
        template="webhook_disabled",
        values={
            "recipient": person.name,
            "organisation": person.firm,
            "endpoint": urlsplit(row.url).hostname or "",
        },
        org_id=row.org_id,
    )


def _wait(attempts: int, asked: float) -> float:
    """Never less than asked for, and up to a tenth more than planned: what failed together comes back apart."""
    planned = WAITS[min(attempts, len(WAITS)) - 1]
    return max(planned * random.uniform(1.0, 1.1), min(asked, WAITS[-1]))  # noqa: S311 - jitter, no secret
