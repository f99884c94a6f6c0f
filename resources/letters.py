"""Letters that wait to be sent: queued in the transaction that causes them, so that neither happens without the other.

A letter is a template's name and its values, sealed until it is sent, since its links open accounts. What was sent is
deleted; what cannot be sent stays, without its content, for an operator to see.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID, uuid4

from sqlalchemy import Connection, Row, insert

from resources.mailer import Locale, TemplateName
from resources.schema import outgoing_mail
from resources.secrets import Purpose, Sealed, SecretBox

Value = str | datetime | timedelta
_NOBODY = UUID(int=0)
_MOMENT, _SECONDS = "moment", "seconds"


@dataclass(frozen=True, slots=True)
class Letter:
    """What is to be said to whom: a template of ``resources.mailer`` and its values."""

    to: str
    locale: Locale
    template: TemplateName
    values: Mapping[str, Value]


def queue(
    connection: Connection,
    secrets: SecretBox,
    *,
    to: str,
    locale: Locale,
    template: TemplateName,
    values: Mapping[str, Value],
    org_id: UUID | None = None,
) -> UUID:
    """Have a letter sent once the transaction has committed; ``org_id`` None where it is about the person alone.

    Returns the id of its row, which is there until it was sent.
    """
    (letter_id,) = queue_all(connection, secrets, [Letter(to, locale, template, values)], org_id=org_id)
    return letter_id


def queue_all(
    connection: Connection, secrets: SecretBox, letters: Sequence[Letter], *, org_id: UUID | None = None
) -> list[UUID]:
    """Have several sent: one statement, however many. Returns the ids of their rows."""
    rows = [_sealed(secrets, letter, org_id) for letter in letters]
    if rows:
        connection.execute(insert(outgoing_mail).values(rows))
    return [row["id"] for row in rows]


def _sealed(secrets: SecretBox, letter: Letter, org_id: UUID | None) -> dict[str, Any]:
    letter_id = uuid4()
    content = {
        "to": letter.to,
        "locale": letter.locale,
        "template": letter.template,
        "values": json.dumps({name: _packed(value) for name, value in letter.values.items()}),
    }
    sealed = secrets.seal(org_id or _NOBODY, letter_id, content, purpose=Purpose.LETTER)
    return {"id": letter_id, "org_id": org_id, "key_id": sealed.key_id, "ciphertext": sealed.ciphertext}


def opened(secrets: SecretBox, row: Row[Any]) -> Letter:
    """The letter of a row of ``outgoing_mail``.

    Raises:
        CredentialExpired: the key it was sealed with is gone.
    """
    sealed = Sealed(row.key_id, bytes(row.ciphertext))
    content = secrets.open(row.org_id or _NOBODY, row.id, sealed, purpose=Purpose.LETTER)
    values = {name: _unpacked(value) for name, value in json.loads(content["values"]).items()}
    locale, template = cast("Locale", content["locale"]), cast("TemplateName", content["template"])
    return Letter(content["to"], locale, template, values)


def _packed(value: Value) -> str | dict[str, str | float]:
    match value:
        case datetime():
            return {_MOMENT: value.isoformat()}
        case timedelta():
            return {_SECONDS: value.total_seconds()}
        case _:
            return value


def _unpacked(value: str | dict[str, Any]) -> Value:
    if isinstance(value, str):
        return value
    if _MOMENT in value:
        return datetime.fromisoformat(value[_MOMENT])
    return timedelta(seconds=value[_SECONDS])
