"""Jobs have a priority, and administration gives a failed one new attempts."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    cursor = op.get_bind().connection.cursor()
    cursor.execute(Path(__file__).with_name("0014_jobs.sql").read_text(encoding="utf-8"))
