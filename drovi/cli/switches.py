"""``drovi stop``, ``resume`` and ``stops``: kill switches, from the machine the platform runs on."""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated
from uuid import UUID

import typer
from sqlalchemy import Connection, or_, select

from drovi.cli.output import AsJson, explained, print_json, print_table, screen
from drovi.environment import open_environment
from drovi_assets.connectors.registry import spec_of
from resources import kill_switches
from resources.audit import SYSTEM
from resources.database import sole
from resources.kill_switches import Scope
from resources.schema import organisation

Connector = Annotated[str | None, typer.Option(help="Only sources of this kind.")]
Organisation = Annotated[str | None, typer.Option(help="Only this organisation: its id or short name.")]


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    for command in (stop, resume, stops):
        app.command()(command)


def stop(
    reason: Annotated[str, typer.Option(help="Why; for whoever finds it stopped.")],
    connector: Connector = None,
    organisation: Organisation = None,
) -> None:
    """Stop background work within one tick: all of it, one kind of source, or one organisation. Nothing is lost."""
    with explained(), open_environment() as environment, environment.runtime.database.dispatch() as session:
        scope = _scope(session, connector, organisation)
        anew = kill_switches.throw(session, scope, reason, SYSTEM)
        screen.print(f"Stopped: {scope}." if anew else f"Already stopped: {scope}.", highlight=False)


def resume(connector: Connector = None, organisation: Organisation = None) -> None:
    """Let go on what `drovi stop` with the same options stopped."""
    with explained(), open_environment() as environment, environment.runtime.database.dispatch() as session:
        scope = _scope(session, connector, organisation)
        kill_switches.release(session, scope, SYSTEM)
        screen.print(f"Goes on: {scope}.", highlight=False)


def stops(as_json: AsJson = False) -> None:
    """List what is stopped, since when, by whom and why."""
    with explained(), open_environment() as environment, environment.runtime.database.dispatch() as session:
        rows = [
            {
                "stopped": str(Scope(row.connector, row.org_id)),
                "since (UTC)": f"{row.thrown_at:%Y-%m-%d %H:%M:%S}",
                "by": row.thrown_by,
                "reason": row.reason,
            }
            for row in kill_switches.thrown(session)
        ]
    if as_json:
        print_json({"stops": rows})
    else:
        print_table("Stopped", rows, ("stopped", "since (UTC)", "by", "reason"))


def _scope(session: Connection, connector: str | None, named: str | None) -> Scope:
    """Raises ``NotFound`` where there is no such connector or organisation."""
    if connector is not None:
        spec_of(connector)
    return Scope(connector, None if named is None else _organisation(session, named))


def _organisation(session: Connection, named: str) -> UUID:
    by_name = organisation.c.slug == named
    with suppress(ValueError):
        by_name = or_(by_name, organisation.c.id == UUID(named))
    found: UUID = sole(
        session.execute(select(organisation.c.id).where(by_name)).scalars().all(), "organisation"
    )
    return found
