"""``drovi audit list`` and ``audit verify``: read the audit log, and find out whether it is as it was written."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer
from sqlalchemy import select

from drovi.cli.output import EXIT_FAILED, AsJson, explained, print_json, print_table, screen
from drovi.environment import Environment, open_environment
from resources.audit import PLATFORM, Report, newest, verify
from resources.schema import organisation

_PLATFORM_NAME = "the platform"


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    group = typer.Typer(help="The audit log: read it, verify it.", no_args_is_help=True)
    group.command("list")(list_entries)
    group.command("verify")(verify_chains)
    app.add_typer(group, name="audit")


def list_entries(
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many entries at most.")] = 50,
    platform: Annotated[
        bool, typer.Option("--platform", help="The platform's own chain: keys, administrators.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List who did what, newest first."""
    with explained(), open_environment() as environment:
        org_id = PLATFORM if platform else environment.principal.org_id
        with environment.runtime.database.organisation(org_id) as connection:
            entries = [dict(row._mapping) for row in newest(connection, org_id, limit)]  # noqa: SLF001 - SQLAlchemy's public name
        if as_json:
            print_json({"entries": entries})
        else:
            for entry in entries:
                entry["at (UTC)"] = f"{entry['at']:%Y-%m-%d %H:%M:%S}"
                entry["actor"] = entry["actor_label"] or entry["actor_id"]
                entry["subject"] = f"{entry['subject_kind']} {entry['subject_id']}"
            print_table(
                "Audit log", entries, ("sequence", "at (UTC)", "actor", "action", "subject", "address")
            )


def verify_chains(as_json: AsJson = False) -> None:
    """Recompute every chain and hold it against its head and its anchors; exit code 1 where anything does not fit."""
    with explained(), open_environment() as environment:
        chains = [
            _chain(name, verify(environment.runtime.database, environment.runtime.objects, org_id))
            for org_id, name in _organisations(environment)
        ]
        sound = not any(chain["problem_count"] for chain in chains)
        if as_json:
            print_json({"sound": sound, "chains": chains})
        else:
            print_table("Chains", chains, ("organisation", "entries", "anchors", "problem_count"))
            for chain in chains:
                print_table(
                    f"Problems of {chain['organisation']}", chain["problems"], ("sequence", "message")
                )
            screen.print(
                "Every entry fits its chain, its head and its anchors."
                if sound
                else "[red]The audit log is not as it was written.[/]"
            )
        if not sound:
            raise typer.Exit(EXIT_FAILED)


def _organisations(environment: Environment) -> list[tuple[Any, str]]:
    with environment.runtime.database.dispatch() as connection:
        rows = connection.execute(select(organisation.c.id, organisation.c.name).order_by(organisation.c.id))
        return [(PLATFORM, _PLATFORM_NAME), *((row.id, row.name) for row in rows)]


def _chain(name: str, report: Report) -> dict[str, Any]:
    return {"organisation": name, **asdict(report)}
