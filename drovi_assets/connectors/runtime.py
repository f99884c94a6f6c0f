"""What a sync runs with: the database, the object store, the clock, and the seams that tests turn."""

from __future__ import annotations

import os
import random
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from drovi_assets.connectors.deletions import Forget
from drovi_assets.connectors.leases import LEASE_SECONDS
from drovi_assets.connectors.registry import CONNECTORS, ConnectorSpec
from drovi_assets.connectors.rescoping import Follow
from resources.budgets import Rate
from resources.clock import Clock, SystemClock
from resources.database import WorkerDatabase
from resources.object_store import ObjectStore
from resources.secrets import SecretBox


def _holder() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"


def is_gone(holder: str) -> bool:
    """Whether a holder was a process of this machine and is none any more; of another machine's nothing is known."""
    machine, _, pid = holder.rpartition(":")
    if machine != socket.gethostname() or not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass  # it lives, as another user
    return False


@dataclass(frozen=True, slots=True)
class Runtime:
    """Made once a process by whoever composes it.

    ``forget`` and ``follow`` are retrieval's: the search index before a deletion, and after a change of readers.
    """

    database: WorkerDatabase
    objects: ObjectStore
    secrets: SecretBox
    forget: Forget
    follow: Follow
    connectors: Mapping[str, ConnectorSpec] = field(default_factory=lambda: CONNECTORS)
    clock: Clock = field(default_factory=SystemClock)
    holder: str = field(default_factory=_holder)
    lease_seconds: float = LEASE_SECONDS
    rates: Mapping[str, Rate] = field(default_factory=dict)
    """Of providers, in place of what their connectors say."""
    sleep: Callable[[float], None] = time.sleep
    jitter: Callable[[], float] = random.random
    """Uniform in [0, 1): spreads retries, so that connections that failed together do not return together."""
