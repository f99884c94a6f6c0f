"""Reports by mail, reading again with a later extractor, objects that grow stale."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    cursor = op.get_bind().connection.cursor()
    cursor.execute(Path(__file__).with_name("0013_periodic.sql").read_text(encoding="utf-8"))
