"""Bring a database to the current schema: ``drovi migrate``. Safe to run twice, and from two machines at once."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from psycopg import sql
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.pool import NullPool

from resources.settings import LOG_IN_ROLES, DatabaseUrls, with_driver

_LOCK = 0x64726F7669  # "drovi" in ASCII: one migrator at a time, whichever machine it runs on


def migrate(urls: DatabaseUrls, passwords: dict[str, str]) -> str:
    """Run what is missing, and let the log-in roles in.

    ``passwords`` maps log-in roles to theirs; a role left out keeps what it has.
    Returns the revision the database is at.
    """
    engine = create_engine(
        with_driver(urls.owner, "psycopg"), poolclass=NullPool, connect_args={"connect_timeout": 10}
    )
    with engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
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
