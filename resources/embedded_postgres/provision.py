"""Roles and databases of the embedded server, made once and checked at every start.

The roles are those a production server has, with the same rights: the owner of the tables is *not* a
superuser, so what row-level security or a migration cannot do in production it cannot do here. The
superuser is used for nothing but this module's work (pgvector may only be created by one).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import psycopg
from psycopg import sql

from resources.settings import LOG_IN_ROLES, OWNER_ROLE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SUPERUSER: Final = "postgres"
DATABASES: Final = ("drovi", "dagster")
_LOCK = 0x64726F76  # "drov": one provisioner at a time
_CONNECT_SECONDS = 10

_INCOMPLETE = """
SELECT (SELECT count(*) FROM pg_roles WHERE rolname = ANY (%(roles)s)) < cardinality(%(roles)s)
    OR (SELECT count(*) FROM pg_database WHERE datname = ANY (%(databases)s)) < cardinality(%(databases)s)
"""


def provision(connect: Callable[[str, str], str], passwords: Mapping[str, str]) -> None:
    """Create what is missing; one query when nothing is.

    Args:
        connect: gives the address for (database, role).
        passwords: by role: the owner and those that log in.

    Raises:
        psycopg.OperationalError: the server does not answer yet.
    """
    wanted = {"roles": [OWNER_ROLE, *LOG_IN_ROLES], "databases": list(DATABASES)}
    with _session(connect("postgres", SUPERUSER)) as admin:
        row = admin.execute(_INCOMPLETE, wanted).fetchone()
        if row is not None and not row[0]:
            return
        admin.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
        # In the template, so that a test's own database has it too, without a superuser.
        with _session(connect("template1", SUPERUSER)) as template:
            template.execute("CREATE EXTENSION IF NOT EXISTS vector")
        _role(admin, OWNER_ROLE, passwords[OWNER_ROLE], "CREATEDB CREATEROLE")
        # By the owner, so that it administers them as it would where it made them itself.
        with _session(connect("postgres", OWNER_ROLE)) as owner:
            for role in LOG_IN_ROLES:
                _role(owner, role, passwords[role], "")
            for database in DATABASES:
                if not owner.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database]).fetchone():
                    owner.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database)))


def _session(url: str) -> psycopg.Connection[tuple[object, ...]]:
    connection = psycopg.connect(url, autocommit=True, connect_timeout=_CONNECT_SECONDS)
    # A failing statement must not leave a password in the server's log; only a superuser may say so.
    if connection.info.user == SUPERUSER:
        connection.execute("SET log_min_error_statement = panic")
    return connection


def _role(connection: psycopg.Connection[tuple[object, ...]], role: str, password: str, rights: str) -> None:
    if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone():
        connection.execute(
            sql.SQL("CREATE ROLE {} LOGIN " + rights + " PASSWORD {}").format(
                sql.Identifier(role), sql.Literal(password)
            )
        )
