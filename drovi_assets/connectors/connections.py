"""Connections made: the one way a source is linked, for the API and the command line alike."""

from __future__ import annotations

import glob
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from drovi_assets.connectors.registry import spec_of
from resources.errors import Conflict, Forbidden, Invalid, InvariantBroken, NeedsPerson, NotFound
from resources.policies import Visibility, policies_of
from resources.schema import audience, audience_member, connection_secret
from resources.schema import connection as connection_table
from resources.secrets import SecretBox
from resources.tenancy import Principal


def create_connection(
    session: Connection,
    principal: Principal,
    box: SecretBox,
    *,
    connector: str,
    name: str,
    config: Mapping[str, Any],
    visibility: Visibility | None = None,
) -> UUID:
    """Link a source, in the caller's own (application) transaction; secrets among ``config`` are sealed apart.

    ``visibility`` None is the organisation's default.

    Raises:
        Forbidden: the organisation's policies do not allow this kind of source.
        Invalid: there is no such connector, or its configuration is not acceptable; with each field's reason.
        Conflict: the organisation has a connection of that name.
    """
    public, secrets = _checked(connector, config)
    policies = policies_of(session, principal.org_id)
    if not policies.allow_connector(connector):
        raise Forbidden(
            f"Your organisation does not allow {connector} as a source.",
            remedy="Ask an owner to allow it in the policies.",
        )
    visibility = visibility or policies.default_visibility
    connection_id: UUID | None = session.execute(
        insert(connection_table)
        .values(
            org_id=principal.org_id,
            owner_id=principal.user_id,
            connector=connector,
            name=name,
            visibility=visibility,
            audience_id=_audience(session, principal, visibility),
            config=public,
        )
        .on_conflict_do_nothing(index_elements=["org_id", "name"])
        .returning(connection_table.c.id)
    ).scalar_one_or_none()
    if connection_id is None:
        raise Conflict(f"There is a connection named “{name}” already.", remedy="Choose another name.")
    if secrets:
        sealed = box.seal(principal.org_id, connection_id, secrets)
        row = {"key_id": sealed.key_id, "ciphertext": sealed.ciphertext}
        session.execute(
            insert(connection_secret).values(org_id=principal.org_id, connection_id=connection_id, **row)
        )
    return connection_id


def _checked(connector: str, config: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """The settings that may be shown, found acceptable, and the secrets among what was given."""
    try:
        spec = spec_of(connector)
        public = {key: value for key, value in config.items() if key not in spec.secrets}
        spec.checked(public)
    except (NotFound, NeedsPerson) as error:
        raise Invalid(error.message, remedy=error.remedy) from error
    return public, {key: str(config[key]) for key in spec.secrets if config.get(key)}


def find_connection(session: Connection, name: str) -> UUID | None:
    """The caller's organisation's connection of that name, if there is one."""
    query = select(connection_table.c.id).where(connection_table.c.name == name)
    found: UUID | None = session.execute(query).scalar_one_or_none()
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


def _audience(session: Connection, principal: Principal, visibility: Visibility) -> UUID:
    query = select(audience.c.id)
    if visibility == "ORG_SHARED":
        query = query.where(audience.c.kind == "organisation")
    else:
        query = query.join(audience_member, audience_member.c.audience_id == audience.c.id).where(
            audience.c.kind == "owner", audience_member.c.user_id == principal.user_id
        )
    found: UUID | None = session.execute(query).scalar_one_or_none()
    if found is None:
        raise InvariantBroken(f"The member has no audience for {visibility}; it is made with the membership.")
    return found
