"""The one hashing function, and the identifiers derived from it.

Everything that is addressed by content, or whose identity must come out the same on a replay, is
hashed here, so that two rooms can never disagree about what "the same" means. Passwords and API
keys are not hashed here: they need a slow hash.
"""

from __future__ import annotations

import hashlib
import uuid

_LENGTH_BYTES = 8


def digest(*parts: bytes | str) -> bytes:
    """SHA-256 (32 bytes) of the parts, in order; text is taken as UTF-8.

    Each part is preceded by its length, so ``digest("ab", "c")`` differs from ``digest("a", "bc")``:
    a joined string would let one tenant's field run into the next and collide.
    """
    hasher = hashlib.sha256()
    for part in parts:
        raw = part.encode("utf-8") if isinstance(part, str) else part
        hasher.update(len(raw).to_bytes(_LENGTH_BYTES, "big"))
        hasher.update(raw)
    return hasher.digest()


def derive_id(*parts: bytes | str) -> uuid.UUID:
    """A UUID that is a function of the parts alone: the same parts give the same id on every replay.

    Version 8 (RFC 9562, custom): 122 bits of :func:`digest`, with the version and variant bits set.
    """
    raw = bytearray(digest(*parts)[:16])
    raw[6] = (raw[6] & 0x0F) | 0x80
    raw[8] = (raw[8] & 0x3F) | 0x80
    return uuid.UUID(bytes=bytes(raw))


def content_digest(content: bytes) -> str:
    """Plain SHA-256 of one content, in hexadecimal: the address of an immutable object, as ``sha256sum`` gives it."""
    return hashlib.sha256(content).hexdigest()
