"""Alembic's entry point; ``resources.migrate`` hands it an open connection."""

from __future__ import annotations

from alembic import context

from resources.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    compare_server_default=False,
)
with context.begin_transaction():
    context.run_migrations()
