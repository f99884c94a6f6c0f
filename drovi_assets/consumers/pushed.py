"""What sources push: items are landed as a sync would land them, and a source that only says that something changed is read now.

A push takes no turn on its connection and waits for none: it lands between two pages of a sync that is going on
(``leases.keep_out``). It moves no cursor, so it can hide nothing from a sync: what was pushed is read again, and found to
be known. Whichever comes first, the higher version wins.

Events of one connection and stream are landed together, with one COPY, whatever their number. What is landed is told in
the same transaction. A connection that is paused keeps its events waiting, and loses none.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import func, update

from drovi_assets.connectors import committing, leases
from drovi_assets.connectors.contract import Change, Gone, Page
from drovi_assets.connectors.landing import LandingScope, landed_now, latest
from drovi_assets.consumers.contract import Handled, Opened, Work
from drovi_assets.consumers.standing import Standing, by_source
from resources.database import enter
from resources.events.envelope import ItemsLanded, ItemsPushed, SourceChanged, tell
from resources.schema import connection as connection_table

UNWANTED_SECONDS = 60.0
"""After which a paused or stopped connection's events are looked at again."""
TOLD_AT_ONCE = 100
"""Items an event of what landed names: a few seconds of deriving."""


@dataclass(slots=True)
class _Arrived:
    """What was pushed into one stream of one connection."""

    changes: list[Change] = field(default_factory=list)
    gone: list[Gone] = field(default_factory=list)


def take_in(work: Work, events: Sequence[Opened]) -> Handled:
    """The handler of ``raw.connector.events``."""
    sources, skipped = by_source(work, events)
    handled = Handled(skipped=skipped)
    changed: set[UUID] = set()
    for source, mine in sources:
        if not source.wanted:
            handled.later += [(event, UNWANTED_SECONDS) for event in mine]
            continue
        arrived: defaultdict[str, _Arrived] = defaultdict(_Arrived)
        for event in mine:
            if isinstance(event.body, ItemsPushed):
                _sort(event.body, arrived[event.body.stream])
            elif isinstance(event.body, SourceChanged):
                changed.add(source.id)
        if arrived:
            _land(work, source, arrived)
    if changed:
        work.connection.execute(
            update(connection_table)
            .where(connection_table.c.id.in_(changed), connection_table.c.next_sync_at > func.now())
            .values(next_sync_at=func.now())
        )
    return handled


def _sort(body: ItemsPushed, into: _Arrived) -> None:
    for item in body.items:
        if item.payload is None:
            into.gone.append(Gone(item.provider_id, item.version))
        else:
            into.changes.append(
                Change(
                    item.provider_id,
                    item.version,
                    item.payload,
                    item.occurred_at,
                    readers=item.readers,
                )
            )


def _land(work: Work, source: Standing, streams: defaultdict[str, _Arrived]) -> None:
    sources = work.runtime.sources
    enter(work.connection, source.org_id)
    leases.keep_out(work.connection, source.org_id, source.id, sources.holder)
    for stream, arrived in sorted(streams.items()):
        scope = LandingScope(source.org_id, source.id, stream, source.audience_id, sources.clock.now().year)
        changes, refused = committing.landable(latest(arrived.changes))
        page = Page(changes, {}, complete=True, gone=arrived.gone, skipped=refused)
        landed = committing.write(sources, work.connection, scope, page).landed
        if landed.new or landed.changed:
            _tell(work, scope)


def _tell(work: Work, scope: LandingScope) -> None:
    ids = landed_now(work.connection, scope)
    for begin in range(0, len(ids), TOLD_AT_ONCE):
        body = ItemsLanded(
            connection_id=scope.connection_id, item_ids=tuple(ids[begin : begin + TOLD_AT_ONCE])
        )
        tell(work.connection, scope.org_id, body, key=str(scope.connection_id))
