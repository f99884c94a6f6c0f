"""``drovi events init`` and ``events lag``: the topics of the event log, and how far behind its consumers are."""

from __future__ import annotations

from dataclasses import asdict

import typer

from drovi.cli.output import AsJson, explained, print_json, print_table, screen
from drovi.environment import open_environment
from resources.events import offsets
from resources.settings import Settings


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    group = typer.Typer(help="The event log: its topics, and how far it was consumed.", no_args_is_help=True)
    group.command("init")(init)
    group.command("lag")(lag)
    app.add_typer(group, name="events")


def init(as_json: AsJson = False) -> None:
    """Make the topics that are missing in Kafka and check the others; exit code 2 where one is not what it should be."""
    with explained():
        settings = Settings.load()
        if not settings.kafka_bootstrap_servers:
            if as_json:
                print_json({"log": "postgres", "topics": []})
            else:
                screen.print("The event log is in Postgres, which needs no topics.")
            return
        from resources.events.topology import initialise

        topics = [asdict(topic) for topic in initialise(settings)]
        if as_json:
            print_json({"log": "kafka", "topics": topics})
        else:
            print_table("Topics", topics, ("name", "state", "partitions", "replicas", "retention_days"))


def lag(as_json: AsJson = False) -> None:
    """List how many events each consumer group has before it, by partition, and for how long the first of them waits."""
    with explained(), open_environment() as environment:
        log, database = environment.runtime.events, environment.runtime.database
        with database.dispatch() as connection:
            rows = [
                {
                    "group": group,
                    "topic": topic,
                    "partition": one.partition,
                    "lag": one.events,
                    "seconds_behind": round(one.seconds, 1),
                }
                for group, topic in offsets.groups(connection)
                for one in offsets.lag(log, connection, group, topic)
            ]
        if as_json:
            print_json({"lag": rows})
        elif rows:
            print_table("Lag", rows, ("group", "topic", "partition", "lag", "seconds_behind"))
        else:
            screen.print("Nobody has consumed events yet.")
