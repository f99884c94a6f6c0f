"""What kinds of record there are: the one list that the schema, connectors and policies of retention take them from."""

from __future__ import annotations

from typing import Literal, get_args

RecordKind = Literal["message", "document", "event", "contact", "row"]
"""What an item normalises to."""
KINDS: tuple[RecordKind, ...] = get_args(RecordKind)

PUSHED_STREAM = "pushed"
"""The stream of what a feed is sent: each item is a message that says itself what it is called."""
