"""Every setting of the platform, in one frozen object read once from the environment.

Each field has a default that works on one machine, and a description from which
``docs/reference/settings.md`` is generated (``python -m resources.settings`` prints it). Nothing else
in the code reads the environment for configuration. Secrets never have a literal default: those a
person must give are empty, those the machine can make for itself are in :class:`SecretFile`.
"""

from __future__ import annotations

import functools
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import quote, urlsplit, urlunsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from resources.errors import NotConfigured
from resources.secret_file import SecretFile

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

OWNER_ROLE = "drovi_owner"
APP_ROLE = "drovi_app"
WORKER_ROLE = "drovi_worker"
IDENTITY_ROLE = "drovi_identity"
LOG_IN_ROLES = (APP_ROLE, WORKER_ROLE, IDENTITY_ROLE)
"""The roles that processes log in as to serve; the owner only migrates."""
MEBIBYTE = 1024 * 1024

Port = Annotated[int, Field(ge=1, le=65535)]


@dataclass(frozen=True, slots=True)
class DatabaseUrls:
    """Where each role connects: ``postgresql://`` addresses without a driver suffix, passwords included."""

    owner: str = field(repr=False)
    app: str = field(repr=False)
    worker: str = field(repr=False)
    identity: str = field(repr=False)
    dagster: str = field(repr=False)


def _setting(variable: str, section: str, description: str, default: Any, **limits: Any) -> Any:
    return Field(
        default=default,
        validation_alias=variable,
        description=description,
        json_schema_extra={"section": section},
        **limits,
    )


class _DocumentedVariables(PydanticBaseSettingsSource):
    """The environment, by the documented names alone; an empty variable is an unset one.

    The library's own source also takes a field's bare name where fields may be given by name: the shell's
    ``HOME`` became ``DROVI_HOME``.
    """

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        del field_name
        variable = str(field.validation_alias)
        return os.environ.get(variable) or None, variable, False

    def __call__(self) -> dict[str, Any]:
        found = (self.get_field_value(field, name) for name, field in self.settings_cls.model_fields.items())
        return {variable: value for value, variable, _ in found if value is not None}


class Settings(BaseSettings):
    """The platform's configuration; immutable. Take it from :meth:`load`, or build one in a test."""

    model_config = SettingsConfigDict(
        frozen=True,
        validate_by_name=True,
        validate_by_alias=True,
        extra="ignore",
        hide_input_in_errors=True,
    )

    home: Path = _setting(
        "DROVI_HOME",
        "State",
        "Folder of all local state: embedded database, objects, logs, generated secrets.",
        Path(".drovi"),
        validate_default=True,
    )

    database_url: SecretStr = _setting(
        "DATABASE_URL",
        "Database",
        "Postgres as the role that owns the tables and migrates them. Empty: an embedded Postgres under DROVI_HOME.",
        SecretStr(""),
    )
    database_app_url: SecretStr = _setting(
        "DATABASE_APP_URL",
        "Database",
        f"Postgres as the API's role, under row-level security. Empty: DATABASE_URL's server as `{APP_ROLE}`.",
        SecretStr(""),
    )
    database_worker_url: SecretStr = _setting(
        "DATABASE_WORKER_URL",
        "Database",
        f"Postgres as the role of background work. Empty: DATABASE_URL's server as `{WORKER_ROLE}`.",
        SecretStr(""),
    )
    database_identity_url: SecretStr = _setting(
        "DATABASE_IDENTITY_URL",
        "Database",
        f"Postgres as the role that signs people in. Empty: DATABASE_URL's server as `{IDENTITY_ROLE}`.",
        SecretStr(""),
    )
    database_app_password: SecretStr = _setting(
        "DATABASE_APP_PASSWORD",
        "Database",
        f"Password of `{APP_ROLE}` where DATABASE_APP_URL is empty. Empty: generated, in secrets.json.",
        SecretStr(""),
    )
    database_worker_password: SecretStr = _setting(
        "DATABASE_WORKER_PASSWORD",
        "Database",
        f"Password of `{WORKER_ROLE}` where DATABASE_WORKER_URL is empty. Empty: generated, in secrets.json.",
        SecretStr(""),
    )
    database_identity_password: SecretStr = _setting(
        "DATABASE_IDENTITY_PASSWORD",
        "Database",
        f"Password of `{IDENTITY_ROLE}` where DATABASE_IDENTITY_URL is empty. Empty: generated, in secrets.json.",
        SecretStr(""),
    )
    dagster_database_url: SecretStr = _setting(
        "DAGSTER_DATABASE_URL",
        "Database",
        "Postgres for Dagster's own storage. Empty: the database `dagster` on DATABASE_URL's server, as its role.",
        SecretStr(""),
    )
    postgres_port: int = _setting(
        "POSTGRES_PORT",
        "Database",
        "Loopback port of the embedded Postgres. 0: a free one, chosen once and remembered under DROVI_HOME.",
        0,
        ge=0,
        le=65535,
    )

    object_store_url: str = _setting(
        "OBJECT_STORE_URL",
        "Object store",
        "`file:///folder` or `s3://bucket/prefix`. Empty: the folder `objects` under DROVI_HOME.",
        "",
    )
    s3_endpoint_url: str = _setting(
        "S3_ENDPOINT_URL",
        "Object store",
        "Address of an S3-compatible service. Empty: Amazon's. Credentials come from the usual AWS variables.",
        "",
    )

    kafka_bootstrap_servers: str = _setting(
        "KAFKA_BOOTSTRAP_SERVERS",
        "Event log",
        "Comma-separated `host:port` of Kafka brokers. Empty: the event log is kept in Postgres.",
        "",
    )

    llm_base_url: str = _setting(
        "LLM_BASE_URL",
        "Intelligence",
        "OpenAI-compatible endpoint for extraction and answers. Empty: the built-in extractor and answerer.",
        "",
    )
    llm_api_key: SecretStr = _setting(
        "LLM_API_KEY", "Intelligence", "Bearer token for LLM_BASE_URL, where it wants one.", SecretStr("")
    )
    embedding_precision: Literal["auto", "bf16", "fp32"] = _setting(
        "DROVI_EMBEDDING_PRECISION",
        "Intelligence",
        "Arithmetic of the embedding model. auto: bf16 where the processor has AVX-512 BF16, else fp32. "
        "Part of the model's name: set it when machines of both sorts share one index.",
        "auto",
    )
    embedding_model_path: str = _setting(
        "DROVI_EMBEDDING_MODEL_PATH",
        "Intelligence",
        "Folder of a sentence-transformers model of 384 dimensions. Empty: all-MiniLM-L6-v2 from its package.",
        "",
    )

    api_host: str = _setting("DROVI_API_HOST", "Services", "Address on which the API listens.", "127.0.0.1")
    api_port: Port = _setting("DROVI_API_PORT", "Services", "Port of the API.", 8000)
    sign_up: Literal["open", "invited"] = _setting(
        "DROVI_SIGN_UP",
        "Services",
        "`open`: anybody may sign up and found an organisation. `invited`: accounts are by invitation.",
        "open",
    )
    erasure_grace_days: int = _setting(
        "DROVI_ERASURE_GRACE_DAYS",
        "Services",
        "Days between asking for an organisation's erasure and its beginning, in which it can be called off.",
        7,
        ge=0,
        le=365,
    )
    cors_origins: str = _setting(
        "DROVI_CORS_ORIGINS",
        "Services",
        "Origins of other sites (`https://app.firm.example`, separated by spaces) whose pages may use the API.",
        "",
    )
    dagster_port: Port = _setting("DROVI_DAGSTER_PORT", "Services", "Port of the Dagster UI.", 3000)
    code_server_port: Port = _setting(
        "DROVI_CODE_SERVER_PORT", "Services", "Port of Dagster's code server (gRPC, loopback).", 4266
    )

    parse_max_bytes: int = _setting(
        "DROVI_PARSE_MAX_BYTES",
        "Parsing limits",
        "Largest file that is parsed, in bytes.",
        256 * MEBIBYTE,
        ge=1,
    )
    parse_max_pages: int = _setting(
        "DROVI_PARSE_MAX_PAGES", "Parsing limits", "Most pages of one document that are read.", 5_000, ge=1
    )
    parse_max_unpacked_bytes: int = _setting(
        "DROVI_PARSE_MAX_UNPACKED_BYTES",
        "Parsing limits",
        "Largest declared size, unpacked, of a zipped format (DOCX, XLSX), in bytes: above it is a bomb.",
        256 * MEBIBYTE,
        ge=1,
    )
    parse_seconds: float = _setting(
        "DROVI_PARSE_SECONDS", "Parsing limits", "Wall-clock seconds that one file may take.", 60.0, gt=0
    )
    parse_memory_bytes: int = _setting(
        "DROVI_PARSE_MEMORY_BYTES",
        "Parsing limits",
        "Memory of the parsing child, in bytes.",
        512 * MEBIBYTE,
        ge=64 * MEBIBYTE,
    )

    organisation_name: str = _setting(
        "DROVI_ORGANISATION", "First organisation", "Name of the organisation that set-up creates.", "My firm"
    )
    owner_email: str = _setting(
        "DROVI_OWNER_EMAIL", "First organisation", "E-mail address of its first owner.", "owner@localhost"
    )
    owner_name: str = _setting("DROVI_OWNER_NAME", "First organisation", "Name of its first owner.", "Owner")

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = _setting(
        "DROVI_LOG_LEVEL", "Logs", "Least severe level that is written.", "INFO"
    )
    log_format: Literal["json", "console"] = _setting(
        "DROVI_LOG_FORMAT", "Logs", "`json`, one object a line, or `console` for reading by eye.", "json"
    )

    @field_validator("home")
    @classmethod
    def _absolute(cls, home: Path) -> Path:
        """So that a child with another working folder means the same place."""
        return home.expanduser().absolute()

    @field_validator(
        "database_url",
        "database_app_url",
        "database_worker_url",
        "database_identity_url",
        "dagster_database_url",
        mode="after",
    )
    @classmethod
    def _postgres(cls, url: SecretStr) -> SecretStr:
        text = url.get_secret_value()
        if text and (urlsplit(text).scheme != "postgresql" or not urlsplit(text).hostname):
            raise ValueError("must look like postgresql://user:password@host:5432/database")
        return url

    @field_validator("object_store_url")
    @classmethod
    def _object_store(cls, url: str) -> str:
        parts = urlsplit(url)
        local = parts.scheme == "file" and not parts.netloc and parts.path.startswith("/")
        if url and not local and not (parts.scheme == "s3" and parts.netloc):
            raise ValueError("must look like file:///folder or s3://bucket/prefix")
        return url

    @field_validator("s3_endpoint_url", "llm_base_url")
    @classmethod
    def _http(cls, url: str) -> str:
        if url and (urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).hostname):
            raise ValueError("must look like https://host")
        return url.rstrip("/")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What the caller gives comes first, then the environment."""
        del env_settings, dotenv_settings, file_secret_settings
        return init_settings, _DocumentedVariables(settings_cls)

    @classmethod
    def load(cls) -> Settings:
        """The process's settings, read from the environment once.

        Raises:
            NotConfigured: a variable holds something that cannot be used; the message names it.
        """
        return _load()

    @classmethod
    def reload(cls) -> Settings:
        """Read the environment again, for a process that has just changed its own."""
        _load.cache_clear()
        return _load()

    @property
    def secrets(self) -> SecretFile:
        """The secrets this machine generated for itself."""
        return SecretFile(self.home)

    @property
    def embedded_database(self) -> bool:
        """Whether the platform starts its own Postgres."""
        return not self.database_url.get_secret_value()

    def resolved_object_store_url(self) -> str:
        """``OBJECT_STORE_URL``, or the local folder that stands for it."""
        return self.object_store_url or (self.home / "objects").as_uri()

    def external_database_urls(self) -> DatabaseUrls:
        """The roles' addresses on the server of ``DATABASE_URL``.

        Raises:
            NotConfigured: ``DATABASE_URL`` is empty, so the addresses are the embedded server's to give.
        """
        owner = self.database_url.get_secret_value()
        if not owner:
            raise NotConfigured(
                "DATABASE_URL is not set.", remedy="Set it, or let the platform start its embedded Postgres."
            )
        return DatabaseUrls(
            owner=owner,
            app=self.database_app_url.get_secret_value()
            or _replaced(owner, user=APP_ROLE, password=self.role_password(APP_ROLE)),
            worker=self.database_worker_url.get_secret_value()
            or _replaced(owner, user=WORKER_ROLE, password=self.role_password(WORKER_ROLE)),
            identity=self.database_identity_url.get_secret_value()
            or _replaced(owner, user=IDENTITY_ROLE, password=self.role_password(IDENTITY_ROLE)),
            dagster=self.dagster_database_url.get_secret_value() or _replaced(owner, database="dagster"),
        )

    def role_password(self, role: str) -> str:
        """The password of a role that logs in (given, or generated), or of an embedded role."""
        given = {
            APP_ROLE: self.database_app_password,
            WORKER_ROLE: self.database_worker_password,
            IDENTITY_ROLE: self.database_identity_password,
        }.get(role)
        return (given and given.get_secret_value()) or self.secrets.get(f"postgres_{role}")


def with_driver(url: str, driver: str) -> str:
    """``postgresql://…`` as SQLAlchemy wants it: ``postgresql+<driver>://…``.

    The suffix is never left out: SQLAlchemy 2.1 picks psycopg 3 for a bare address, dagster-postgres
    speaks only psycopg2.
    """
    return url.replace("postgresql://", f"postgresql+{driver}://", 1)


def _replaced(url: str, *, user: str = "", password: str = "", database: str = "") -> str:
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    login = parts.netloc.rpartition("@")[0]
    if user:
        login = f"{quote(user, safe='')}:{quote(password, safe='')}"
    return urlunsplit(
        parts._replace(
            netloc=f"{login}@{host}" if login else host, path=f"/{database}" if database else parts.path
        )
    )


@functools.cache
def _load() -> Settings:
    try:
        return Settings()
    except ValidationError as error:
        # The input is left out on purpose: an address may hold a password.
        problems = "; ".join(f"{fault['loc'][0]}: {fault['msg']}" for fault in error.errors())
        raise NotConfigured(
            f"The settings cannot be used: {problems}.",
            remedy="Correct these environment variables; docs/reference/settings.md lists them all.",
        ) from None


def render_reference() -> str:
    """Every setting as Markdown, by section, in the order of the class."""
    lines = [
        "# Settings",
        "",
        "Read from the environment when a process starts. All are optional: the defaults run the whole platform on one machine.",
    ]
    section = ""
    for info in Settings.model_fields.values():
        extra = info.json_schema_extra
        assert isinstance(extra, dict)
        if extra["section"] != section:
            section = str(extra["section"])
            lines += ["", f"## {section}", "", "| variable | default | what it is |", "|---|---|---|"]
        value = info.default.get_secret_value() if isinstance(info.default, SecretStr) else info.default
        shown = f"`{value}`" if str(value) else "empty"
        lines.append(f"| `{info.validation_alias}` | {shown} | {info.description} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(render_reference())
