"""Master keys: what the data key of every stored secret is wrapped under. Where they come from, and which is current.

On one machine they are made here and kept in its ``SecretFile``; in production they come from the environment, from
whatever keeps secrets there. The database holds neither, so a dump of it opens nothing.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

from resources.clock import now as clock_now
from resources.errors import Conflict, NotConfigured, NotFound
from resources.secret_file import SecretFile, generated

KEY_BYTES: Final = 32
FIRST_FORMAT_KEY: Final = "connection_secrets_1"
"""The one key of the first version, which sealed secrets themselves: it still opens what it sealed."""
GRACE: Final = timedelta(minutes=10)
"""A key that was current until a moment ago may be on its way into a row: no transaction takes that long."""

_PREFIX: Final = "master_key_"
_MADE: Final = "%Y%m%dT%H%M%S%fZ"
_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


class Origin(StrEnum):
    """Where a key comes from."""

    ENVIRONMENT = "environment"
    FILE = "secrets.json"


@dataclass(frozen=True, slots=True)
class MasterKey:
    """A key as it is listed: without its bytes."""

    id: str
    origin: Origin
    current: bool


class MasterKeys:
    """The keys of one deployment. ``given`` is ``DROVI_MASTER_KEYS``; where it is empty, the file's newest is current.

    Keys of the file are named by the time they were made, so that the newest is current without anybody having to
    say so. Also where keys are given those of the file still open what was sealed before.
    """

    def __init__(self, file: SecretFile, given: str = "") -> None:
        self._file = file
        self._given = parse_given(given)
        self._known: Mapping[str, bytes] = {}

    def current(self) -> str:
        """The id of the key to seal under. Read anew each time: a key that was rotated away must not be used again."""
        if self._given:
            return next(iter(self._given))
        known = self._file.all()
        if not any(name.startswith(_PREFIX) for name in known):
            known = self._file.change(_first)
        return max(name for name in known if name.startswith(_PREFIX))

    def get(self, key_id: str) -> bytes:
        """A key's bytes; the file is read again for an id not met before, since another process may have rotated.

        Raises:
            NotConfigured: this process has no such key.
        """
        if key_id not in self._known:
            self._known = self._read()
        try:
            return self._known[key_id]
        except KeyError:
            raise NotConfigured(
                f"The key {key_id} is not among the master keys.",
                remedy="Add it to DROVI_MASTER_KEYS and start again, or restore secrets.json from a backup.",
            ) from None

    def all(self) -> list[MasterKey]:
        """Every key, the current one first, then newest first."""
        current = self.current()
        in_file = sorted(name for name in self._file.all() if _is_key(name))
        ids = [*self._given, *(name for name in reversed(in_file) if name not in self._given)]
        return [
            MasterKey(key_id, Origin.ENVIRONMENT if key_id in self._given else Origin.FILE, key_id == current)
            for key_id in ids
        ]

    def add(self) -> str:
        """Make a new key in the file, which is the current one from then on; its id.

        Raises:
            Conflict: keys come from the environment, where this process cannot add one.
        """
        if self._given:
            raise Conflict(
                "The master keys come from DROVI_MASTER_KEYS.",
                remedy="Put a new key first in it, start everything again, then run `drovi keys rotate --resume`.",
            )
        self.current()  # a first key is made where there is none: the new one comes after it
        return max(name for name in self._file.change(_another) if name.startswith(_PREFIX))

    def remove(self, key_id: str, *, now: datetime | None = None) -> None:
        """Forget a key of the file for good. Whoever calls has made sure that no row uses it.

        Raises:
            NotFound: there is no such key in the file.
            Conflict: it is the current one, or was until a moment ago.
        """
        known = self._file.all()
        if not _is_key(key_id) or key_id not in known:
            raise NotFound(
                f"There is no key {key_id} in secrets.json.",
                remedy="See `drovi keys list`; a key of the environment is removed there.",
            )
        if key_id == self.current():
            raise Conflict(f"{key_id} is the current key.", remedy="Rotate first: `drovi keys rotate`.")
        later = [
            name
            for name in known
            if name.startswith(_PREFIX) and (name > key_id or not key_id.startswith(_PREFIX))
        ]
        if later and (now or clock_now()) - _made(min(later)) < GRACE:
            raise Conflict(
                f"{key_id} was current until a moment ago: a secret may still be on its way under it.",
                remedy=f"Try again in {GRACE.seconds // 60} minutes.",
            )
        self._file.change(lambda secrets: secrets.pop(key_id, None))
        self._known = {}

    def _read(self) -> dict[str, bytes]:
        kept = {name: _decoded(name, value) for name, value in self._file.all().items() if _is_key(name)}
        return kept | self._given


def parse_given(text: str) -> dict[str, bytes]:
    """``id:base64,id:base64`` as keys by id, in order.

    Raises:
        NotConfigured: it does not look like that, or a key has not 32 bytes. The message holds none of it.
    """
    keys: dict[str, bytes] = {}
    for number, part in enumerate(filter(None, (part.strip() for part in text.split(","))), 1):
        key_id, _, value = part.partition(":")
        if not _ID.fullmatch(key_id) or key_id in keys or _is_key(key_id):
            raise NotConfigured(
                f"Key {number} of DROVI_MASTER_KEYS has no id of its own.",
                remedy="Write id:base64,id:base64 with ids of letters, digits, dots and dashes.",
            )
        keys[key_id] = _decoded(f"{key_id} of DROVI_MASTER_KEYS", value)
    return keys


def _decoded(name: str, text: str) -> bytes:
    bare = (
        text.rstrip("=").replace("-", "+").replace("_", "/")
    )  # either alphabet, with its padding or without
    try:
        key = base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise NotConfigured(
            f"The key {name} is damaged: it is not {KEY_BYTES} bytes in base64.",
            remedy="Correct it, or restore secrets.json from a backup.",
        )
    return key


def _is_key(name: str) -> bool:
    return name.startswith(_PREFIX) or name == FIRST_FORMAT_KEY


def _first(known: dict[str, str]) -> None:
    if not any(name.startswith(_PREFIX) for name in known):
        _another(known)


def _another(known: dict[str, str]) -> None:
    """Add a key that comes after all others, also where the clock was set back since."""
    newest = max((_made(name) for name in known if name.startswith(_PREFIX)), default=None)
    made = clock_now() if newest is None else max(clock_now(), newest + timedelta(microseconds=1))
    known[_PREFIX + made.strftime(_MADE)] = generated()


def _made(key_id: str) -> datetime:
    return datetime.strptime(key_id.removeprefix(_PREFIX), _MADE).replace(tzinfo=UTC)
