"""Every table of the foundation, its row-level security, and the functions that may look past it."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Through the driver, whole: the files hold function bodies, which no statement splitter gets right.
    cursor = op.get_bind().connection.cursor()
    for name in ("roles", "tables", "functions"):
        cursor.execute(Path(__file__).with_name(f"0001_{name}.sql").read_text(encoding="utf-8"))
