"""One machine's Drovi as a command needs it: database, objects, models, and the member it acts as.

Beside a running platform it shares the embedded database; alone, it starts that for as long as it is needed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property

from drovi_assets.pipeline.runtime import Runtime, open_runtime
from resources.database import AppDatabase, IdentityDatabase, WorkerDatabase
from resources.embedded_postgres import connect_or_start
from resources.migrate import migrate
from resources.organisations import KEY_PREFIX, ensure_organisation, issue_api_key, sole_owner
from resources.secrets import SecretBox
from resources.settings import LOG_IN_ROLES, DatabaseUrls, Settings
from resources.tenancy import Principal


@dataclass(frozen=True)
class Environment:
    """An open platform: its settings, its database, and who acts."""

    settings: Settings
    urls: DatabaseUrls
    runtime: Runtime
    app: AppDatabase
    identity: IdentityDatabase

    @cached_property
    def principal(self) -> Principal:
        """The owner of the machine's only organisation, whom the command line acts as."""
        return sole_owner(self.runtime.database)

    @property
    def secrets(self) -> SecretBox:
        """Seals what people give us to connect with."""
        return SecretBox(self.settings.master_keys)

    @property
    def api_key(self) -> str:
        """The key that set-up installed for that owner."""
        return owner_key(self.settings)


@contextmanager
def open_environment(settings: Settings | None = None) -> Iterator[Environment]:
    """Bring the database up and to the current schema, and let go of everything at the end."""
    settings = settings or Settings.load()
    with ExitStack() as stack:
        urls = stack.enter_context(open_database(settings))
        runtime = stack.enter_context(open_runtime(settings, urls))
        app = AppDatabase(urls.app, application_name="drovi-cli")
        stack.callback(app.close)
        identity = IdentityDatabase(urls.identity, application_name="drovi-cli-identity")
        stack.callback(identity.close)
        yield Environment(settings, urls, runtime, app, identity)


@contextmanager
def open_database(settings: Settings) -> Iterator[DatabaseUrls]:
    """The database of these settings: reached, migrated, with its first organisation."""
    with ExitStack() as stack:
        if settings.embedded_database:
            server = stack.enter_context(connect_or_start(settings.home, port=settings.postgres_port))
            urls, passwords = server.urls(), {}
        else:
            urls = settings.external_database_urls()
            passwords = {role: settings.role_password(role) for role in LOG_IN_ROLES}
        set_up(settings, urls, passwords)
        yield urls


def set_up(settings: Settings, urls: DatabaseUrls, passwords: dict[str, str]) -> str:
    """Current schema, first organisation, its owner and key; writes nothing where all that stands. Returns the revision."""
    revision = migrate(urls, passwords)
    database = WorkerDatabase(urls.worker, application_name="drovi-setup")
    try:
        owner = ensure_organisation(
            database, settings.organisation_name, settings.owner_email, settings.owner_name
        )
        issue_api_key(database, owner, "set-up", key=owner_key(settings))
    finally:
        database.close()
    return revision


def owner_key(settings: Settings) -> str:
    """The API key of the first organisation's owner: generated once, kept with the machine's other secrets."""
    return KEY_PREFIX + settings.secrets.get("owner_api_key")
