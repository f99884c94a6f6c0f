"""Secrets that this machine made for itself, kept in one file that only its owner can read.

Embedded passwords and signing keys are generated on first use and remembered in
``DROVI_HOME/secrets.json`` (mode 0600), so that no secret has a default in the code. Secrets that a
person gives (a provider's client secret, an API key of a language model) come from the environment
and never land here.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

from resources.errors import NotConfigured, PermissionMissing

_SECRET_BYTES = 32  # 256 bits: then a password needs no stretching (see embedded_postgres)


_FILE = "secrets.json"


_STATE = frozenset({"postgres", "objects", "dagster", "logs", "mail"})


def is_home(folder: Path) -> bool:
    """Whether a folder is a ``DROVI_HOME``, of this process or of another."""
    return (folder / _FILE).is_file() and any((folder / name).is_dir() for name in _STATE)


def holds_state(folder: Path) -> bool:
    """Whether a (resolved) folder is a ``DROVI_HOME`` or part of what Drovi keeps in one: nobody's documents."""
    chain = (folder, *folder.parents)
    return is_home(folder) or any(inner.name in _STATE and is_home(outer) for inner, outer in pairwise(chain))


def generated() -> str:
    """A new secret: 256 random bits, URL-safe."""
    return secrets.token_urlsafe(_SECRET_BYTES)


class SecretFile:
    """Named secrets of one ``DROVI_HOME``; safe to use from several processes at once."""

    def __init__(self, home: Path) -> None:
        self._path = home / _FILE

    def get(self, name: str) -> str:
        """The secret of that name, generated (256 random bits, URL-safe) when there is none.

        Raises:
            PermissionMissing: the file belongs to somebody else.
            NotConfigured: the file is not what this class wrote.
        """
        with self._explained():
            known = self._read()
            if name not in known:
                known = self._change(lambda secrets_: secrets_.setdefault(name, generated()))
        return known[name]

    def all(self) -> dict[str, str]:
        """Every secret there is, by name. Raises as :meth:`get`."""
        with self._explained():
            return self._read()

    def change(self, edit: Callable[[dict[str, str]], object]) -> dict[str, str]:
        """Edit the secrets while nobody else does, and give what they are then. Raises as :meth:`get`."""
        with self._explained():
            return self._change(edit)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except PermissionError as error:
            raise PermissionMissing(
                f"{self._path} cannot be read or written by this user.",
                remedy="Run as the user who created this DROVI_HOME, or set DROVI_HOME to another folder.",
            ) from error

    def _read(self) -> dict[str, str]:
        try:
            text = self._path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return {}
        try:
            known = json.loads(text)
        except ValueError:
            known = None
        if not isinstance(known, dict) or not all(isinstance(value, str) for value in known.values()):
            raise NotConfigured(
                f"{self._path} is damaged.", remedy="Restore it from a backup: it unlocks what is beside it."
            )
        return known

    def _change(self, edit: Callable[[dict[str, str]], object]) -> dict[str, str]:
        """Under a lock, so that two first starts agree on one value; replaced whole, so never half written."""
        folder = self._path.parent
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "secrets.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            before = self._read()
            known = dict(before)
            edit(known)
            if known == before:
                return known
            descriptor, temporary = tempfile.mkstemp(dir=folder, prefix=".secrets-")  # created 0600
            try:
                with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
                    json.dump(known, handle, indent=2, sort_keys=True)
                    handle.flush()
                    os.fsync(handle.fileno())
                Path(temporary).replace(self._path)
            except BaseException:
                Path(temporary).unlink(missing_ok=True)
                raise
            return known
