"""Endpoints of the organisation, and deliveries to the caller's own: row-level security leaves no others."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import Row, bindparam, delete, func, insert, select, update

from drovi_api.dependencies import ReadSession, WriteSession
from drovi_api.pagination import Page, by_id, page_of
from drovi_api.tenancy.webhooks.schemas import Delivery, Webhook
from resources.schema import webhook_delivery, webhook_endpoint
from resources.secrets import Sealed

_ENDPOINT, _DELIVERY = webhook_endpoint.c, webhook_delivery.c
_ENDPOINTS = select(*(webhook_endpoint.c[name] for name in Webhook.model_fields))
_DELIVERIES = select(*(webhook_delivery.c[name] for name in Delivery.model_fields))
_ENDPOINT_ORDER, _DELIVERY_ORDER = by_id(_ENDPOINT.id), by_id(_DELIVERY.id)
_ONE = _ENDPOINTS.where(_ENDPOINT.id == bindparam("webhook_id"))
_ONE_DELIVERY = _DELIVERIES.where(_DELIVERY.id == bindparam("delivery_id"))


def page(session: ReadSession, cursor: str | None, limit: int) -> Page[Webhook]:
    """The organisation's, newest first."""
    rows = session.all(_ENDPOINT_ORDER.page(_ENDPOINTS, cursor, limit))
    return page_of(rows, limit, _webhook, lambda row: (row.id,))


def one(session: ReadSession, webhook_id: UUID) -> Webhook:
    """An endpoint of the organisation."""
    return _webhook(session.one(_ONE, "webhook", webhook_id=webhook_id))


def sealed(session: ReadSession, webhook_id: UUID) -> Sealed:
    """The secrets of an endpoint."""
    query = select(_ENDPOINT.key_id, _ENDPOINT.ciphertext).where(_ENDPOINT.id == webhook_id)
    row = session.one(query, "webhook")
    return Sealed(row.key_id, bytes(row.ciphertext))


def new_id(session: WriteSession) -> UUID:
    """An id that rises with time, by which lists are in order; known before the row, since its secret is bound to it."""
    made: UUID = session.connection.execute(select(func.uuidv7())).scalar_one()
    return made


def create(session: WriteSession, webhook_id: UUID, secrets: Sealed, **values: Any) -> None:
    """Store an endpoint of the caller's."""
    statement = insert(webhook_endpoint).values(
        id=webhook_id,
        org_id=session.principal.org_id,
        user_id=session.principal.user_id,
        key_id=secrets.key_id,
        ciphertext=secrets.ciphertext,
        **values,
    )
    session.run(statement)


def change(session: WriteSession, webhook_id: UUID, **values: Any) -> None:
    """Store new values of an endpoint's columns."""
    session.run(update(webhook_endpoint).where(_ENDPOINT.id == webhook_id).values(values))


def remove(session: WriteSession, webhook_id: UUID) -> None:
    """Take an endpoint away, with what waits for it."""
    session.run(delete(webhook_endpoint).where(_ENDPOINT.id == webhook_id))


def deliveries(session: ReadSession, webhook_id: UUID, cursor: str | None, limit: int) -> Page[Delivery]:
    """To one endpoint, newest first."""
    query = _DELIVERIES.where(_DELIVERY.endpoint_id == webhook_id)
    rows = session.all(_DELIVERY_ORDER.page(query, cursor, limit))
    return page_of(rows, limit, _delivery, lambda row: (row.id,))


def delivery(session: ReadSession, delivery_id: UUID) -> Delivery:
    """One to an endpoint of the caller's."""
    return _delivery(session.one(_ONE_DELIVERY, "delivery", delivery_id=delivery_id))


def send(session: WriteSession, webhook_id: UUID, event_id: UUID, event_type: str, payload: str) -> UUID:
    """Have something sent to an endpoint of the caller's."""
    statement = insert(webhook_delivery).values(
        org_id=session.principal.org_id,
        user_id=session.principal.user_id,
        endpoint_id=webhook_id,
        event_id=event_id,
        type=event_type,
        payload=payload,
    )
    made: UUID = session.run(statement.returning(_DELIVERY.id)).scalar_one()
    return made


def change_delivery(session: WriteSession, delivery_id: UUID, **values: Any) -> None:
    """Store new values of a delivery's columns."""
    session.run(update(webhook_delivery).where(_DELIVERY.id == delivery_id).values(values))


def _webhook(row: Row[Any]) -> Webhook:
    return Webhook.model_validate(row, from_attributes=True)


def _delivery(row: Row[Any]) -> Delivery:
    return Delivery.model_validate(row, from_attributes=True)
