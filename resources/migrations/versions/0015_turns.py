"""Lists of all kinds of objects, and turns among waiting jobs, each from an index in their order."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    cursor = op.get_bind().connection.cursor()
    cursor.execute(Path(__file__).with_name("0015_turns.sql").read_text(encoding="utf-8"))
