"""Every setting of the platform, in one frozen object read once from the environment.

Nothing else in the code reads the environment for configuration. What a setting is stands in ``fields``; here is how
the values get in and what is made of them. Secrets that the machine makes for itself are in :class:`SecretFile`.
"""

from __future__ import annotations

import functools
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from resources.errors import NotConfigured
from resources.master_keys import MasterKeys, parse_given
from resources.secret_file import SecretFile
from resources.settings.addresses import (
    APP_ROLE,
    IDENTITY_ROLE,
    WORKER_ROLE,
    DatabaseUrls,
    check_http,
    check_mail,
    check_object_store,
    check_origins,
    check_postgres,
    check_tls,
    replaced,
)
from resources.settings.events import Events
from resources.settings.fields import People, Storage, Work
from resources.settings.rates import parse_rates

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo


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


class Settings(
    People, Work, Events, Storage, BaseSettings
):  # the reference lists them from the last to the first
    """The platform's configuration; immutable. Take it from :meth:`load`, or build one in a test."""

    model_config = SettingsConfigDict(
        frozen=True,
        validate_by_name=True,
        validate_by_alias=True,
        extra="ignore",
        hide_input_in_errors=True,
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
        check_postgres(url.get_secret_value())
        return url

    @field_validator("object_store_url")
    @classmethod
    def _object_store(cls, url: str) -> str:
        check_object_store(url)
        return url

    @field_validator("given_master_keys")
    @classmethod
    def _keys(cls, given: SecretStr) -> SecretStr:
        """Refused when a process starts, not when it meets the first secret."""
        parse_given(given.get_secret_value())
        return given

    @field_validator("oidc_issuer")
    @classmethod
    def _provider(cls, url: str) -> str:
        """To the letter: a slash at its end is part of an issuer's name."""
        return check_tls(url) if url else url

    @field_validator("cors_origins")
    @classmethod
    def _origins(cls, origins: str) -> str:
        check_origins(origins)
        return origins

    @field_validator("call_rates")
    @classmethod
    def _rates(cls, rates: str) -> str:
        parse_rates(rates)
        return rates

    @field_validator("mail_url")
    @classmethod
    def _mail(cls, url: SecretStr) -> SecretStr:
        check_mail(url.get_secret_value())
        return url

    @field_validator("s3_endpoint_url", "llm_base_url", "resend_base_url", "public_url")
    @classmethod
    def _http(cls, url: str) -> str:
        check_http(url)
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
    def master_keys(self) -> MasterKeys:
        """What secrets that people give are sealed under."""
        return MasterKeys(self.secrets, self.given_master_keys.get_secret_value())

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
            or replaced(owner, user=APP_ROLE, password=self.role_password(APP_ROLE)),
            worker=self.database_worker_url.get_secret_value()
            or replaced(owner, user=WORKER_ROLE, password=self.role_password(WORKER_ROLE)),
            identity=self.database_identity_url.get_secret_value()
            or replaced(owner, user=IDENTITY_ROLE, password=self.role_password(IDENTITY_ROLE)),
            dagster=self.dagster_database_url.get_secret_value() or replaced(owner, database="dagster"),
        )

    def role_password(self, role: str) -> str:
        """The password of a role that logs in (given, or generated), or of an embedded role."""
        given = {
            APP_ROLE: self.database_app_password,
            WORKER_ROLE: self.database_worker_password,
            IDENTITY_ROLE: self.database_identity_password,
        }.get(role)
        return (given and given.get_secret_value()) or self.secrets.get(f"postgres_{role}")


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
