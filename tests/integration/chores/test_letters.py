"""Letters leave once their transaction has committed, wait while they cannot, and say nothing once they are gone."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from sqlalchemy import text

from drovi_assets.chores.letters import TRIES, deliver
from drovi_assets.pipeline.runtime import Runtime
from resources import letters
from resources.errors import DroviError, Invalid, NotConfigured, ProviderDown
from resources.mailer import Mail
from resources.master_keys import MasterKeys
from resources.secret_file import SecretFile
from resources.secrets import SecretBox
from tests.conftest import Database

TOKEN = "https://drovi.example/reset-password#token=planted-token"


@dataclass
class Left:
    left: float = 10.0


@dataclass
class FakeMailer:
    """Takes mails, or fails as it is told to."""

    failure: DroviError | None = None
    sent: list[tuple[str, Mail]] = field(default_factory=list)

    def send(self, mail: Mail, *, idempotency_key: str) -> None:
        if self.failure is not None:
            raise self.failure
        self.sent.append((idempotency_key, mail))


@pytest.fixture
def mailer() -> FakeMailer:
    return FakeMailer()


@pytest.fixture
def runtime(database: Database, mailer: FakeMailer, tmp_path: Path) -> Runtime:
    secrets = SecretBox(MasterKeys(SecretFile(tmp_path)))
    return cast(
        "Runtime",
        SimpleNamespace(database=database.worker, sources=SimpleNamespace(secrets=secrets), mailer=mailer),
    )


def _queue(database: Database, runtime: Runtime, to: str = "anne@cabinet.example", **values: Any) -> None:
    with database.identity.transaction() as session:
        letters.queue(
            session,
            runtime.sources.secrets,
            to=to,
            locale="fr",
            template="reset_password",
            values={"recipient": "Anne Morel", "link": TOKEN, "valid_for": timedelta(hours=1)} | values,
        )


def _rows(database: Database) -> list[Any]:
    with database.worker.dispatch() as session:
        return list(session.execute(text("SELECT * FROM outgoing_mail ORDER BY created_at")))


def test_a_letter_leaves_in_its_readers_language_and_is_forgotten(
    database: Database, runtime: Runtime, mailer: FakeMailer
) -> None:
    _queue(database, runtime)
    assert deliver(runtime, Left()) == 1
    ((key, mail),) = mailer.sent
    assert mail.to == "anne@cabinet.example"
    assert "mot de passe" in mail.subject
    assert TOKEN in mail.text
    assert key.startswith("letter-")
    assert _rows(database) == []


def test_a_letter_of_a_transaction_that_failed_was_never_written(
    database: Database, runtime: Runtime, mailer: FakeMailer
) -> None:
    with database.identity.transaction() as session:
        letters.queue(
            session,
            runtime.sources.secrets,
            to="a@b.example",
            locale="en",
            template="password_changed",
            values={"recipient": "A", "link": TOKEN, "changed_at": datetime.now(UTC)},
        )
        session.rollback()
    assert deliver(runtime, Left()) == 0
    assert mailer.sent == []


def test_what_waits_says_nothing_in_a_dump(database: Database, runtime: Runtime) -> None:
    _queue(database, runtime)
    dump = str(_rows(database))
    assert not any(word in dump for word in ("planted-token", "anne@cabinet", "Morel"))


@pytest.mark.parametrize(
    "failure", [ProviderDown("The mail server is down.", retry_after=90), NotConfigured("No mail server.")]
)
def test_a_letter_waits_while_none_can_be_sent_and_keeps_its_key(
    database: Database, runtime: Runtime, mailer: FakeMailer, failure: DroviError
) -> None:
    _queue(database, runtime)
    mailer.failure = failure
    assert deliver(runtime, Left()) == 0
    (row,) = _rows(database)
    assert row.attempts == 1
    assert row.due_at > row.created_at + timedelta(seconds=getattr(failure, "retry_after", 0) or 4)
    mailer.failure = None
    assert deliver(runtime, Left()) == 0
    with database.worker.dispatch() as session:
        session.execute(text("UPDATE outgoing_mail SET due_at = now()"))
    assert deliver(runtime, Left()) == 1
    assert mailer.sent[0][0] == f"letter-{row.id}"


def test_one_that_will_never_be_taken_does_not_hold_the_others_up(
    database: Database, runtime: Runtime, mailer: FakeMailer
) -> None:
    """It stays for an operator to see, without what it said."""
    _queue(database, runtime)
    mailer.failure = Invalid("The recipient is unknown.")
    deliver(runtime, Left())
    mailer.failure = None
    _queue(database, runtime, to="claire@cabinet.example")
    assert deliver(runtime, Left()) == 1
    (row,) = _rows(database)
    assert (row.failed_at is not None, bytes(row.ciphertext), row.error) == (
        True,
        b"",
        "The recipient is unknown.",
    )


def test_waiting_ends_some_time(database: Database, runtime: Runtime, mailer: FakeMailer) -> None:
    _queue(database, runtime)
    with database.worker.dispatch() as session:
        session.execute(text("UPDATE outgoing_mail SET attempts = :n"), {"n": TRIES - 1})
    mailer.failure = ProviderDown("Still down.")
    deliver(runtime, Left())
    (row,) = _rows(database)
    assert row.failed_at is not None


def test_two_senders_at_once_never_send_one_letter_twice(
    database: Database, runtime: Runtime, mailer: FakeMailer
) -> None:
    """The row is held while its letter is being sent."""
    _queue(database, runtime)
    second: list[int] = []
    send = mailer.send

    def send_while_another_looks(mail: Mail, *, idempotency_key: str) -> None:
        second.append(deliver(runtime, Left()))
        send(mail, idempotency_key=idempotency_key)

    mailer.send = send_while_another_looks  # type: ignore[method-assign]
    assert deliver(runtime, Left()) == 1
    assert second == [0]
    assert len(mailer.sent) == 1
