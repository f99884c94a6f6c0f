"""Webhooks: addresses that take messages in, endpoints that are told of changes, subscriptions at providers."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Through the driver, whole: the file holds function bodies, which no statement splitter gets right.
    cursor = op.get_bind().connection.cursor()
    cursor.execute(Path(__file__).with_name("0012_webhooks.sql").read_text(encoding="utf-8"))
