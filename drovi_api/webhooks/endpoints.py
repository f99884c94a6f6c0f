"""The route that messages come to: outside the versioned API, since its address is given to other systems for years."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from drovi_api.context import origin_of
from drovi_api.dependencies import runtime_of
from drovi_api.errors import problem_responses
from drovi_api.webhooks import service
from drovi_api.webhooks.schemas import Accepted
from drovi_assets.connectors.intake import Message
from drovi_assets.connectors.intakes import PATH
from resources.clock import now

router = APIRouter(prefix=PATH.rstrip("/"), tags=["webhooks"])

_SIGNED = ("webhook-id", "webhook-timestamp", "webhook-signature")
_BODY = {"requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}}


@router.post(
    "/{token}",
    operation_id="receive_webhook",
    summary="Take a message in",
    status_code=202,
    responses=problem_responses(401, 413, 422, 429, 500, 503),
    openapi_extra=_BODY
    | {
        "parameters": [
            {"name": name, "in": "header", "required": False, "schema": {"type": "string"}}
            for name in _SIGNED
        ]
    },
)
async def receive_webhook(request: Request, token: str) -> Accepted:
    """Keep what a source is sent, once its signature (Standard Webhooks) holds over the raw body and its time is now.

    A repeated message is answered as its first one was and has no second effect. Whatever is not signed as it should
    be is answered as an address that there is not.
    """
    runtime = runtime_of(request)
    body = await request.body()
    if len(body) > runtime.intake_max_bytes:
        raise HTTPException(413, "The message is too large")
    headers = {name.lower(): value for name, value in request.headers.items()}
    message = Message(headers, body, now())
    return await run_in_threadpool(service.receive, runtime, origin_of(request.scope), token, message)
