"""``drovi connect``, ``drovi connections`` and ``drovi sync``: sources other than a folder at hand."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from sqlalchemy import select

from drovi.cli.memory import bring_up, print_ingested
from drovi.cli.output import AsJson, explained, print_json, print_table, screen
from drovi.environment import open_environment
from resources.errors import Invalid, NotFound
from resources.schema import connection as connection_table


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command()(connect)
    app.command()(connections)
    app.command()(sync)


def connect(
    connector: Annotated[str, typer.Argument(help="documents, postgres or feed.")],
    name: Annotated[str, typer.Argument(help="How people will call it.")],
    config: Annotated[
        str, typer.Option(help="The connector's settings as JSON; see docs/guides/connectors.md.")
    ] = "{}",
    private: Annotated[bool, typer.Option("--private", help="Readable by the owner alone.")] = False,
    as_json: AsJson = False,
) -> None:
    """Link a source. Secrets among the settings are stored encrypted and never shown again."""
    from drovi_assets.connectors.connections import create_connection

    with explained(), open_environment() as environment:
        try:
            settings = json.loads(config)
        except ValueError as error:
            raise Invalid(
                f"--config is not JSON: {error}.", remedy="""Write it as '{"key": "value"}'."""
            ) from error
        with environment.app.acting_as(environment.principal) as session:
            created = create_connection(
                session,
                environment.principal,
                environment.secrets,
                connector=connector,
                name=name,
                config=settings,
                visibility="PRIVATE" if private else "ORG_SHARED",
            )
        intake = created.intake and {
            "url": created.intake.url(environment.settings.public_url),
            "secret": created.intake.secret,
        }
        if as_json:
            print_json({"id": created.id} | ({"intake": intake} if intake else {}))
        elif intake:
            screen.print(
                f"Connected. Give its sender these; they are shown this once.\n{intake['url']}\n{intake['secret']}"
            )
        else:
            screen.print(
                f"Connected. `drovi sync “{name}”` reads it now; a running platform does so by itself."
            )


def connections(as_json: AsJson = False) -> None:
    """List the connections and how they do."""
    columns = ("id", "connector", "name", "visibility", "status", "status_detail", "last_synced_at")
    with explained(), open_environment() as environment:
        with environment.app.acting_as(environment.principal) as session:
            query = select(*(connection_table.c[column] for column in columns)).order_by(
                connection_table.c.id
            )
            rows = [dict(row._mapping) for row in session.execute(query)]  # noqa: SLF001 - SQLAlchemy's public name
        if as_json:
            print_json({"connections": rows})
        else:
            print_table("Connections", rows, columns[1:])


def sync(
    name: Annotated[str, typer.Argument(help="The connection's name.")],
    as_json: AsJson = False,
) -> None:
    """Read a connection now."""
    from drovi_assets.connectors.connections import find_connection

    with explained(), open_environment() as environment:
        with environment.app.acting_as(environment.principal) as session:
            connection_id = find_connection(session, name)
        if connection_id is None:
            raise NotFound(f"There is no connection named “{name}”.", remedy="See `drovi connections`.")
        result = bring_up(environment, connection_id, name)
        if as_json:
            print_json(result)
        else:
            print_ingested(result)
