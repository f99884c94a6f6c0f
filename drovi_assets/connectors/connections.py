"""Connections made: the one way a source is linked, for the API and the command line alike."""

from __future__ import annotations

import glob
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal
from uuid import UUID, uuid4

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from drovi_assets.connectors.registry import spec_of
from resources import audiences
from resources.database import admit_to
from resources.errors import Conflict, Invalid, NeedsPerson, NotFound
from resources.schema import connection as connection_table
from resources.schema import connection_secret
from resources.secrets import Sealed, SecretBox
from resources.tenancy import Principal

Visibility = Literal["ORG_SHARED", "PRIVATE"]


def create_connection(
    session: Connection,
    principal: Principal,
    box: SecretBox,
    *,
    connector: str,
    name: str,
    config: Mapping[str, Any],
    visibility: Visibility = "ORG_SHARED",
) -> UUID:
    """Link a source, in the caller's own (application) transaction; secrets among ``config`` are sealed apart.

    Raises:
        Invalid: there is no such connector, or its configuration is not acceptable; with each field's reason.
        Conflict: the caller has a connection of that name.
    """
    try:
        spec = spec_of(connector)
        secrets = {key: str(config[key]) for key in spec.secrets if config.get(key)}
        public = {key: value for key, value in config.items() if key not in spec.secrets}
        spec.checked(public)
    except (NotFound, NeedsPerson) as error:
        raise Invalid(error.message, remedy=error.remedy) from error
    audience_id = uuid4()
    admit_to(session, audience_id)
    connection_id: UUID | None = session.execute(
        insert(connection_table)
        .values(
            org_id=principal.org_id,
            owner_id=principal.user_id,
            connector=connector,
            name=name,
            visibility=visibility,
            audience_id=audience_id,
            config=public,
        )
        .on_conflict_do_nothing(index_elements=["org_id", "owner_id", "name"])
        .returning(connection_table.c.id)
    ).scalar_one_or_none()
    if connection_id is None:
        raise Conflict(f"You have a connection named “{name}” already.", remedy="Choose another name.")
    audiences.found(session, principal.org_id, connection_id, audience_id)
    if secrets:
        _keep_secrets(
            session, principal.org_id, connection_id, box.seal(principal.org_id, connection_id, secrets)
        )
    return connection_id


def _keep_secrets(session: Connection, org_id: UUID, connection_id: UUID, sealed: Sealed) -> None:
    session.execute(
        insert(connection_secret).values(
            org_id=org_id, connection_id=connection_id, key_id=sealed.key_id, ciphertext=sealed.ciphertext
        )
    )


def find_connection(session: Connection, name: str) -> UUID | None:
    """The connection of that name that the caller may see, the oldest where colleagues chose the same."""
    query = (
        select(connection_table.c.id).where(connection_table.c.name == name).order_by(connection_table.c.id)
    )
    found: UUID | None = session.execute(query.limit(1)).scalar_one_or_none()
    return found


def ensure_folder(
    session: Connection, principal: Principal, box: SecretBox, path: Path, *, private: bool
) -> UUID:
    """The connection that reads a folder, or one file of it, made where there is none.

    Raises:
        NotFound: nothing is at the path.
    """
    resolved = path.expanduser().resolve()
    if not resolved.exists():
        raise NotFound(f"There is nothing at {path}.", remedy="Check the path.")
    name = str(resolved)
    existing = find_connection(session, name)
    if existing is not None:
        return existing
    config: dict[str, Any] = {"path": name}
    if resolved.is_file():
        # The name is taken as it is: neither a pattern, nor left out for its first letter.
        config = {"path": str(resolved.parent), "include": [glob.escape(resolved.name)], "exclude": []}
    return create_connection(
        session,
        principal,
        box,
        connector="documents",
        name=name,
        config=config,
        visibility="PRIVATE" if private else "ORG_SHARED",
    )
