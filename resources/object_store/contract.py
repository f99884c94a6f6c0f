"""What every object store does, and how its objects are addressed.

What was read from a source is kept as it was, so that any quote can be checked. An object is addressed by the
SHA-256 of its bytes *within a scope*, the organisation: two tenants with the same file have two objects, so that
one's deletion cannot take the other's away and nobody can find out by storing a file whether somebody else has it.
Content is verified when it is read; what does not match its address is never handed out as good.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, Final, Protocol

from resources.errors import Conflict, Invalid, NotFound

Content = bytes | Path | BinaryIO
_SCOPE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
NOTES: Final = "notes"
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")


class ObjectStore(Protocol):
    """``scope`` is the organisation's id as text; a digest is 64 hexadecimal digits."""

    def put(self, scope: str, content: Content) -> str:
        """Keep the content and give its digest; storing it again changes nothing.

        It is there for good when this returns, and not at all when it raises. Raises ProviderDown where
        the disk is full or the service fails.
        """
        ...

    def get(self, scope: str, digest: str) -> bytes:
        """The content, verified. Raises NotFound, or InvariantBroken where it no longer matches its digest."""
        ...

    def open(self, scope: str, digest: str) -> BinaryIO:
        """A stream of the content, to be closed; as :meth:`get`, but InvariantBroken comes at its end."""
        ...

    def exists(self, scope: str, digest: str) -> bool:
        """Whether it is kept in this scope."""
        ...

    def size(self, scope: str, digest: str) -> int:
        """How many bytes it has. Raises NotFound."""
        ...

    def delete(self, scope: str, digest: str) -> None:
        """Remove it, for retention and erasure; no error where it is not there."""
        ...

    def clear(self, scope: str) -> int:
        """Remove every object of a scope, for erasure; how many went. Notes stay: nothing here deletes one."""
        ...

    def write_once(self, scope: str, series: str, name: str, content: bytes) -> None:
        """Keep a small note under a name, for good: the one kind of object that is found without its digest.

        There is no way to replace or delete it here; where it must hold against those who run the machine,
        the storage's own rules have to say the same. Writing the same again changes nothing.
        Raises Conflict where the name holds something else.
        """
        ...

    def read_note(self, scope: str, series: str, name: str) -> bytes:
        """A note's content, as it is now: unlike an object's it proves itself to nobody. Raises NotFound."""
        ...

    def notes(self, scope: str, series: str) -> Sequence[str]:
        """The names in a series, in ascending order."""
        ...


def checked(scope: str) -> str:
    """The scope, where it can be one: it becomes part of a path."""
    if not _SCOPE.fullmatch(scope):
        raise Invalid(f"{scope!r} cannot be a scope of the object store.")
    return scope


def object_key(scope: str, digest: str) -> str:
    """The place of an object; fanned out, so that no folder has too many."""
    if not _DIGEST.fullmatch(digest):
        raise Invalid(f"{digest!r} is not a SHA-256 in hexadecimal.")
    return f"{checked(scope)}/{digest[:2]}/{digest[2:4]}/{digest}"


def series_key(scope: str, series: str) -> str:
    """Where the notes of a series are: beside the objects, whose folders have names of two digits."""
    if not _NAME.fullmatch(series):
        raise Invalid(f"{series!r} cannot be a series of the object store.")
    return f"{checked(scope)}/{NOTES}/{series}"


def note_key(scope: str, series: str, name: str) -> str:
    """The place of one note."""
    if not _NAME.fullmatch(name):
        raise Invalid(f"{name!r} cannot be the name of a note.")
    return f"{series_key(scope, series)}/{name}"


def not_found(what: str) -> NotFound:
    """Missing, or another scope's."""
    return NotFound(f"There is no stored object {what}.")


def taken(name: str) -> Conflict:
    """What a second writer of a note is told."""
    return Conflict(f"There is a stored note {name} already, and it says something else.")
