"""Routes of webhooks."""

from __future__ import annotations

from uuid import UUID

from drovi_api.dependencies import Reads, Runtime, Writes, feature, requires
from drovi_api.errors import problem_responses
from drovi_api.pagination import DEFAULT_LIMIT, CursorText, Limit, Page
from drovi_api.tenancy.webhooks import repository, service
from drovi_api.tenancy.webhooks.schemas import (
    CreatedWebhook,
    Delivery,
    NewWebhook,
    NewWebhookSecret,
    Webhook,
    WebhookChange,
)
from resources.permissions import Permission

router = feature("/webhooks", "webhooks")
deliveries = feature("/webhook-deliveries", "webhooks")


@router.post("", operation_id="create_webhook", summary="Have an endpoint told of changes", status_code=201)
@requires(Permission.MANAGE_ORGANISATION)
def create_webhook(session: Writes, runtime: Runtime, body: NewWebhook) -> CreatedWebhook:
    """It is told what the caller may see, by ids, in messages signed by Standard Webhooks; the secret is shown this once."""
    return service.create(session, runtime.secrets, body)


@router.get("", operation_id="list_webhooks", summary="List webhooks")
@requires(Permission.MANAGE_ORGANISATION)
def list_webhooks(session: Reads, cursor: CursorText = None, limit: Limit = DEFAULT_LIMIT) -> Page[Webhook]:
    """Everybody's of the organisation, newest first."""
    return repository.page(session, cursor, limit)


@router.get(
    "/{webhook_id}",
    operation_id="get_webhook",
    summary="Read a webhook",
    responses=problem_responses(404),
)
@requires(Permission.MANAGE_ORGANISATION)
def get_webhook(session: Reads, webhook_id: UUID) -> Webhook:
    """One endpoint, and how it does."""
    return repository.one(session, webhook_id)


@router.patch(
    "/{webhook_id}",
    operation_id="update_webhook",
    summary="Change, pause or resume a webhook",
    responses=problem_responses(404),
)
@requires(Permission.MANAGE_ORGANISATION)
def update_webhook(session: Writes, webhook_id: UUID, body: WebhookChange) -> Webhook:
    """Its owner's alone to do: whoever says where messages go reads them."""
    return service.change(session, webhook_id, body)


@router.delete(
    "/{webhook_id}",
    operation_id="delete_webhook",
    summary="Remove a webhook",
    responses=problem_responses(404),
)
@requires(Permission.MANAGE_ORGANISATION)
def delete_webhook(session: Writes, webhook_id: UUID) -> Webhook:
    """It is told nothing more, and what waits for it is not sent; anybody's who manages the organisation to do."""
    return service.remove(session, webhook_id)


@router.post(
    "/{webhook_id}/secret",
    operation_id="replace_webhook_secret",
    summary="Replace a webhook's secret",
    status_code=201,
    responses=problem_responses(404),
)
@requires(Permission.MANAGE_ORGANISATION)
def replace_webhook_secret(
    session: Writes, runtime: Runtime, webhook_id: UUID, body: NewWebhookSecret
) -> CreatedWebhook:
    """Messages are signed with the new one, and for a while with the one before it as well."""
    return service.rotate(session, runtime.secrets, webhook_id, body)


@router.post(
    "/{webhook_id}/ping",
    operation_id="ping_webhook",
    summary="Try a webhook",
    status_code=202,
    responses=problem_responses(404, 409),
)
@requires(Permission.MANAGE_ORGANISATION)
def ping_webhook(session: Writes, webhook_id: UUID) -> Delivery:
    """Send a message of the type `ping`; its delivery tells what became of it."""
    return service.ping(session, webhook_id)


@router.get(
    "/{webhook_id}/deliveries",
    operation_id="list_webhook_deliveries",
    summary="List what a webhook was told",
    responses=problem_responses(404),
)
@requires(Permission.MANAGE_ORGANISATION)
def list_webhook_deliveries(
    session: Reads, webhook_id: UUID, cursor: CursorText = None, limit: Limit = DEFAULT_LIMIT
) -> Page[Delivery]:
    """Of the last 30 days, newest first; its owner's alone to read."""
    return service.deliveries(session, webhook_id, cursor, limit)


@deliveries.post(
    "/{delivery_id}/redeliver",
    operation_id="redeliver_webhook",
    summary="Send a message again",
    status_code=202,
    responses=problem_responses(404),
)
@requires(Permission.MANAGE_ORGANISATION)
def redeliver_webhook(session: Writes, delivery_id: UUID) -> Delivery:
    """One that is dead, or that the receiver lost: under the same `webhook-id`, from its first try on."""
    return service.redeliver(session, delivery_id)
