"""The audit log: its tables, the triggers that keep it append-only, and the two functions that write it."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Through the driver, whole: the file holds function bodies, which no statement splitter gets right.
    cursor = op.get_bind().connection.cursor()
    cursor.execute(Path(__file__).with_name("0003_audit.sql").read_text(encoding="utf-8"))
