"""What the application is given to work with; made by ``server`` in production and by hand in tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from drovi_api.limits import Gate
from resources.database import AppDatabase, IdentityDatabase
from resources.embedder import TextEmbedder
from resources.events.log import EventLog
from resources.events.postgres import PostgresEventLog
from resources.identity.administrators import Rules
from resources.identity.provider import OpenIdProvider
from resources.object_store import ObjectStore
from resources.secrets import SecretBox

EVEN_SECONDS = 0.3
"""Longer than what any of the even answers takes, and shorter than what a person who mistyped notices."""


@dataclass(frozen=True, slots=True)
class Probe:
    """A dependency that ``/health`` asks after.

    ``check`` returns a few words about the state it found and raises where the dependency is down; it is
    called on a thread and given up on after a time-out. A ``required`` one that is down makes the whole
    service unavailable.
    """

    name: str
    check: Callable[[], str]
    required: bool = True


@dataclass(frozen=True, slots=True)
class ApiRuntime:
    """Everything outside that a request may touch.

    ``public_url`` is where people reach this service, ``allowed_origins`` are other sites whose pages may use it;
    with ``open_sign_up`` anybody may found an organisation, without it people come by invitation.
    ``provider`` is who signs people in beside us, ``arriving`` bounds how many wait for it.
    ``even_seconds`` is how long answers take that must not tell by their time whether an account exists.
    An organisation is erased once ``erasure_grace`` is over.
    ``thinking`` bounds the requests that embed and rank; ``metrics_to_all`` answers ``/metrics`` beyond loopback.
    A message that is pushed may be ``intake_max_bytes`` long, and one address takes ``intake_per_minute`` of them.
    ``administration`` says who administers the platform, and how they sign in; ``log`` is asked how far it was read.
    """

    database: AppDatabase
    identity: IdentityDatabase
    embedder: TextEmbedder
    secrets: SecretBox
    objects: ObjectStore
    probes: tuple[Probe, ...] = ()
    thinking: Gate = field(default_factory=lambda: Gate(places=8, wait_seconds=5.0))
    metrics_to_all: bool = False
    provider: OpenIdProvider | None = None
    arriving: Gate = field(default_factory=lambda: Gate(places=8, wait_seconds=2.0))
    public_url: str = "http://127.0.0.1:8000"
    allowed_origins: frozenset[str] = frozenset()
    open_sign_up: bool = True
    administration: Rules = field(default_factory=Rules)
    log: EventLog = field(default_factory=PostgresEventLog)
    even_seconds: float = EVEN_SECONDS
    erasure_grace: timedelta = timedelta(days=7)
    intake_max_bytes: int = 1024 * 1024
    intake_per_minute: int = 1200

    @property
    def secure(self) -> bool:
        """Whether people come over HTTPS: then cookies never travel without it."""
        return self.public_url.startswith("https://")
