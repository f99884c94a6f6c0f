"""Content on its way in and out: hashed as it passes, never whole in memory, the disk's errors turned into ours."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final

from resources.errors import InvariantBroken, PermissionMissing, ProviderDown
from resources.object_store.contract import Content

_CHUNK_BYTES: Final = 1024 * 1024
_FULL: Final = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class _Verifying(io.RawIOBase):
    """Hashes what passes; at the end of a content that is not what its address says, raises."""

    def __init__(self, source: io.RawIOBase, digest: str) -> None:
        self._source = source
        self._expected = digest
        self._hasher = hashlib.sha256()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        count = self._source.readinto(buffer) or 0
        self._hasher.update(memoryview(buffer)[:count])
        if not count and self._hasher.hexdigest() != self._expected:
            raise InvariantBroken(
                f"The stored object {self._expected} no longer has the content it was named after.",
                remedy="Restore it from a backup or read its source again; the storage has lost data.",
            )
        return count

    def close(self) -> None:
        self._source.close()
        super().close()


def verifying(source: io.RawIOBase, digest: str) -> BinaryIO:
    """The source, buffered; its end raises InvariantBroken where the content is not what the digest says."""
    return io.BufferedReader(_Verifying(source, digest), _CHUNK_BYTES)


def copied(content: Content, sink: Any) -> str:
    """Write the content, giving its digest; a path or stream passes in pieces, never whole in memory."""
    if isinstance(content, Path):
        with content.open("rb") as source:
            return copied(source, sink)
    hasher = hashlib.sha256()
    stream = io.BytesIO(content) if isinstance(content, bytes) else content
    while piece := stream.read(_CHUNK_BYTES):
        hasher.update(piece)
        sink.write(piece)
    return hasher.hexdigest()


@contextlib.contextmanager
def disk_errors() -> Iterator[None]:
    """Turn what the disk refuses into the error that says what to do."""
    try:
        yield
    except PermissionError as error:
        raise PermissionMissing(
            f"The object store's folder cannot be used: {error.filename}.",
            remedy="Give this user the right to read and write it, or correct OBJECT_STORE_URL.",
        ) from error
    except OSError as error:
        if error.errno in _FULL:
            raise ProviderDown(
                "The disk of the object store is full.", remedy="Free some space; nothing was half written."
            ) from error
        raise
