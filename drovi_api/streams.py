"""Streams of events (text/event-stream) that show a caller what they may read, for as long as they may read it.

One :class:`Hub` a process serves every client of it: one connection listens for changes, and one statement looks up
again who all clients are, every ``CHECK_SECONDS`` and, in the very snapshot that it is read in, before any event is
given out. A thousand idle clients cost a query every five seconds, not a thousand.

Events are kept in the database and numbered in the order of their commits, so a client that comes back with the last
number it saw (``Last-Event-ID``) misses none and gets none twice. A notification only wakes the hub: one that was lost
delays an event and loses nothing.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from uuid import UUID

import psycopg
from sqlalchemy import Connection
from sqlalchemy.exc import TimeoutError as PoolExhausted

from drovi_api.authentication import Shown
from drovi_api.dependencies import require
from resources.database import AppDatabase, look_as
from resources.errors import DroviError, RateLimited, Transient
from resources.permissions import Permission
from resources.telemetry import get_logger
from resources.tenancy import CredentialKind, Principal

CHECK_SECONDS = 5.0
"""How long a credential that was revoked, or an audience that was lost, can go unnoticed where nothing happens."""
LOOK_SECONDS = 30.0
"""How late an event is whose notification was lost."""
PAUSE_SECONDS = 0.1
"""Between two looks: what happens in the meantime is read in one."""
RECONNECT_SECONDS = 1.0
PAGE = 200
"""Events read at once for an organisation."""
QUEUE = 256
"""Events that may wait for one client; one that takes them slower is let go, and comes back for the rest."""
MAX_CLIENTS = 4000
MAX_OF_A_PERSON = 20

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, as its row has it; ``frame`` is what is sent."""

    id: int
    audience_id: UUID
    frame: bytes


@dataclass(frozen=True, slots=True)
class Backlog:
    """What a client is sent first, and the number after which the hub goes on."""

    events: Sequence[Event]
    position: int


@dataclass(frozen=True, slots=True)
class Feed:
    """A table of events. ``read`` gives those after a number, in their order, by what its transaction may see."""

    channel: str
    read: Callable[[Connection, int, int], Sequence[Event]]


@dataclass(eq=False, slots=True)
class Client:
    """One open stream: who reads it, how far, and what waits to be sent."""

    shown: Shown
    principal: Principal
    position: int
    waiting: asyncio.Queue[Event | None] = field(default_factory=lambda: asyncio.Queue(QUEUE + 1))
    over: bool = False

    def may_read(self, event: Event) -> bool:
        """As the caller was last seen."""
        return not self.over and event.audience_id in self.principal.audiences

    def give(self, events: Sequence[Event]) -> None:
        """Queue what is after the client's position and theirs to read."""
        for event in events:
            if event.id > self.position:
                self.position = event.id
                if self.may_read(event):
                    if self.waiting.qsize() >= QUEUE:
                        self.end()
                        return
                    self.waiting.put_nowait(event)

    def end(self) -> None:
        """Nothing more is sent, not even what waits."""
        self.over = True
        while not self.waiting.empty():
            self.waiting.get_nowait()
        self.waiting.put_nowait(None)


class Hub:
    """Every stream of this process, and the two tasks that serve them; they run from the first client to ``close``."""

    def __init__(self, database: AppDatabase, feed: Feed) -> None:
        self._database = database
        self._feed = feed
        self._clients: set[Client] = set()
        self._of_person: Counter[UUID] = Counter()
        self._changed: set[UUID] = set()
        self._woken = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def join(self, client: Client) -> None:
        """Serve a client from now on.

        Raises:
            RateLimited: there are too many, of this person or altogether.
        """
        person = client.principal.user_id
        if len(self._clients) >= MAX_CLIENTS or self._of_person[person] >= MAX_OF_A_PERSON:
            raise RateLimited(
                "Too many streams are open.", remedy="Close one, or ask for the list instead.", retry_after=30
            )
        self._clients.add(client)
        self._of_person[person] += 1
        self._wake({client.principal.org_id})  # for what happened since its backlog was read
        if not self._tasks:
            self._tasks = [asyncio.create_task(self._listen()), asyncio.create_task(self._serve())]

    def leave(self, client: Client) -> None:
        """Forget a client."""
        self._clients.remove(client)
        self._of_person[client.principal.user_id] -= 1
        self._of_person += Counter()  # drops the zeroes

    async def close(self) -> None:
        """End every stream, and the tasks."""
        for client in self._clients:
            client.end()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    def _wake(self, organisations: Collection[UUID]) -> None:
        self._changed.update(organisations)
        if organisations:
            self._woken.set()

    async def _listen(self) -> None:
        """Wake whenever something was notified; after a lost connection, for everybody: nobody knows what was missed."""
        while True:
            try:
                async for payload in self._database.notifications(self._feed.channel):
                    self._wake({UUID(payload)} if payload else self._organisations())
            except (psycopg.Error, OSError) as error:
                _log.warning("streams do not hear of changes", error=type(error).__name__)
                await asyncio.sleep(RECONNECT_SECONDS)

    async def _serve(self) -> None:
        check_at = look_at = time.monotonic()
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, check_at - time.monotonic())):
                    await self._woken.wait()
            self._woken.clear()
            now = time.monotonic()
            if now >= look_at:
                look_at = now + LOOK_SECONDS
                self._changed.update(self._organisations())
            everybody = now >= check_at
            if everybody:
                check_at = now + CHECK_SECONDS
            changed, self._changed = self._changed & self._organisations(), set()
            clients = [one for one in self._clients if everybody or one.principal.org_id in changed]
            if clients:
                await self._round(clients, changed)
                await asyncio.sleep(PAUSE_SECONDS)

    async def _round(self, clients: Sequence[Client], changed: Collection[UUID]) -> None:
        """Find out who the clients are now, and give them what is new in the organisations that changed."""
        positions: dict[UUID, int] = {}
        for client in clients:
            org_id = client.principal.org_id
            if org_id in changed:
                positions[org_id] = min(client.position, positions.get(org_id, client.position))
        try:
            principals, news = await asyncio.to_thread(self._look, [one.shown for one in clients], positions)
        except (Transient, PoolExhausted):
            self._wake(changed)  # the database is away: nothing is given out until it answers
            await asyncio.sleep(RECONNECT_SECONDS)
            return
        except Exception:  # noqa: BLE001 - a defect must not leave streams open that nobody checks
            _log.exception("streams ended: their callers could not be looked up")
            for client in clients:
                client.end()
            return
        for client in clients:
            _see_again(client, principals.get(client.shown.hash))
            if not client.over:
                client.give(news.get(client.principal.org_id, ()))
        self._wake({org_id for org_id, events in news.items() if len(events) == PAGE})

    def _look(
        self, shown: Collection[Shown], positions: Mapping[UUID, int]
    ) -> tuple[dict[bytes, Principal], dict[UUID, Sequence[Event]]]:
        """Both on one snapshot: who may read an event is known as of the moment it is read."""
        by_kind: dict[CredentialKind, set[bytes]] = defaultdict(set)
        for one in shown:
            by_kind[one.kind].add(one.hash)
        news: dict[UUID, Sequence[Event]] = {}
        with self._database.watching(by_kind) as (connection, principals):
            readable: dict[UUID, set[UUID]] = defaultdict(set)
            for principal in principals.values():
                readable[principal.org_id].update(principal.audiences)
            for org_id, position in positions.items():
                look_as(connection, org_id, readable[org_id])
                news[org_id] = self._feed.read(connection, position, PAGE)
        return principals, news

    def _organisations(self) -> set[UUID]:
        return {client.principal.org_id for client in self._clients}


def _see_again(client: Client, principal: Principal | None) -> None:
    """Go on as who the caller is now; end where their credential opens nothing, or nothing here, any more."""
    if principal is None or principal.org_id != client.principal.org_id:
        client.end()
        return
    client.principal = principal
    try:
        require(principal, Permission.READ)
    except DroviError:
        client.end()
