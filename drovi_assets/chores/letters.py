"""Sending the letters that wait (``resources.letters``): each at least once, under one idempotency key.

A letter's row is held while it is sent and deleted in the same transaction, so two ticks never send one letter at once;
a crash between the two sends it again under the same key, which providers that know such keys take once.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, Row, delete, func, select, update

from drovi_assets.deadline import Deadline
from drovi_assets.pipeline.runtime import Runtime
from resources.errors import DroviError, NeedsPerson, Transient
from resources.letters import opened
from resources.mailer import Mail, Mailer, render
from resources.schema import outgoing_mail
from resources.secrets import SecretBox
from resources.telemetry import get_logger

FIRST_WAIT_SECONDS = 5.0
LONGEST_WAIT_SECONDS = 3600.0
TRIES = 40
"""About a day and a half: a mail server may be down over a weekend's night."""
_log = get_logger(__name__)


def deliver(runtime: Runtime, deadline: Deadline) -> int:
    """Send what is due until the deadline; returns how many letters left."""
    sent = 0
    while deadline.left > 0:
        with runtime.database.dispatch() as connection:
            row = connection.execute(_DUE).first()
            if row is None:
                break
            sent += _one(connection, runtime.sources.secrets, runtime.mailer, row)
    return sent


_DUE = (
    select(outgoing_mail)
    .where(outgoing_mail.c.due_at <= func.now(), outgoing_mail.c.failed_at.is_(None))
    .order_by(outgoing_mail.c.due_at)
    .limit(1)
    .with_for_update(skip_locked=True)
)


def _one(connection: Connection, secrets: SecretBox, mailer: Mailer, row: Row[Any]) -> bool:
    try:
        letter = opened(secrets, row)
        rendered = render(letter.template, letter.locale, **letter.values)
        mail = Mail(letter.to, rendered.subject, rendered.text, rendered.html)
        mailer.send(mail, idempotency_key=f"letter-{row.id}")
    except (Transient, NeedsPerson) as error:
        # Where a person has to act (no mail server is configured, its password is wrong) the letters wait for that.
        _put_off(connection, row, error)
        return False
    except DroviError as error:
        _give_up(connection, row, error)
        return False
    connection.execute(delete(outgoing_mail).where(outgoing_mail.c.id == row.id))
    return True


def _put_off(connection: Connection, row: Row[Any], error: Transient | NeedsPerson) -> None:
    if row.attempts + 1 >= TRIES:
        _give_up(connection, row, error)
        return
    wait = min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2.0**row.attempts)
    if isinstance(error, Transient):
        wait = max(wait, error.retry_after or 0)
    _log.warning("letter put off", letter=str(row.id), seconds=wait, error=str(error))
    connection.execute(
        update(outgoing_mail)
        .where(outgoing_mail.c.id == row.id)
        .values(attempts=row.attempts + 1, due_at=func.now() + timedelta(seconds=wait))
    )


def _give_up(connection: Connection, row: Row[Any], error: DroviError) -> None:
    """Keep that it was not sent, and nothing of what it said."""
    _log.error("letter given up", letter=str(row.id), error=str(error))
    connection.execute(
        update(outgoing_mail)
        .where(outgoing_mail.c.id == row.id)
        .values(
            attempts=row.attempts + 1, failed_at=func.now(), error=str(error)[:500], key_id="", ciphertext=b""
        )
    )
