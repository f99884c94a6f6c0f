"""Tenancy: an organisation keeps an owner, keys go with their owner's membership, the audit log can be searched."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Through the driver, whole: the file holds a function body, which no statement splitter gets right.
    cursor = op.get_bind().connection.cursor()
    cursor.execute(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))
