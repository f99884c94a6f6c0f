"""Which way mails take, and what is missing for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from resources.errors import NotConfigured
from resources.mailer import open_mailer
from resources.mailer.folder import FolderMailer
from resources.mailer.resend import ResendMailer
from resources.mailer.smtp import SmtpMailer, SmtpServer
from resources.settings import Settings

FROM = {"mail_from": "Drovi <noreply@drovi.example>"}


@pytest.mark.parametrize(
    ("given", "way"),
    [
        ({}, FolderMailer),
        (FROM, FolderMailer),
        ({"mail_url": "smtp://mail.example", **FROM}, SmtpMailer),
        ({"mail_url": "smtps://u:p@mail.example", **FROM}, SmtpMailer),
        ({"mail_url": "resend://", "resend_api_key": "re_1", **FROM}, ResendMailer),
    ],
)
def test_the_address_names_the_way(tmp_path: Path, given: dict[str, Any], way: type) -> None:
    assert isinstance(open_mailer(Settings(home=tmp_path, **given)), way)


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"mail_url": "smtp://mail.example"}, "DROVI_MAIL_FROM"),
        ({"mail_from": "Drovi"}, "DROVI_MAIL_FROM"),
        ({"mail_url": "resend://", **FROM}, "RESEND_API_KEY"),
        ({"mail_url": "resend://", "resend_api_key": "planted\nkey", **FROM}, "RESEND_API_KEY"),
        ({"mail_url": "smtp://u:plant%C3%A9d@mail.example", **FROM}, "DROVI_MAIL_URL"),
        ({"mail_url": "smtp://mail.example", "mail_ca_file": "/nowhere.pem", **FROM}, "nowhere"),
    ],
)
def test_what_is_missing_is_named_before_the_first_mail(
    tmp_path: Path, given: dict[str, Any], named: str
) -> None:
    with pytest.raises(NotConfigured, match=named) as caught:
        open_mailer(Settings(home=tmp_path, **given))
    assert caught.value.remedy
    assert "plant" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://mail.example", SmtpServer("mail.example", 587, implicit_tls=False)),
        ("smtps://mail.example", SmtpServer("mail.example", 465, implicit_tls=True)),
        (
            "smtp://u%40firm:p%2F%3A%23@mail.example:25",
            SmtpServer("mail.example", 25, implicit_tls=False, user="u@firm", password="p/:#"),
        ),
    ],
)
def test_a_servers_address_is_read(url: str, server: SmtpServer) -> None:
    assert SmtpServer.parse(url) == server


@pytest.mark.parametrize(
    ("host", "here"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("127.8.9.1", True),
        ("[::1]", True),
        ("0.0.0.0", False),
        ("10.0.0.1", False),
        ("localhost.evil.example", False),
        ("127.0.0.1.evil.example", False),
    ],
)
def test_only_this_machine_is_loopback(host: str, *, here: bool) -> None:
    assert SmtpServer.parse(f"smtp://{host}").loopback is here


def test_a_password_is_not_printed() -> None:
    assert "planted" not in repr(SmtpServer.parse("smtp://u:planted@h"))
