"""The rules of webhooks: who manages the organisation sees and removes all, and has only their own told anything.

An endpoint is told what its owner may see. Whoever else could say where that goes would read it.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import func

from drovi_api.dependencies import ReadSession, WriteSession
from drovi_api.pagination import Page
from drovi_api.tenancy.webhooks import repository
from drovi_api.tenancy.webhooks.schemas import (
    CreatedWebhook,
    Delivery,
    NewWebhook,
    NewWebhookSecret,
    Webhook,
    WebhookChange,
)
from resources.audit import Action
from resources.clock import now
from resources.errors import Conflict, Forbidden
from resources.outbound import checked
from resources.secrets import Purpose, Sealed, SecretBox
from resources.webhooks import PING, current_of, payload_of, rotated


def create(session: WriteSession, box: SecretBox, new: NewWebhook) -> CreatedWebhook:
    """Have an endpoint told of changes.

    Raises:
        Invalid: its address is none that could be called.
    """
    checked(new.url)
    webhook_id, secrets = repository.new_id(session), rotated({}, None)
    values = {"url": new.url, "description": new.description, "event_types": sorted(new.event_types)}
    repository.create(session, webhook_id, _seal(session, box, webhook_id, secrets), **values)
    made = repository.one(session, webhook_id)
    session.audit(Action.WEBHOOK_CREATED, "webhook", webhook_id, after=_audited(made))
    return CreatedWebhook(**made.model_dump(), secret=current_of(secrets))


def change(session: WriteSession, webhook_id: UUID, wanted: WebhookChange) -> Webhook:
    """Change an endpoint; one that was disabled is told again once it is made active.

    Raises:
        NotFound: there is none.
        Forbidden: it is somebody else's.
        Invalid: its address is none that could be called.
    """
    before = _own(session, webhook_id)
    values: dict[str, Any] = wanted.model_dump(exclude_none=True)
    if wanted.url is not None:
        checked(wanted.url)
    if wanted.event_types is not None:
        values["event_types"] = sorted(wanted.event_types)
    if wanted.status == "active" and before.status != "active":
        values |= {"status_detail": "", "failing_since": None}
    if values:
        repository.change(session, webhook_id, **values)
    after = repository.one(session, webhook_id)
    session.audit(
        Action.WEBHOOK_CHANGED, "webhook", webhook_id, before=_audited(before), after=_audited(after)
    )
    return after


def rotate(session: WriteSession, box: SecretBox, webhook_id: UUID, new: NewWebhookSecret) -> CreatedWebhook:
    """Make a new secret; messages are signed with the one before it as well for a while. Raises as ``change``."""
    webhook = _own(session, webhook_id)
    sealed = repository.sealed(session, webhook_id)
    before = box.open(session.principal.org_id, webhook_id, sealed, purpose=Purpose.WEBHOOK)
    until = now() + timedelta(hours=new.overlap_hours) if new.overlap_hours else None
    secrets = rotated(before, until)
    made = _seal(session, box, webhook_id, secrets)
    repository.change(session, webhook_id, key_id=made.key_id, ciphertext=made.ciphertext)
    after = {"overlap_hours": new.overlap_hours}
    session.audit(Action.WEBHOOK_SECRET_REPLACED, "webhook", webhook_id, after=after)
    return CreatedWebhook(**webhook.model_dump(), secret=current_of(secrets))


def remove(session: WriteSession, webhook_id: UUID) -> Webhook:
    """Take an endpoint away, whoever's it is. Raises NotFound where there is none."""
    webhook = repository.one(session, webhook_id)
    repository.remove(session, webhook_id)
    session.audit(Action.WEBHOOK_DELETED, "webhook", webhook_id, before=_audited(webhook))
    return webhook


def deliveries(session: ReadSession, webhook_id: UUID, cursor: str | None, limit: int) -> Page[Delivery]:
    """What an endpoint of the caller's was told. Raises NotFound, and Forbidden of somebody else's."""
    _own(session, webhook_id)
    return repository.deliveries(session, webhook_id, cursor, limit)


def ping(session: WriteSession, webhook_id: UUID) -> Delivery:
    """Send a message that says nothing, to see whether it arrives.

    Raises:
        NotFound: there is no such endpoint.
        Forbidden: it is somebody else's.
        Conflict: it is told nothing now.
    """
    webhook = _own(session, webhook_id)
    if webhook.status != "active":
        raise Conflict(f"The webhook is {webhook.status}.", remedy="Make it active first.")
    delivery_id = repository.send(session, webhook_id, uuid4(), PING, payload_of(PING, now(), {}))
    session.audit(Action.WEBHOOK_PINGED, "webhook", webhook_id, after={"delivery_id": str(delivery_id)})
    return repository.delivery(session, delivery_id)


def redeliver(session: WriteSession, delivery_id: UUID) -> Delivery:
    """Send a message again, from its first try on. Raises NotFound where it is not to an endpoint of the caller's."""
    before = repository.delivery(session, delivery_id)
    again = {"status": "pending", "attempts": 0, "due_at": func.now(), "finished_at": None, "last_error": ""}
    repository.change_delivery(session, delivery_id, **again)
    session.audit(
        Action.WEBHOOK_REDELIVERED,
        "webhook",
        before.endpoint_id,
        before={"status": before.status},
        after={"status": "pending", "delivery_id": str(delivery_id)},
    )
    return repository.delivery(session, delivery_id)


def _own(session: ReadSession, webhook_id: UUID) -> Webhook:
    webhook = repository.one(session, webhook_id)
    if webhook.user_id != session.principal.user_id:
        raise Forbidden("It is told what its owner may see.", remedy="Ask its owner, or remove it.")
    return webhook


def _seal(session: WriteSession, box: SecretBox, webhook_id: UUID, secrets: dict[str, str]) -> Sealed:
    return box.seal(session.principal.org_id, webhook_id, secrets, purpose=Purpose.WEBHOOK)


def _audited(webhook: Webhook) -> dict[str, Any]:
    """The host alone: what follows it may be a password of the endpoint's."""
    return {
        "host": checked(webhook.url).hostname,
        "event_types": webhook.event_types,
        "status": webhook.status,
    }
