"""What must be stored of a connection, kept in memory beside the real thing and held against it.

A ``Witness`` stands between the runner and a connector and tells the ledger what each page says; the ledger takes it
over when the transaction that carries it commits, and forgets it when that is rolled back. Its rules are those of the
landing's and the deletions' docstrings, written down a second time as plainly as they can be.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, ClassVar
from uuid import UUID

import psycopg

from drovi_assets.connectors.committing import LIVE
from drovi_assets.connectors.contract import Change, Connector, Cursor, Gone, Health, Page, Stream, Window
from drovi_assets.connectors.sweeping import SCOPE as SWEEP
from resources.errors import CursorRejected, Transient

# One round trip: it is asked after every step.
_STORED = """
SELECT
    (SELECT jsonb_agg(jsonb_build_array(provider_id, item.id, version, payload, superseded_at IS NULL,
        CASE WHEN reader_set_id IS NOT NULL THEN ARRAY(
            SELECT email FROM reader_set_member member WHERE member.reader_set_id = audience.reader_set_id
        ) END))
     FROM source_item item JOIN audience ON audience.id = item.audience_id WHERE item.connection_id = %(id)s),
    (SELECT jsonb_object_agg(provider_id, version) FROM tombstone WHERE connection_id = %(id)s),
    (SELECT jsonb_object_agg(provider_id, reason) FROM skipped_item WHERE connection_id = %(id)s),
    (SELECT jsonb_agg(jsonb_build_array(scope, cursor, complete, items))
     FROM stream_cursor WHERE connection_id = %(id)s)
"""


@dataclass(frozen=True, slots=True)
class Item:
    """The current version of an id."""

    version: int
    payload: str
    readers: frozenset[str] | None


@dataclass(frozen=True, slots=True)
class Position:
    """How far a scope was read, and how many items that brought."""

    cursor: Cursor
    complete: bool
    items: int = 0


@dataclass
class Ledger:
    """The model. ``clock`` is in seconds and only moves when somebody moves it."""

    items: dict[str, Item] = field(default_factory=dict)
    tombstones: dict[str, int] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    positions: dict[str, Position] = field(default_factory=dict)
    rows: dict[tuple[str, str], str] = field(default_factory=dict)
    """The row that holds a content of an id: it keeps its own for as long as the id exists."""
    clock: float = 0.0
    quiet_until: float = 0.0
    """Before this the provider asked not to be called."""
    turn: int = 0
    _expected: deque[Callable[[], None]] = field(default_factory=deque)

    def expect(self, *effects: Callable[[], None]) -> None:
        """What the next transactions mean, one each."""
        self._expected = deque(effects)

    def kept(self) -> None:
        """A transaction was committed."""
        if self._expected:
            self._expected.popleft()()

    def lost(self) -> None:
        """A transaction was rolled back, and whoever read for it begins again."""
        self._expected.clear()

    def sleep(self, seconds: float) -> None:
        """As a worker does between two tries."""
        self.clock += seconds

    def called(self) -> None:
        """The provider is asked for something."""
        assert self.clock >= self.quiet_until, "called before the provider's deadline"

    def page(self, scope: str, page: Page) -> None:
        """A page is durable."""
        for gone in page.gone:
            self.bury(gone, gone.version)
        landed = [self._land(change) for change in _latest(page.changes)]
        for change in page.changes:
            self.skipped.pop(change.provider_id, None)
        self.skipped |= {one.provider_id: one.reason for one in page.skipped}
        before = self.positions.get(scope, Position({}, complete=False))
        self.positions[scope] = Position(page.cursor, page.complete, before.items + sum(landed))

    def start(self, cursor: Cursor) -> None:
        """The live position was taken at now."""
        self.positions[LIVE] = Position(cursor, complete=True)

    def start_over(self) -> None:
        """A person had the stream read again."""
        self.positions[LIVE] = replace(
            self.positions.get(LIVE, Position({}, complete=False)), cursor={}, complete=False
        )
        self.sweep_is_due()

    def sweep_is_due(self) -> None:
        """The position was lost, and deletions with it."""
        self.positions[SWEEP] = Position({"due": True}, complete=False)

    def swept(self, listed: set[str]) -> list[Callable[[], None]]:
        """What a sweep's transactions do: forget what is not there to be skipped, bury, remember that it was done."""
        absent = [Gone(one, item.version) for one, item in self.items.items() if one not in listed]
        unlisted = set(self.skipped) - listed

        def forget() -> None:
            for one in unlisted:
                self.skipped.pop(one, None)

        def bury() -> None:
            for gone in absent:
                self.bury(gone, gone.version - 1)  # seen again at the same version, it is back

        def done() -> None:
            self.positions[SWEEP] = Position({}, complete=True)

        return [forget, *([bury] if absent else []), done]

    def bury(self, gone: Gone, tombstone: int) -> None:
        """A deletion holds against versions up to ``tombstone``, and takes what is not newer than it."""
        self.tombstones[gone.provider_id] = max(tombstone, self.tombstones.get(gone.provider_id, tombstone))
        current = self.items.get(gone.provider_id)
        if current is None or current.version <= gone.version:
            self.skipped.pop(gone.provider_id, None)
            self.items.pop(gone.provider_id, None)
            self.rows = {key: row for key, row in self.rows.items() if key[0] != gone.provider_id}

    def _land(self, change: Change) -> bool:
        """Whether it brought something new."""
        arrived = Item(change.version, change.payload, change.readers)
        current = self.items.get(change.provider_id)
        buried = self.tombstones.get(change.provider_id)
        if (buried is not None and change.version <= buried) or (
            current is not None and change.version < current.version
        ):
            return False
        self.items[change.provider_id] = arrived
        return current is None or current.payload != arrived.payload

    def compare(self, watch: psycopg.Connection[Any], connection_id: UUID) -> None:
        """Hold what is stored against what must be; ``watch`` sees all rows."""
        found = watch.execute(_STORED, {"id": connection_id}).fetchone()
        assert found is not None
        rows, tombstones, skipped, positions = found
        self._compare_rows(rows or [])
        assert (tombstones or {}) == self.tombstones
        assert (skipped or {}) == self.skipped
        assert {
            scope: Position({} if scope == SWEEP and complete else cursor, complete, items)
            for scope, cursor, complete, items in positions or []
        } == self.positions

    def _compare_rows(self, rows: Sequence[tuple[Any, ...]]) -> None:
        readers_of = {row: None if readers is None else frozenset(readers) for _, row, *_, readers in rows}
        current = [row for row in rows if row[4]]
        found = {one: Item(version, payload, readers_of[row]) for one, row, version, payload, *_ in current}
        assert found == self.items
        assert len(current) == len(found), "two current versions of one id"
        for one, row, _, payload, *_ in rows:
            assert one in found, "a past without a present"
            assert self.rows.setdefault((one, payload), row) == row, "a row was not kept"
            assert readers_of[row] == found[one].readers, "the past has other readers than the present"
        assert len({(one, payload) for one, _, _, payload, *_ in rows}) == len(rows), "one content twice"


class Witness:
    """A connector that tells a ledger what passes through it."""

    name: ClassVar[str] = "hostile"

    def __init__(self, inner: Connector, ledger: Ledger) -> None:
        self._inner, self._ledger = inner, ledger
        ledger.turn += 1
        self._turn = ledger.turn

    def check(self) -> Health:
        return self._inner.check()

    def streams(self) -> Sequence[Stream]:
        return self._inner.streams()

    def start(self, stream: Stream) -> Cursor:
        cursor = self._inner.start(stream)
        self._expect(lambda: self._ledger.start(cursor))
        return cursor

    def windows(self, stream: Stream) -> Sequence[Window]:
        return self._inner.windows(stream)

    def read(self, stream: Stream, since: Cursor, window: Window | None = None) -> Iterator[Page]:
        ledger, scope = self._ledger, window.name if window else LIVE
        try:
            ledger.called()
            for page in self._inner.read(stream, since, window):
                self._expect(lambda page=page: ledger.page(scope, page))
                yield page
                ledger.called()
        except CursorRejected:
            self._expect(ledger.sweep_is_due)
            raise
        except Transient as error:
            ledger.quiet_until = ledger.clock + (error.retry_after or 0)
            raise

    def present(self, stream: Stream) -> Iterator[Sequence[str]] | None:
        self._ledger.called()
        listing = self._inner.present(stream)
        if listing is None:
            return None
        batches = list(listing)
        self._expect(*self._ledger.swept({one for batch in batches for one in batch}))
        return iter(batches)

    def close(self) -> None:
        self._inner.close()

    def _expect(self, *effects: Callable[[], None]) -> None:
        def of_this_turn(effect: Callable[[], None]) -> None:
            assert self._turn == self._ledger.turn, "a worker that lost its turn has committed"
            effect()

        self._ledger.expect(*(partial(of_this_turn, effect) for effect in effects))


def _latest(changes: Sequence[Change]) -> list[Change]:
    """The highest version of each id, of equal ones the last."""
    return list(
        {change.provider_id: change for change in sorted(changes, key=lambda one: one.version)}.values()
    )
