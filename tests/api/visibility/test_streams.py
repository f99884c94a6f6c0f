"""The stream of what happens to connections: at once, to those who may know, for as long as they may."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import delete, literal, select, text, update
from sqlalchemy.dialects.postgresql import insert

from drovi_api import streams
from drovi_api.app import create_app
from drovi_api.runtime import ApiRuntime
from drovi_api.streams import Hub
from resources.identity import sessions
from resources.identity.sessions import Device
from resources.schema import api_key, audience_member, connection, connection_event, membership, stream_cursor
from tests.api.conftest import Caller
from tests.api.live import SOON, Watcher, eventually, served
from tests.api.visibility.conftest import Firm
from tests.conftest import Database

CHECK_SECONDS = 1.0
Watch = Callable[..., Watcher]


@pytest.fixture(scope="module")
def port(runtime: ApiRuntime) -> Iterator[int]:
    """A real server, which looks at its clients more often than in production, so that the tests are quick."""
    assert streams.CHECK_SECONDS <= 10
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(streams, "CHECK_SECONDS", CHECK_SECONDS)
        with served(create_app(runtime)) as port:
            yield port


@pytest.fixture
def watch(port: int) -> Iterator[Watch]:
    """Opens streams, and closes them after the test."""
    with ExitStack() as stack:

        def open_stream(caller: Caller, last: int | None = None, headers: Any = None) -> Watcher:
            key = {"Authorization": f"Bearer {caller.tenant.key}"} if caller.tenant else {}
            resumed = {} if last is None else {"Last-Event-ID": str(last)}
            watcher = Watcher(port, (key if headers is None else headers) | resumed)
            stack.callback(watcher.close)
            return watcher

        yield open_stream


def brings(firm: Firm, connection_id: UUID, items: int) -> None:
    """A page of the connection is committed."""
    row = insert(stream_cursor).values(
        org_id=firm.org_id, connection_id=connection_id, stream="files", scope="live", cursor={}, items=items
    )
    with firm.database.worker.organisation(firm.org_id) as session:
        session.execute(
            row.on_conflict_do_update(
                constraint="pk_stream_cursor", set_={"items": stream_cursor.c["items"] + items}
            )
        )


def events_of(firm: Firm, connection_id: UUID) -> list[int]:
    """The numbers of what was told of a connection, in order."""
    with firm.database.worker.organisation(firm.org_id) as session:
        query = select(connection_event.c.id).where(connection_event.c.connection_id == connection_id)
        return list(session.execute(query.order_by(connection_event.c.id)).scalars())


def settled(watcher: Watcher) -> None:
    """Wait for as long as something that must not come would have taken."""
    time.sleep(CHECK_SECONDS)
    assert not watcher.ended.is_set()


def test_a_stranger_is_turned_away(watch: Watch, stranger: Caller, firm: Firm) -> None:
    assert watch(stranger).status == 401
    assert watch(stranger, headers={"Authorization": "Bearer drovi_unknown"}).status == 401


def test_another_organisation_hears_nothing_of_it(watch: Watch, other: Caller, firm: Firm) -> None:
    watcher, own = watch(other), watch(firm.owner)
    brings(firm, firm.shared.connection_id, 3)
    assert eventually(lambda: own.of(firm.shared.connection_id)[-1:] and own.events[-1]["items"] == 3)
    settled(watcher)
    assert watcher.events == []


def test_it_begins_with_how_everything_does_that_the_caller_may_see(watch: Watch, firm: Firm) -> None:
    own, theirs = watch(firm.owner), watch(firm.viewer)
    for watcher in (own, theirs):
        assert eventually(lambda watcher=watcher: watcher.of(firm.shared.connection_id))
    assert own.of(firm.private.connection_id)
    settled(theirs)
    assert theirs.of(firm.private.connection_id) == []
    (state,) = theirs.of(firm.shared.connection_id)
    assert (state["status"], state["visibility"], state["items"]) == ("active", "ORG_SHARED", 0)


def test_a_change_arrives_as_it_happens(watch: Watch, firm: Firm) -> None:
    """Whoever makes it: the API, or a worker whose page has come in."""
    watcher = watch(firm.viewer)
    firm.owner("POST", f"/api/v1/connections/{firm.shared.connection_id}/pause")
    brings(firm, firm.shared.connection_id, 7)
    assert eventually(
        lambda: (
            [(one["status"], one["items"]) for one in watcher.of(firm.shared.connection_id)]
            == [("active", 0), ("paused", 0), ("paused", 7)]
        )
    )


def test_what_is_taken_back_is_not_told_any_more(watch: Watch, firm: Firm) -> None:
    """From the very commit; what is shared is told from its commit on, with how it does."""
    own, theirs = watch(firm.owner), watch(firm.head)
    firm.set_visibility(firm.owner, firm.private.connection_id, "ORG_SHARED")
    assert eventually(lambda: theirs.of(firm.private.connection_id))
    firm.set_visibility(firm.owner, firm.private.connection_id, "PRIVATE")
    brings(firm, firm.private.connection_id, 5)
    assert eventually(lambda: own.of(firm.private.connection_id)[-1]["items"] == 5)
    settled(theirs)
    assert [one["visibility"] for one in theirs.of(firm.private.connection_id)] == ["ORG_SHARED"]


def test_a_source_that_is_being_erased_ends_no_stream(watch: Watch, firm: Firm) -> None:
    """Not of those either who could still read that it goes: it is told to nobody, and other sources are told of."""
    gone, kept = firm.private.connection_id, firm.shared.connection_id
    with firm.database.worker.organisation(firm.org_id) as session:
        readable = select(
            connection.c.org_id, connection.c.audience_id, literal(firm.viewer.tenant.principal.user_id)
        ).where(connection.c.id == gone)
        session.execute(insert(audience_member).from_select(["org_id", "audience_id", "user_id"], readable))
    watcher = watch(firm.viewer)
    assert eventually(lambda: watcher.of(gone))
    with firm.database.worker.organisation(firm.org_id) as session:
        session.execute(update(connection).where(connection.c.id == gone).values(status="erasing"))
    brings(firm, kept, 2)
    assert eventually(lambda: watcher.of(kept)[-1:] and watcher.of(kept)[-1]["items"] == 2)
    assert [state["status"] for state in watcher.of(gone)] == ["active"]
    anew, resumed = watch(firm.viewer), watch(firm.viewer, last=events_of(firm, gone)[-1] - 1)
    assert (anew.status, resumed.status) == (200, 200)
    assert eventually(lambda: anew.of(kept) and resumed.of(kept))
    assert anew.of(gone) == resumed.of(gone) == []
    assert not watcher.ended.is_set()


@pytest.mark.parametrize("loss", ["key", "membership"])
def test_a_stream_ends_with_what_opened_it(watch: Watch, firm: Firm, loss: str) -> None:
    """Within seconds where nothing happens, and before the next event where something does."""
    watcher, own = watch(firm.member), watch(firm.owner)
    assert eventually(lambda: watcher.events)
    user_id = firm.member.tenant.principal.user_id
    ended = {
        "key": update(api_key).where(api_key.c.user_id == user_id).values(revoked_at=text("now()")),
        "membership": delete(membership).where(membership.c.user_id == user_id),
    }[loss]
    with firm.database.worker.organisation(firm.org_id) as session:
        session.execute(ended)
    heard = len(watcher.events)
    brings(firm, firm.shared.connection_id, 1)
    assert watcher.ended.wait(CHECK_SECONDS + SOON)
    assert len(watcher.events) == heard
    assert not own.ended.is_set()
    assert watch(firm.member).status == 401


def test_a_stream_ends_with_the_session_that_opened_it(watch: Watch, firm: Firm) -> None:
    user_id = firm.member.tenant.principal.user_id
    with firm.database.identity.transaction() as session:
        started = sessions.start(session, user_id, firm.org_id, Device("", ""))
    watcher = watch(firm.member, headers={"Cookie": f"drovi_session={started.token}"})
    assert eventually(lambda: watcher.events)
    with firm.database.identity.transaction() as session:
        sessions.revoke(session, user_id, started.id)
    assert watcher.ended.wait(CHECK_SECONDS + SOON)


def test_a_change_of_role_takes_effect_and_leaves_what_may_be_read(watch: Watch, firm: Firm) -> None:
    watcher = watch(firm.member)
    assert eventually(lambda: watcher.events)
    with firm.database.worker.organisation(firm.org_id) as session:
        session.execute(
            update(membership)
            .where(membership.c.user_id == firm.member.tenant.principal.user_id)
            .values(role="VIEWER")
        )
    brings(firm, firm.shared.connection_id, 1)
    assert eventually(lambda: watcher.events[-1]["items"] == 1)
    assert not watcher.ended.is_set()


def test_who_comes_back_misses_nothing_and_hears_nothing_twice(watch: Watch, firm: Firm) -> None:
    """However often it is cut off, while pages come in all the time."""
    connection_id = firm.shared.connection_id
    watcher = watch(firm.viewer)
    assert eventually(lambda: watcher.of(connection_id))
    heard = watcher.ids
    for turn in range(4):
        brings(firm, connection_id, 1)
        if turn % 2:  # cut off before it was told, or after
            assert eventually(lambda watcher=watcher: watcher.of(connection_id))
        watcher.close()
        heard += [one for one in watcher.ids if one not in heard]
        brings(firm, connection_id, 1)
        watcher = watch(firm.viewer, last=heard[-1])
    assert eventually(lambda: watcher.of(connection_id)[-1:] and watcher.events[-1]["items"] == 8)
    assert not set(watcher.ids) & set(heard)
    told = set(events_of(firm, connection_id))
    assert told <= {*heard, *watcher.ids}
    assert (heard + watcher.ids) == sorted({*heard, *watcher.ids})


def test_more_than_a_page_is_read_in_order(watch: Watch, firm: Firm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "PAGE", 3)
    connection_id = firm.shared.connection_id
    first = events_of(firm, connection_id)[-1]
    for _ in range(10):
        brings(firm, connection_id, 1)
    watcher = watch(firm.viewer, last=first)
    assert eventually(lambda: [one["items"] for one in watcher.of(connection_id)] == list(range(1, 11)))


def test_a_number_that_is_none_is_invalid(watch: Watch, firm: Firm) -> None:
    headers = {"Authorization": f"Bearer {firm.owner.tenant.key}", "Last-Event-ID": "yesterday"}
    assert watch(firm.owner, headers=headers).status == 422


def test_idle_streams_cost_a_query_together_and_not_one_each(
    watch: Watch, firm: Firm, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[int] = []
    look = Hub._look

    def counted(self: Hub, shown: Any, positions: Any) -> Any:
        looks.append(len(shown))
        return look(self, shown, positions)

    monkeypatch.setattr(Hub, "_look", counted)
    watchers = [
        watch(caller) for caller in (firm.owner, firm.head, firm.member, firm.viewer) for _ in range(15)
    ]
    assert eventually(lambda: all(one.events for one in watchers))
    looks.clear()
    time.sleep(CHECK_SECONDS * 3)
    assert 2 <= len(looks) <= 4
    assert max(looks) == len(watchers)


def test_one_person_cannot_open_streams_without_end(
    watch: Watch, firm: Firm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "MAX_OF_A_PERSON", 2)
    assert [watch(firm.viewer).status for _ in range(3)] == [200, 200, 429]
    assert watch(firm.owner).status == 200


def test_a_listener_that_is_cut_off_listens_again(watch: Watch, firm: Firm, api_database: Database) -> None:
    watcher = watch(firm.viewer)
    assert eventually(lambda: watcher.events)
    with api_database.app.acting_as(firm.owner.tenant.principal) as session:
        cut = session.execute(
            text(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                " WHERE application_name = 'drovi-listener'"
            )
        ).scalar_one()
    assert cut
    brings(firm, firm.shared.connection_id, 4)
    assert eventually(lambda: watcher.events[-1]["items"] == 4, streams.RECONNECT_SECONDS + SOON)
