"""What is pushed to a feed becomes a message that is found by its words."""

from __future__ import annotations

import json
from uuid import uuid4

from drovi_assets.connectors.contract import Window
from drovi_assets.connectors.registry import CONNECTORS
from drovi_assets.documents.rows import message_document
from drovi_assets.records.normalise import SourceItem, normalise
from resources.clock import now
from resources.records import PUSHED_STREAM

PAYLOAD = {
    "id": "note-1",
    "title": "Call with the notary",
    "text": "The deed is signed on Friday.\n\nThe seller brings the keys.",
    "author": "Anne Morel",
    "url": "https://practice.example/notes/1",
}


def test_a_pushed_item_is_a_message_that_says_what_it_is_called() -> None:
    item = SourceItem(uuid4(), uuid4(), uuid4(), PUSHED_STREAM, "note-1", json.dumps(PAYLOAD), None, now())
    draft = normalise(item)
    assert (draft.kind, draft.title, draft.path) == ("message", "Call with the notary", "pushed/note-1")
    assert draft.metadata == {"author": "Anne Morel", "url": "https://practice.example/notes/1"}


def test_its_text_is_read_paragraph_by_paragraph() -> None:
    document = message_document(PAYLOAD)
    assert [block.text for block in document.blocks] == [
        "The deed is signed on Friday.",
        "The seller brings the keys.",
    ]
    assert (document.title, document.metadata) == ("Call with the notary", {"from": "Anne Morel"})


def test_there_is_nothing_to_read() -> None:
    """A sync and a window find nothing and leave the position as it is; nothing is swept, for nothing is listed."""
    feed = CONNECTORS["feed"].connect({}, {})
    (stream,) = feed.streams()
    assert feed.check().summary
    assert feed.windows(stream) == ()
    assert feed.start(stream) == {}
    for window in (None, Window("2026-03", now(), now())):
        (page,) = feed.read(stream, {}, window)
        assert (page.changes, page.cursor, page.complete) == ((), {}, True)
    assert feed.present(stream) is None
    feed.close()
