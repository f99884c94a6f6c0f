"""``drovi up``, ``demo``, ``migrate``, ``key``, ``partitions`` and ``replay``: run it, look after it."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer
from sqlalchemy import func, select

from drovi.cli.output import AsJson, explained, print_json, print_table, screen
from drovi.environment import open_database, open_environment, owner_key
from resources.schema import connection as connection_table
from resources.schema import source_item
from resources.settings import Settings


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    for command in (up, demo, migrate, key, partitions, replay):
        app.command()(command)


def up() -> None:
    """Start the platform (database, Dagster, API) and serve until Ctrl-C."""
    from drovi.platform import serve

    with explained():
        serve(Settings.load())


def demo(
    leave: Annotated[bool, typer.Option("--exit", help="End after the answers instead of serving.")] = False,
) -> None:
    """Read the shipped sample, show what is in it, ask two questions, then serve."""
    from drovi.demo import show_sample
    from drovi.platform import serve

    with explained():
        settings = Settings.load()
        show_sample(settings)
        if not leave:
            serve(settings)


def migrate() -> None:
    """Bring the database to the current schema, and create the first organisation where there is none."""
    with explained(), open_database(Settings.load()):
        screen.print("The database is at the current schema.")


def key() -> None:
    """Print the API key of the first organisation's owner."""
    with explained():
        typer.echo(owner_key(Settings.load()))


def partitions(as_json: AsJson = False) -> None:
    """List the partitions: a connection's items by window, newest first."""
    with explained(), open_environment() as environment:
        query = (
            select(
                source_item.c.connection_id,
                connection_table.c.name,
                source_item.c.window,
                func.count().label("items"),
            )
            .join(connection_table, connection_table.c.id == source_item.c.connection_id)
            .where(source_item.c.superseded_at.is_(None))
            .group_by(source_item.c.connection_id, connection_table.c.name, source_item.c.window)
            .order_by(connection_table.c.name, source_item.c.window.desc())
        )
        with environment.app.acting_as(environment.principal) as session:
            rows = [
                {"partition": f"{row.connection_id}/{row.window}", "connection": row.name, "items": row.items}
                for row in session.execute(query)
            ]
        if as_json:
            print_json({"partitions": rows})
        else:
            print_table("Partitions", rows, ("partition", "connection", "items"))


def replay(
    partition: Annotated[str, typer.Argument(help="<connection id>/<window>; see `drovi partitions`.")],
    as_json: AsJson = False,
) -> None:
    """Derive a partition again from its stored source items, and say whether anything came out differently."""
    from drovi_assets.automation import turns_on
    from drovi_assets.pipeline.replay import replay as replay_partition

    with explained(), open_environment() as environment:
        org_id = environment.principal.org_id
        turns = partial(turns_on, environment.runtime, org_id)
        done = replay_partition(environment.runtime, org_id, partition, turns)
        result = {
            "partition": partition,
            "items": done.report.items,
            "parsed": done.report.parsed,
            "refused": done.report.refused,
            "objects": dict(done.report.objects),
            "before": done.before,
            "after": done.after,
            "same": done.before == done.after,
        }
        if as_json:
            print_json(result)
            return
        verdict = "the same bytes as before" if result["same"] else "[yellow]different from before[/]"
        screen.print(f"{result['items']} items, {result['parsed']} documents: {verdict} ({done.after[:12]}…)")
