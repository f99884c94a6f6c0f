"""The caller's own rows."""

from __future__ import annotations

from sqlalchemy import select, true

from drovi_api.auth.me.schemas import Me, Organisation, User
from drovi_api.dependencies import ReadSession
from resources.schema import app_user, organisation


def me(session: ReadSession) -> Me:
    """Row-level security leaves one person and one organisation to be read."""
    row = session.one(
        select(
            app_user.c.id,
            app_user.c.email,
            app_user.c.name,
            organisation.c.id.label("org_id"),
            organisation.c.name.label("org_name"),
            organisation.c.slug,
        )
        .select_from(app_user.join(organisation, true()))
        .where(app_user.c.id == session.principal.user_id, organisation.c.id == session.principal.org_id),
        "user",
    )
    return Me(
        user=User(id=row.id, email=row.email, name=row.name),
        organisation=Organisation(id=row.org_id, name=row.org_name, slug=row.slug),
        role=session.principal.role,
    )
