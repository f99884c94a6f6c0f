"""``drovi dlq list``, ``show``, ``replay`` and ``drop``: events that were given up, looked at and settled by hand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import typer
from sqlalchemy import Row

from drovi.cli.output import AsJson, explained, print_json, print_table, screen
from drovi.environment import open_environment
from drovi_assets.consumers import dead_letters
from drovi_assets.consumers.dead_letters import Which
from resources.audit import SYSTEM

BY = "the command line"

Ids = Annotated[list[UUID] | None, typer.Argument(help="Dead letters by id; none: by the options.")]
Topic = Annotated[str | None, typer.Option(help="The topic where it was first read.")]
Partition = Annotated[int | None, typer.Option(min=0, help="With --topic: a partition of it.")]
First = Annotated[int | None, typer.Option("--from", min=0, help="With --partition: from this offset on.")]
Last = Annotated[int | None, typer.Option("--to", min=0, help="With --partition: up to this offset.")]
Error = Annotated[str | None, typer.Option(help="The kind of error, as `dlq list` names it.")]
Org = Annotated[UUID | None, typer.Option(help="An organisation's id.")]
Since = Annotated[datetime | None, typer.Option(help="Died at that time (UTC) or later.")]
Until = Annotated[datetime | None, typer.Option(help="Died before that time (UTC).")]


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    group = typer.Typer(help="Dead letters: events that were given up.", no_args_is_help=True)
    group.command("list")(list_letters)
    group.command("show")(show)
    group.command("replay")(replay)
    group.command("drop")(drop)
    app.add_typer(group, name="dlq")


def list_letters(
    *,
    topic: Topic = None,
    partition: Partition = None,
    first: First = None,
    last: Last = None,
    error: Error = None,
    org: Org = None,
    since: Since = None,
    until: Until = None,
    status: Annotated[str, typer.Option(help="dead, replaying, replayed, dropped or any.")] = "dead",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many at most.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List dead letters, newest first, without their content."""
    which = _Chosen(None, topic, partition, first, last, error, org, since, until).which(status)
    with explained(), open_environment() as environment:
        with environment.runtime.database.dispatch() as connection:
            found = dead_letters.find(connection, which, limit)
            total = dead_letters.count(connection, which)
        letters = [_shown(row) for row in found]
        if as_json:
            print_json({"total": total, "dead_letters": letters})
            return
        columns = (
            "id",
            "topic",
            "partition",
            "offset",
            "consumer_group",
            "attempts",
            "error_code",
            "died_at",
        )
        print_table("Dead letters", letters, columns)
        screen.print(f"{total} in all." if total else "There are none.")


def show(
    letter: Annotated[UUID, typer.Argument(help="A dead letter's id.")], as_json: AsJson = False
) -> None:
    """Show one with its headers and its content."""
    with explained(), open_environment() as environment:
        with environment.runtime.database.dispatch() as connection:
            row = dead_letters.show(connection, letter)
        shown = {**_shown(row), "payload": bytes(row.payload).decode("utf-8", "replace")}
        if as_json:
            print_json(shown)
            return
        for name, value in shown.items():
            screen.print(f"{name}: {value}", highlight=False, markup=False)


def replay(
    ids: Ids = None,
    *,
    topic: Topic = None,
    partition: Partition = None,
    first: First = None,
    last: Last = None,
    error: Error = None,
    org: Org = None,
    since: Since = None,
    until: Until = None,
    as_json: AsJson = False,
) -> None:
    """Send dead letters back to the topic they came from, with their history; one, a range, or all that match."""
    which = _Chosen(ids, topic, partition, first, last, error, org, since, until).which()
    with explained(), open_environment() as environment:
        with environment.runtime.database.dispatch() as connection:
            asked = dead_letters.ask_replay(connection, which, BY)
        sent = 0
        while True:
            with environment.runtime.database.dispatch() as connection:
                batch = dead_letters.carry_out(connection)
            if not batch:
                break
            sent += batch
        if as_json:
            print_json({"asked": asked, "sent": sent})
        else:
            screen.print(f"{sent} of {asked} sent back; the platform handles them within a few seconds.")


def drop(
    ids: Ids = None,
    *,
    reason: Annotated[str, typer.Option(help="Why they may be lost; kept in the audit log.")],
    topic: Topic = None,
    partition: Partition = None,
    first: First = None,
    last: Last = None,
    error: Error = None,
    org: Org = None,
    since: Since = None,
    until: Until = None,
    yes: Annotated[bool, typer.Option("--yes", help="Drop several without asking.")] = False,
    as_json: AsJson = False,
) -> None:
    """Give dead letters up for good. Asks first where there are several."""
    which = _Chosen(ids, topic, partition, first, last, error, org, since, until).which()
    with explained(), open_environment() as environment:
        with environment.runtime.database.dispatch() as connection:
            count = dead_letters.count(connection, which)
        if count > 1 and not yes:
            typer.confirm(f"Drop {count} dead letters? They cannot be brought back.", abort=True, err=True)
        with environment.runtime.database.dispatch() as connection:
            dropped = dead_letters.drop(connection, which, reason, SYSTEM)
        if as_json:
            print_json({"dropped": dropped})
        else:
            screen.print(f"{dropped} dropped.")


@dataclass(frozen=True)
class _Chosen:
    """What the options name."""

    ids: list[UUID] | None
    topic: str | None
    partition: int | None
    first: int | None
    last: int | None
    error: str | None
    org: UUID | None
    since: datetime | None
    until: datetime | None

    def which(self, status: str = dead_letters.DEAD) -> Which:
        return Which(
            ids=self.ids or None,
            topic=self.topic,
            partition=self.partition,
            first=self.first,
            last=self.last,
            error_code=self.error,
            org_id=self.org,
            since=self.since,
            until=self.until,
            status=None if status == "any" else status,
        )


def _shown(row: Row[Any]) -> dict[str, Any]:
    return {name: value for name, value in row._mapping.items() if name != "payload"}  # noqa: SLF001 - SQLAlchemy's public name
