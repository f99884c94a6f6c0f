"""Bring a database to the current schema: ``drovi migrate``. Safe to run twice, and from two machines at once."""

from __future__ import annotations

from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config
from psycopg import sql
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from resources.errors import Transient
from resources.settings import LOG_IN_ROLES, DatabaseUrls, with_driver

LOCK_SECONDS = 4.0
"""How long a migration waits for a table: whoever asks for it meanwhile waits behind it."""
_LOCK_NOT_AVAILABLE = "55P03"
_LOCK = 0x64726F7669  # "drovi" in ASCII: one migrator at a time, whichever machine it runs on


def migrate(urls: DatabaseUrls, passwords: dict[str, str]) -> str:
    """Run what is missing, and let the log-in roles in.

    ``passwords`` maps log-in roles to theirs; a role left out keeps what it has.
    Returns the revision the database is at.

    Raises:
        Transient: a table was in use for longer than ``LOCK_SECONDS``; nothing was changed.
    """
    engine = create_engine(
        with_driver(urls.owner, "psycopg"), poolclass=NullPool, connect_args={"connect_timeout": 10}
    )
    try:
        return _migrated(engine, passwords)
    except (DBAPIError, psycopg.Error) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        if getattr(cause, "sqlstate", None) != _LOCK_NOT_AVAILABLE:
            raise
        raise Transient(
            "The database could not be migrated: a table is in use by a long transaction. Nothing was changed.",
            remedy="Run `drovi migrate` again, at a quieter moment if need be; what runs goes on meanwhile.",
            retry_after=5,
        ) from error


def _migrated(engine: Engine, passwords: dict[str, str]) -> str:
    with engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        # From here on, for the turn above may take its time.
        connection.execute(
            text("SELECT set_config('lock_timeout', :limit, true)"),
            {"limit": f"{int(LOCK_SECONDS * 1000)}ms"},
        )
        config = alembic_config(connection)
        command.upgrade(config, "head")
        for role in LOG_IN_ROLES:
            if role in passwords:
                _let_in(connection, role, passwords[role])
        return str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one())


def alembic_config(connection: Connection) -> Config:
    """Alembic, pointed at our migrations and at an open connection."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    return config


def _let_in(connection: Connection, role: str, password: str) -> None:
    # One hashing round: the password is 256 random bits, and every new connection pays for the rounds.
    connection.execute(text("SET LOCAL scram_iterations = 1"))
    statement = sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(role), sql.Literal(password))
    driver = connection.connection.driver_connection
    if driver is None:  # pragma: no cover - SQLAlchemy types it so; an open connection always has one
        raise RuntimeError("the connection is closed")
    driver.execute(statement)
