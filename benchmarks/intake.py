"""How long whoever pushes a message waits for the answer, which comes once it is stored.

Signed messages of one item go to one feed, from one sender and from as many as eight that each send the next as soon as
the last is answered, so the server is always busy. Nothing relays: the event log is as good as down. Server, Postgres
and senders share the machine. The peer is the time that was asked for: 200 ms for 99 of 100.
"""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sqlalchemy import text

from benchmarks.servers import Bench, started
from benchmarks.serving import Server, Target, Wordless, served, whole_application
from resources.organisations import issue_api_key, sole_owner
from resources.webhooks import headers_of

MESSAGES = 2_000
SENDERS = (1, 4, 8)
BUDGET_MS = 200
_ITEM = {"title": "Call with the notary", "text": "The deed is signed on Friday, as we confirmed. " * 20}
_WARM = 50


def run(n: int | None = None) -> Iterable[dict[str, Any]]:
    """``n`` messages, shared by the senders; a line for each number of these."""
    count = n or MESSAGES
    numbers = itertools.count()
    with started() as bench:
        urls = bench.server.urls()
        with served(_application, Target(urls.app, urls.identity, bench.home)) as server:
            path, secret = _feed(bench, server)
            _sent(server, path, secret, _WARM, numbers)
            for senders in SENDERS:
                each = count // senders
                began = time.perf_counter()
                with ThreadPoolExecutor(senders) as pool:
                    parts = pool.map(lambda _: _sent(server, path, secret, each, numbers), range(senders))  # noqa: B023 - joined here
                    times = sorted(one for part in parts for one in part)
                took = time.perf_counter() - began
                p99 = times[int(0.99 * len(times))]
                yield {
                    "name": f"intake/senders_{senders}",
                    "ours": round(p99, 1),
                    "peer": BUDGET_MS,
                    "ratio": round(BUDGET_MS / p99, 3),
                    "unit": "ms_p99",
                    "n": len(times),
                    "p50_ms": round(times[len(times) // 2], 1),
                    "max_ms": round(times[-1], 1),
                    "per_second": round(len(times) / took),
                }
        with bench.database.dispatch() as session:
            stored = session.execute(text("SELECT count(*) FROM outbox")).scalar_one()
        assert stored == next(numbers), stored


def _feed(bench: Bench, server: Server) -> tuple[str, str]:
    """The path and the secret of a new feed."""
    key = issue_api_key(bench.database, sole_owner(bench.database), "bench")
    body = {"connector": "feed", "name": "Practice software", "config": {}}
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    connection = server.connect()
    connection.request("POST", "/api/v1/connections", json.dumps(body), headers)
    answer = connection.getresponse()
    made = json.loads(answer.read())
    if answer.status != 201:
        raise RuntimeError(f"{answer.status}: {made}")
    return "/webhooks/v1/" + made["intake"]["url"].rpartition("/")[2], made["intake"]["secret"]


def _sent(server: Server, path: str, secret: str, count: int, numbers: Iterable[int]) -> list[float]:
    """Send so many, one after the other; the milliseconds of each."""
    connection = server.connect()
    times = []
    for number in itertools.islice(numbers, count):
        content = json.dumps({"items": [{"id": f"note-{number}", **_ITEM}]}).encode()
        headers = headers_of([secret], f"msg_{number}", int(time.time()), content)
        began = time.perf_counter()
        connection.request("POST", path, content, dict(headers))
        answer = connection.getresponse()
        said = answer.read()
        times.append((time.perf_counter() - began) * 1000)
        if answer.status != 202:
            raise RuntimeError(f"{answer.status}: {said[:300]!r}")
    connection.close()
    return times


def _application(target: Target) -> Any:
    """Without the limit on one address: all senders have the same."""
    return whole_application(target, Wordless(), intake_per_minute=10**9)
