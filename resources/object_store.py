"""Immutable files by content: what was read from a source, kept as it was, so that any quote can be checked.

An object is addressed by the SHA-256 of its bytes *within a scope*, the organisation: two tenants with the
same file have two objects, so that one's deletion cannot take the other's away and nobody can find out by
storing a file whether somebody else has it. Content is verified when it is read; what does not match its
address is never handed out as good.

Two backends, one contract (``tests/contract/object_store``): a local folder, and S3 through boto3.
"""

from __future__ import annotations

import base64
import contextlib
import errno
import hashlib
import io
import os
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Protocol
from urllib.parse import unquote, urlsplit

from resources.errors import (
    Invalid,
    InvariantBroken,
    NotConfigured,
    NotFound,
    PermissionMissing,
    ProviderDown,
    TimedOut,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_s3 import S3Client

    from resources.settings import Settings

Content = bytes | Path | BinaryIO
_CHUNK_BYTES: Final = 1024 * 1024
_SPOOL_BYTES: Final = 8 * 1024 * 1024
_SCOPE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_CONNECT_SECONDS: Final = 5
_READ_SECONDS: Final = 60
_ATTEMPTS: Final = 4
_FULL: Final = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


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

    def delete(self, scope: str, digest: str) -> None:
        """Remove it, for retention and erasure; no error where it is not there."""
        ...


def open_object_store(settings: Settings) -> ObjectStore:
    """The store that ``OBJECT_STORE_URL`` names."""
    parts = urlsplit(settings.resolved_object_store_url())
    if parts.scheme == "file":
        return FolderStore(Path(unquote(parts.path)))
    return S3Store(parts.netloc, parts.path.strip("/"), endpoint_url=settings.s3_endpoint_url)


class FolderStore:
    """Objects as files under one folder, ``<scope>/ab/cd/abcd…``, readable by their owner only."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def put(self, scope: str, content: Content) -> str:
        """Written beside its place, flushed to the disk, then renamed: there is never half an object."""
        folder = self._root / _checked(scope)
        with _disk_errors():
            self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.mkdir(mode=0o700, exist_ok=True)
            descriptor, name = tempfile.mkstemp(dir=folder, prefix=".incoming-")  # created 0600
            temporary = Path(name)
            try:
                with os.fdopen(descriptor, "wb") as sink:
                    digest = _copy(content, sink)
                    sink.flush()
                    path = self._path(scope, digest)
                    # Of another size, what is there was damaged from outside: this mends it.
                    if not path.exists() or path.stat().st_size != sink.tell():
                        os.fsync(sink.fileno())
                        self._rename(temporary, path)
            finally:
                temporary.unlink(missing_ok=True)
        return digest

    def _rename(self, temporary: Path, path: Path) -> None:
        """Make the name, and the folders on the way to it, survive a power cut."""
        way = [self._root, path.parents[2], path.parents[1], path.parents[0]]
        fresh = [folder for folder in way[2:] if not folder.exists()]
        for folder in fresh:
            folder.mkdir(mode=0o700, exist_ok=True)
        temporary.replace(path)
        for folder in reversed(way if fresh else way[3:]):
            descriptor = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def get(self, scope: str, digest: str) -> bytes:
        """See :class:`ObjectStore`."""
        with self.open(scope, digest) as stream:
            return stream.read()

    def open(self, scope: str, digest: str) -> BinaryIO:
        """See :class:`ObjectStore`."""
        path = self._path(scope, digest)
        with _disk_errors():
            try:
                return _verifying(path.open("rb", buffering=0), digest)
            except FileNotFoundError:
                raise _not_found(digest) from None

    def exists(self, scope: str, digest: str) -> bool:
        """See :class:`ObjectStore`."""
        return self._path(scope, digest).is_file()

    def delete(self, scope: str, digest: str) -> None:
        """See :class:`ObjectStore`."""
        with _disk_errors():
            self._path(scope, digest).unlink(missing_ok=True)

    def _path(self, scope: str, digest: str) -> Path:
        return self._root / _key(scope, digest)


class S3Store:
    """Objects in one bucket, ``<prefix>/<scope>/ab/cd/abcd…``; credentials are found as boto3 finds them."""

    def __init__(self, bucket: str, prefix: str = "", *, endpoint_url: str = "") -> None:
        import boto3
        from botocore.config import Config

        self._bucket = bucket
        self._prefix = prefix
        # A session of our own: the shared default one is not safe to make clients from in several threads.
        self._client: S3Client = boto3.session.Session().client(
            "s3",
            endpoint_url=endpoint_url or None,
            config=Config(
                connect_timeout=_CONNECT_SECONDS,
                read_timeout=_READ_SECONDS,
                retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
                # A service of one's own seldom has a name for each bucket.
                s3={"addressing_style": "path" if endpoint_url else "auto"},
            ),
        )

    def put(self, scope: str, content: Content) -> str:
        """The service compares what it received with the digest before it keeps it."""
        _checked(scope)
        with tempfile.SpooledTemporaryFile(max_size=_SPOOL_BYTES) as spool:
            with _disk_errors():
                digest = _copy(content, spool)
            spool.seek(0)
            if not self.exists(scope, digest):
                with self._service_errors(digest):
                    self._client.put_object(
                        Bucket=self._bucket,
                        Key=self._key(scope, digest),
                        Body=spool,
                        ChecksumSHA256=base64.b64encode(bytes.fromhex(digest)).decode(),
                    )
        return digest

    def get(self, scope: str, digest: str) -> bytes:
        """See :class:`ObjectStore`."""
        with self.open(scope, digest) as stream:
            return stream.read()

    def open(self, scope: str, digest: str) -> BinaryIO:
        """See :class:`ObjectStore`."""
        with self._service_errors(digest):
            answer = self._client.get_object(Bucket=self._bucket, Key=self._key(scope, digest))
        return _verifying(_S3Body(self, answer["Body"], digest), digest)

    def exists(self, scope: str, digest: str) -> bool:
        """See :class:`ObjectStore`."""
        key = self._key(scope, digest)
        try:
            with self._service_errors(digest):
                self._client.head_object(Bucket=self._bucket, Key=key)
        except NotFound:
            return False
        return True

    def delete(self, scope: str, digest: str) -> None:
        """See :class:`ObjectStore`. In a bucket with versions the bucket's own rules remove the old ones."""
        with self._service_errors(digest):
            self._client.delete_object(Bucket=self._bucket, Key=self._key(scope, digest))

    def _key(self, scope: str, digest: str) -> str:
        return f"{self._prefix}/{_key(scope, digest)}".lstrip("/")

    @contextlib.contextmanager
    def _service_errors(self, digest: str) -> Iterator[None]:
        """The errors of botocore, whose messages may hold addresses and key ids, as ours."""
        from botocore import exceptions

        try:
            yield
        except (exceptions.ConnectTimeoutError, exceptions.ReadTimeoutError):
            raise TimedOut("The object store did not answer in time.") from None
        except (exceptions.NoCredentialsError, exceptions.PartialCredentialsError):
            raise NotConfigured(
                "There are no credentials for the object store.",
                remedy="Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give the machine a role.",
            ) from None
        except exceptions.ClientError as error:
            raise self._refusal(error.response, digest) from None
        except (exceptions.BotoCoreError, OSError) as error:
            raise ProviderDown(f"The object store cannot be reached ({type(error).__name__}).") from None

    def _refusal(self, response: Any, digest: str) -> Exception:
        code = str(response.get("Error", {}).get("Code", ""))
        status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if code == "NoSuchBucket":
            return NotConfigured(
                f"The bucket {self._bucket} does not exist.", remedy="Create it, or correct OBJECT_STORE_URL."
            )
        if status == 404:
            return _not_found(digest)
        if status in {401, 403}:
            return PermissionMissing(
                f"The object store refuses access to the bucket {self._bucket} ({code}).",
                remedy="Allow GetObject, PutObject, DeleteObject and ListBucket on it.",
            )
        return ProviderDown(f"The object store failed ({code or status}).")


class _S3Body(io.RawIOBase):
    """The body of an answer as a raw stream, with errors in mid-body turned into ours."""

    def __init__(self, store: S3Store, body: Any, digest: str) -> None:
        self._store = store
        self._body = body
        self._digest = digest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        with self._store._service_errors(self._digest):  # noqa: SLF001 - two classes of one module
            data = self._body.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._body.close()
        super().close()


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


def _verifying(source: io.RawIOBase, digest: str) -> BinaryIO:
    return io.BufferedReader(_Verifying(source, digest), _CHUNK_BYTES)


def _copy(content: Content, sink: Any) -> str:
    """Write the content, giving its digest; a path or stream passes in pieces, never whole in memory."""
    if isinstance(content, Path):
        with content.open("rb") as source:
            return _copy(source, sink)
    hasher = hashlib.sha256()
    stream = io.BytesIO(content) if isinstance(content, bytes) else content
    while piece := stream.read(_CHUNK_BYTES):
        hasher.update(piece)
        sink.write(piece)
    return hasher.hexdigest()


@contextlib.contextmanager
def _disk_errors() -> Iterator[None]:
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


def _checked(scope: str) -> str:
    if not _SCOPE.fullmatch(scope):
        raise Invalid(f"{scope!r} cannot be a scope of the object store.")
    return scope


def _key(scope: str, digest: str) -> str:
    if not _DIGEST.fullmatch(digest):
        raise Invalid(f"{digest!r} is not a SHA-256 in hexadecimal.")
    return f"{_checked(scope)}/{digest[:2]}/{digest[2:4]}/{digest}"


def _not_found(digest: str) -> NotFound:
    return NotFound(f"There is no stored object {digest}.")
