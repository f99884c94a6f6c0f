"""Audiences that follow their source: sharing changes a rule, not rows; provider's readers kept; what streams tell."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Through the driver, whole: the files hold function bodies, which no statement splitter gets right.
    cursor = op.get_bind().connection.cursor()
    for name in ("roles", "tables", "rows", "functions"):
        cursor.execute(Path(__file__).with_name(f"0007_{name}.sql").read_text(encoding="utf-8"))
