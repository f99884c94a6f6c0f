"""Routes for whoever watches the service: no key, no tenant data."""

from __future__ import annotations

import asyncio
import ipaddress

from fastapi import APIRouter, Request
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4
from starlette.responses import Response

from drovi_api.dependencies import Runtime
from drovi_api.errors import problem_responses
from drovi_api.gauges import Gauges
from drovi_api.user.health.schemas import Health
from drovi_api.user.health.service import HealthMonitor
from resources.errors import NotFound
from resources.telemetry import metrics_text

router = APIRouter(tags=["health"], responses=problem_responses(500))


@router.get(
    "/health",
    operation_id="get_health",
    summary="Is the service able to work?",
    response_model=Health,
    responses={503: {"model": Health, "description": "Something required is down."}},
)
async def get_health(request: Request) -> Response:
    """Every dependency, asked now, with a time-out each; 503 when one is down that the service needs."""
    monitor: HealthMonitor = request.app.state.health
    health = await monitor.report()
    return Response(
        health.model_dump_json(), 503 if health.status == "down" else 200, media_type="application/json"
    )


@router.get(
    "/metrics",
    operation_id="get_metrics",
    summary="Metrics for Prometheus",
    response_class=Response,
    responses={200: {"content": {"text/plain": {}}}, **problem_responses(404)},
)
async def get_metrics(request: Request, runtime: Runtime) -> Response:
    """Prometheus' text format; to callers on this machine only, unless the service was started otherwise."""
    if not (runtime.metrics_to_all or _on_this_machine(request)):
        raise NotFound("There is no such address.")
    gauges: Gauges = request.app.state.gauges
    # On a thread that requests do not share: where they are all busy, that must be seen.
    waiting = await asyncio.to_thread(gauges.text)
    return Response(metrics_text() + waiting, media_type=CONTENT_TYPE_PLAIN_0_0_4)


def _on_this_machine(request: Request) -> bool:
    try:
        return request.client is not None and ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:  # a Unix socket or a test client: not an address
        return False
