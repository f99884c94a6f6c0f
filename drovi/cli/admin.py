"""``drovi admin``: who administers the platform, from the machine it runs on. The first administrator comes from here."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlsplit
from uuid import UUID

import typer
from sqlalchemy import Connection, Row, select

from drovi.cli.output import AsJson, explained, print_json, print_table, screen
from drovi.environment import Environment, open_environment
from resources import audit
from resources.database import enter
from resources.errors import NotFound
from resources.identity import admin_sessions, administrators
from resources.identity.administrators import Rules
from resources.schema import outgoing_mail
from resources.settings import Settings

SENDING_SECONDS = 20.0
_INVITER = "Drovi"

Address = Annotated[str, typer.Argument(help="E-mail address, exactly as it is to be typed at the sign-in.")]


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    group = typer.Typer(help="Who administers the platform.", no_args_is_help=True)
    group.command("invite")(invite)
    group.command("list")(list_administrators)
    group.command("disable")(disable)
    app.add_typer(group, name="admin")


def invite(address: Address) -> None:
    """Send somebody the link that makes them an administrator; also one who was disabled because a password or factor was lost."""
    with explained(), open_environment() as environment:
        settings = environment.settings
        with environment.identity.transaction() as connection:
            invited = administrators.invite(
                connection,
                environment.secrets,
                Rules.of(settings),
                address,
                inviter=_INVITER,
                public_url=settings.public_url,
            )
            _record(connection, audit.Action.ADMIN_INVITED, invited.admin_id, address)
        if _sent(environment, invited.letter_id):
            told = f"The invitation of {address} went out: {_way(settings)}."
        else:
            told = f"The invitation of {address} waits to be sent: {_way(settings)}. `drovi up` tries again."
        screen.print(told, soft_wrap=True, highlight=False)


def list_administrators(as_json: AsJson = False) -> None:
    """List the administrators, those invited and those disabled included."""
    with explained(), open_environment() as environment, environment.identity.transaction() as connection:
        rows = [
            {"address": row.email, "state": _state(row), "id": str(row.id)}
            for row in administrators.every(connection)
        ]
        if as_json:
            print_json({"administrators": rows})
        else:
            print_table("Administrators", rows, ("address", "state", "id"))


def disable(address: Address) -> None:
    """Keep an administrator out, at once. Unlike the administration itself, this also takes the last one."""
    with explained(), open_environment() as environment, environment.identity.transaction() as connection:
        found = [row.id for row in administrators.every(connection) if row.email == address]
        if not found:
            raise NotFound("There is no administrator with this address.", remedy="See `drovi admin list`.")
        administrators.disable(connection, Rules.of(environment.settings), found[0], last_too=True)
        admin_sessions.revoke_all(connection, found[0])
        _record(connection, audit.Action.ADMIN_DISABLED, found[0], address)
        screen.print(f"{address} is no administrator any more.", highlight=False)


def _sent(environment: Environment, letter_id: UUID) -> bool:
    """Send what waits, as the platform's tick would; whether this letter is gone then."""
    from drovi_assets.chores.letters import deliver
    from drovi_assets.deadline import Budget

    deliver(environment.runtime, Budget.of(SENDING_SECONDS))
    with environment.runtime.database.dispatch() as connection:
        waiting = select(outgoing_mail.c.id).where(outgoing_mail.c.id == letter_id)
        return connection.execute(waiting).one_or_none() is None


def _way(settings: Settings) -> str:
    """How mail leaves, without the password that may stand in its address."""
    url = settings.mail_url.get_secret_value()
    if not url:
        return f"as a file into {settings.home / 'mail'}"
    parts = urlsplit(url)
    return "through Resend" if parts.scheme == "resend" else f"through the mail server {parts.hostname}"


def _state(row: Row[Any]) -> str:
    if row.disabled_at is not None:
        return "disabled"
    return "active" if row.active else "invited"


def _record(connection: Connection, action: audit.Action, admin_id: UUID, address: str) -> None:
    enter(connection, audit.PLATFORM)
    audit.record(connection, audit.SYSTEM, action, "administrator", admin_id, after={"email": address})
