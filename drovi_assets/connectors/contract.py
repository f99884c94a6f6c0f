"""What a connector is: how it is checked, which streams it has, and how pages of changes come out of it.

The runner's promise to a connector: a page is committed whole with its cursor or not at all, so ``read`` may be
stopped after any page and is called again with the cursor of the last one that was committed. The
connector's promise to the runner: a cursor covers everything yielded up to it, reading twice is harmless,
and every call it makes outside has a time-out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar, Protocol, runtime_checkable

from resources.records import RecordKind

Cursor = Mapping[str, Any]
"""A position in a stream: plain JSON values, the connector's own; ``{}`` is the beginning."""


@dataclass(frozen=True, slots=True)
class Stream:
    """One collection inside a source. ``kind`` is what its items normalise to.

    ``dated`` says whether its history is cut by time: where it is not, it has no window but "undated", or none.
    """

    name: str
    kind: RecordKind
    dated: bool = True


@dataclass(frozen=True, slots=True)
class Window:
    """A span of time that a backfill reads on its own; ``name`` is "2026-11" or "2023", end exclusive.

    Named "undated" with the widest bounds for items that have no time.
    """

    name: str
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Change:
    """A source item that is new or may have changed.

    ``payload`` is the provider's own account of it as UTF-8 JSON text, exactly what is hashed and kept.
    ``version`` orders the versions of one id: the highest wins, whatever order they arrive in.
    ``file`` is the content of a file item (a path is read once, streamed into the object store).
    ``readers`` are e-mail addresses where the provider says who may read the item, None where it does not.
    """

    provider_id: str
    version: int
    payload: str
    occurred_at: datetime | None = None
    file: bytes | Path | None = None
    readers: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Gone:
    """An item the provider says is deleted; ``version`` as in ``Change``, so that a late edit cannot revive it."""

    provider_id: str
    version: int


@dataclass(frozen=True, slots=True)
class Skipped:
    """An item that could not be read, kept with its reason; it never stops the page."""

    provider_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Page:
    """What one transaction commits: changes, deletions, and the cursor that stands after them.

    ``complete`` says that the scope (a window, or all that was new) is read to its end.
    """

    changes: Sequence[Change]
    cursor: Cursor
    complete: bool
    gone: Sequence[Gone] = ()
    skipped: Sequence[Skipped] = ()


@dataclass(frozen=True, slots=True)
class Health:
    """The answer of ``check``: what was reached, in words for the connection's owner."""

    summary: str
    details: Mapping[str, Any] = field(default_factory=dict)


class Connector(Protocol):
    """One link to one source, made from its configuration by the registry, closed by whoever made it."""

    name: ClassVar[str]

    def check(self) -> Health:
        """Reach the source with the smallest possible call.

        Raises:
            NeedsPerson: the owner must act (a missing folder, a refused password).
            Transient: the source does not answer now.
        """
        ...

    def streams(self) -> Sequence[Stream]:
        """The collections there are, in the order they should be read; known from the configuration, without a call or a secret."""
        ...

    def start(self, stream: Stream) -> Cursor:
        """The position of now, taken before any window is read: later changes come after it, earlier ones in windows."""
        ...

    def windows(self, stream: Stream) -> Sequence[Window]:
        """The windows that hold items, newest first; monthly for the last two years, yearly before."""
        ...

    def read(self, stream: Stream, since: Cursor, window: Window | None = None) -> Iterator[Page]:
        """Pages after ``since``: of a window, newest first; or, without one, of what changed, oldest first.

        Raises:
            CursorRejected: the position is lost; the runner starts the stream again and keeps ids.
        """
        ...

    def present(self, stream: Stream) -> Iterator[Sequence[str]] | None:
        """Batches of *every* provider id that exists now, for a deletion sweep; None where deletions come with ``read``.

        A listing that cannot be completed must raise: the runner deletes what a listing lacks.
        """
        ...

    def close(self) -> None:
        """Let go of connections and files."""
        ...


@dataclass(frozen=True, slots=True)
class Subscribed:
    """A subscription as its provider holds it: its name there, and when it ends by itself (None: never)."""

    provider_id: str
    expires_at: datetime | None = None


@runtime_checkable
class Subscribes(Protocol):
    """What a connector does beside reading where its provider pushes to an address, for a while.

    Messages may come twice while one subscription follows another, and none for as long as there is none: what is
    missed is found by reading, which goes on.
    """

    def subscribe(self, callback_url: str, secret: str) -> Subscribed:
        """Have the provider push to the address, signed with the secret.

        Raises:
            NeedsPerson: the owner must act.
            Transient: the provider does not answer now.
        """
        ...

    def renew(self, provider_id: str) -> Subscribed:
        """Have a subscription go on; its name may be another one afterwards. Raises as ``subscribe`` too.

        Raises:
            NotFound: the provider knows of none by that name (its 404 or 410).
        """
        ...

    def unsubscribe(self, provider_id: str) -> None:
        """End a subscription; of no effect where the provider knows of none. Raises as ``subscribe``."""
        ...
