"""Landing items beside a bare COPY and upsert of the same rows into a table with nothing but the unique key.

Ours carries row-level security, tombstones, versions, the queue of pending work and the index by window; the peer has
none of it. Items per CPU-second of this process and the whole database server.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from benchmarks.servers import own_seconds, server_seconds, started
from drovi_assets.connectors.contract import Change
from drovi_assets.connectors.landing import LandingScope, land
from resources.hashing import digest

ITEMS = 100_000
PAGE = 5_000
_BEGINNING = datetime(2025, 1, 1, tzinfo=UTC)
_PEER = """
CREATE TABLE peer AS SELECT * FROM source_item WITH NO DATA;
ALTER TABLE peer ALTER id SET DEFAULT uuidv7(), ALTER landed_at SET DEFAULT now(),
    ADD UNIQUE (connection_id, stream, provider_id, content_hash);
CREATE TEMP TABLE arrived AS SELECT * FROM source_item WITH NO DATA;
"""
_COLUMNS = 'org_id, audience_id, connection_id, stream, provider_id, content_hash, version, occurred_at, "window", payload'
_UPSERT = f"""
INSERT INTO peer ({_COLUMNS}) SELECT {_COLUMNS} FROM arrived
ON CONFLICT (connection_id, stream, provider_id, content_hash)
DO UPDATE SET version = excluded.version, payload = excluded.payload
"""


def run(n: int | None = None) -> Iterable[dict[str, Any]]:
    """New items, the same again, and new ones on top of ten times as many (which must cost the same)."""
    count = n or ITEMS
    with started() as bench, psycopg.connect(bench.server.url("drovi")) as peer:
        connection_id = bench.connect("documents", "land", {})
        scope = LandingScope(bench.org_id, connection_id, "items", bench.audience_id, 2026)
        peer.execute(_PEER)
        peer.commit()

        def ours(page: Sequence[Change]) -> None:
            with bench.database.organisation(bench.org_id) as session:
                land(session, scope, page)

        def bare(page: Sequence[Change]) -> None:
            _upsert(peer, scope, page)

        def seconds(work: Callable[[Sequence[Change]], None], begin: int, end: int) -> float:
            used = 0.0
            for at in range(begin, end, PAGE):
                page = [_item(number) for number in range(at, min(at + PAGE, end))]
                before = own_seconds()
                work(page)
                used += own_seconds() - before
            return used

        def measured(work: Callable[[Sequence[Change]], None], begin: int, end: int) -> float:
            before = server_seconds(bench.server)
            client = seconds(work, begin, end)
            return (end - begin) / (client + server_seconds(bench.server) - before)

        for name in ("new", "unchanged"):
            theirs = measured(bare, 0, count)
            yield _row(f"land/copy_upsert_{name}", measured(ours, 0, count), theirs, count)
        first = measured(ours, count, 2 * count)
        seconds(ours, 2 * count, 9 * count)
        yield _row("land/itself_at_a_tenth", measured(ours, 9 * count, 10 * count), first, 10 * count)


def _item(number: int) -> Change:
    payload = {
        "id": number,
        "subject": f"Invoice {number} of the Morel matter",
        "from": f"person{number % 977}@example.org",
        "text": "Please find the signed amendment attached; we confirm the deadline of Friday. " * 3,
    }
    return Change(
        f"item-{number:09d}",
        1,
        json.dumps(payload),
        occurred_at=_BEGINNING + timedelta(minutes=number % 900_000),
    )


def _upsert(peer: psycopg.Connection[Any], scope: LandingScope, page: Sequence[Change]) -> None:
    with peer.cursor() as cursor:
        cursor.execute("TRUNCATE arrived")
        with cursor.copy(f"COPY arrived ({_COLUMNS}) FROM STDIN") as copy:
            for item in page:
                copy.write_row(
                    (
                        scope.org_id,
                        scope.audience_id,
                        scope.connection_id,
                        scope.stream,
                        item.provider_id,
                        digest(item.payload),
                        item.version,
                        item.occurred_at,
                        "2025",
                        item.payload,
                    )
                )
        cursor.execute(_UPSERT)
    peer.commit()


def _row(name: str, ours: float, peer: float, count: int) -> dict[str, Any]:
    return {
        "name": name,
        "ours": round(ours),
        "peer": round(peer),
        "ratio": round(ours / peer, 3),
        "unit": "items/CPU-s, client and server",
        "n": count,
    }
