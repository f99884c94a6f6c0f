"""Letters that wait to be sent: queued in the transaction that causes them, so that neither happens without the other.

A letter is a template's name and its values, sealed until it is sent, since its links open accounts. What was sent is
deleted; what could not be sent after ``MAX_ATTEMPTS`` stays, without its content, for an operator to see.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from uuid import UUID, uuid4

from sqlalchemy import Connection, insert

from resources.schema import outgoing_mail
from resources.secrets import SecretBox

_NOBODY = UUID(int=0)


def queue(
    connection: Connection,
    secrets: SecretBox,
    *,
    to: str,
    locale: str,
    template: str,
    values: Mapping[str, str],
    org_id: UUID | None = None,
) -> None:
    """Have a letter sent once the transaction has committed; ``org_id`` None where it is about the person alone."""
    letter_id = uuid4()
    sealed = secrets.seal(
        org_id or _NOBODY,
        letter_id,
        {"to": to, "locale": locale, "template": template, "values": json.dumps(dict(values))},
    )
    connection.execute(
        insert(outgoing_mail).values(
            id=letter_id, org_id=org_id, key_id=sealed.key_id, ciphertext=sealed.ciphertext
        )
    )
