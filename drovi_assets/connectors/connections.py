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
from resources.audit import Action, Actor, member, record
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
    actor: Actor | None = None,
    request_id: str = "",
) -> UUID:
    """Link a source, in the caller's own (application) transaction; secrets among ``config`` are sealed apart.

    ``visibility`` None is the organisation's default. Audited, as the act of ``actor`` or else of the principal.

    Raises:
        Forbidden: the organisation's policies do not allow this kind of source.
        Invalid: there is no such connector, or its configuration is not acceptable; with each field's reason.
        Conflict: the organisation has a connection of that name.
    """
    public, secrets = _checked(connector, config)
    visibility = _allowed(session, principal, connector, visibility)
    connection_id = _inserted(session, principal, visibility, connector=connector, name=name, config=public)
    if connection_id is None:
        raise Conflict(f"There is a connection named “{name}” already.", remedy="Choose another name.")
    if secrets:
        _keep(session, box, principal.org_id, connection_id, secrets)
    record(
        session,
        actor or member(session, principal),
        Action.CONNECTION_CREATED,
        "connection",
        connection_id,
        after=_told(connector, name, visibility),
        request_id=request_id,
    )
    return connection_id


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


def _checked(connector: str, config: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """What may be shown of a configuration, and its secrets."""
    try:
        spec = spec_of(connector)
        secrets = {key: str(config[key]) for key in spec.secrets if config.get(key)}
        public = {key: value for key, value in config.items() if key not in spec.secrets}
        spec.checked(public)
    except (NotFound, NeedsPerson) as error:
        raise Invalid(error.message, remedy=error.remedy) from error
    return public, secrets


def _inserted(
    session: Connection, principal: Principal, visibility: Visibility, **columns: Any
) -> UUID | None:
    row = insert(connection_table).values(
        org_id=principal.org_id,
        owner_id=principal.user_id,
        visibility=visibility,
        audience_id=_audience(session, principal, visibility),
        **columns,
    )
    fresh = row.on_conflict_do_nothing(index_elements=["org_id", "name"]).returning(connection_table.c.id)
    return session.execute(fresh).scalar_one_or_none()


def _allowed(
    session: Connection, principal: Principal, connector: str, visibility: Visibility | None
) -> Visibility:
    """The visibility that the organisation's policies lead to, where they allow the source at all."""
    policies = policies_of(session, principal.org_id)
    if not policies.allow_connector(connector):
        raise Forbidden(
            f"Your organisation does not allow {connector} as a source.",
            remedy="Ask an owner to allow it in the policies.",
        )
    return visibility or policies.default_visibility


def _keep(
    session: Connection, box: SecretBox, org_id: UUID, connection_id: UUID, secrets: Mapping[str, str]
) -> None:
    sealed = box.seal(org_id, connection_id, secrets)
    session.execute(
        insert(connection_secret).values(
            org_id=org_id,
            connection_id=connection_id,
            key_id=sealed.key_id,
            ciphertext=sealed.ciphertext,
        )
    )


def _told(connector: str, name: str, visibility: Visibility) -> dict[str, str]:
    """Administrators read the log: what a private source is called is its owner's alone."""
    shown = {"name": name} if visibility == "ORG_SHARED" else {}
    return {"connector": connector, "visibility": visibility, **shown}


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
