"""Jobs have a priority, and administration gives a failed one new attempts."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    cursor = op.get_bind().connection.cursor()
    cursor.execute(Path(__file__).with_name("0011_jobs.sql").read_text(encoding="utf-8"))
