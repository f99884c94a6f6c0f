"""The administration, put together from its features; mounted by ``drovi_api.app``, whose edge it lies behind."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from fastapi import APIRouter, FastAPI

from drovi_api import errors, openapi
from drovi_api.admin.administrators.endpoints import router as administrators
from drovi_api.admin.audit.endpoints import router as audit
from drovi_api.admin.auth.endpoints import router as auth
from drovi_api.admin.authentication import SECURITY_SCHEMES
from drovi_api.admin.dead_letters.endpoints import router as dead_letters
from drovi_api.admin.dependencies import ADMIN_PREFIX
from drovi_api.admin.events.endpoints import router as events
from drovi_api.admin.jobs.endpoints import router as jobs
from drovi_api.admin.kill_switches.endpoints import router as kill_switches
from drovi_api.admin.organisations.endpoints import router as organisations
from drovi_api.admin.schedules.endpoints import router as schedules
from drovi_api.admin.users.endpoints import router as users
from drovi_api.runtime import ApiRuntime

_FEATURES: tuple[APIRouter, ...] = (
    auth,
    organisations,
    users,
    jobs,
    schedules,
    kill_switches,
    events,
    dead_letters,
    audit,
    administrators,
)

TAGS = [
    {"name": "auth", "description": "Signing in and out as an administrator; becoming one."},
    {"name": "organisations", "description": "The platform's tenants."},
    {"name": "users", "description": "People who have an account, and where they are members."},
    {"name": "jobs", "description": "Background work of every organisation, and the platform's own."},
    {"name": "schedules", "description": "What asks for background work by the clock."},
    {"name": "kill switches", "description": "What stands still until somebody releases it."},
    {"name": "events", "description": "How far consumers of events are behind."},
    {"name": "dead letters", "description": "Events that were given up."},
    {"name": "audit", "description": "Who did what: on the platform, and in an organisation."},
    {"name": "administrators", "description": "Who administers the platform."},
]


def create_admin_app(runtime: ApiRuntime) -> FastAPI:
    """The application to mount at ``ADMIN_PREFIX``; it works with ``runtime``, which stays its maker's to close."""
    app = _assembled()
    app.state.runtime = runtime
    return app


def describe() -> dict[str, Any]:
    """The OpenAPI document, for which nothing has to be running."""
    return _assembled().openapi()


def _assembled() -> FastAPI:
    app = FastAPI(
        title="Drovi administration",
        version=version("drovi"),
        description="The platform, for those who run it.",
        servers=[{"url": ADMIN_PREFIX}],
        docs_url=None,
        redoc_url=None,
        telemetry={"tracing": False, "metrics": False, "logs": False},  # resources.telemetry is ours
    )
    errors.install(app)
    openapi.install(app, TAGS, SECURITY_SCHEMES)
    app.router.routes[:0] = [route for router in _FEATURES for route in router.routes]
    return app
