"""``drovi connect``, ``connections``, ``rhythm``, ``sync`` and ``backfill``: sources other than a folder at hand."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import typer
from sqlalchemy import Connection, select

from drovi.cli.memory import bring_up, print_ingested
from drovi.cli.output import AsJson, explained, print_json, print_table, screen
from drovi.environment import open_environment
from resources.audit import member
from resources.errors import Invalid, NotFound
from resources.schedules import Rhythm
from resources.schema import connection as connection_table
from resources.schema import job

_DAY = "%Y-%m-%d"
_FOR_PEOPLE = ("name", "source", "seen by", "status", "read", "last (UTC)", "next (UTC)")


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    for command in (connect, connections, rhythm, sync, backfill):
        app.command()(command)


Every = Annotated[int | None, typer.Option(help="Read it every so many seconds.")]
Cron = Annotated[
    str | None, typer.Option(help='Read it by a cron expression of five fields, such as "0 7 * * 1-5".')
]
Timezone = Annotated[
    str | None, typer.Option(help="The time zone of the cron expression, such as Europe/Paris; or UTC.")
]


def connect(
    connector: Annotated[str, typer.Argument(help="documents, postgres or feed.")],
    name: Annotated[str, typer.Argument(help="How people will call it.")],
    *,
    config: Annotated[
        str, typer.Option(help="The connector's settings as JSON; see docs/guides/connectors.md.")
    ] = "{}",
    private: Annotated[bool, typer.Option("--private", help="Readable by the owner alone.")] = False,
    every: Every = None,
    cron: Cron = None,
    timezone: Timezone = None,
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
                rhythm=_asked(every, cron, timezone),
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
    from drovi_assets.connectors.rhythms import SHOWN

    names = ("id", "connector", "name", "visibility", "status", "status_detail")
    times = ("last_synced_at", "next_sync_at")
    columns = (*(connection_table.c[name] for name in (*names, *times)), SHOWN)
    with explained(), open_environment() as environment:
        with environment.app.acting_as(environment.principal) as session:
            query = select(*columns).order_by(connection_table.c.id)
            rows = [dict(row._mapping) for row in session.execute(query)]  # noqa: SLF001 - SQLAlchemy's public name
        if as_json:
            print_json({"connections": rows})
        else:
            print_table("Connections", [_for_people(row) for row in rows], _FOR_PEOPLE)


def rhythm(
    name: Annotated[str, typer.Argument(help="The connection's name.")],
    *,
    every: Every = None,
    cron: Cron = None,
    timezone: Timezone = None,
    default: Annotated[
        bool, typer.Option("--default", help="Read it as often as its kind of source is.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Say how often a connection is read, or show it where nothing is said; its next reading is reckoned anew."""
    from drovi_assets.connectors.rhythms import SHOWN, set_rhythm

    with explained(), open_environment() as environment:
        asked = _asked(every, cron, timezone)
        if default and asked:
            raise Invalid("--default is a rhythm too.", remedy="Give it alone, or leave it out.")
        with environment.app.acting_as(environment.principal) as session:
            connection_id = _found(session, name)
            if default or asked:
                set_rhythm(session, connection_id, asked, member(session, environment.principal))
            query = select(connection_table.c.id, connection_table.c.next_sync_at, SHOWN)
            row = session.execute(query.where(connection_table.c.id == connection_id)).one()
        if as_json:
            print_json(row._asdict())
        else:
            screen.print(
                f"Read {_in_words(row.rhythm)}; next at {row.next_sync_at:%Y-%m-%d %H:%M:%S} UTC.",
                highlight=False,
            )


def sync(
    name: Annotated[str, typer.Argument(help="The connection's name.")],
    as_json: AsJson = False,
) -> None:
    """Read a connection now."""
    with explained(), open_environment() as environment:
        with environment.app.acting_as(environment.principal) as session:
            connection_id = _found(session, name)
        result = bring_up(environment, connection_id, name)
        if as_json:
            print_json(result)
        else:
            print_ingested(result)


def backfill(
    name: Annotated[str, typer.Argument(help="The connection's name.")],
    *,
    stream: Annotated[str | None, typer.Option(help="One of its streams; without it, all of them.")] = None,
    start: Annotated[
        datetime | None, typer.Option(formats=[_DAY], help="The first day, in UTC; with --end.")
    ] = None,
    end: Annotated[datetime | None, typer.Option(formats=[_DAY], help="The day after the last one.")] = None,
    full_refresh: Annotated[
        bool, typer.Option("--full-refresh", help="Read again, from empty, what was read; ids stay.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Ask for what is left of a connection's history, or for all of it again; a running platform reads it."""
    from drovi_assets.connectors.backfills import ask_backfill
    from drovi_assets.connectors.windows import Span

    with explained(), open_environment() as environment:
        if (start is None) != (end is None):
            raise Invalid("A window has two ends.", remedy="Give both --start and --end, or neither.")
        with environment.app.acting_as(environment.principal) as session:
            job_id = ask_backfill(
                session,
                environment.principal,
                _found(session, name),
                member(session, environment.principal),
                stream=stream,
                window=Span(start.date(), end.date()) if start and end else None,
                full_refresh=full_refresh,
            )
            status = session.execute(select(job.c.status).where(job.c.id == job_id)).scalar_one()
        if as_json:
            print_json({"id": job_id, "status": status})
        else:
            screen.print(f"Asked for; the job {job_id} is {status}.", highlight=False)


def _found(session: Connection, name: str) -> UUID:
    from drovi_assets.connectors.connections import find_connection

    connection_id = find_connection(session, name)
    if connection_id is None:
        raise NotFound(f"There is no connection named “{name}”.", remedy="See `drovi connections`.")
    return connection_id


def _asked(every: int | None, cron: str | None, timezone: str | None) -> Rhythm | None:
    from drovi_assets.connectors.rhythms import sync_rhythm

    if every is None and cron is None and timezone is None:
        return None
    return sync_rhythm(interval_seconds=every, cron=cron, timezone=timezone)


def _for_people(row: Mapping[str, Any]) -> dict[str, str]:
    """A line of the table: as wide as a terminal is."""
    last, coming = (
        row[name] and f"{row[name]:%Y-%m-%d %H:%M}" for name in ("last_synced_at", "next_sync_at")
    )
    status = ": ".join(part for part in (row["status"], row["status_detail"]) if part)
    seen_by = "its owner" if row["visibility"] == "PRIVATE" else "everybody"
    shown = (
        row["name"],
        row["connector"],
        seen_by,
        status,
        _in_words(row["rhythm"]),
        last or "never",
        coming,
    )
    return dict(zip(_FOR_PEOPLE, shown, strict=True))


def _in_words(shown: Mapping[str, Any]) -> str:
    if "cron" in shown:
        return f"at {shown['cron']} ({shown['timezone']})"
    return f"every {shown['interval_seconds']} s"
