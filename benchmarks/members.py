"""A firm of 250 moves in and searches, all of them at once, on one machine.

First their owner invites them all by one list, and everybody accepts the letter's link and chooses a password, eight
at a time, through the API. Then 250 people search for a minute, each about every ten seconds (five to fifteen, by chance): 25 searches a second, over a corpus of 10,000 chunks of one
organisation. The server is uvicorn with the whole application in a process of its own, reached over loopback by one
kept-alive connection a person; Postgres, server and the 250 share the machine. The corpus' words and vectors are made
up, so what the real model embeds for each search is a real question (made-up words would be cut into five times the
tokens); what a search costs does not depend on what its vector means.

The peer is the time that was asked for: 500 ms for 95 of 100.
"""

from __future__ import annotations

import http.client
import json
import random
import threading
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select

from benchmarks.search_corpus import MODEL, make_corpus
from benchmarks.servers import Bench, started
from benchmarks.serving import PATIENCE_SECONDS, Server, Target, served, whole_application
from resources.identity import sessions
from resources.letters import opened
from resources.master_keys import MasterKeys
from resources.organisations import issue_api_key
from resources.schema import outgoing_mail
from resources.secret_file import SecretFile
from resources.secrets import SecretBox
from resources.tenancy import Principal

MEMBERS = 250
CHUNKS = 10_000
SECONDS = 60
THINK_SECONDS = 10
BUDGET_MS = 500
_AT_ONCE = 8
_QUESTION = "Until when can the buyer claim under the warranty of the audited accounts?"


@dataclass
class Times:
    """Milliseconds of every request, and what went wrong."""

    milliseconds: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def percentile(self, share: float) -> float:
        """The time that this share of the requests stayed within."""
        ascending = sorted(self.milliseconds)
        return ascending[min(len(ascending) - 1, int(share * len(ascending)))]

    def row(self, name: str, n: int, **more: Any) -> dict[str, Any]:
        """The line of the benchmark."""
        p95 = self.percentile(0.95)
        return {
            "name": f"members/{name}",
            "ours": round(p95, 1),
            "peer": BUDGET_MS,
            "ratio": round(BUDGET_MS / p95, 3),
            "unit": "ms_p95",
            "n": n,
            "p50_ms": round(self.percentile(0.5), 1),
            "max_ms": round(max(self.milliseconds), 1),
            "requests": len(self.milliseconds),
            "errors": len(self.errors),
            **more,
        }


def run(n: int | None = None) -> Iterable[dict[str, Any]]:
    """``n`` people; a line for their acceptances and one for their searches."""
    members = n or MEMBERS
    with started() as bench:
        corpus = make_corpus(bench.database, CHUNKS, organisations=1)
        (tenant,) = corpus.tenants
        questions = [ask.text for ask in corpus.questions(500)]
        urls = bench.server.urls()
        with served(_application, Target(urls.app, urls.identity, bench.home)) as server:
            invitations = _invited(bench, server, tenant.caller, members)
            accepted, tokens = _accepted(server, invitations)
            yield accepted.row("accept", members)
            _search(server.connect(), tokens[0], questions[0], Times())  # loads the model
            before = server.cpu_seconds()
            searched = _searched(server, tokens, questions)
            cpu = server.cpu_seconds() - before
        for error in searched.errors[:5]:
            print(error)
        yield searched.row(
            "search",
            members,
            per_second=round(len(searched.milliseconds) / SECONDS, 1),
            server_cpu_ms=round(1000 * cpu / len(searched.milliseconds), 1),
        )


def _invited(bench: Bench, server: Server, owner: Principal, count: int) -> list[str]:
    """The tokens of the letters that one list of the owner's has sent."""
    lines = [f"member-{number}@firm.example,MEMBER,Member {number}" for number in range(count)]
    key = issue_api_key(bench.database, owner, "bench")
    status, body, _ = _posted(
        server.connect(),
        "/api/v1/invitations/bulk",
        {"csv": "\n".join(["email,role,name", *lines])},
        {"Authorization": f"Bearer {key}"},
    )
    if status != 200 or json.loads(body)["invited"] != count:
        raise RuntimeError(f"{status}: {body[:300]!r}")
    secrets = SecretBox(MasterKeys(SecretFile(bench.home)))
    with bench.database.dispatch() as session:
        letters = [opened(secrets, row) for row in session.execute(select(outgoing_mail))]
    return [
        str(one.values["link"]).partition("#token=")[2] for one in letters if one.template == "invitation"
    ]


def _accepted(server: Server, invitations: Sequence[str]) -> tuple[Times, list[str]]:
    """How long each acceptance took, and the tokens of the sessions that they began."""
    times = Times()

    def one(numbered: tuple[int, str]) -> str:
        number, invitation = numbered
        person = {"name": f"Member {number}", "password": f"the ladder of number {number}"}
        connection = server.connect()
        begin = time.perf_counter()
        status, body, cookie = _posted(
            connection, "/api/v1/auth/invitations/accept", {"token": invitation, **person}, {}
        )
        times.milliseconds.append((time.perf_counter() - begin) * 1000)
        connection.close()
        if status != 200:
            raise RuntimeError(f"{status}: {body[:300]!r}")
        return cookie.partition("=")[2].partition(";")[0]

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return times, list(pool.map(one, enumerate(invitations)))


def _posted(
    connection: http.client.HTTPConnection, path: str, body: Any, headers: dict[str, str]
) -> tuple[int, bytes, str]:
    """Status, body, and the cookie that was set, empty where there was none."""
    connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json", **headers})
    answer = connection.getresponse()
    return answer.status, answer.read(), answer.getheader("Set-Cookie", "")


def _searched(server: Server, tokens: Sequence[str], questions: Sequence[str]) -> Times:
    times = Times()
    threads = [
        threading.Thread(target=_person, args=(server, token, questions, times, number), daemon=True)
        for number, token in enumerate(tokens)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS + 2 * PATIENCE_SECONDS)
    return times


def _person(server: Server, token: str, questions: Sequence[str], times: Times, seed: int) -> None:
    chance = random.Random(seed)
    connection = server.connect()
    until = time.monotonic() + SECONDS
    time.sleep(chance.uniform(0, THINK_SECONDS))
    while time.monotonic() < until:
        _search(connection, token, chance.choice(questions), times)
        time.sleep(chance.uniform(0.5, 1.5) * THINK_SECONDS)
    connection.close()


def _search(connection: http.client.HTTPConnection, token: str, question: str, times: Times) -> None:
    headers = {"Cookie": f"drovi_session={token}", "X-CSRF-Token": sessions.csrf_token(token)}
    begin = time.perf_counter()
    try:
        status, body, _ = _posted(connection, "/api/v1/find", {"query": question}, headers)
        if status != 200:
            times.errors.append(f"{status}: {body[:300]!r}")
    except (OSError, http.client.HTTPException) as error:
        connection.close()
        times.errors.append(repr(error))
    times.milliseconds.append((time.perf_counter() - begin) * 1000)


def _application(target: Target) -> Any:
    return whole_application(target, _Borrowed())


class _Borrowed:
    """The real model's work on a question of usual length, under the name that the corpus was written with."""

    model_id = MODEL

    def __init__(self) -> None:
        from resources.embedder import Embedder

        self._embedder = Embedder()

    def encode(self, texts: Sequence[str]) -> Any:
        return self._embedder.encode([_QUESTION] * len(texts))
