"""Objects in a bucket of S3, or of a service that speaks as it does."""

from __future__ import annotations

import base64
import contextlib
import io
import tempfile
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from resources.errors import Conflict, NotConfigured, NotFound, PermissionMissing, ProviderDown, TimedOut
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

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_s3 import S3Client

_SPOOL_BYTES: Final = 8 * 1024 * 1024
_CONNECT_SECONDS: Final = 5
_READ_SECONDS: Final = 60
_ATTEMPTS: Final = 4


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
        checked(scope)
        with tempfile.SpooledTemporaryFile(max_size=_SPOOL_BYTES) as spool:
            with disk_errors():
                digest = copied(content, spool)
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
        return verifying(_S3Body(self, answer["Body"], digest), digest)

    def exists(self, scope: str, digest: str) -> bool:
        """See :class:`ObjectStore`."""
        try:
            self.size(scope, digest)
        except NotFound:
            return False
        return True

    def size(self, scope: str, digest: str) -> int:
        """See :class:`ObjectStore`."""
        key = self._key(scope, digest)
        with self._service_errors(digest):
            return self._client.head_object(Bucket=self._bucket, Key=key)["ContentLength"]

    def delete(self, scope: str, digest: str) -> None:
        """See :class:`ObjectStore`. In a bucket with versions the bucket's own rules remove the old ones."""
        with self._service_errors(digest):
            self._client.delete_object(Bucket=self._bucket, Key=self._key(scope, digest))

    def clear(self, scope: str) -> int:
        """See :class:`ObjectStore`. One by one: not every service deletes in bulk, and none of them in one step."""
        prefix = self._in_bucket(checked(scope)) + "/"
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix)
        removed = 0
        with self._service_errors(scope):
            for page in pages:
                keys = [found["Key"] for found in page.get("Contents", ())]
                objects = [key for key in keys if not key.startswith(f"{prefix}{NOTES}/")]
                for key in objects:
                    self._client.delete_object(Bucket=self._bucket, Key=key)
                removed += len(objects)
        return removed

    def write_once(self, scope: str, series: str, name: str, content: bytes) -> None:
        """See :class:`ObjectStore`. Looked for first, since not every service heeds the condition."""
        if not self._holds(scope, series, name, content):
            try:
                with self._service_errors(name):
                    self._client.put_object(
                        Bucket=self._bucket,
                        Key=self._in_bucket(note_key(scope, series, name)),
                        Body=content,
                        IfNoneMatch="*",
                    )
            except Conflict:
                self._holds(scope, series, name, content)

    def _holds(self, scope: str, series: str, name: str, content: bytes) -> bool:
        """Whether the note is there. Raises Conflict where it says something else."""
        try:
            kept = self.read_note(scope, series, name)
        except NotFound:
            return False
        if kept != content:
            raise taken(name)
        return True

    def read_note(self, scope: str, series: str, name: str) -> bytes:
        """See :class:`ObjectStore`."""
        with self._service_errors(name):
            key = self._in_bucket(note_key(scope, series, name))
            return self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read()

    def notes(self, scope: str, series: str) -> Sequence[str]:
        """See :class:`ObjectStore`. The service lists a thousand names a call, in order."""
        prefix = self._in_bucket(series_key(scope, series)) + "/"
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix)
        with self._service_errors(series):
            return [found["Key"].removeprefix(prefix) for page in pages for found in page.get("Contents", ())]

    def _key(self, scope: str, digest: str) -> str:
        return self._in_bucket(object_key(scope, digest))

    def _in_bucket(self, key: str) -> str:
        return f"{self._prefix}/{key}".lstrip("/")

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
        if status == 412:
            return taken(digest)
        if status == 404:
            return not_found(digest)
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
