"""``drovi ingest``, ``find``, ``ask`` and ``show``: put in, look up, ask, prove."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer

from drovi.cli.output import AsJson, explained, print_json, print_table, progress_bar, screen
from drovi.environment import Environment, open_environment

MOST_SHOWN = 100_000
"""The bar counts what waits up to here: counting on would cost more than it tells."""


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command()(ingest)
    app.command()(find)
    app.command()(ask)
    app.command()(show)


def ingest(
    path: Annotated[Path, typer.Argument(help="A file or a folder.", show_default=False)],
    private: Annotated[bool, typer.Option("--private", help="Readable by the owner alone.")] = False,
    as_json: AsJson = False,
) -> None:
    """Read a folder, and keep it connected: a second call reads only what changed."""
    with explained(), open_environment() as environment:
        result = ingest_folder(environment, path, private=private)
        if as_json:
            print_json(result)
            return
        print_ingested(result)


def ingest_folder(environment: Environment, path: Path, *, private: bool = False) -> dict[str, Any]:
    """Connect a folder and bring it up to date; the stable shape of ``drovi ingest --json``."""
    from drovi_assets.connectors.connections import ensure_folder

    with environment.app.acting_as(environment.principal) as session:
        connection_id = ensure_folder(
            session, environment.principal, environment.secrets, path, private=private
        )
    return bring_up(environment, connection_id, str(path))


def bring_up(environment: Environment, connection_id: UUID, title: str) -> dict[str, Any]:
    """Bring a connection up to date behind a progress bar; what it holds afterwards, and the seconds it took."""
    from drovi_assets.automation import Done, bring_up_to_date, count_pending
    from drovi_assets.pipeline.summary import summarise

    started = time.monotonic()
    org_id = environment.principal.org_id
    runtime = environment.runtime
    with progress_bar() as bar:
        task = bar.add_task(f"Reading {title}", total=None)

        def advance(done: Done) -> None:
            waiting = count_pending(runtime, org_id, connection_id, MOST_SHOWN)
            bar.update(task, completed=done.total.items, total=done.total.items + waiting)

        bring_up_to_date(runtime, org_id, connection_id, advance)
    with environment.app.acting_as(environment.principal) as connection:
        summary = asdict(summarise(connection, connection_id))
    return summary | {"seconds": round(time.monotonic() - started, 2)}


def print_ingested(result: dict[str, Any]) -> None:
    """What was read, for people."""
    screen.print(
        f"{result['items']} items, {result['parsed']} documents read, {len(result['refused'])} refused,"
        f" in {result['seconds']} s"
    )
    screen.print("Objects: " + (", ".join(f"{n} {kind}" for kind, n in result["objects"].items()) or "none"))
    print_table("Refused", result["refused"], ("path", "reason"))
    for warning, count in Counter(one["warning"] for one in result["warnings"]).most_common(5):
        screen.print(f"[yellow]warning[/] {warning} ({count} documents)")


def find(
    query: Annotated[str, typer.Argument(help="Words to look for, in French or English.")],
    limit: Annotated[int, typer.Option(min=1, max=100)] = 10,
    as_json: AsJson = False,
) -> None:
    """Find documents, messages and objects."""
    from drovi_assets.retrieval.search import find as search

    with explained(), open_environment() as environment:
        with environment.app.acting_as(environment.principal) as connection:
            results = search(
                connection,
                environment.principal.org_id,
                query,
                embedder=environment.runtime.embedder,
                limit=limit,
            )
        rows = [asdict(one) for one in results]
        if as_json:
            print_json({"results": rows})
            return
        print_table(f"“{query}”", rows, ("kind", "title", "path", "page", "snippet"))
        if not rows:
            screen.print("Nothing found.")


def ask(
    question: Annotated[str, typer.Argument(help="A question, in French or English.")],
    as_json: AsJson = False,
) -> None:
    """Ask; the answer quotes its sources, or says that there is no evidence."""
    with explained(), open_environment() as environment:
        result = ask_question(environment, question)
        if as_json:
            print_json(result)
            return
        print_answer(result)


def ask_question(environment: Environment, question: str) -> dict[str, Any]:
    """The stable shape of ``drovi ask --json``."""
    from drovi_assets.retrieval.answer import ask as answer

    with environment.app.acting_as(environment.principal) as connection:
        result = answer(
            connection, environment.principal.org_id, question, embedder=environment.runtime.embedder
        )
    return asdict(result)


def print_answer(result: dict[str, Any]) -> None:
    """An answer with its citations, for people."""
    screen.print(result["answer"], markup=False, highlight=False)
    for number, citation in enumerate(result["citations"], start=1):
        page = f", p. {citation['page']}" if citation["page"] else ""
        screen.print(
            f"[dim][{number}] {citation['path']}{page} · {citation['evidence_id']}[/]", highlight=False
        )
    screen.print(
        f"[dim]{result['searched']} passages searched in {result['latency_ms']:.0f} ms[/]", highlight=False
    )


def show(
    evidence: Annotated[str, typer.Argument(help="The id of an evidence, as find and ask print it.")],
    as_json: AsJson = False,
) -> None:
    """Show a piece of evidence: the exact words, where they stand, and what stands around them."""
    from drovi_assets.retrieval.cite import resolve

    with explained(), open_environment() as environment:
        with environment.app.acting_as(environment.principal) as connection:
            found = asdict(resolve(connection, evidence))
        if as_json:
            print_json(found)
            return
        page = f", page {found['page']}" if found["page"] else ""
        screen.print(f"[bold]{found['path']}[/]{page}", highlight=False)
        screen.print(f"“{found['quote']}”", markup=False, highlight=False)
