"""What every connector must do, whatever its source. A new one inherits the suite in a dozen lines: see ``test_documents``.

A subclass gives a connector over a small source with history, and three ways to change it.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator
from typing import Any, Protocol

import pytest

from drovi_assets.connectors.contract import Connector, Cursor, Page, Stream, Window

State = dict[tuple[str, str], str]
"""Payload by stream and provider id: what a reader believes is there."""


class Source(Protocol):
    """The provider's side of a contract test."""

    def connector(self) -> Connector:
        """A new connector; the test closes it."""
        ...

    def add(self) -> str:
        """Create an item and return its provider id; the same for ``edit`` and ``remove``."""
        ...

    def edit(self) -> str: ...

    def remove(self) -> str: ...


class ConnectorContract:
    """Inherit, and provide the fixture ``source``."""

    @pytest.fixture
    def connector(self, source: Source) -> Iterator[Connector]:
        connector = source.connector()
        yield connector
        connector.close()

    def test_it_answers_a_check(self, connector: Connector) -> None:
        """In words for a person."""
        assert connector.check().summary

    def test_windows_cover_everything_exactly_once(self, connector: Connector) -> None:
        """Newest first, no overlap, and together they hold what a read of everything holds."""
        assert history(connector)
        for stream in connector.streams():
            windows = connector.windows(stream)
            dated = [window for window in windows if window.name != "undated"]
            for later, earlier in itertools.pairwise(dated):
                assert earlier.end <= later.start
            read = [change.provider_id for window in windows for change in changes(connector, stream, window)]
            assert len(read) == len(set(read))
            assert set(read) == present(connector, stream)

    def test_a_stream_says_whether_its_history_is_cut_by_time(self, connector: Connector) -> None:
        """Whoever asks for a span of an undated one is told so before anything is read."""
        for stream in connector.streams():
            if not stream.dated:
                assert {window.name for window in connector.windows(stream)} <= {"undated"}

    def test_reading_twice_gives_the_same(self, connector: Connector) -> None:
        """Ids, versions and payloads alike: what makes a replay harmless."""
        assert history(connector) == history(connector)
        for stream in connector.streams():
            for window in connector.windows(stream):
                assert changes(connector, stream, window) == changes(connector, stream, window)

    def test_every_cursor_resumes_where_its_page_ended(self, source: Source, connector: Connector) -> None:
        """Stopped after any page, a new connector reads the rest, the whole rest, from the cursor as JSON."""
        for stream in connector.streams():
            for window in connector.windows(stream):
                pages = list(connector.read(stream, {}, window))
                for number, page in enumerate(pages):
                    before = ids(pages[: number + 1])
                    with_another = source.connector()
                    rest = ids(with_another.read(stream, roundtrip(page.cursor), window))
                    with_another.close()
                    assert before | rest == ids(pages)
                    assert not page.complete or not rest

    def test_exactly_the_last_page_is_complete(self, connector: Connector) -> None:
        """Also of a read that finds nothing: there is always a page to commit."""
        for stream in connector.streams():
            scopes: list[Window | None] = [None, *connector.windows(stream)]
            for window in scopes:
                since = {} if window else connector.start(stream)
                flags = [page.complete for page in connector.read(stream, since, window)]
                assert flags
                assert flags == [False] * (len(flags) - 1) + [True]

    def test_a_live_read_from_the_start_finds_what_came_after_it(self, source: Source) -> None:
        """New and edited items; and after them nothing is new any more."""
        connector = source.connector()
        cursors = {stream.name: connector.start(stream) for stream in connector.streams()}
        connector.close()
        touched = {source.add(), source.edit()}
        connector = source.connector()
        found: set[str] = set()
        for stream in connector.streams():
            pages = list(connector.read(stream, roundtrip(cursors[stream.name])))
            found |= ids(pages)
        connector.close()
        assert touched <= found

    def test_a_deletion_is_told(self, source: Source) -> None:
        """By an event, or by being absent from a complete listing that still names everything else."""
        connector = source.connector()
        cursors = {stream.name: connector.start(stream) for stream in connector.streams()}
        before = {stream.name: present(connector, stream) for stream in connector.streams()}
        removed = source.remove()
        gone: set[str] = set()
        for stream in connector.streams():
            for page in connector.read(stream, cursors[stream.name]):
                gone |= {one.provider_id for one in page.gone}
            if connector.present(stream) is not None:
                gone |= before[stream.name] - present(connector, stream)
        connector.close()
        assert gone == {removed}

    def test_a_read_may_be_left_and_close_called_twice(self, connector: Connector) -> None:
        """Nothing hangs on to the source, and the connector can be used again after an abandoned read."""
        stream = connector.streams()[0]
        window = connector.windows(stream)[0]
        abandoned = iter(connector.read(stream, {}, window))
        next(abandoned)
        del abandoned
        assert changes(connector, stream, window)
        connector.close()
        connector.close()

    def test_payloads_are_json_objects(self, connector: Connector) -> None:
        """UTF-8 text of one object each: what is hashed, kept and normalised."""
        for payload in history(connector).values():
            assert isinstance(json.loads(payload), dict)
            payload.encode("utf-8")


def history(connector: Connector) -> State:
    """Everything the windows hold."""
    return {
        (stream.name, change.provider_id): change.payload
        for stream in connector.streams()
        for window in connector.windows(stream)
        for change in changes(connector, stream, window)
    }


def changes(connector: Connector, stream: Stream, window: Window) -> list[Any]:
    return [change for page in connector.read(stream, {}, window) for change in page.changes]


def ids(pages: Iterable[Page]) -> set[str]:
    return {change.provider_id for page in pages for change in page.changes}


def present(connector: Connector, stream: Stream) -> set[str]:
    listing = connector.present(stream)
    if listing is None:
        return {provider_id for name, provider_id in history(connector) if name == stream.name}
    return {provider_id for batch in listing for provider_id in batch}


def roundtrip(cursor: Cursor) -> Cursor:
    """A cursor as it comes back from the database."""
    restored: Cursor = json.loads(json.dumps(dict(cursor)))
    return restored
