"""The application, put together from its features. Importing this starts nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any

from fastapi import APIRouter, FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.types import Lifespan

from drovi_api import docs_page, errors, openapi
from drovi_api.admin.app import create_admin_app
from drovi_api.admin.dependencies import ADMIN_PREFIX
from drovi_api.auth.email.endpoints import router as email
from drovi_api.auth.invitations.endpoints import router as accepting
from drovi_api.auth.me.endpoints import router as me
from drovi_api.auth.oidc.endpoints import redirects as single_sign_on
from drovi_api.auth.oidc.endpoints import router as single_sign_on_offer
from drovi_api.auth.organisations.endpoints import router as founding
from drovi_api.auth.passwords.endpoints import router as passwords
from drovi_api.auth.profile.endpoints import router as profile
from drovi_api.auth.second_factor.endpoints import router as second_factor
from drovi_api.auth.sessions.endpoints import router as sessions
from drovi_api.auth.sign_in.endpoints import router as sign_in
from drovi_api.auth.sign_up.endpoints import router as sign_up
from drovi_api.gauges import Gauges
from drovi_api.middleware import Edge
from drovi_api.runtime import ApiRuntime
from drovi_api.streams import Hub
from drovi_api.tenancy.audit.endpoints import router as audit
from drovi_api.tenancy.erasures.endpoints import router as erasures
from drovi_api.tenancy.exports.endpoints import files as export_files
from drovi_api.tenancy.exports.endpoints import router as exports
from drovi_api.tenancy.holds.endpoints import router as holds
from drovi_api.tenancy.invitations.endpoints import router as invitations
from drovi_api.tenancy.keys.endpoints import router as keys
from drovi_api.tenancy.members.endpoints import router as members
from drovi_api.tenancy.organisations.endpoints import router as organisations
from drovi_api.tenancy.policies.endpoints import router as policies
from drovi_api.tenancy.webhooks.endpoints import deliveries as webhook_deliveries
from drovi_api.tenancy.webhooks.endpoints import router as webhooks
from drovi_api.user.ask.endpoints import router as ask
from drovi_api.user.connection_events.endpoints import router as connection_events
from drovi_api.user.connection_events.repository import FEED
from drovi_api.user.connections.endpoints import router as connections
from drovi_api.user.documents.endpoints import router as documents
from drovi_api.user.evidence.endpoints import router as evidence
from drovi_api.user.find.endpoints import router as find
from drovi_api.user.health.endpoints import router as health
from drovi_api.user.health.service import HealthMonitor
from drovi_api.user.intakes.endpoints import router as intakes
from drovi_api.user.items.endpoints import router as items
from drovi_api.user.jobs.endpoints import router as jobs
from drovi_api.user.objects.endpoints import router as objects
from drovi_api.user.reports.endpoints import router as reports
from drovi_api.webhooks.endpoints import router as receiving

# Routes are tried one after the other, at half a microsecond to one each: what is asked most comes first.
_FEATURES: tuple[APIRouter, ...] = (
    health,
    me,
    connection_events,  # before what takes any word there for an id
    connections,
    intakes,
    receiving,
    find,
    ask,
    items,
    documents,
    objects,
    evidence,
    reports,
    jobs,
    sessions,
    sign_in,
    sign_up,
    single_sign_on_offer,
    single_sign_on,
    passwords,
    second_factor,
    email,
    profile,
    accepting,
    founding,
    organisations,
    policies,
    members,
    invitations,
    keys,
    audit,
    erasures,
    holds,
    exports,
    export_files,
    webhooks,
    webhook_deliveries,
)

_CROSS_ORIGIN: dict[str, Any] = {
    "allow_credentials": True,
    "allow_methods": ["GET", "POST", "PUT", "PATCH", "DELETE"],
    "allow_headers": ["Authorization", "Content-Type", "X-CSRF-Token", "X-Request-ID"],
    "expose_headers": ["X-Request-ID", "Retry-After"],
    "max_age": 600,
}
"""What the pages of a configured origin may do; those of any other may nothing."""


def create_app(runtime: ApiRuntime) -> FastAPI:
    """An application that works with ``runtime``; who made the runtime closes it."""
    monitor = HealthMonitor(runtime.probes)
    streams = Hub(runtime.database, FEED)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        await streams.close()
        monitor.close()

    app = _assembled(lifespan, runtime)
    app.state.runtime = runtime
    app.state.health = monitor
    app.state.streams = streams
    app.state.gauges = Gauges(runtime.identity, runtime.log)
    app.mount(ADMIN_PREFIX, create_admin_app(runtime))
    return app


def describe() -> dict[str, Any]:
    """The OpenAPI document, for which nothing has to be running."""
    return _assembled(None).openapi()


def _assembled(lifespan: Lifespan[FastAPI] | None, runtime: ApiRuntime | None = None) -> FastAPI:
    app = FastAPI(
        title="Drovi",
        version=version("drovi"),
        description="The memory of an organisation, with proof.",
        docs_url=None,  # docs_page: FastAPI's own would load its scripts from elsewhere
        redoc_url=None,
        telemetry={"tracing": False, "metrics": False, "logs": False},  # resources.telemetry is ours
        lifespan=lifespan,
    )
    errors.install(app)
    openapi.install(app)
    docs_page.install(app)
    app.add_middleware(Edge, secure=runtime is not None and runtime.secure)
    if runtime is not None and runtime.allowed_origins:
        # Around the edge: a page of another site must be able to read its refusals too.
        app.add_middleware(CORSMiddleware, allow_origins=sorted(runtime.allowed_origins), **_CROSS_ORIGIN)
    # Not include_router: it would match every request twice, and hide the full path from the route. Before what
    # FastAPI put there, since routes are tried in order.
    app.router.routes[:0] = [route for router in _FEATURES for route in router.routes]
    return app
