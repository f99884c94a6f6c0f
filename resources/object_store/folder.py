"""Objects in a local folder."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from resources.object_store.contract import (
    NOTES,
    Content,
    checked,
    not_found,
    note_key,
    object_key,
    series_key,
    taken,
)
from resources.object_store.streams import copied, disk_errors, verifying


class FolderStore:
    """Objects as files under one folder, ``<scope>/ab/cd/abcd…``, readable by their owner only."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def put(self, scope: str, content: Content) -> str:
        """Written beside its place, flushed to the disk, then renamed: there is never half an object."""
        with self._incoming(scope) as (temporary, sink):
            digest = copied(content, sink)
            sink.flush()
            path = self._path(scope, digest)
            # Of another size, what is there was damaged from outside: this mends it.
            if not path.exists() or path.stat().st_size != sink.tell():
                os.fsync(sink.fileno())
                _settle(path, temporary.replace)
        return digest

    def write_once(self, scope: str, series: str, name: str, content: bytes) -> None:
        """See :class:`ObjectStore`. A link, unlike a renaming, never takes the place of what is there."""
        path = self._root / note_key(scope, series, name)
        with self._incoming(scope) as (temporary, sink):
            sink.write(content)
            sink.flush()
            os.fsync(sink.fileno())
            try:
                _settle(path, lambda place: os.link(temporary, place))
            except FileExistsError:
                if path.read_bytes() != content:
                    raise taken(name) from None

    def read_note(self, scope: str, series: str, name: str) -> bytes:
        """See :class:`ObjectStore`."""
        with disk_errors():
            try:
                return (self._root / note_key(scope, series, name)).read_bytes()
            except FileNotFoundError:
                raise not_found(name) from None

    def notes(self, scope: str, series: str) -> Sequence[str]:
        """See :class:`ObjectStore`."""
        with disk_errors():
            try:
                return sorted(path.name for path in (self._root / series_key(scope, series)).iterdir())
            except FileNotFoundError:
                return ()

    @contextlib.contextmanager
    def _incoming(self, scope: str) -> Iterator[tuple[Path, BinaryIO]]:
        """A file to write to, in the folder of its scope, which is gone afterwards under that name."""
        folder = self._root / checked(scope)
        with disk_errors():
            self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.mkdir(mode=0o700, exist_ok=True)
            descriptor, name = tempfile.mkstemp(dir=folder, prefix=".incoming-")  # created 0600
            temporary = Path(name)
            try:
                with os.fdopen(descriptor, "wb") as sink:
                    yield temporary, sink
            finally:
                temporary.unlink(missing_ok=True)

    def get(self, scope: str, digest: str) -> bytes:
        """See :class:`ObjectStore`."""
        with self.open(scope, digest) as stream:
            return stream.read()

    def open(self, scope: str, digest: str) -> BinaryIO:
        """See :class:`ObjectStore`."""
        path = self._path(scope, digest)
        with disk_errors():
            try:
                return verifying(path.open("rb", buffering=0), digest)
            except FileNotFoundError:
                raise not_found(digest) from None

    def exists(self, scope: str, digest: str) -> bool:
        """See :class:`ObjectStore`."""
        return self._path(scope, digest).is_file()

    def size(self, scope: str, digest: str) -> int:
        """See :class:`ObjectStore`."""
        with disk_errors():
            try:
                return self._path(scope, digest).stat().st_size
            except FileNotFoundError:
                raise not_found(digest) from None

    def delete(self, scope: str, digest: str) -> None:
        """See :class:`ObjectStore`."""
        with disk_errors():
            self._path(scope, digest).unlink(missing_ok=True)

    def clear(self, scope: str) -> int:
        """See :class:`ObjectStore`. What a killed writer left unfinished goes too."""
        removed, root = 0, self._root / checked(scope)
        with disk_errors():
            for folder, _, names in os.walk(root, topdown=False):
                place = Path(folder)
                if place.relative_to(root).parts[:1] == (NOTES,):
                    continue
                for name in names:
                    (place / name).unlink(missing_ok=True)
                removed += len(names)
                with contextlib.suppress(OSError):  # it holds notes, or somebody writes into it
                    place.rmdir()
        return removed

    def _path(self, scope: str, digest: str) -> Path:
        return self._root / object_key(scope, digest)


def _settle(path: Path, move: Callable[[Path], object]) -> None:
    """Move a file to its place, and make the name, and the folders on the way to it, survive a power cut."""
    way = [path.parents[3], path.parents[2], path.parents[1], path.parents[0]]
    fresh = [folder for folder in way[2:] if not folder.exists()]
    for folder in fresh:
        folder.mkdir(mode=0o700, exist_ok=True)
    move(path)
    for folder in reversed(way if fresh else way[3:]):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
