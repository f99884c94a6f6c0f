"""Row-level security as data: the policies each access rule stands for, and the roles they are for.

Policies are plain comparisons on transaction-local settings, wrapped in scalar sub-selects so that
Postgres reads each setting once a query (a per-row function cost 31 times as much). ``FORCE`` makes them
hold for a table's owner as well.

Settings, all set with ``set_config(..., is_local => true)`` by ``resources.database``:
``drovi.org_id``, ``drovi.user_id`` and ``drovi.audiences`` (an array of the audiences the caller is in).
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Table

from resources.schema.base import Access

APP_ROLE = "drovi_app"
WORKER_ROLE = "drovi_worker"
SEARCH_ROLE = "drovi_search"
"""Owns the search functions: may read the index past RLS, and applies the same predicate inside them."""
AUTH_ROLE = "drovi_auth"
"""Owns ``authenticate``: finds a key's owner before an organisation is known."""
CASCADE_ROLE = "drovi_cascade"
"""Owns ``connection_takes_items``: a deleted connection's items go, whoever deletes it."""

ORG = "(SELECT nullif(current_setting('drovi.org_id', true), '')::uuid)"
USER = "(SELECT nullif(current_setting('drovi.user_id', true), '')::uuid)"
# The outer cast does nothing but make it an array expression: a bare sub-select after ANY is a set of rows.
AUDIENCES = "(SELECT nullif(current_setting('drovi.audiences', true), '')::uuid[])::uuid[]"

_EVERY_ROW = "true"

DEFINER_FUNCTIONS: dict[str, str] = {
    "authenticate": AUTH_ROLE,
    "connection_takes_items": CASCADE_ROLE,
    "search_lexical": SEARCH_ROLE,
    "search_semantic": SEARCH_ROLE,
    "search_weights": SEARCH_ROLE,
}
"""The only SECURITY DEFINER functions there may be, with the role that owns each."""

POLICY_EXCEPTIONS: dict[str, dict[str, str]] = {
    SEARCH_ROLE: {"chunk_index": _EVERY_ROW, "term_stat": _EVERY_ROW, "chunk_stat": _EVERY_ROW},
    AUTH_ROLE: {
        "api_key": _EVERY_ROW,
        "membership": _EVERY_ROW,
        "audience": _EVERY_ROW,
        "audience_member": _EVERY_ROW,
    },
    CASCADE_ROLE: {"source_item": _EVERY_ROW},
}
"""What the owners of those functions may read, and the last one delete."""


@dataclass(frozen=True, slots=True)
class Policy:
    """One row-level security policy: the rows ``role`` may read and write."""

    table: str
    role: str
    predicate: str

    @property
    def name(self) -> str:
        """Unique on its table: one policy a role."""
        return f"{self.table}_{self.role.removeprefix('drovi_')}"

    def ddl(self) -> str:
        """The statement that creates it."""
        return (
            f"CREATE POLICY {self.name} ON {self.table} TO {self.role} "
            f"USING ({self.predicate}) WITH CHECK ({self.predicate})"
        )


def _predicates(table: Table) -> dict[str, str]:
    organisation_column = "id" if table.name == "organisation" else "org_id"
    org_rows = f"{organisation_column} = {ORG}"
    match table.info["access"]:
        case Access.CONTENT:
            return {APP_ROLE: f"{org_rows} AND audience_id = ANY ({AUDIENCES})", WORKER_ROLE: org_rows}
        case Access.ORGANISATION:
            return {APP_ROLE: org_rows, WORKER_ROLE: org_rows}
        case Access.DISPATCH:
            return {APP_ROLE: org_rows, WORKER_ROLE: _EVERY_ROW}
        case Access.CONNECTION:
            return {APP_ROLE: f"{org_rows} AND audience_id = ANY ({AUDIENCES})", WORKER_ROLE: _EVERY_ROW}
        case Access.JOB:
            # The sub-select is under the connection's own policy, and is run once a query.
            visible = "(connection_id IS NULL OR connection_id IN (SELECT id FROM connection))"
            return {APP_ROLE: f"{org_rows} AND {visible}", WORKER_ROLE: _EVERY_ROW}
        case Access.SELF:
            return {APP_ROLE: f"id = {USER}", WORKER_ROLE: _EVERY_ROW}
        case Access.READERSHIP:
            return {APP_ROLE: f"{org_rows} AND user_id = {USER}", WORKER_ROLE: org_rows}
        case Access.WORKER:
            return {WORKER_ROLE: _EVERY_ROW}
        case Access.WORKER_ORGANISATION:
            # The API writes a new connection's secret and cannot read it: it holds INSERT alone.
            writers = {APP_ROLE: org_rows} if table.info["app"] else {}
            return {**writers, WORKER_ROLE: org_rows}
        case other:
            raise ValueError(f"{table.name} names the unknown access rule {other!r}")


def policies(table: Table) -> list[Policy]:
    """Every policy the table must have, and no other."""
    own = [Policy(table.name, role, predicate) for role, predicate in _predicates(table).items()]
    exceptions = [
        Policy(table.name, role, tables[table.name])
        for role, tables in POLICY_EXCEPTIONS.items()
        if table.name in tables
    ]
    return own + exceptions


def statements(table: Table) -> list[str]:
    """The DDL that puts a new table under its access rule, for the migration that creates it."""
    grants = [f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table.name} TO {WORKER_ROLE}"]
    if table.info["app"]:
        grants.append(f"GRANT {table.info['app']} ON {table.name} TO {APP_ROLE}")
    grants += [
        f"GRANT SELECT ON {table.name} TO {role}"
        for role, tables in POLICY_EXCEPTIONS.items()
        if table.name in tables
    ]
    return [
        f"ALTER TABLE {table.name} ENABLE ROW LEVEL SECURITY",
        f"ALTER TABLE {table.name} FORCE ROW LEVEL SECURITY",
        *(policy.ddl() for policy in policies(table)),
        *grants,
    ]
