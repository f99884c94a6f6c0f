"""What must be true of the catalogue, as questions to it: each names whatever breaks its rule."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlalchemy import Connection, text

from resources.schema import metadata
from resources.schema.security import DEFINER_FUNCTIONS, Policy, policies

OPEN_FUNCTIONS: Mapping[str, str] = {
    "audit_digest": "immutable: a hash of what it is given",
}
"""Functions that anybody may call, beside those that only a trigger can, and why."""

WITHOUT_PARENT: Mapping[str, str] = {
    "audit_entry": "outlives its organisation, until audit_erase takes it",
    "audit_head": "the end of the same chain",
    "audit_anchor": "what of the same chain was noted outside",
    "erasure_receipt": "the proof that an organisation was erased outlives it",
    "source_item": "goes with its connection by a trigger, connection_takes_items; test_item_connection tries it",
}
"""Tables whose rows do not go with their organisation or a parent of theirs, and why."""

_OURS = (
    "p.pronamespace = 'public'::regnamespace"
    " AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')"
)


def _all(connection: Connection, statement: str, **values: object) -> list[tuple]:
    return [tuple(row) for row in connection.execute(text(statement), values)]


def unforced_tables(connection: Connection) -> list[str]:
    """Tables without row-level security, or without it for their owner; foreign tables know none at all."""
    rows = _all(
        connection,
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'f')"
        " AND relname <> 'alembic_version' AND NOT (relrowsecurity AND relforcerowsecurity)",
    )
    return [name for (name,) in rows]


def unlisted_definers(connection: Connection) -> list[str]:
    """Definer functions outside the list, or of another owner than it says; those of the list that are none."""
    found = _all(
        connection, f"SELECT proname, pg_get_userbyid(proowner) FROM pg_proc p WHERE {_OURS} AND prosecdef"
    )
    return [f"{name} of {owner}" for name, owner in set(found) ^ set(DEFINER_FUNCTIONS.items())]


def movable_search_paths(connection: Connection) -> list[str]:
    """Definer functions whose names a caller could redirect; ``pg_temp`` unnamed would come first."""
    rows = _all(
        connection,
        f"SELECT proname FROM pg_proc p WHERE {_OURS} AND prosecdef"
        " AND NOT coalesce(proconfig, '{}') @> '{\"search_path=public, pg_temp\"}'",
    )
    return [name for (name,) in rows]


def open_views(connection: Connection) -> list[str]:
    """Materialised views, and views that run with their owner's rights."""
    rows = _all(
        connection,
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND (relkind = 'm' OR"
        " relkind = 'v' AND NOT coalesce(reloptions, '{}') @> '{security_invoker=true}')",
    )
    return [name for (name,) in rows]


def public_grants(connection: Connection) -> list[str]:
    """Tables, columns, sequences and views that everybody has a privilege on."""
    rows = _all(
        connection,
        "SELECT c.relname, a.privilege_type FROM pg_class c, aclexplode(c.relacl) a"
        " WHERE c.relnamespace = 'public'::regnamespace AND a.grantee = 0"
        " UNION SELECT c.relname || '.' || t.attname, a.privilege_type FROM pg_class c"
        " JOIN pg_attribute t ON t.attrelid = c.oid, aclexplode(t.attacl) a"
        " WHERE c.relnamespace = 'public'::regnamespace AND a.grantee = 0",
    )
    return [f"{privilege} on {name}" for name, privilege in rows]


def public_functions(connection: Connection) -> list[str]:
    """Functions of ours that everybody may call; what returns a trigger cannot be called at all."""
    rows = _all(
        connection,
        f"SELECT DISTINCT proname FROM pg_proc p, aclexplode(coalesce(proacl, acldefault('f', proowner))) a"
        f" WHERE {_OURS} AND a.grantee = 0 AND prorettype <> 'trigger'::regtype",
    )
    return [name for (name,) in rows if name not in OPEN_FUNCTIONS]


def policies_for_all(connection: Connection) -> list[str]:
    """Policies that hold back nothing from the application's role, or are for every role."""
    rows = _all(
        connection,
        "SELECT tablename || '.' || policyname FROM pg_policies WHERE 'public' = ANY (roles)"
        " OR 'drovi_app' = ANY (roles) AND (qual IS NOT DISTINCT FROM 'true' OR with_check = 'true')",
    )
    return [name for (name,) in rows]


def altered_policies(connection: Connection) -> list[str]:
    """Policies that do not say what their table's rule says, as Postgres itself writes the two down."""
    wanted = [policy for table in metadata.tables.values() for policy in policies(table)]
    savepoint = connection.begin_nested()
    for policy in wanted:
        connection.execute(text(_again(policy)))
    rows = _all(
        connection, "SELECT tablename, policyname, permissive, cmd, qual, with_check FROM pg_policies"
    )
    savepoint.rollback()
    said = {(table, name): rest for table, name, *rest in rows}
    return [
        f"{policy.table}.{policy.name}"
        for policy in wanted
        if said.get((policy.table, policy.name)) != said[policy.table, f"again_{policy.name}"]
    ]


def _again(policy: Policy) -> str:
    return policy.ddl().replace(f"CREATE POLICY {policy.name} ", f"CREATE POLICY again_{policy.name} ", 1)


def parentless_tables(connection: Connection) -> list[str]:
    """Tables of tenants whose rows would stay when their organisation goes."""
    carrying = "SELECT attrelid FROM pg_attribute WHERE attname = 'org_id' AND NOT attisdropped"
    rows = _all(
        connection,
        f"""
        SELECT c.relname FROM pg_class c
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND c.oid IN ({carrying})
          AND NOT EXISTS (
            SELECT FROM pg_constraint f
            WHERE f.conrelid = c.oid AND f.contype = 'f' AND f.confdeltype = 'c' AND f.confrelid <> c.oid
              AND (f.confrelid = 'organisation'::regclass OR f.confrelid IN ({carrying}))
          )
        """,
    )
    return [name for (name,) in rows if name not in WITHOUT_PARENT]


Rule = Callable[[Connection], list[str]]
RULES: tuple[Rule, ...] = (
    unforced_tables,
    unlisted_definers,
    movable_search_paths,
    open_views,
    public_grants,
    public_functions,
    policies_for_all,
    altered_policies,
    parentless_tables,
)
