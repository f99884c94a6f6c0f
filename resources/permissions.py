"""Who may do what: the permission matrix, as data, in the one place that decides it.

A route names the permission it takes (``drovi_api.dependencies``), a role has its column here, and an API key
narrows its owner's role to the key's scopes. What a caller may *see* is not decided here but by audiences, in the
database: no role of the matrix opens a private source, the owner's included.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from resources.tenancy import Principal, Role


class Permission(StrEnum):
    """One thing a member may be allowed to do in an organisation."""

    READ = "read"
    """Search, ask, and read what one's audiences show."""

    SYNC_SOURCES = "sources.sync"
    """Ask for a sync of a source one can see."""

    CONNECT_SOURCES = "sources.connect"
    """Connect, pause and disconnect sources of one's own."""

    CONNECT_SERVER_FOLDERS = "sources.connect_server_folders"
    """Connect a folder of the machine that Drovi runs on."""

    SHARE_SOURCES = "sources.share"
    """Mark a source of one's own private or shared."""

    VIEW_PRIVATE_SOURCES = "sources.view_private"
    """See a private source of somebody else: nobody may."""

    INVITE_MEMBERS = "members.invite"
    REMOVE_MEMBERS = "members.remove"
    CHANGE_ROLES = "members.change_roles"

    MANAGE_OWNERS = "members.manage_owners"
    """Invite, promote, demote or remove an owner."""

    LEAVE = "members.leave"
    """Be a member no longer."""

    RECEIVE_REPORTS = "reports.receive"
    """Choose how often one is told by mail what is new."""

    EXPORT = "export"
    """Export what one can see."""

    MANAGE_ORGANISATION = "organisation.manage"
    """Name and settings of the organisation."""

    MANAGE_POLICIES = "organisation.manage_policies"
    """What is allowed in it: connectors, domains, session length, second factor, retention, legal holds."""

    ERASE = "organisation.erase"
    """Erase a person's data or the whole organisation."""

    READ_AUDIT = "audit.read"

    MANAGE_OWN_KEYS = "keys.manage_own"
    """Create and revoke API keys of one's own."""


class Scope(StrEnum):
    """What an API key was given of its owner's permissions."""

    READ = "read"
    WRITE = "write"
    MANAGE = "manage"


_VIEWER = frozenset(
    {Permission.READ, Permission.LEAVE, Permission.RECEIVE_REPORTS, Permission.MANAGE_OWN_KEYS}
)
_MEMBER = _VIEWER | {Permission.SYNC_SOURCES, Permission.CONNECT_SOURCES, Permission.SHARE_SOURCES}
_ADMIN = _MEMBER | {
    Permission.CONNECT_SERVER_FOLDERS,
    Permission.INVITE_MEMBERS,
    Permission.REMOVE_MEMBERS,
    Permission.CHANGE_ROLES,
    Permission.EXPORT,
    Permission.MANAGE_ORGANISATION,
    Permission.READ_AUDIT,
}
_OWNER = _ADMIN | {Permission.MANAGE_OWNERS, Permission.MANAGE_POLICIES, Permission.ERASE}

MATRIX: Mapping[Role, frozenset[Permission]] = {
    Role.OWNER: _OWNER,
    Role.ADMIN: _ADMIN,
    Role.MEMBER: _MEMBER,
    Role.VIEWER: _VIEWER,
}
"""Each role's permissions; every later role has all that the one below it has."""

_READING = frozenset({Permission.READ})
_WRITING = frozenset({Permission.SYNC_SOURCES, Permission.CONNECT_SOURCES, Permission.SHARE_SOURCES})
SCOPES: Mapping[Scope, frozenset[Permission]] = {
    Scope.READ: _READING,
    Scope.WRITE: _WRITING,
    Scope.MANAGE: frozenset(Permission) - _READING - _WRITING,
}
"""What each scope lets through; together they let through everything."""


def may(principal: Principal, permission: Permission) -> bool:
    """Whether the caller's role has the permission and the credential was given it."""
    if permission not in MATRIX[principal.role]:
        return False
    credential = principal.credential
    return credential is None or any(
        permission in SCOPES[Scope(scope)] for scope in credential.scopes if scope in SCOPES
    )
