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
IDENTITY_ROLE = "drovi_identity"
"""Signs people in and serves the administration: sees who people are and how work does in every organisation, and nothing
that any of them holds."""
SEARCH_ROLE = "drovi_search"
"""Owns the search functions: may read the index past RLS, and applies the same predicate inside them."""
AUTH_ROLE = "drovi_auth"
"""Owns the functions that find who a credential belongs to before an organisation is known."""
EVENTS_ROLE = "drovi_events"
"""Owns ``connection_tell``: writes what streams tell of connections, whoever changed them."""
AUDIT_ROLE = "drovi_audit"
"""Owns ``audit_append`` and ``audit_erase``: the only one who writes the audit log, in the transaction's organisation."""
CASCADE_ROLE = "drovi_cascade"
"""Owns ``connection_takes_items``: a deleted connection's items go, whoever deletes it."""
INTAKE_ROLE = "drovi_intake"
"""Owns the functions that take in what providers send: whose it is, and that it is kept, before anybody is known."""

ORG = "(SELECT nullif(current_setting('drovi.org_id', true), '')::uuid)"
USER = "(SELECT nullif(current_setting('drovi.user_id', true), '')::uuid)"
# The outer cast does nothing but make it an array expression: a bare sub-select after ANY is a set of rows.
AUDIENCES = "(SELECT nullif(current_setting('drovi.audiences', true), '')::uuid[])::uuid[]"

_EVERY_ROW = "true"
_QUOTED = '"{}"'  # "offset" is a word of SQL's own

DEFINER_FUNCTIONS: dict[str, str] = {
    "audit_append": AUDIT_ROLE,
    "audit_erase": AUDIT_ROLE,
    "audiences_of": AUTH_ROLE,
    "authenticate_key": AUTH_ROLE,
    "authenticate_session": AUTH_ROLE,
    "connection_takes_items": CASCADE_ROLE,
    "connection_tell": EVENTS_ROLE,
    "count_keys": AUTH_ROLE,
    "erase_sessions": AUTH_ROLE,
    "forget_expired": AUTH_ROLE,
    "is_member": AUTH_ROLE,
    "is_member_anywhere": AUTH_ROLE,
    "search_lexical": SEARCH_ROLE,
    "search_semantic": SEARCH_ROLE,
    "search_weights": SEARCH_ROLE,
    "webhook_accept": INTAKE_ROLE,
    "webhook_intake_of": INTAKE_ROLE,
}
"""The only SECURITY DEFINER functions there may be, with the role that owns each."""


@dataclass(frozen=True, slots=True)
class Exempt:
    """What the owner of definer functions may do with a table: the privileges it holds, and on which rows."""

    privileges: str = "SELECT"
    predicate: str = _EVERY_ROW


_ORGANISATION_ROWS = f"org_id = {ORG}"

POLICY_EXCEPTIONS: dict[str, dict[str, Exempt]] = {
    SEARCH_ROLE: {"chunk_index": Exempt(), "term_stat": Exempt(), "chunk_stat": Exempt()},
    AUTH_ROLE: {
        "api_key": Exempt(),
        "app_user": Exempt(),
        "user_session": Exempt("SELECT, DELETE"),
        "admin_session": Exempt("SELECT, DELETE"),
        "one_time_token": Exempt("SELECT, DELETE"),
        "oidc_sign_in": Exempt("SELECT, DELETE"),
        "rate_limit": Exempt("SELECT, DELETE"),
        "organisation": Exempt(),
        "organisation_policy": Exempt(),
        "membership": Exempt(),
        "audience": Exempt(),
        "audience_member": Exempt(),
        "connection": Exempt(),
        "reader_set_member": Exempt(),
        "webhook_delivery": Exempt("SELECT, DELETE"),
        "webhook_message": Exempt("SELECT, DELETE"),
    },
    EVENTS_ROLE: {
        "connection": Exempt(),
        "stream_cursor": Exempt(),
        "connection_event": Exempt("SELECT, INSERT, DELETE"),
        "job": Exempt(),
    },
    AUDIT_ROLE: {
        "audit_entry": Exempt("SELECT, INSERT, DELETE", _ORGANISATION_ROWS),
        "audit_head": Exempt("SELECT, INSERT, UPDATE, DELETE", _ORGANISATION_ROWS),
        "audit_anchor": Exempt("SELECT, DELETE", _ORGANISATION_ROWS),
        "organisation": Exempt(predicate=f"id = {ORG}"),
    },
    CASCADE_ROLE: {"source_item": Exempt("SELECT, DELETE")},
    INTAKE_ROLE: {
        "organisation": Exempt(),
        "connection": Exempt(),
        "webhook_intake": Exempt("SELECT, UPDATE"),
        "webhook_message": Exempt("SELECT, INSERT"),
        "skipped_item": Exempt("SELECT, INSERT, UPDATE"),
        "outbox": Exempt("INSERT"),
    },
}
"""What the owners of those functions may read and write."""


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
    """What the table's access rule lets each role see (``resources.schema.base.Access`` says it in words)."""
    rows = f"{'id' if table.name == 'organisation' else 'org_id'} = {ORG}"
    readable = f"{rows} AND audience_id = ANY ({AUDIENCES})"
    # These sub-selects are under their own table's policy, and are run once a query.
    own = f"(connection_id IS NULL AND (requested_by IS NULL OR requested_by = {USER}))"
    concerned = f"({own} OR connection_id IN (SELECT id FROM connection))"  # noqa: S608 - constants
    colleagues = f"(id = {USER} OR id IN (SELECT user_id FROM membership))"  # noqa: S608 - constants
    # The API writes a new connection's secret and cannot read it: it holds INSERT alone.
    writer = {APP_ROLE: rows} if table.info["app"] else {}
    rules: dict[Access, dict[str, str]] = {
        Access.CONTENT: {APP_ROLE: readable, WORKER_ROLE: rows},
        Access.ORGANISATION: {APP_ROLE: rows, WORKER_ROLE: rows},
        Access.DISPATCH: {APP_ROLE: rows, WORKER_ROLE: _EVERY_ROW},
        Access.CONNECTION: {APP_ROLE: readable, WORKER_ROLE: _EVERY_ROW},
        Access.JOB: {APP_ROLE: f"{rows} AND {concerned}", WORKER_ROLE: _EVERY_ROW},
        Access.PERSON: {APP_ROLE: colleagues, WORKER_ROLE: _EVERY_ROW},
        Access.OWN: {APP_ROLE: f"{rows} AND user_id = {USER}", WORKER_ROLE: rows},
        Access.OWN_OUTGOING: {APP_ROLE: f"{rows} AND user_id = {USER}", WORKER_ROLE: _EVERY_ROW},
        Access.READERSHIP: {APP_ROLE: f"{rows} AND user_id = {USER}", WORKER_ROLE: rows},
        Access.OUTGOING: {APP_ROLE: rows, WORKER_ROLE: _EVERY_ROW},
        Access.WORKER: {WORKER_ROLE: _EVERY_ROW},
        Access.WORKER_ORGANISATION: {**writer, WORKER_ROLE: rows},
        Access.IDENTITY: {},
    }
    return rules[table.info["access"]]


def policies(table: Table) -> list[Policy]:
    """Every policy the table must have, and no other."""
    predicates = _predicates(table)
    if table.info["identity"] or table.info["overview"]:
        predicates[IDENTITY_ROLE] = _EVERY_ROW
    own = [Policy(table.name, role, predicate) for role, predicate in predicates.items()]
    exceptions = [
        Policy(table.name, role, tables[table.name].predicate)
        for role, tables in POLICY_EXCEPTIONS.items()
        if table.name in tables
    ]
    return own + exceptions


def statements(table: Table) -> list[str]:
    """The DDL that puts a new table under its access rule, for the migration that creates it."""
    grants = [
        f"GRANT {table.info[listed]} ON {table.name} TO {role}"
        for listed, role in (("worker", WORKER_ROLE), ("app", APP_ROLE), ("identity", IDENTITY_ROLE))
        if table.info[listed]
    ]
    grants += [
        f"GRANT {privilege} ({', '.join(map(_QUOTED.format, columns))}) ON {table.name} TO {IDENTITY_ROLE}"
        for privilege, columns in table.info["overview"].items()
    ]
    grants += [
        f"GRANT {tables[table.name].privileges} ON {table.name} TO {role}"
        for role, tables in POLICY_EXCEPTIONS.items()
        if table.name in tables
    ]
    return [
        f"ALTER TABLE {table.name} ENABLE ROW LEVEL SECURITY",
        f"ALTER TABLE {table.name} FORCE ROW LEVEL SECURITY",
        *(policy.ddl() for policy in policies(table)),
        *grants,
    ]
