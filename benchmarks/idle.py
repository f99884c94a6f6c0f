"""Idle: what a platform costs while a thousand connections are scheduled and nothing is due.

The whole of it: Postgres, Dagster's daemon, code server and webserver, the API, and what supervises them, with every
sensor on. No product to compare with runs the same on one machine, so the peer is the target: 15 % of one core.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import func, insert

from benchmarks import family
from benchmarks.freshness import settings_in
from drovi.platform import Platform, running
from resources import audiences
from resources.database import WorkerDatabase
from resources.organisations import ensure_organisation
from resources.schema import connection as connection_table

TARGET = 15.0
CONNECTIONS = 1_000
ORGANISATIONS = 20
SETTLING_SECONDS = 30.0
"""Imports that come with first ticks, and the checkpoint after the set-up, are no part of idling."""
_POLL_SECONDS = 0.1


def run(n: int | None = None) -> Iterable[dict[str, Any]]:
    """One row for ``python -m benchmarks idle``, over ``n`` seconds; with the share of each part of the platform."""
    length = n or 120
    with tempfile.TemporaryDirectory(prefix="drovi-idle-") as folder:
        root = Path(folder)
        root.chmod(0o755)  # embedded Postgres runs as a user of its own
        home = root / "home"
        with running(settings_in(home)) as platform:
            _schedule(platform)
            _pass(platform, SETTLING_SECONDS)
            before, begun = family.seconds(home), time.monotonic()
            _pass(platform, length)
            after, lasted = family.seconds(home), time.monotonic() - begun
    shares = {part: round(100 * (after[part] - before.get(part, 0.0)) / lasted, 2) for part in after}
    ours = sum(shares.values())
    yield {
        "name": "idle/target",
        "ours": round(ours, 2),
        "peer": TARGET,
        "ratio": round(TARGET / ours, 2),
        "unit": "% of a core",
        "n": CONNECTIONS,
        "seconds": round(lasted),
        "parts": shares,
    }


def _schedule(platform: Platform) -> None:
    """Connections of many organisations, each due when the measurement is long over."""
    database = WorkerDatabase(platform.urls.worker, application_name="drovi-benchmark")
    for number in range(ORGANISATIONS):
        owner = ensure_organisation(
            database, f"Organisation {number}", f"owner@firm-{number}.example", "Owner"
        )
        audience_ids = {uuid4(): f"Folder {place}" for place in range(CONNECTIONS // ORGANISATIONS)}
        with database.organisation(owner.org_id) as session:
            for audience_id, name in audience_ids.items():
                made: UUID = session.execute(
                    insert(connection_table)
                    .values(
                        org_id=owner.org_id,
                        owner_id=owner.user_id,
                        connector="documents",
                        name=name,
                        audience_id=audience_id,
                        config={"path": "/nowhere"},
                        next_sync_at=func.now() + timedelta(days=1),
                    )
                    .returning(connection_table.c.id)
                ).scalar_one()
                audiences.found(session, owner.org_id, made, audience_id)
    database.close()


def _pass(platform: Platform, seconds: float) -> None:
    """Let time go by, as ``drovi up`` does."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        platform.tend()
        time.sleep(_POLL_SECONDS)
