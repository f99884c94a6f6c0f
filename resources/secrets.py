"""Secrets that people give (passwords, tokens): sealed before they are stored, opened only where they are used.

AES-256-GCM under a key made on this machine (:class:`SecretFile`), a fresh 96-bit nonce a message (NIST SP
800-38D). Organisation and connection are bound in as associated data, so a row copied to another tenant
does not open; the key's id is stored beside it, so that keys can be rotated while old rows still open.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from resources.errors import CredentialExpired, NotConfigured
from resources.secret_file import SecretFile

CURRENT_KEY = "connection_secrets_1"
_NONCE_BYTES = 12


@dataclass(frozen=True, slots=True)
class Sealed:
    """What the database keeps: useless without the key of that id."""

    key_id: str
    ciphertext: bytes


class SecretBox:
    """Seals and opens the secrets of connections with the keys of one ``SecretFile``."""

    def __init__(self, keys: SecretFile, *, current: str = CURRENT_KEY) -> None:
        self._keys = keys
        self._current = current

    def seal(self, org_id: UUID, connection_id: UUID, secrets: Mapping[str, str]) -> Sealed:
        """Encrypt named secrets for one connection under the current key."""
        nonce = os.urandom(_NONCE_BYTES)
        plain = json.dumps(dict(secrets), separators=(",", ":"), sort_keys=True).encode()
        body = self._cipher(self._current).encrypt(nonce, plain, _bound_to(org_id, connection_id))
        return Sealed(self._current, nonce + body)

    def open(self, org_id: UUID, connection_id: UUID, sealed: Sealed) -> dict[str, str]:
        """The named secrets again.

        Raises:
            CredentialExpired: it was sealed for another connection, under a key that is gone, or was damaged.
        """
        nonce, body = sealed.ciphertext[:_NONCE_BYTES], sealed.ciphertext[_NONCE_BYTES:]
        try:
            plain = self._cipher(sealed.key_id).decrypt(nonce, body, _bound_to(org_id, connection_id))
        except (InvalidTag, ValueError) as error:
            raise CredentialExpired(
                "The stored credential cannot be opened.", remedy="Enter the connection's password again."
            ) from error
        opened: dict[str, str] = json.loads(plain)
        return opened

    def _cipher(self, key_id: str) -> AESGCM:
        try:
            key = base64.urlsafe_b64decode(self._keys.get(key_id) + "=")
            return AESGCM(key)
        except ValueError as error:
            raise NotConfigured(
                f"The key {key_id} in secrets.json is damaged.", remedy="Restore secrets.json from a backup."
            ) from error


def _bound_to(org_id: UUID, connection_id: UUID) -> bytes:
    return b"drovi:connection-secret:" + org_id.bytes + connection_id.bytes
