"""Identity: credentials, sessions, invitations and policies, with a role of their own that sees no content."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Through the driver, whole: the files hold function bodies, which no statement splitter gets right.
    cursor = op.get_bind().connection.cursor()
    for name in ("roles", "tables", "functions"):
        cursor.execute(Path(__file__).with_name(f"0004_{name}.sql").read_text(encoding="utf-8"))
