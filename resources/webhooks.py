"""Standard Webhooks (standardwebhooks.com, version 1.0.0): how a message is signed, and how a signature is held against it.

Pure: a secret, a message and a time go in. Written here because the published library signs the time stamp that it
parsed and not the one that was sent, fails on a malformed signature with an error of its own, and takes no clock; its
results are among our test vectors.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import re
import secrets as random
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from resources.errors import Unauthenticated

TOLERANCE_SECONDS: Final = 300
"""How far a message's time may be from ours, either way."""
SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - the prefix of every secret, and none itself
OBJECTS_CHANGED: Final = "objects.changed"
PING: Final = "ping"
"""The types of messages that leave."""
_SECRET_BYTES: Final = 32
_CURRENT, _PREVIOUS, _UNTIL = "current", "previous", "previous_until"
_VERSION: Final = "v1"
_MOST_SIGNATURES: Final = 8
"""A sender that rotates its secret signs with two; a header full of guesses is not gone through."""
# Without full stops: one parts the id from the time in what is signed.
_ID: Final = re.compile(r"[!-\-/-~]{1,256}")
_TIME: Final = re.compile(r"[0-9]{1,12}")


@dataclass(frozen=True, slots=True)
class Signed:
    """What a message's headers say, once its signature was found good. ``id`` is the sender's, alike at every try."""

    id: str
    timestamp: int


def new_secret() -> str:
    """256 random bits, as both sides write them down."""
    return SECRET_PREFIX + base64.b64encode(random.token_bytes(_SECRET_BYTES)).decode()


def rotated(secrets: Mapping[str, str], until: datetime | None) -> dict[str, str]:
    """What is sealed, with a new secret as the current one; the one before it holds ``until`` then, where that is said."""
    kept = {name: value for name, value in secrets.items() if name not in {_CURRENT, _PREVIOUS, _UNTIL}}
    kept[_CURRENT] = new_secret()
    if until is not None and _CURRENT in secrets:
        kept |= {_PREVIOUS: secrets[_CURRENT], _UNTIL: until.isoformat()}
    return kept


def current_of(secrets: Mapping[str, str]) -> str:
    """The newest secret of what is sealed."""
    return secrets[_CURRENT]


def keys_in(secrets: Mapping[str, str], now: datetime) -> list[str]:
    """The secrets that hold of what is sealed, the newest first."""
    keys = [secrets[_CURRENT]]
    if _PREVIOUS in secrets and now < datetime.fromisoformat(secrets[_UNTIL]):
        keys.append(secrets[_PREVIOUS])
    return keys


def payload_of(event_type: str, occurred_at: datetime, data: dict[str, Any]) -> str:
    """The body of a message: its type, when it happened, and ids and numbers."""
    moment = occurred_at.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return json.dumps({"type": event_type, "timestamp": moment, "data": data}, separators=(",", ":"))


def headers_of(keys: Sequence[str], message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The headers that a message leaves with, signed under each of ``keys``: a receiver may not know the newest yet."""
    signatures = (_signature(key, message_id, str(timestamp), body) for key in keys)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(f"{_VERSION},{base64.b64encode(one).decode()}" for one in signatures),
    }


def verified(keys: Sequence[str], headers: Mapping[str, str], body: bytes, now: float) -> Signed:
    """A message that somebody who knows one of ``keys`` signed within the tolerance of ``now`` (seconds since 1970).

    Every key is held against every signature, whatever the first ones gave: how long it takes tells nothing.
    ``headers`` are named in lower case.

    Raises:
        Unauthenticated: it is not; why is not told.
    """
    message_id, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    given = _signatures(headers.get("webhook-signature", ""))
    good = 0
    for key in keys:
        expected = _signature(key, message_id, timestamp, body)
        for signature in given:
            good |= hmac.compare_digest(expected, signature)
    well_formed = _ID.fullmatch(message_id) is not None and _TIME.fullmatch(timestamp) is not None
    if not (good and well_formed and abs(int(timestamp) - now) <= TOLERANCE_SECONDS):
        raise forged()
    return Signed(message_id, int(timestamp))


def forged() -> Unauthenticated:
    """The one answer to whatever is not signed as it should be, or goes to an address that there is not."""
    return Unauthenticated(
        "The message is not signed by whom this address was given to.",
        remedy="Check the address, the secret and the clock of what sends it.",
    )


def _signature(key: str, message_id: str, timestamp: str, body: bytes) -> bytes:
    signed = message_id.encode("utf-8", "surrogateescape"), timestamp.encode("utf-8", "surrogateescape"), body
    return hmac.digest(_bytes_of(key), b".".join(signed), "sha256")


def _bytes_of(key: str) -> bytes:
    return base64.b64decode(key.removeprefix(SECRET_PREFIX) + "==")


def _signatures(header: str) -> list[bytes]:
    found = []
    for one in header.split(" ")[:_MOST_SIGNATURES]:
        version, _, encoded = one.partition(",")
        if version == _VERSION:
            with suppress(binascii.Error, ValueError):
                found.append(base64.b64decode(encoded, validate=True))
    return found
