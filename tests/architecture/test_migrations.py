"""Migrations that running code survives: during a deploy the old version works on the new schema, under load.

Refused, from the revision after ``RELEASED`` on:

* ``DROP TABLE``, ``DROP COLUMN``, ``DROP FUNCTION``, ``DROP VIEW``, ``RENAME``, ``ALTER … TYPE``: the version that still
  runs names what is gone. It goes one release after the last code that knew it.
* a ``NOT NULL`` column without ``DEFAULT``, ``SET NOT NULL``: inserts of the version that still runs fail.
* ``CHECK`` and ``FOREIGN KEY`` added to a table of before without ``NOT VALID``: every row is read under a lock that
  stops all writing. Add it so, and ``VALIDATE CONSTRAINT`` in a later revision, which stops nobody.
* an index, an ``UPDATE`` or a ``DELETE`` on a big table of before: a migration is one transaction, so ``CONCURRENTLY`` is
  not to be had, and what it locks stays locked to its end. Such an index is built by hand before
  (docs/guides/operations.md) and here with ``IF NOT EXISTS``; rows are brought up to date by a chore.
* operations of Alembic's own: they hide all of this from a reader, and from this test.

A statement that must be is in ``ACCEPTED``, with its reason.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from tests.conftest import REPOSITORY

VERSIONS = REPOSITORY / "resources" / "migrations" / "versions"
RELEASED = "0008"
"""The last revision that was there before these rules; those up to it stay as they are."""
BIG = {
    *(
        "source_item",
        "record",
        "document",
        "block",
        "chunk",
        "chunk_index",
        "evidence",
        "intelligence_object",
    ),
    *("event", "outbox", "audit_entry", "tombstone", "chunk_stat", "term_stat"),
}
ACCEPTED: dict[str, str] = {
    "ALTER TABLE job ALTER COLUMN org_id DROP NOT NULL": "its key to the new replay_of, empty in every row, is checked at once",
    "ALTER TABLE membership ADD COLUMN report": "as many rows as there are members, each with the default",
}
"""The beginning of a statement, and why it may be."""

_NAME = r"(?:ONLY\s+)?(?:public\.)?\"?(\w+)\"?"
_NEVER = {
    "what the running version names is gone": r"\bDROP\s+(?:TABLE|COLUMN|FUNCTION|VIEW|TYPE)\b|\bRENAME\b|^TRUNCATE\b",
    "a type changes": r"\bALTER\s+(?:COLUMN\s+)?\w+\s+(?:SET\s+DATA\s+)?TYPE\b",
    "the running version inserts no value": (
        r"\bSET\s+NOT\s+NULL\b|\bADD\s+(?:COLUMN\s+)?(?!CONSTRAINT\b)\w+\s+(?:(?!\bDEFAULT\b|,).)*\bNOT\s+NULL\b"
        r"(?!(?:(?!,).)*\bDEFAULT\b)"
    ),
}
_UNVALIDATED = r"\bADD\s+(?:CONSTRAINT\s+\w+\s+)?(?:CHECK|FOREIGN\s+KEY)\b"
_LOCKING = (
    rf"^(?:CREATE\s+(?:UNIQUE\s+)?INDEX\s+(?!IF\s+NOT\s+EXISTS)\w+\s+ON|UPDATE|DELETE\s+FROM)\s+{_NAME}"
)


def statements(script: str) -> Iterator[str]:
    """Its statements on one line each, without comments and the bodies of functions."""
    bare = re.sub(r"--[^\n]*|/\*.*?\*/", "", script, flags=re.DOTALL)
    bare = re.sub(r"\$(\w*)\$.*?\$\1\$", "''", bare, flags=re.DOTALL)
    for statement in bare.split(";"):
        if words := " ".join(statement.split()):
            yield words


def faults(script: str) -> list[str]:
    """What of a script would stop, or be stopped by, the version that still runs."""
    found: list[str] = []
    made = set(re.findall(rf"CREATE\s+TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?{_NAME}", script, re.IGNORECASE))
    for statement in statements(script):
        if any(statement.startswith(beginning) for beginning in ACCEPTED):
            continue
        altered = re.match(rf"ALTER\s+TABLE\s+(?:IF\s+EXISTS\s+)?{_NAME}", statement, re.IGNORECASE)
        if altered and altered[1] in made:
            continue
        reasons = [reason for reason, rule in _NEVER.items() if re.search(rule, statement, re.IGNORECASE)]
        if (
            altered
            and re.search(_UNVALIDATED, statement, re.IGNORECASE)
            and "NOT VALID" not in statement.upper()
        ):
            reasons.append("every row is checked under a lock")
        locked = re.match(_LOCKING, statement, re.IGNORECASE)
        if locked and locked[1] in BIG - made:
            reasons.append("a big table is locked")
        found += [f"{reason}: {statement[:120]}" for reason in reasons]
    return found


def test_migrations_are_safe_beside_running_code() -> None:
    """Each script, and each string that a revision executes itself."""
    found = {}
    for path in sorted(VERSIONS.iterdir()):
        if path.suffix not in {".sql", ".py"} or path.name[:4] <= RELEASED or path.name.startswith("_"):
            continue
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".sql":
            found[path.name] = faults(text)
            continue
        tree = ast.parse(text)
        strings = [
            node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        ]
        own = re.findall(r"\bop\.(?!get_bind\b|execute\b)\w+", text)
        found[path.name] = [*(fault for one in strings for fault in faults(one)), *own]
    assert {name: faults for name, faults in found.items() if faults} == {}


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE job DROP COLUMN kind",
        "DROP TABLE job;",
        "DROP FUNCTION is_member(uuid, uuid)",
        "ALTER TABLE job RENAME COLUMN kind TO sort",
        "ALTER TABLE job ALTER COLUMN kind TYPE varchar",
        "ALTER TABLE job ADD COLUMN colour text NOT NULL",
        "ALTER TABLE job ADD colour text NOT NULL, ADD shade text NOT NULL DEFAULT ''",
        "ALTER TABLE job ALTER COLUMN kind SET NOT NULL",
        "ALTER TABLE job ADD CONSTRAINT ck_job_x CHECK (kind <> '')",
        "ALTER TABLE job ADD CONSTRAINT fk_job_x FOREIGN KEY (org_id) REFERENCES organisation (id)",
        "CREATE INDEX ix_chunk_x ON chunk (document_id)",
        "UPDATE source_item SET processed_at = NULL",
    ],
)
def test_what_stops_the_running_version_is_found(statement: str) -> None:
    """One of each kind."""
    assert len(faults(statement)) == 1


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE fresh (id uuid NOT NULL); ALTER TABLE fresh ADD CONSTRAINT ck CHECK (true)",
        "ALTER TABLE job ADD COLUMN colour text DEFAULT '' NOT NULL",
        "ALTER TABLE job ADD COLUMN colour text NOT NULL DEFAULT 'red'",
        "ALTER TABLE job ADD COLUMN colour text",
        "ALTER TABLE job ADD CONSTRAINT ck_job_x CHECK (kind <> '') NOT VALID",
        "ALTER TABLE job VALIDATE CONSTRAINT ck_job_x",
        "ALTER TABLE job DROP CONSTRAINT ck_job_x",
        "CREATE INDEX IF NOT EXISTS ix_chunk_x ON chunk (document_id)",
        "CREATE INDEX ix_job_x ON job (kind)",
        "DROP POLICY job_app ON job",
        "-- DROP TABLE job\nSELECT 1",
        "CREATE FUNCTION f() RETURNS void LANGUAGE sql AS $$ DELETE FROM chunk; DROP TABLE job $$",
    ],
)
def test_what_the_running_version_survives_is_not(statement: str) -> None:
    """What is new, has a value for everybody, or is checked later."""
    assert faults(statement) == []
