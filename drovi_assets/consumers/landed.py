"""What landed is derived: parsed, extracted, indexed, under the connection's turn like everything that derives.

Deriving takes seconds and transactions of its own, so it is not part of the one that moves the place in the log. It need not be:
an item leaves the queue when it is derived, and one that has left is not derived again. The queue also remains: what no
event tells of any more, a live sync finds there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from uuid import UUID

from sqlalchemy import or_, select

from drovi_assets.automation import Done, turn_of
from drovi_assets.consumers.contract import Handled, Opened, Work
from drovi_assets.consumers.standing import Standing, by_source
from drovi_assets.deadline import Budget
from drovi_assets.pipeline.run import BATCH, process
from resources.errors import NeedsPerson, Transient
from resources.events.envelope import ItemsLanded
from resources.schema import record, source_item

PATIENCE_SECONDS = 2.0
"""How long to stand in line for a connection: others' connections wait meanwhile."""
BUSY_SECONDS = 3.0
"""After which an event is looked at again whose connection others work on, or whose time in this tick is over."""

_Told = tuple[Standing, list[Opened]]


def derive(work: Work, events: Sequence[Opened]) -> Handled:
    """The handler of ``intelligence.pipeline.input``."""
    sources, skipped = by_source(work, events)
    handled = Handled(skipped=skipped)
    # One that is paused or stopped keeps its items in the queue, where they are found once it goes on.
    wanted = [(source, mine) for source, mine in sources if source.wanted]
    handled.skipped += sum(len(mine) for _, mine in sources) - sum(len(mine) for _, mine in wanted)
    for number, (source, mine) in enumerate(_in_turns(wanted, work.runtime.sources.jitter())):
        told = [(event, event.body) for event in mine if isinstance(event.body, ItemsLanded)]
        part = Budget.within(work.deadline, work.deadline.left / (len(wanted) - number))
        handled.add(_derive(replace(work, deadline=part), source, told))
    return handled


def _in_turns(sources: Sequence[_Told], chance: float) -> list[_Told]:
    """The first connection of each organisation, then their second ones; by ``chance`` (below 1) which of them begins.

    Time may not do for all of them, and what is left over comes back: none may always be among those.
    """
    by_organisation: defaultdict[UUID, list[_Told]] = defaultdict(list)
    for one in sources:
        by_organisation[one[0].org_id].append(one)
    queues = list(by_organisation.values())
    first = int(chance * len(queues))
    rounds = zip_longest(*queues[first:], *queues[:first])
    return [one for together in rounds for one in together if one is not None]


def _derive(work: Work, source: Standing, told: Sequence[tuple[Opened, ItemsLanded]]) -> Handled:
    """One connection's events together, so that batches are full."""
    handled, turn = Handled(), _Turn(work, source)
    if work.deadline.left <= 0:
        handled.later = [(event, 0.0) for event, _ in told]
        return handled
    with ExitStack() as stack:
        try:
            patience = min(PATIENCE_SECONDS, work.deadline.left)
            stack.enter_context(turn_of(work.runtime, source.org_id, source.id, patience=patience))
        except Transient:  # others have it, or it was stopped this moment
            handled.later = [(event, BUSY_SECONDS) for event, _ in told]
            return handled
        left = turn.derive(_underived(work, source, {item for _, body in told for item in body.item_ids}))
    for event, body in told:
        if error := next((turn.failures[item] for item in body.item_ids if item in turn.failures), None):
            handled.failed.append((event, error))
        elif left.intersection(body.item_ids):
            handled.later.append((event, 0.0))
    if turn.done.derived:
        handled.derived.append((source.connector, source.id, turn.done))
    return handled


@dataclass(frozen=True, slots=True)
class _Turn:
    """One turn on a connection, and what came of it: an error by item, where one failed by itself."""

    work: Work
    source: Standing
    done: Done = field(default_factory=Done)
    failures: dict[UUID, Exception] = field(default_factory=dict)

    def derive(self, items: list[tuple[UUID, str]]) -> set[UUID]:
        """Derive from items, each with its window, until the time is over; those that are left."""
        while items and self.work.deadline.left > 0:
            window = items[0][1]  # one window a batch: it is reported under its partition
            batch = [item for item, its_window in items if its_window == window][:BATCH]
            self._process(batch, window)
            items = [pair for pair in items if pair[0] not in set(batch)]
        return {item for item, _ in items}

    def _process(self, batch: Sequence[UUID], window: str) -> None:
        """One batch; where a defect stops it, item by item."""
        try:
            self.done.add(window, process(self.work.runtime, self.source.org_id, batch))
        except Transient:
            raise
        except (
            NeedsPerson
        ) as error:  # what the machine lacks, not what an item is like: it concerns every event
            raise Transient(error.message, remedy=error.remedy) from error
        except Exception as error:  # noqa: BLE001 - whatever a library raises on one item is a defect of that item alone
            if len(batch) == 1:
                self.failures[batch[0]] = error
                return
            for item in batch:
                self._process([item], window)


def _underived(work: Work, source: Standing, items: Collection[UUID]) -> list[tuple[UUID, str]]:
    """Those of the items that nothing was derived from, with their windows: pending, or given up and asked for again."""
    without_record = ~select(record.c.id).where(record.c.source_item_id == source_item.c.id).exists()
    query = (
        select(source_item.c.id, source_item.c.window)
        .where(
            source_item.c.id.in_(items),
            source_item.c.connection_id == source.id,
            source_item.c.superseded_at.is_(None),
            or_(source_item.c.processed_at.is_(None), without_record),
        )
        .order_by(source_item.c.window, source_item.c.id)
    )
    with work.runtime.database.organisation(source.org_id) as connection:
        return [(row.id, row.window) for row in connection.execute(query)]
