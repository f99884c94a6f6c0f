"""Administrators: their invitations, and what their password policy needs to know of a password."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_constraint("purpose", "one_time_token", type_="check")
    op.create_check_constraint(
        "purpose",
        "one_time_token",
        "purpose IN ('sign_up', 'change_email', 'reset_password', 'second_factor', 'admin_invitation')",
    )
    op.add_column(
        "admin_user", sa.Column("password_min_length", sa.Integer, nullable=False, server_default="0")
    )
    op.add_column(
        "admin_user", sa.Column("password_history", sa.ARRAY(sa.Text), nullable=False, server_default="{}")
    )
