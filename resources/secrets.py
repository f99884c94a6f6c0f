"""Secrets that people give (passwords, tokens): sealed before they are stored, opened only where they are used.

Envelope encryption, AES-256-GCM twice: each secret has a data key of its own, and that is wrapped under a master key
(:class:`MasterKeys`), so that rotating master keys re-wraps 32 bytes a row and never opens a secret. Each layer has a
fresh 96-bit nonce (NIST SP 800-38D), and binds what the secret is for, its organisation and its subject as associated
data: a row copied to another tenant, or to another purpose, does not open.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from resources.errors import CredentialExpired
from resources.hashing import digest
from resources.master_keys import FIRST_FORMAT_KEY, KEY_BYTES, MasterKeys

_FORMAT: Final = "drovi-envelope-1"
_NONCE_BYTES: Final = 12
_WRAPPED_BYTES: Final = _NONCE_BYTES + KEY_BYTES + 16  # nonce, data key, tag


class Purpose(StrEnum):
    """What a secret is for. Part of its sealing: a value never changes."""

    CONNECTION = "connection"
    SECOND_FACTOR = "second_factor"
    LETTER = "letter"
    WEBHOOK = "webhook"


@dataclass(frozen=True, slots=True)
class Sealed:
    """What the database keeps: useless without the master key of that id."""

    key_id: str
    ciphertext: bytes
    """The wrapped data key, then the secret under it; before envelopes, the secret under ``FIRST_FORMAT_KEY``."""


class SecretBox:
    """Seals and opens secrets under the master keys of one deployment."""

    def __init__(self, keys: MasterKeys) -> None:
        self._keys = keys

    def seal(
        self,
        org_id: UUID,
        subject_id: UUID,
        secrets: Mapping[str, str],
        *,
        purpose: Purpose = Purpose.CONNECTION,
    ) -> Sealed:
        """Encrypt named secrets for one subject (a connection, a user) under the current key.

        A secret that belongs to no organisation takes the nil UUID for one.
        """
        bound = _Bound(purpose, org_id, subject_id)
        data_key = AESGCM.generate_key(KEY_BYTES * 8)
        plain = json.dumps(dict(secrets), separators=(",", ":"), sort_keys=True).encode()
        key_id = self._keys.current()
        return Sealed(key_id, self._wrap(key_id, data_key, bound) + _encrypt(data_key, plain, bound.secret()))

    def open(
        self, org_id: UUID, subject_id: UUID, sealed: Sealed, *, purpose: Purpose = Purpose.CONNECTION
    ) -> dict[str, str]:
        """The named secrets again.

        Raises:
            CredentialExpired: it was sealed for something else, or was damaged.
            NotConfigured: its master key is not known here.
        """
        bound = _Bound(purpose, org_id, subject_id)
        with _explained():
            if sealed.key_id == FIRST_FORMAT_KEY:
                plain = _decrypt(self._keys.get(sealed.key_id), sealed.ciphertext, bound.first_format())
            else:
                data_key, body = self._unwrap(sealed, bound)
                plain = _decrypt(data_key, body, bound.secret())
            opened: dict[str, str] = json.loads(plain)
        return opened

    def rewrap(
        self, org_id: UUID, subject_id: UUID, sealed: Sealed, *, purpose: Purpose = Purpose.CONNECTION
    ) -> Sealed:
        """The same secret under the current key; only one of the first format is opened for it. Raises as :meth:`open`."""
        if sealed.key_id == FIRST_FORMAT_KEY:
            secrets = self.open(org_id, subject_id, sealed, purpose=purpose)
            return self.seal(org_id, subject_id, secrets, purpose=purpose)
        bound = _Bound(purpose, org_id, subject_id)
        with _explained():
            data_key, body = self._unwrap(sealed, bound)
        key_id = self._keys.current()
        return Sealed(key_id, self._wrap(key_id, data_key, bound) + body)

    def _wrap(self, key_id: str, data_key: bytes, bound: _Bound) -> bytes:
        return _encrypt(self._keys.get(key_id), data_key, bound.data_key(key_id))

    def _unwrap(self, sealed: Sealed, bound: _Bound) -> tuple[bytes, bytes]:
        wrapped, body = sealed.ciphertext[:_WRAPPED_BYTES], sealed.ciphertext[_WRAPPED_BYTES:]
        return _decrypt(self._keys.get(sealed.key_id), wrapped, bound.data_key(sealed.key_id)), body


@dataclass(frozen=True, slots=True)
class _Bound:
    """The associated data of each layer."""

    purpose: Purpose
    org_id: UUID
    subject_id: UUID

    def data_key(self, key_id: str) -> bytes:
        return digest(_FORMAT, "data key", key_id, self.purpose, self.org_id.bytes, self.subject_id.bytes)

    def secret(self) -> bytes:
        return digest(_FORMAT, "secret", self.purpose, self.org_id.bytes, self.subject_id.bytes)

    def first_format(self) -> bytes:
        if self.purpose is not Purpose.CONNECTION:
            raise ValueError("only secrets of connections were sealed in the first format")
        return b"drovi:connection-secret:" + self.org_id.bytes + self.subject_id.bytes


def _encrypt(key: bytes, plain: bytes, bound: bytes) -> bytes:
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plain, bound)


def _decrypt(key: bytes, sealed: bytes, bound: bytes) -> bytes:
    return AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], bound)


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except (InvalidTag, ValueError) as error:
        raise CredentialExpired(
            "The stored credential cannot be opened.", remedy="Enter it again."
        ) from error
