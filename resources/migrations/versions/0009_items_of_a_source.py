"""A page of one source's items in the order of an index, and what the planner has to know to take it."""

from __future__ import annotations

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Where there are many records it is built before, CONCURRENTLY: a migration, one transaction, cannot do that.
    op.execute(
        "CREATE INDEX IF NOT EXISTS ix_record_of_connection ON record (connection_id, occurred_at, id)"
    )
    op.execute("CREATE STATISTICS st_record_connection (dependencies) ON org_id, connection_id FROM record")
    op.execute("ANALYZE record")  # the statistics are empty until then
