"""Mails as files, for a machine where no way out is set up: each opens in any mail program.

They hold links that are keys, so only the owner of ``DROVI_HOME`` can read them.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from resources.clock import Clock, SystemClock
from resources.errors import PermissionMissing, ProviderDown
from resources.mailer.message import Mail, Sender, build, message_id


class FolderMailer:
    """Keeps each mail as ``<id>.eml``; the id comes from the idempotency key, so a mail sent again is one file."""

    def __init__(self, folder: Path, sender: Sender, *, clock: Clock | None = None) -> None:
        self._folder = folder
        self._sender = sender
        self._clock = clock or SystemClock()

    def send(self, mail: Mail, *, idempotency_key: str) -> None:
        """See :class:`~resources.mailer.transports.Mailer`. There is never half a file."""
        message = build(mail, sender=self._sender, idempotency_key=idempotency_key, sent_at=self._clock.now())
        name = message_id(self._sender, idempotency_key).strip("<>").partition("@")[0]
        path = self._folder / f"{name}.eml"
        with _disk_errors(self._folder):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor, temporary = tempfile.mkstemp(dir=self._folder, prefix=".incoming-")  # created 0600
            try:
                with os.fdopen(descriptor, "wb") as sink:
                    sink.write(message.as_bytes())
                    sink.flush()
                    os.fsync(sink.fileno())
                Path(temporary).replace(path)
            finally:
                Path(temporary).unlink(missing_ok=True)


@contextlib.contextmanager
def _disk_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except PermissionError as error:
        raise PermissionMissing(
            f"Mails cannot be written to {folder}.",
            remedy="Give this user the right to write there, or set DROVI_MAIL_URL to a mail server.",
        ) from error
    except OSError as error:
        raise ProviderDown(
            f"A mail could not be written to {folder} ({type(error).__name__}).",
            remedy="Look at the disk: it may be full.",
        ) from error
