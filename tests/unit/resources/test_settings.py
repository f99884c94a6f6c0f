"""Settings: defaults that work, mistakes that are named, secrets that stay secret."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest
from pydantic import ValidationError

from resources.errors import NotConfigured, PermissionMissing
from resources.secret_file import SecretFile
from resources.settings import Settings, with_driver
from tools.reference import settings as render_reference

VARIABLES = [str(info.validation_alias) for info in Settings.model_fields.values()]


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """No setting of the machine's own reaches a test, nor a test's the next."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    yield
    monkeypatch.undo()
    Settings.reload()


class TestDefaults:
    def test_nothing_has_to_be_set(self, tmp_path: Path) -> None:
        settings = Settings.reload()
        assert settings.home == tmp_path / ".drovi"
        assert settings.embedded_database
        assert settings.resolved_object_store_url() == (tmp_path / ".drovi" / "objects").as_uri()
        assert (settings.api_host, settings.api_port) == ("127.0.0.1", 8000)

    def test_reading_them_touches_no_disk(self, tmp_path: Path) -> None:
        Settings.reload()
        assert list(tmp_path.iterdir()) == []

    def test_an_empty_variable_is_an_unset_one(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("DROVI_API_PORT", "")
        assert Settings.reload().api_port == 8000

    def test_only_the_documented_names_are_read(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        """The shell's HOME is not DROVI_HOME, nor some other program's LOG_LEVEL ours."""
        for name in Settings.model_fields:
            if name.upper() not in VARIABLES:
                monkeypatch.setenv(name.upper(), "1")
                monkeypatch.setenv(name, "1")
        assert Settings.reload() == Settings(home=tmp_path / ".drovi")

    def test_what_the_caller_gives_wins(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("DROVI_HOME", "/elsewhere")
        assert Settings(home=tmp_path).home == tmp_path

    def test_they_are_read_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        Settings.reload()
        monkeypatch.setenv("DROVI_API_PORT", "9000")
        assert Settings.load().api_port == 8000
        assert Settings.reload().api_port == 9000

    def test_they_cannot_be_changed(self) -> None:
        with pytest.raises(ValidationError):
            Settings().api_port = 1  # type: ignore[misc]  # the point of the test


class TestMistakes:
    @pytest.mark.parametrize(
        ("variable", "value"),
        [
            ("DROVI_API_PORT", "http"),
            ("DROVI_API_PORT", "70000"),
            ("POSTGRES_PORT", "-1"),
            ("DATABASE_URL", "mysql://u:planted@host/db"),
            ("DATABASE_URL", "postgresql://"),
            ("DATABASE_URL", "postgresql://u:planted℀@host/db"),
            ("DATABASE_URL", "postgresql://u:planted@host:planted/db"),
            ("OBJECT_STORE_URL", "ftp://host"),
            ("OBJECT_STORE_URL", "s3:bucket"),
            ("OBJECT_STORE_URL", "file://relative/folder"),
            ("S3_ENDPOINT_URL", "localhost:9000"),
            ("DROVI_MAIL_URL", "imap://planted@host"),
            ("DROVI_MAIL_URL", "smtp://"),
            ("DROVI_MAIL_URL", "smtp://user@host"),
            ("DROVI_MAIL_URL", "smtp://user:planted/slash@host"),
            ("DROVI_MAIL_URL", "smtp://user:planted#hash@host"),
            ("DROVI_MAIL_URL", "smtp://user:planted@host:port"),
            ("DROVI_MAIL_URL", "smtp://u:planted℀@host"),
            ("DROVI_MAIL_URL", "smtp://host:99999"),
            ("DROVI_MAIL_URL", "smtp://host?planted=1"),
            ("DROVI_MAIL_URL", "resend://planted"),
            ("RESEND_BASE_URL", "api.resend.com"),
            ("DROVI_PUBLIC_URL", "javascript:alert(1)"),
            ("DROVI_EMBEDDING_PRECISION", "int8"),
            ("DROVI_LOG_LEVEL", "LOUD"),
            ("DROVI_PARSE_SECONDS", "0"),
            ("DROVI_OIDC_ISSUER", "http://login.firm.example"),
            ("DROVI_OIDC_ISSUER", "login.firm.example"),
            ("DROVI_CORS_ORIGINS", "*"),
            ("DROVI_CORS_ORIGINS", "null"),
            ("DROVI_CORS_ORIGINS", "https://app.firm.example/"),
            ("DROVI_CORS_ORIGINS", "https://app.firm.example https://*"),
        ],
    )
    def test_the_variable_is_named_and_its_value_is_not_shown(
        self, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
    ) -> None:
        """A value may hold a password."""
        monkeypatch.setenv(variable, value)
        with pytest.raises(NotConfigured, match=variable) as caught:
            Settings.reload()
        assert caught.value.remedy
        assert "planted" not in str(caught.value)

    def test_a_password_is_not_printed_with_the_settings(self) -> None:
        settings = Settings(database_url="postgresql://owner:planted@db/drovi")
        assert "planted" not in repr(settings) + str(settings) + settings.model_dump_json()
        assert "planted" not in repr(settings.external_database_urls())


class TestDatabaseAddresses:
    def test_the_other_roles_are_derived(self, tmp_path: Path) -> None:
        settings = Settings(
            home=tmp_path,
            database_url="postgresql://boss:pw@db.example:6432/drovi?sslmode=require",
            database_app_password="p@ss/word",
        )
        urls = settings.external_database_urls()
        worker = SecretFile(tmp_path).get("postgres_drovi_worker")
        assert urls.owner == "postgresql://boss:pw@db.example:6432/drovi?sslmode=require"
        assert urls.app == "postgresql://drovi_app:p%40ss%2Fword@db.example:6432/drovi?sslmode=require"
        assert urls.worker == f"postgresql://drovi_worker:{worker}@db.example:6432/drovi?sslmode=require"
        assert urls.dagster == "postgresql://boss:pw@db.example:6432/dagster?sslmode=require"

    def test_what_is_given_is_taken(self) -> None:
        address = "postgresql://someone:pw@elsewhere/db"
        urls = Settings(
            database_url="postgresql://boss:pw@db/drovi",
            database_app_url=address,
            database_worker_url=address,
            dagster_database_url=address,
        ).external_database_urls()
        assert (urls.app, urls.worker, urls.dagster) == (address,) * 3

    def test_without_an_address_there_is_none_to_derive(self) -> None:
        with pytest.raises(NotConfigured, match="DATABASE_URL"):
            Settings().external_database_urls()

    def test_the_driver_is_named(self) -> None:
        assert with_driver("postgresql://u@h/d", "psycopg2") == "postgresql+psycopg2://u@h/d"


class TestMail:
    @pytest.mark.parametrize(
        "url",
        [
            "smtp://relay",
            "smtp://user:p%40ss%2Fword@mail.example:2525",
            "smtps://[2001:db8::1]:465",
            "resend://",
        ],
    )
    def test_each_way_out_can_be_named(self, url: str) -> None:
        settings = Settings(mail_url=url)
        assert settings.mail_url.get_secret_value() == url
        assert url not in repr(settings)

    def test_a_link_starts_where_people_reach_us(self) -> None:
        assert Settings(public_url="https://drovi.example/").public_url == "https://drovi.example"


class TestReference:
    def test_every_setting_is_documented(self) -> None:
        text = render_reference()
        for variable, info in zip(VARIABLES, Settings.model_fields.values(), strict=True):
            assert f"| `{variable}` |" in text
            assert info.description

    def test_it_depends_on_no_machine(self, monkeypatch: pytest.MonkeyPatch) -> None:
        before = render_reference()
        monkeypatch.setenv("DROVI_HOME", "/elsewhere")
        assert render_reference() == before
        assert str(Path.cwd()) not in before


class TestSecretFile:
    def test_a_secret_is_made_once_and_kept_private(self, tmp_path: Path) -> None:
        home = tmp_path / "home"
        first = SecretFile(home).get("signing")
        assert len(first) >= 43
        assert SecretFile(home).get("signing") == first
        assert SecretFile(home).get("other") != first
        assert (home / "secrets.json").stat().st_mode & 0o777 == 0o600

    def test_several_at_once_agree(self, tmp_path: Path) -> None:
        found: list[str] = []
        threads = [
            threading.Thread(target=lambda: found.append(SecretFile(tmp_path).get("shared")))
            for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(found) == 8
        assert len(set(found)) == 1

    @pytest.mark.parametrize("text", ["", "{", "[]", '{"a": 1}'])
    def test_a_damaged_file_is_named_and_not_replaced(self, tmp_path: Path, text: str) -> None:
        """Its secrets unlock data: making new ones would lock it for good."""
        (tmp_path / "secrets.json").write_text(text)
        with pytest.raises(NotConfigured, match="damaged"):
            SecretFile(tmp_path).get("a")
        assert (tmp_path / "secrets.json").read_text() == text

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
    def test_somebody_elses_file_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "secrets.json").write_text(json.dumps({"a": "b"}))
        (tmp_path / "secrets.json").chmod(0)
        with pytest.raises(PermissionMissing):
            SecretFile(tmp_path).get("a")
