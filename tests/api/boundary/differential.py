"""The two-tenant differential harness: whatever one tenant does, the other's answers stay as they were.

Driven by the OpenAPI document: each check walks every operation, and every place of it that takes an id or a word. A
check yields what it found; on a sound application none of them yields anything.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from uuid import UUID, uuid4

import httpx2 as httpx
from sqlalchemy import event, text

from resources.schema import metadata
from tests.api.boundary.answers import Normal, difference, normal, tainted
from tests.api.boundary.makers import Kind, Maker, makers_for
from tests.api.boundary.operations import Fill, Opens, Operation, Slot
from tests.api.boundary.sides import Ground, Side
from tests.api.boundary.streams import Tap

IDS_A_COLUMN = 1
"""Of each column of each table, so many of the other tenant's ids are asked for."""

_NOBODY = UUID(int=0)
_ROUNDS = 5
_ATTEMPTS = 3
"""A difference that shows once is the machine's; one that shows every time is the application's."""
_TELLING_SECONDS = 0.010
_STREAM_SECONDS = 10.0
"""What a stream has to tell comes at once; a busy machine is given time."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One way in which a tenant could tell that the other exists. ``check`` names the method that saw it."""

    check: str
    operation: str
    detail: str


@dataclass(frozen=True, slots=True)
class _Asked:
    operation: Operation
    maker: Maker


class Boundary:
    """The checks, over one ground. ``planted`` are makers of operations that the application has not by itself."""

    def __init__(self, ground: Ground, planted: Mapping[str, Maker] | None = None) -> None:
        self.ground = ground
        makers = makers_for(ground.operations, planted or {})
        self._all = [_Asked(ground.operations[name], maker) for name, maker in makers.items()]
        self._refresh()

    def findings(self) -> Iterator[Finding]:
        """Everything that any check finds, one by one: who wants to know whether there is one asks for the first."""
        yield from self.settings()
        yield from self.keys()  # makes A act, as does what exists; so they come before A's answers are recorded
        self._existing  # noqa: B018 - made once, and kept
        mine = self._record(self.ground.a)
        for check in (self.foreign_ids, self.foreign_words, self.timing, self.cursors):
            self.ground.forget_attempts()
            yield from check()
        yield from self._compared("changed-by-the-other", mine, self._record(self.ground.a))
        yield from self.unmoved()
        yield from self.settings()

    def unmoved(self) -> Iterator[Finding]:
        """B's answers before and after A did everything there is to do: the same ids, counts, order, scores, words."""
        before = self._record(self.ground.b)
        taps = self._taps()
        yield from self._act()
        self._refresh()
        after = self._record(self.ground.b)
        yield from self._heard(taps)
        yield from self._compared("unmoved", before, after)
        for (name, *_), answer in after.items():
            yield from self._read("unmoved", name, f"{answer[1]} {answer[2]}")

    def foreign_ids(self) -> Iterator[Finding]:
        """B asks for each of A's ids in every place that takes one: the answer is that of an id nobody has."""
        for operation, maker, slot in self._slots("ids"):
            tries = [
                (form.format(uuid4()), [form.format(one) for one in self._foreign])
                for form in maker.forms.get(str(slot), ("{}",))
            ]
            if slot_value := maker.also.get(str(slot)):
                tries.append((slot_value(None), [slot_value(self.ground.a)]))
            answer = self._asking(operation, maker, slot)
            for invented, foreign in tries:
                nobody = normal(answer(invented), invented)
                for value in foreign:
                    theirs = normal(answer(value), value)
                    if theirs != nobody:
                        yield Finding(
                            "foreign_ids", operation.id, f"{slot}={value}: {difference(nobody, theirs)}"
                        )

    def foreign_words(self) -> Iterator[Finding]:
        """B uses A's names and words in every place that takes free text: nothing answers to them."""
        for operation, maker, slot in self._slots("words"):
            (form, *_) = maker.forms.get(str(slot), ("{}",))
            for number, name in enumerate(self.ground.a.names, start=1):
                self.ground.forget_attempts()
                invented = name.lower().replace(self.ground.a.word.lower(), f"w{uuid4().hex[:12]}")
                theirs = self._send(operation, maker, slot, form.format(name))
                nobodys = self._send(operation, maker, slot, form.format(invented))
                # What B named after A before is B's own, and may stand in this answer too.
                used = self.ground.a.names[:number]
                yield from self._read("foreign_words", operation.id, theirs.text, *used)
                if maker.kind is Kind.WRITE and _outcome(theirs, name) != _outcome(nobodys, invented):
                    yield Finding(
                        "foreign_words", operation.id, f"{slot}={name}: {theirs.text} not {nobodys.text}"
                    )

    def timing(self) -> Iterator[Finding]:
        """An id of A's takes B as many statements, and as long, as one that nobody has."""
        for operation, maker, slot in self._slots("ids"):
            if slot.place != "path":
                continue
            form = maker.forms.get(str(slot), ("{}",))[0]
            one = self._existing[operation.id]
            for _ in range(_ATTEMPTS):
                told = self._told(*self._costs(operation, maker, slot, form, one))
                if not told:
                    break
            else:
                yield Finding("timing", operation.id, told)

    def cursors(self) -> Iterator[Finding]:
        """A's cursor walks B's own list, or is refused; it carries nothing of A's over."""
        for one in self._all:
            operation, maker = one.operation, one.maker
            if not operation.paginated:
                continue
            (fill, *_) = maker.fills(self.ground.a)
            query = {name: value for name, value in fill.query.items() if name != "cursor"}
            page = self.ground.a.ask(operation, Fill(fill.path, {**query, "limit": 1}, fill.body))
            cursor = page.json().get("next_cursor") if page.status_code == 200 else None
            if cursor is None:
                continue
            (own, *_) = maker.fills(self.ground.b)
            answer = self.ground.b.ask(operation, Fill(own.path, {**own.query, "cursor": cursor}, own.body))
            yield from self._read("cursors", operation.id, answer.text, cursor)

    def keys(self) -> Iterator[Finding]:
        """An idempotency key that A used is new to B: B gets work of its own."""
        for one in self._all:
            operation, maker = one.operation, one.maker
            if "idempotency-key" not in operation.headers:
                continue
            for side in (self.ground.a, self.ground.b):
                (fill, *_) = maker.fills(side)
                headers = {"Idempotency-Key": "the-same-for-both"}
                answer = side.ask(operation, Fill(fill.path, fill.query, fill.body, headers))
                if answer.status_code >= 400:
                    yield Finding("keys", operation.id, answer.text)
            yield from self._read("keys", operation.id, answer.text)

    def settings(self) -> Iterator[Finding]:
        """No pooled connection remembers who used it last: before a caller is known it shows no row at all."""
        self._record(self.ground.b)  # A may have ended its own session by now
        database = self.ground.runtime.database
        engine = database._engine
        held = [engine.connect() for _ in range(max(1, engine.pool.checkedin()))]
        try:
            for connection in held:
                for table in metadata.tables.values():
                    if "SELECT" not in table.info["app"]:
                        continue
                    with connection.begin():
                        seen = connection.execute(text(f"SELECT count(*) FROM {table.name}")).scalar_one()
                    if seen:
                        yield Finding("settings", table.name, f"{seen} rows before anybody was authenticated")
        finally:
            for connection in held:
                connection.close()

    def _refresh(self) -> None:
        own = set(self.ground.b.ids())
        self._foreign = [one for one in self.ground.a.ids(IDS_A_COLUMN) if one not in own]
        self._theirs = frozenset(str(one) for one in self.ground.a.ids() if one not in own)

    def _slots(self, which: str) -> Iterator[tuple[Operation, Maker, Slot]]:
        for one in self._all:
            if one.maker.kind not in {Kind.OPEN, Kind.STREAM}:
                for slot in getattr(one.operation, which):
                    yield one.operation, one.maker, slot

    def _send(self, operation: Operation, maker: Maker, slot: Slot, value: str) -> httpx.Response:
        (fill, *_) = maker.fills(self.ground.b)
        answer = self.ground.b.ask(operation, fill.put(slot, value))
        maker.after(self.ground.b)
        return answer

    def _asking(self, operation: Operation, maker: Maker, slot: Slot) -> Callable[[str], httpx.Response]:
        """Asks B's request with one value after the other; what a path names is all that such a request uses up."""
        if slot.place != "path":
            return lambda value: self._send(operation, maker, slot, value)
        (fill, *_) = maker.fills(self.ground.b)
        return lambda value: self.ground.b.ask(operation, fill.put(slot, value))

    def _read(self, check: str, name: str, said: str, *asked: str) -> Iterator[Finding]:
        # B has used A's names by the time its own answers are read; the silent word it was never told.
        words = self.ground.a.telling if asked else (self.ground.a.silent,)
        found = tainted(said, self._theirs, words, asked)
        if found:
            yield Finding(check, name, f"the other tenant's {found[:3]} in {said[:300]}")

    def _record(self, side: Side) -> dict[tuple[str, int, bool], Normal]:
        """Every answer that reading gives, by key and by session."""
        answers: dict[tuple[str, int, bool], Normal] = {}
        for one in self._all:
            if one.maker.kind is not Kind.READ:
                continue
            ways = (False, True) if one.operation.opens is Opens.MEMBER else (False,)
            for number, fill in enumerate(one.maker.fills(side)):
                for by_session in ways:
                    response = side.ask(one.operation, fill, by_session=by_session)
                    assert response.status_code < 400, f"{one.operation.id}: {response.text}"
                    answers[one.operation.id, number, by_session] = normal(response)
        return answers

    def _compared(
        self,
        check: str,
        before: Mapping[tuple[str, int, bool], Normal],
        after: Mapping[tuple[str, int, bool], Normal],
    ) -> Iterator[Finding]:
        for asked, answer in before.items():
            if after[asked] != answer:
                yield Finding(check, asked[0], f"request {asked[1]}: {difference(answer, after[asked])}")

    def _act(self) -> Iterator[Finding]:
        """A does everything: each operation that writes, and new content. An act that fails would prove nothing."""
        acts = [one for one in self._all if one.maker.kind is Kind.WRITE]
        for one in sorted(acts, key=lambda one: one.maker.stage):
            self.ground.forget_attempts()
            for fill in one.maker.fills(self.ground.a):
                answer = self.ground.a.ask(one.operation, fill)
                if answer.status_code >= 400 and not one.maker.refused:
                    yield Finding("unmoved", one.operation.id, answer.text)
                one.maker.after(self.ground.a)
        self.ground.a.write(documents=40)

    def _taps(self) -> list[tuple[_Asked, Tap]]:
        headers = {"Authorization": f"Bearer {self.ground.b.tenant.key}"}
        return [
            (one, Tap(self.ground.client, fill.url(one.operation), {**headers, **fill.headers}))
            for one in self._all
            if one.maker.kind is Kind.STREAM
            for fill in one.maker.fills(self.ground.b)
        ]

    def _heard(self, taps: Sequence[tuple[_Asked, Tap]]) -> Iterator[Finding]:
        """What streams told B while A acted; each must tell of something of B's own that came after that."""
        for one, tap in taps:
            awaited = one.maker.stir(self.ground.b)
            if not tap.wait_for(awaited, _STREAM_SECONDS):
                yield Finding("unmoved", one.operation.id, f"does not tell of {awaited}: {tap.text[-300:]}")
            yield from self._read("unmoved", one.operation.id, tap.close())

    @cached_property
    def _existing(self) -> dict[str, UUID]:
        """Ids that operations answer A for, where their path takes one: what leaks, leaks for things that exist."""
        found = {}
        for operation, maker, slot in self._slots("ids"):
            if slot.place == "path" and operation.id not in found:
                (fill, *_) = maker.fills(self.ground.a)
                ids = [UUID(value) for value in fill.path.values() if len(value) == len(str(_NOBODY))]
                found[operation.id] = ids[0] if ids else self._foreign[0]
        return found

    def _costs(
        self, operation: Operation, maker: Maker, slot: Slot, form: str, one: UUID
    ) -> tuple[_Cost, _Cost]:
        """The least of several rounds, in turns: what else the machine does only ever adds."""
        theirs, nobodys = _Cost(), _Cost()
        (fill, *_) = maker.fills(self.ground.b)
        with _counting(self.ground) as statements:
            # The first request notes that the credential is in use, which takes a statement of its own.
            self.ground.b.ask(operation, fill.put(slot, form.format(uuid4())))
            for _ in range(_ROUNDS):
                for cost, value in ((theirs, one), (nobodys, uuid4())):
                    filled = fill.put(slot, form.format(value))
                    statements.clear()
                    begin = time.perf_counter()
                    self.ground.b.ask(operation, filled)
                    cost.seconds = min(cost.seconds, time.perf_counter() - begin)
                    cost.statements = min(cost.statements, len(statements))
        return theirs, nobodys

    @staticmethod
    def _told(theirs: _Cost, nobodys: _Cost) -> str:
        if theirs.statements != nobodys.statements:
            return f"{theirs.statements} statements, not {nobodys.statements}"
        if theirs.seconds - nobodys.seconds > _TELLING_SECONDS:
            return f"{theirs.seconds:.3f} s, not {nobodys.seconds:.3f}"
        return ""


@dataclass
class _Cost:
    seconds: float = float("inf")
    statements: int = 10**6


class _counting:  # noqa: N801 - reads as the verb it is
    """Collects the statements that the application sends meanwhile."""

    def __init__(self, ground: Ground) -> None:
        self._engines = [ground.runtime.database._engine, ground.runtime.identity._engine]
        self._statements: list[str] = []

    def __enter__(self) -> list[str]:
        for engine in self._engines:
            event.listen(engine, "before_cursor_execute", self._note)
        return self._statements

    def __exit__(self, *_: object) -> None:
        for engine in self._engines:
            event.remove(engine, "before_cursor_execute", self._note)

    def _note(self, _connection, _cursor, statement, *_) -> None:
        self._statements.append(statement)


def _outcome(response: httpx.Response, asked: str) -> tuple[int, str]:
    """What a changing request came to: a refusal to the letter, a success by its status, since it holds new ids."""
    if response.status_code < 400:
        return response.status_code, ""
    return response.status_code, normal(response, asked)[2]
