"""A page of one source's items in the order of an index, and what the planner has to know to take it."""

from __future__ import annotations

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # In the migration's transaction, not CONCURRENTLY, which cannot be: whoever writes records waits for it meanwhile
    # (a second or two a million rows, of a worker's ten minutes), and reading goes on.
    op.create_index("ix_record_of_connection", "record", ["connection_id", "occurred_at", "id"])
    op.execute("CREATE STATISTICS st_record_connection (dependencies) ON org_id, connection_id FROM record")
    op.execute("ANALYZE record")  # the statistics are empty until then
