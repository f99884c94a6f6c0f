"""Connections made: the one way a source is linked, for the API and the command line alike."""

from __future__ import annotations

import glob
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from drovi_assets.connectors.intakes import Opened, open_intake
from drovi_assets.connectors.registry import ConnectorSpec, spec_of
from drovi_assets.connectors.rhythms import account_of, columns_of
from resources import audiences
from resources.audit import Action, Actor, member, record
from resources.database import admit_to
from resources.errors import Conflict, Forbidden, Invalid, NeedsPerson, NotFound
from resources.policies import Visibility, policies_of
from resources.schedules import Rhythm
from resources.schema import connection as connection_table
from resources.schema import connection_secret
from resources.secrets import Sealed, SecretBox
from resources.tenancy import Principal


@dataclass(frozen=True, slots=True)
class Created:
    """A new connection; ``intake`` is what its sender is given, shown this once, where it is pushed to."""

    id: UUID
    intake: Opened | None = None


def create_connection(
    session: Connection,
    principal: Principal,
    box: SecretBox,
    *,
    connector: str,
    name: str,
    config: Mapping[str, Any],
    visibility: Visibility | None = None,
    rhythm: Rhythm | None = None,
    actor: Actor | None = None,
    request_id: str = "",
) -> Created:
    """Link a source, in the caller's own (application) transaction; secrets among ``config`` are sealed apart.

    ``visibility`` None is the organisation's default, ``rhythm`` (of ``sync_rhythm``) None that of its kind of source; it
    is read for the first time at once. Audited, as the act of ``actor`` or else of the principal.

    Raises:
        Forbidden: the organisation's policies do not allow this kind of source.
        Invalid: there is no such connector, or its configuration is not acceptable; with each field's reason.
        Conflict: the caller has a connection of that name.
    """
    spec, public, secrets = _checked(connector, config)
    visibility = _allowed(session, principal, connector, visibility)
    audience_id = uuid4()
    admit_to(session, audience_id)
    columns = {"name": name, "visibility": visibility, "audience_id": audience_id, "config": public}
    columns |= columns_of(rhythm, spec)
    connection_id = _inserted(session, principal, spec, columns)
    if connection_id is None:
        raise Conflict(f"You have a connection named “{name}” already.", remedy="Choose another name.")
    audiences.found(session, principal.org_id, connection_id, audience_id)
    if secrets:
        _keep(session, connection_id, principal.org_id, box.seal(principal.org_id, connection_id, secrets))
    opened = None
    if spec.intake is not None:
        opened = open_intake(session, box, principal.org_id, connection_id, audience_id)
    record(
        session,
        actor or member(session, principal),
        Action.CONNECTION_CREATED,
        "connection",
        connection_id,
        # Not its name: a shared source can be taken back, an entry of the log cannot.
        after={"connector": connector, "visibility": visibility}
        | ({"rhythm": account_of(rhythm)} if rhythm else {}),
        request_id=request_id,
    )
    return Created(connection_id, opened)


def _keep(session: Connection, connection_id: UUID, org_id: UUID, sealed: Sealed) -> None:
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
    ).id


def _checked(
    connector: str, config: Mapping[str, Any]
) -> tuple[ConnectorSpec, dict[str, Any], dict[str, str]]:
    """The connector, what may be shown of its configuration, and the secrets in it."""
    try:
        spec = spec_of(connector)
        secrets = {key: str(config[key]) for key in spec.secrets if config.get(key)}
        public = {key: value for key, value in config.items() if key not in spec.secrets}
        spec.checked(public)
    except (NotFound, NeedsPerson) as error:
        raise Invalid(error.message, remedy=error.remedy) from error
    return spec, public, secrets


def _inserted(
    session: Connection, principal: Principal, spec: ConnectorSpec, columns: Mapping[str, Any]
) -> UUID | None:
    columns = {**columns, "connector": spec.name}
    row = insert(connection_table).values(org_id=principal.org_id, owner_id=principal.user_id, **columns)
    fresh = row.on_conflict_do_nothing(index_elements=["org_id", "owner_id", "name"])
    return session.execute(fresh.returning(connection_table.c.id)).scalar_one_or_none()


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
