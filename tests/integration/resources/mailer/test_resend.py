"""Mails through Resend's API, which obeys its documentation or misbehaves on demand."""

from __future__ import annotations

import io
import logging
import traceback
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
import structlog

from resources.errors import (
    Conflict,
    CredentialExpired,
    DroviError,
    Invalid,
    NotConfigured,
    PermissionMissing,
    ProviderDown,
    RateLimited,
    TimedOut,
)
from resources.mailer import Mail
from resources.mailer.message import Sender
from resources.mailer.resend import ResendMailer
from resources.telemetry import configure_logging
from tests.fakes.mail_servers import Resend, problem

REVOKED_KEY = "re_revoked_planted"  # here, so that no line of a traceback quotes it
NOW = datetime(2026, 11, 25, 8, 0, tzinfo=UTC)


class StoppedClock:
    def now(self) -> datetime:
        return NOW


def mailer(resend: Resend, sender: Sender, **more) -> ResendMailer:
    return ResendMailer(resend.url, resend.api_key, sender, clock=StoppedClock(), **more)


class TestDelivery:
    def test_the_mail_is_given_as_the_documentation_has_it(
        self, resend: Resend, mail: Mail, sender: Sender
    ) -> None:
        mailer(resend, sender).send(mail, idempotency_key="invitation/7")
        assert resend.delivered == {
            "invitation/7": {
                "from": "Drovi <noreply@drovi.example>",
                "to": ["helene@xn--tude-9oa.example"],
                "subject": mail.subject,
                "text": mail.text,
                "html": mail.html,
                "headers": {"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All"},
            }
        }

    def test_a_mail_sent_again_is_delivered_once(self, resend: Resend, mail: Mail, sender: Sender) -> None:
        """Each attempt carries the same key and the same payload, or Resend would refuse it."""
        way = mailer(resend, sender)
        resend.answers = [problem(500, "internal_server_error")]
        with pytest.raises(ProviderDown):
            way.send(mail, idempotency_key="k")
        for _ in range(3):
            way.send(mail, idempotency_key="k")
        assert [request["idempotency-key"] for request in resend.requests] == ["k"] * 4
        assert list(resend.delivered) == ["k"]

    def test_a_key_for_another_mail_is_a_conflict(self, resend: Resend, mail: Mail, sender: Sender) -> None:
        way = mailer(resend, sender)
        way.send(mail, idempotency_key="k")
        with pytest.raises(Conflict):
            way.send(Mail("other@firm.example", mail.subject, mail.text), idempotency_key="k")

    def test_an_accepted_mail_is_not_waited_for(self, resend: Resend, mail: Mail, sender: Sender) -> None:
        """Its body dribbles in for minutes; the status said all."""
        resend.slow_body = 5.0
        mailer(resend, sender, step_seconds=1.0).send(mail, idempotency_key="k")
        assert list(resend.delivered) == ["k"]


class TestLogs:
    def test_neither_key_nor_mail_reaches_them(self, resend: Resend, mail: Mail, sender: Sender) -> None:
        """Whatever the HTTP client has to say at the chattiest level."""
        root = logging.getLogger()
        handlers, level = root.handlers, root.level
        stream = io.StringIO()
        configure_logging(level="DEBUG", stream=stream)
        try:
            mailer(resend, sender).send(mail, idempotency_key="k")
        finally:
            root.handlers, root.level = handlers, level
            structlog.reset_defaults()
        assert stream.getvalue() == ""


class TestRetries:
    @pytest.mark.parametrize(
        ("given", "expected"),
        [
            ("7", 7.0),
            (format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90.0),
            (format_datetime(NOW - timedelta(seconds=90), usegmt=True), 0.0),
            ("-3", 0.0),
            ("1e9", 86_400.0),
            ("inf", 86_400.0),
            ("nan", None),
            ("soon", None),
            ("Wed, 25 Nov 2026 08:01:30", None),
        ],
    )
    def test_its_word_on_when_to_come_back_is_passed_on(
        self, resend: Resend, mail: Mail, sender: Sender, given: str, expected: float | None
    ) -> None:
        resend.answers = [problem(429, "rate_limit_exceeded", Retry_After=given)]
        with pytest.raises(RateLimited, match="rate_limit_exceeded") as caught:
            mailer(resend, sender).send(mail, idempotency_key="k")
        assert caught.value.retry_after == expected
        assert len(resend.requests) == 1

    def test_without_a_word_there_is_none(self, resend: Resend, mail: Mail, sender: Sender) -> None:
        resend.answers = [problem(503, "unavailable")]
        with pytest.raises(ProviderDown) as caught:
            mailer(resend, sender).send(mail, idempotency_key="k")
        assert caught.value.retry_after is None

    def test_silence_ends(self, resend: Resend, mail: Mail, sender: Sender) -> None:
        resend.silent.set()
        with pytest.raises(TimedOut):
            mailer(resend, sender, step_seconds=0.3).send(mail, idempotency_key="k")

    def test_an_errors_body_that_dribbles_is_not_waited_for(
        self, resend: Resend, mail: Mail, sender: Sender
    ) -> None:
        """Each byte comes within the time-out of a read; the status says enough."""
        resend.slow_body = 0.1
        resend.answers = [(500, {}, b" " * 10_000)]
        with pytest.raises(ProviderDown, match=r"\(500\)"):
            mailer(resend, sender, answer_seconds=0.3).send(mail, idempotency_key="k")

    def test_nobody_listens(
        self, resend: Resend, mail: Mail, sender: Sender, unused_port: Callable[[], int]
    ) -> None:
        resend.url = f"http://127.0.0.1:{unused_port()}"
        with pytest.raises(ProviderDown):
            mailer(resend, sender).send(mail, idempotency_key="k")


class TestRefusals:
    @pytest.mark.parametrize(
        ("answer", "error"),
        [
            (problem(400, "validation_error", "planted: `to` is not an address"), Invalid),
            (problem(400, "validation_error", "API key is invalid"), CredentialExpired),
            (problem(401, "missing_api_key"), CredentialExpired),
            (problem(403, "invalid_api_key"), CredentialExpired),
            (
                problem(403, "validation_error", "The planted.example domain is not verified."),
                PermissionMissing,
            ),
            (problem(403, "invalid_from_address"), PermissionMissing),
            (problem(404, "not_found"), NotConfigured),
            (problem(409, "invalid_idempotent_request"), Conflict),
            (problem(409, "concurrent_idempotent_requests"), RateLimited),
            (problem(422, "missing_required_field"), Invalid),
            (problem(429, "daily_quota_exceeded"), RateLimited),
            (problem(302, "moved", Location="http://127.0.0.1:1/emails"), NotConfigured),
            ((502, {}, b"<html>planted gateway</html>"), ProviderDown),
            ((500, {}, b'["planted"]'), ProviderDown),
            ((500, {}, b'{"name": "planted\\nline"}'), ProviderDown),
            ((500, {}, b"\xff" * 200_000), ProviderDown),
        ],
    )
    def test_each_is_told_by_what_to_do_next_without_its_words(
        self,
        resend: Resend,
        mail: Mail,
        sender: Sender,
        answer: tuple[int, dict[str, str], bytes],
        error: type[DroviError],
    ) -> None:
        resend.answers = [answer]
        with pytest.raises(error) as caught:
            mailer(resend, sender).send(mail, idempotency_key="k")
        assert str(answer[0]) in caught.value.message
        assert "planted" not in "".join(traceback.format_exception(caught.value))
        assert len(resend.requests) == 1

    def test_a_revoked_key_needs_a_person_and_is_not_shown(
        self, resend: Resend, mail: Mail, sender: Sender
    ) -> None:
        way = ResendMailer(resend.url, REVOKED_KEY, sender)
        with pytest.raises(CredentialExpired) as caught:
            way.send(mail, idempotency_key="k")
        assert "RESEND_API_KEY" in caught.value.remedy
        assert "planted" not in "".join(traceback.format_exception(caught.value)) + repr(way)
        assert resend.delivered == {}
