"""The platform's configuration: read once from the environment, frozen, each field with its description.

``fields`` holds the settings, ``model`` how they are read; ``addresses`` what an address among them must look like; ``reference`` writes
``docs/reference/settings.md`` (``python -m resources.settings`` prints it).
"""

from resources.settings.addresses import (
    APP_ROLE,
    IDENTITY_ROLE,
    LOG_IN_ROLES,
    OWNER_ROLE,
    WORKER_ROLE,
    DatabaseUrls,
    check_tls,
    with_driver,
)
from resources.settings.fields import MEBIBYTE
from resources.settings.model import Settings
from resources.settings.reference import render_reference

__all__ = [
    "APP_ROLE",
    "IDENTITY_ROLE",
    "LOG_IN_ROLES",
    "MEBIBYTE",
    "OWNER_ROLE",
    "WORKER_ROLE",
    "DatabaseUrls",
    "Settings",
    "check_tls",
    "render_reference",
    "with_driver",
]
