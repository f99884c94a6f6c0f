"""Taking a message in: whose address, whether its signature holds, what it says, kept once; in that order."""

from __future__ import annotations

from typing import Final
from uuid import UUID, uuid4

from drovi_api.context import Origin
from drovi_api.runtime import ApiRuntime
from drovi_api.webhooks import repository
from drovi_api.webhooks.repository import Known
from drovi_api.webhooks.schemas import Accepted
from drovi_assets.connectors.intake import Intake, Message, StandardWebhooks
from drovi_assets.connectors.intakes import hash_of
from drovi_assets.connectors.registry import CONNECTORS
from resources.errors import Unauthenticated
from resources.hashing import digest
from resources.identity import limits
from resources.identity.limits import Limit
from resources.secrets import Purpose, Sealed, SecretBox
from resources.webhooks import Signed, forged, keys_in, rotated

REFUSED_BY_ADDRESS: Final = Limit("webhook/refused", 100, 60)
"""Forgeries of one network address; a good sender's do not count, however many come from the same machine."""
_NOBODY: Final = UUID(int=0)


def receive(runtime: ApiRuntime, origin: Origin, token: str, message: Message) -> Accepted:
    """Keep a message for good before it is answered, whether the event log answers or not.

    Raises:
        Unauthenticated: there is no such address, or the signature does not hold: alike, and after the same work.
        RateLimited: this address, or who guesses from this network address, sends too much.
        Invalid: the signature holds, and the message is nothing that the source takes in.
    """
    token_hash = hash_of(token)
    with runtime.database.unidentified() as session:
        known = repository.find(session, token_hash)
    try:
        signed, intake = _verified(runtime.secrets, known, message)
    except Unauthenticated:
        limits.take(runtime.identity, REFUSED_BY_ADDRESS, origin.address)
        raise
    assert known is not None
    by_address = Limit("webhook/accepted", runtime.intake_per_minute, 60)
    limits.take(runtime.identity, by_address, str(known.connection_id))
    arrival = intake.read(known.connection_id, signed, message)
    with runtime.database.unidentified() as session:
        fresh = repository.accept(
            session, token_hash, digest(signed.id), arrival, org_id=known.org_id, stream=intake.stream
        )
    if fresh is None:
        raise forged()
    return Accepted(items=arrival.items, skipped=len(arrival.skipped), repeated=not fresh)


def _verified(box: SecretBox, known: Known | None, message: Message) -> tuple[Signed, Intake]:
    if known is None:
        # The same work as for an address that there is: a secret is opened, and the signature held against it.
        StandardWebhooks().verify(_opened(box, _decoy(box), message), message)
        raise forged()
    intake = CONNECTORS[known.connector].intake
    if intake is None:
        raise forged()
    return intake.verify(_opened(box, known, message), message), intake


def _opened(box: SecretBox, known: Known, message: Message) -> list[str]:
    sealed = Sealed(known.key_id, bytes(known.ciphertext))
    secrets = box.open(known.org_id, known.connection_id, sealed, purpose=Purpose.WEBHOOK)
    return keys_in(secrets, message.received_at)


def _decoy(box: SecretBox) -> Known:
    """A secret that nobody has, sealed as everybody's; anew each time, since the key it is sealed under may be retired."""
    connection_id = uuid4()
    sealed = box.seal(_NOBODY, connection_id, rotated({}, None), purpose=Purpose.WEBHOOK)
    return Known(_NOBODY, connection_id, "", sealed.key_id, sealed.ciphertext)
