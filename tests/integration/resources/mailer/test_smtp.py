"""Mails through a real mail server: encrypted, logged in, and every way it can fail named by what to do next."""

from __future__ import annotations

import email
import email.policy
import socket
import traceback
from collections.abc import Callable
from urllib.parse import quote

import pytest

from resources.errors import (
    CredentialExpired,
    DroviError,
    Invalid,
    NotConfigured,
    PermissionMissing,
    ProviderDown,
    TimedOut,
    Transient,
)
from resources.mailer import Mail
from resources.mailer.message import Sender
from resources.mailer.smtp import SmtpMailer, SmtpServer
from tests.fakes.mail_servers import PASSWORD, USER, Certificates, dribbling, mail_server, raw_server

WRONG_LOGIN = "drovi:planted-wrong@"  # here, so that no line of a traceback quotes it
LOGIN = f"{USER}:{quote(PASSWORD, safe='')}@"


def mailer(
    sender: Sender, port: int, *, scheme: str = "smtp", host: str = "127.0.0.1", login: str = "", **more
):
    return SmtpMailer(SmtpServer.parse(f"{scheme}://{login}{host}:{port}"), sender, **more)


def everything_said(error: BaseException) -> str:
    """As a log would show it, the chain of causes included."""
    return repr(error) + "".join(traceback.format_exception(error))


class TestDelivery:
    def test_over_starttls_with_a_login_and_an_authority_of_ones_own(
        self, mail: Mail, sender: Sender, certificates: Certificates
    ) -> None:
        """The message arrives whole, its recipient's domain as it stands on the wire."""
        with mail_server(starttls=certificates.context, login=True) as server:
            mailer(sender, server.port, login=LOGIN, ca_file=str(certificates.authority)).send(
                mail, idempotency_key="verify/1"
            )
        (envelope,) = server.received
        assert server.encrypted == [True]
        assert server.logins == [PASSWORD.encode()]
        assert envelope.mail_from == "noreply@drovi.example"
        assert envelope.rcpt_tos == ["helene@xn--tude-9oa.example"]
        content = envelope.content
        assert isinstance(content, bytes)
        message = email.message_from_bytes(content, policy=email.policy.default)
        assert message["Subject"] == mail.subject
        plain, rich = message.get_body(("plain",)), message.get_body(("html",))
        assert plain is not None
        assert rich is not None
        assert plain.get_content().replace("\r\n", "\n") == mail.text
        assert rich.get_content().strip() == mail.html

    def test_over_tls_from_the_first_byte(
        self, mail: Mail, sender: Sender, certificates: Certificates
    ) -> None:
        with mail_server(implicit=certificates.context) as server:
            mailer(sender, server.port, scheme="smtps", ca_file=str(certificates.authority)).send(
                mail, idempotency_key="k"
            )
        assert len(server.received) == 1

    def test_in_the_clear_on_loopback_alone(self, mail: Mail, sender: Sender) -> None:
        """A local relay often has no certificate; anywhere else nothing is sent without one."""
        with mail_server(login=True) as server:
            mailer(sender, server.port, login=LOGIN).send(mail, idempotency_key="k")
            with pytest.raises(NotConfigured, match="STARTTLS"):
                # An address that leads to this machine and does not say so.
                mailer(sender, server.port, host="0.0.0.0", login=LOGIN).send(mail, idempotency_key="k")
        assert len(server.received) == len(server.logins) == 1

    @pytest.mark.parametrize("farewell", ["drop", "421 Too busy to say goodbye"])
    def test_an_accepted_mail_is_sent_however_the_server_takes_its_leave(
        self, mail: Mail, sender: Sender, farewell: str
    ) -> None:
        """An error here would make the queue send it again."""
        with mail_server() as server:
            server.answers["QUIT"] = [farewell]
            mailer(sender, server.port).send(mail, idempotency_key="k")
        assert len(server.received) == 1


class TestTrust:
    def test_an_unknown_authority_is_refused_before_the_login(
        self, mail: Mail, sender: Sender, certificates: Certificates
    ) -> None:
        with (
            mail_server(starttls=certificates.context, login=True) as server,
            pytest.raises(NotConfigured) as caught,
        ):
            mailer(sender, server.port, login=LOGIN).send(mail, idempotency_key="k")
        assert "DROVI_MAIL_CA_FILE" in caught.value.remedy
        assert server.logins == []

    def test_a_certificate_of_another_host_is_refused(
        self, mail: Mail, sender: Sender, certificates: Certificates
    ) -> None:
        authority = str(certificates.authority)
        with (
            mail_server(implicit=certificates.context) as server,
            pytest.raises(NotConfigured, match="certificate"),
        ):
            mailer(sender, server.port, scheme="smtps", host="localhost", ca_file=authority).send(
                mail, idempotency_key="k"
            )
        assert server.received == []

    @pytest.mark.parametrize("content", [None, "not a certificate"])
    def test_an_unusable_authority_is_named_at_once(self, sender: Sender, tmp_path, content) -> None:
        path = tmp_path / "authority.pem"
        if content:
            path.write_text(content)
        with pytest.raises(NotConfigured, match=r"authority\.pem"):
            mailer(sender, 1, ca_file=str(path))


class TestRefusals:
    def test_a_wrong_login_needs_a_person_and_tells_no_secret(
        self, mail: Mail, sender: Sender, certificates: Certificates
    ) -> None:
        authority = str(certificates.authority)
        with (
            mail_server(starttls=certificates.context, login=True) as server,
            pytest.raises(CredentialExpired) as caught,
        ):
            mailer(sender, server.port, login=WRONG_LOGIN, ca_file=authority).send(mail, idempotency_key="k")
        assert "DROVI_MAIL_URL" in caught.value.remedy
        assert "planted" not in everything_said(caught.value)
        assert server.received == []

    def test_a_server_that_wants_a_login_says_so(
        self, mail: Mail, sender: Sender, certificates: Certificates
    ) -> None:
        with (
            mail_server(starttls=certificates.context, login=True) as server,
            pytest.raises(NotConfigured, match="wants a login"),
        ):
            mailer(sender, server.port, ca_file=str(certificates.authority)).send(mail, idempotency_key="k")

    def test_a_login_where_none_is_taken(self, mail: Mail, sender: Sender) -> None:
        with mail_server() as server, pytest.raises(NotConfigured, match="takes no login"):
            mailer(sender, server.port, login=LOGIN).send(mail, idempotency_key="k")

    @pytest.mark.parametrize(
        "case",
        [
            ("RCPT", "550 5.1.1 <planted@example> unknown", Invalid, "recipient (550 5.1.1)"),
            ("RCPT", "554 planted relay denied", Invalid, "recipient (554)"),
            ("MAIL", "553 5.7.1 planted not yours", PermissionMissing, "sender (553 5.7.1)"),
            ("DATA", "554 5.7.1 planted looks like spam", Invalid, "message itself (554 5.7.1)"),
            ("MAIL", "452 4.3.1 planted no space", ProviderDown, "(452 4.3.1)"),
            ("RCPT", "421 planted closing", ProviderDown, "(421)"),
            ("DATA", "451 4.7.1 planted later", ProviderDown, "(451 4.7.1)"),
            ("RCPT", "drop", ProviderDown, "hung up"),
        ],
    )
    def test_each_is_told_by_its_code_without_the_servers_words(
        self, mail: Mail, sender: Sender, case: tuple[str, str, type[DroviError], str]
    ) -> None:
        command, answer, error, said = case
        with mail_server() as server:
            server.answers[command] = [answer]
            with pytest.raises(error) as caught:
                mailer(sender, server.port).send(mail, idempotency_key="k")
        assert said in caught.value.message
        assert caught.value.remedy or isinstance(caught.value, Transient)
        assert "planted" not in everything_said(caught.value)
        assert server.received == []

    def test_a_greylisted_mail_arrives_at_the_next_attempt(self, mail: Mail, sender: Sender) -> None:
        """One attempt a call, and one Message-ID for them all."""
        with mail_server() as server:
            server.answers["DATA"] = ["451 4.7.1 Greylisted"]
            way = mailer(sender, server.port)
            with pytest.raises(Transient):
                way.send(mail, idempotency_key="k")
            way.send(mail, idempotency_key="k")
            way.send(mail, idempotency_key="k")
            way.send(mail, idempotency_key="another")
        contents = [envelope.content for envelope in server.received]
        ids = [
            email.message_from_bytes(content)["Message-ID"]
            for content in contents
            if isinstance(content, bytes)
        ]
        assert ids[0] == ids[1] != ids[2]


class TestSilence:
    @pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA"])
    def test_a_server_that_hangs_is_left(self, mail: Mail, sender: Sender, command: str) -> None:
        with mail_server() as server:
            server.answers[command] = ["hang"]
            with pytest.raises(TimedOut):
                mailer(sender, server.port, step_seconds=0.3).send(mail, idempotency_key="k")

    def test_a_server_that_dribbles_is_left_when_the_budget_is_spent(
        self, mail: Mail, sender: Sender
    ) -> None:
        """Each byte comes within the time-out of a read, the line never ends."""
        with raw_server(dribbling) as port, pytest.raises(TimedOut):
            mailer(sender, port, step_seconds=30, budget_seconds=0.5).send(mail, idempotency_key="k")

    def test_a_silent_tls_server_is_left(self, mail: Mail, sender: Sender) -> None:
        def silent(client: socket.socket) -> None:
            while client.recv(1024):
                pass

        with raw_server(silent) as port, pytest.raises(TimedOut):
            mailer(sender, port, scheme="smtps", step_seconds=0.3).send(mail, idempotency_key="k")

    @pytest.mark.parametrize(
        ("greeting", "error"),
        [
            (b"421 mail.test busy\r\n", ProviderDown),
            (b"554 mail.test no\r\n", PermissionMissing),
            (b"", ProviderDown),
        ],
    )
    def test_a_greeting_that_is_none(
        self, mail: Mail, sender: Sender, greeting: bytes, error: type[DroviError]
    ) -> None:
        with raw_server(lambda client: client.sendall(greeting)) as port, pytest.raises(error):
            mailer(sender, port).send(mail, idempotency_key="k")

    def test_a_host_that_is_no_name(self, mail: Mail, sender: Sender) -> None:
        with pytest.raises(NotConfigured, match="DROVI_MAIL_URL"):
            mailer(sender, 25, host="a" * 70).send(mail, idempotency_key="k")

    def test_nobody_listens(self, mail: Mail, sender: Sender, unused_port: Callable[[], int]) -> None:
        with pytest.raises(ProviderDown):
            mailer(sender, unused_port()).send(mail, idempotency_key="k")
