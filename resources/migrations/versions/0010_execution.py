"""The execution plane: schedules, kill switches, budgets, events put off, dead letters."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    cursor = op.get_bind().connection.cursor()
    cursor.execute(Path(__file__).with_name("0010_execution.sql").read_text(encoding="utf-8"))
