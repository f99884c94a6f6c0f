"""Legal holds, receipts of erasures, exports; jobs that are their owner's alone."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Through the driver, whole: the file holds function bodies, which no statement splitter gets right.
    cursor = op.get_bind().connection.cursor()
    cursor.execute(Path(__file__).with_name("0008_compliance.sql").read_text(encoding="utf-8"))
