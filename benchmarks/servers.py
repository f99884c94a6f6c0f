"""What database benchmarks share: a server of their own, a tenant in it, and the CPU that its backends use."""

from __future__ import annotations

import os
import resource
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import psycopg
from sqlalchemy import insert

from resources.database import WorkerDatabase
from resources.embedded_postgres import EmbeddedPostgres
from resources.migrate import migrate
from resources.organisations import ensure_organisation
from resources.schema import connection, connection_secret
from resources.secrets import SecretBox

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Bench:
    """A migrated database with one organisation and one connection in it."""

    server: EmbeddedPostgres
    home: Path
    database: WorkerDatabase
    org_id: UUID
    audience_id: UUID
    owner_id: UUID

    def connect(self, connector: str, name: str, config: dict[str, object]) -> UUID:
        """A new connection's id."""
        with self.database.organisation(self.org_id) as session:
            connection_id: UUID = session.execute(
                insert(connection)
                .values(
                    org_id=self.org_id,
                    owner_id=self.owner_id,
                    connector=connector,
                    name=name,
                    audience_id=self.audience_id,
                    config=config,
                )
                .returning(connection.c.id)
            ).scalar_one()
        return connection_id

    def connect_origin(self, table: Mapping[str, object], box: SecretBox) -> UUID:
        """A new connection's id, to a table of the database ``origin`` on the same server."""
        url = psycopg.conninfo.conninfo_to_dict(self.server.url("origin", "superuser"))
        config: dict[str, object] = {
            "host": str(url["host"]),
            "port": int(str(url["port"])),
            "database": "origin",
            "user": str(url["user"]),
            "tables": [dict(table)],
        }
        connection_id = self.connect("postgres", f"origin {table['table']}", config)
        sealed = box.seal(self.org_id, connection_id, {"password": str(url["password"])})
        with self.database.organisation(self.org_id) as session:
            session.execute(
                insert(connection_secret).values(
                    org_id=self.org_id,
                    connection_id=connection_id,
                    key_id=sealed.key_id,
                    ciphertext=sealed.ciphertext,
                )
            )
        return connection_id


@contextmanager
def started() -> Iterator[Bench]:
    """An embedded server in a folder that goes with it."""
    with tempfile.TemporaryDirectory(prefix="drovi-bench-") as folder:
        Path(folder).chmod(0o755)  # the server runs as an unprivileged user
        with EmbeddedPostgres(Path(folder)) as server:
            migrate(server.urls(), passwords={})
            database = WorkerDatabase(server.urls().worker)
            owner = ensure_organisation(database, "Benchmark", "owner@bench.example", "Owner")
            yield Bench(server, Path(folder), database, owner.org_id, owner.audiences[0], owner.user_id)
            database.close()


def server_seconds(server: EmbeddedPostgres) -> float:
    """User and system CPU of the whole server so far: the postmaster, what it reaped, and what lives."""
    with psycopg.connect(server.url("postgres", "superuser")) as session:
        pids = [pid for (pid,) in session.execute("SELECT pid FROM pg_stat_activity")]
    postmaster = _parent(pids[0])
    return sum(_seconds(pid) for pid in pids) + _seconds(postmaster, reaped=True)


def own_seconds() -> float:
    """User and system CPU of this process and its finished children."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def _stat(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()


def _parent(pid: int) -> int:
    return int(_stat(pid)[1])


def _seconds(pid: int, *, reaped: bool = False) -> float:
    try:
        fields = _stat(pid)
    except FileNotFoundError:
        return 0.0
    return sum(int(value) for value in fields[11 : 15 if reaped else 13]) / _TICKS
