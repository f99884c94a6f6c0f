"""``drovi demo``: the main job on the shipped sample, in front of the newcomer's eyes."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import select

from drovi.cli.memory import ask_question, bring_up, print_answer, print_ingested
from drovi.cli.output import screen
from drovi.environment import Environment, open_environment
from drovi_assets.connectors.connections import create_connection, find_connection
from resources.schema import document, evidence, intelligence_object
from resources.settings import Settings

SAMPLE = Path(__file__).parent.parent / "samples" / "two_matters"
FOLDER = "Sample: two matters"
DATABASE = "Sample: practice database"
QUESTIONS = (
    "Jusqu'à quand la proposition de la médiatrice est-elle valable ?",
    "What is the salary of the managing partner's driver?",
)
SHOWN = 3
"""Objects shown of each kind."""


def show_sample(settings: Settings) -> None:
    """Read the sample, print what was found with its proof, ask one question it answers and one it cannot."""
    with open_environment(settings) as environment:
        screen.rule("Reading the sample")
        folder = ensure_folder_connection(environment)
        print_ingested(bring_up(environment, folder, "the files of two matters"))
        database = ensure_database_connection(environment)
        if database is not None:
            print_ingested(bring_up(environment, database, "the practice database"))
        screen.rule("What is in it")
        print_objects(environment)
        for question in QUESTIONS:
            screen.rule(question)
            print_answer(ask_question(environment, question))
        screen.rule()


def ensure_folder_connection(environment: Environment) -> UUID:
    """The connection that reads the sample's files; made at the first demo."""
    config = {"path": str(SAMPLE), "exclude": ["database"]}
    return _ensure(environment, "documents", FOLDER, config)


def ensure_database_connection(environment: Environment) -> UUID | None:
    """The connection that reads the sample's table; None where the database is not ours to add a sample to."""
    if not environment.settings.embedded_database:
        return None
    address = conninfo_to_dict(load_table(environment.urls.owner))
    config = {
        "host": address["host"],
        "port": int(str(address["port"])),
        "database": address["dbname"],
        "user": address["user"],
        "password": address["password"],
        "tables": [{"schema": "practice", "table": "deadlines", "key": ["id"], "updated_at": "updated_at"}],
    }
    return _ensure(environment, "postgres", DATABASE, config)


def load_table(owner: str) -> str:
    """A database beside Drovi's own that holds the sample's table; returns its address."""
    name = "sample_practice"
    with psycopg.connect(owner, autocommit=True) as connection:
        known = connection.execute("SELECT FROM pg_database WHERE datname = %s", [name]).fetchone()
        if known is None:
            connection.execute(f"CREATE DATABASE {name}")
    address = owner.rpartition("/")[0] + f"/{name}"
    with psycopg.connect(address) as connection:
        loaded = connection.execute("SELECT to_regclass('practice.deadlines') IS NOT NULL").fetchone()
        if loaded is None or not loaded[0]:
            connection.execute((SAMPLE / "database" / "practice_deadlines.sql").read_bytes())
    return address


def print_objects(environment: Environment) -> None:
    """Some objects of each kind, the surest first, each with its quote and its place."""
    query = (
        select(intelligence_object.c.kind, evidence.c.quote, evidence.c.page, document.c.path)
        .join(evidence, evidence.c.object_id == intelligence_object.c.id)
        .join(document, document.c.id == evidence.c.document_id)
        .where(intelligence_object.c.superseded_at.is_(None))
        .order_by(
            intelligence_object.c.kind, intelligence_object.c.confidence.desc(), intelligence_object.c.id
        )
    )
    with environment.app.acting_as(environment.principal) as session:
        rows = session.execute(query).all()
    shown: dict[str, int] = {}
    for row in rows:
        shown[row.kind] = shown.get(row.kind, 0) + 1
        if shown[row.kind] <= SHOWN:
            page = f", p. {row.page}" if row.page else ""
            screen.print(f"[bold cyan]{row.kind}[/] “{' '.join(row.quote.split())}”", highlight=False)
            screen.print(f"    [dim]{row.path}{page}[/]", highlight=False)


def _ensure(environment: Environment, connector: str, name: str, config: dict[str, Any]) -> UUID:
    with environment.app.acting_as(environment.principal) as session:
        existing = find_connection(session, name)
        if existing is not None:
            return existing
        return create_connection(
            session, environment.principal, environment.secrets, connector=connector, name=name, config=config
        ).id
