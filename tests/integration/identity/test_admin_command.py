"""``drovi admin``: the first administrator comes from the machine's own command line, with a letter that leaves at once."""

from __future__ import annotations

import email
import email.policy
import json
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from drovi.cli.main import app
from resources.audit import PLATFORM
from resources.settings import Settings
from tests.conftest import Database

ADDRESS = "anna@drovi.co"


@pytest.fixture
def home(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """An installation on the test's database, as its environment describes it."""
    urls = database.urls
    monkeypatch.setenv("DROVI_HOME", str(tmp_path))
    monkeypatch.setenv("DATABASE_URL", urls.owner)
    monkeypatch.setenv("DROVI_LOG_LEVEL", "ERROR")
    for role in ("app", "worker", "identity"):
        # The roles belong to the test's whole server: setting up here must leave them the passwords they have.
        monkeypatch.setenv(f"DATABASE_{role.upper()}_PASSWORD", str(urlsplit(getattr(urls, role)).password))
    Settings.reload()
    yield tmp_path
    monkeypatch.undo()
    Settings.reload()


def _run(*arguments: str):
    return CliRunner().invoke(app, ["admin", *arguments])


def _state() -> dict[str, str]:
    listed = json.loads(_run("list", "--json").stdout)["administrators"]
    return {one["address"]: one["state"] for one in listed}


def test_an_invitation_leaves_at_once_and_says_where_to(home: Path, database: Database) -> None:
    done = _run("invite", ADDRESS)
    assert done.exit_code == 0, done.output
    assert str(home / "mail") in done.stdout
    (file,) = (home / "mail").glob("*.eml")
    message = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
    assert message["To"] == ADDRESS
    assert "/admin/invitation#token=" in message.get_body().get_content()
    assert _state() == {ADDRESS: "invited"}
    with database.worker.organisation(PLATFORM) as session:
        (entry,) = session.execute(text("SELECT * FROM audit_entry WHERE org_id = :org"), {"org": PLATFORM})
    assert (entry.action, entry.actor_kind, entry.after) == ("admin.invited", "system", {"email": ADDRESS})


def test_where_no_mail_can_leave_the_invitation_waits(
    home: Path, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody is told that a letter went out which did not; nor the mail server's password."""
    monkeypatch.setenv("DROVI_MAIL_URL", "smtp://user:hunter2hunter2@127.0.0.1:1")
    monkeypatch.setenv("DROVI_MAIL_FROM", "drovi@drovi.co")
    Settings.reload()
    done = _run("invite", ADDRESS)
    assert done.exit_code == 0, done.output
    assert "waits to be sent: through the mail server 127.0.0.1" in done.stdout
    assert "hunter2" not in done.output
    with database.worker.dispatch() as session:
        assert session.execute(text("SELECT attempts FROM outgoing_mail")).scalar_one() == 1


@pytest.mark.parametrize("address", ["anna@drovi.co.evil", "Anna@drovi.co", "anna"])
def test_no_other_address_is_invited(home: Path, address: str) -> None:
    refused = _run("invite", address)
    assert refused.exit_code == 2
    assert "drovi.co, in lower case" in refused.stderr
    assert _state() == {}


def test_the_command_line_disables_whom_it_invited(home: Path) -> None:
    """The last one too: here is always a way to invite another."""
    _run("invite", ADDRESS)
    assert _run("disable", ADDRESS).exit_code == 0
    assert _state() == {ADDRESS: "disabled"}
    assert _run("disable", ADDRESS).exit_code == 2
    assert _run("disable", "nobody@drovi.co").exit_code == 2
    assert _run("invite", ADDRESS).exit_code == 0
