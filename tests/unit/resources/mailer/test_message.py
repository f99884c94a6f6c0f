"""What a mail may be: one address, one line a header, and a message that arrives as it was written."""

from __future__ import annotations

import email
import email.policy
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resources.errors import Invalid
from resources.mailer import Mail
from resources.mailer.message import Sender, build, message_id, normalised_address

SENDER = Sender.parse("Étude Morel & Associés, avocats <noreply@étude.example>")
NOW = datetime(2026, 11, 25, 8, 4, tzinfo=UTC)
LINE_ENDS = ["\n", "\r\n", "\r", "\0", "\u2028", "\u2029", "\x85", "\x0b", "\ud800"]

one_line = st.text(
    st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1, max_size=200
).filter(lambda text: text == text.strip() and "=?" not in text)


def make(**changes: Any) -> Mail:
    return Mail(**{"to": "a@firm.example", "subject": "Subject", "text": "Text", **changes})


def sent(mail: Mail, key: str = "k") -> Any:
    raw = build(mail, sender=SENDER, idempotency_key=key, sent_at=NOW).as_bytes()
    assert raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    return email.message_from_bytes(raw, policy=email.policy.default)


def body(part: Any) -> str:
    """Its text; on the wire a line ends with CR LF."""
    return part.get_content().replace("\r\n", "\n")


class TestAddresses:
    @pytest.mark.parametrize(
        ("given", "wire"),
        [
            ("Helene.Morel+drovi@Firm.Example", "Helene.Morel+drovi@firm.example"),
            ("a@étude-morel.fr", "a@xn--tude-morel-96a.fr"),
            ("a@straße.de", "a@xn--strae-oqa.de"),
            ("owner@localhost", "owner@localhost"),
            ("o'brien@firm.example", "o'brien@firm.example"),
        ],
    )
    def test_the_domain_is_as_it_stands_on_the_wire(self, given: str, wire: str) -> None:
        """IDNA 2008: by the older rules straße.de's mail went to strasse.de."""
        assert normalised_address(given) == wire
        assert normalised_address(wire) == wire

    @pytest.mark.parametrize(
        "text",
        [
            *(f"a@firm.example{end}Bcc: b@evil.example" for end in LINE_ENDS),
            *(f"a{end}@firm.example" for end in LINE_ENDS),
            "",
            "a",
            "@firm.example",
            "a@",
            "a@b@firm.example",
            "a b@firm.example",
            '"a b"@firm.example',
            "Name <a@firm.example>",
            "a@firm.example, b@evil.example",
            ".a@firm.example",
            "a..b@firm.example",
            "é@firm.example",
            "a@-firm.example",
            "a@firm..example",
            "a@firm.example.",
            "a@fi_rm.example",
            "a@127.0.0.1",
            "a@[127.0.0.1]",
            "a@firm／evil.example",
            "a" * 65 + "@firm.example",
            "a@" + "b" * 64 + ".example",
            "a@" + ".".join(["b" * 60] * 5),
        ],
    )
    def test_what_is_not_one_address_is_refused(self, text: str) -> None:
        with pytest.raises(Invalid) as caught:
            make(to=text)
        assert "evil" not in str(caught.value)

    @settings(deadline=None)
    @given(st.text(max_size=40))
    def test_anything_is_either_refused_or_safe(self, text: str) -> None:
        try:
            address = normalised_address(f"{text}@firm.example")
        except Invalid:
            return
        assert sent(make(to=address))["To"].addresses[0].addr_spec == address

    @pytest.mark.parametrize(
        ("text", "name", "address"),
        [
            ("a@b.example", "", "a@b.example"),
            ("Drovi <a@b.example>", "Drovi", "a@b.example"),
            ('"Morel, avocats" <a@b.example>', "Morel, avocats", "a@b.example"),
            (" Étude  <a@b.example> ", "Étude", "a@b.example"),
        ],
    )
    def test_a_sender_has_a_name_or_none(self, text: str, name: str, address: str) -> None:
        assert Sender.parse(text) == Sender(name, address)
        assert Sender.parse(str(Sender.parse(text))) == Sender(name, address)

    @pytest.mark.parametrize(
        "text", ["", "Drovi", "Drovi <a>", "A\r\nBcc: <a@b.example>", "x" * 101 + " <a@b.example>"]
    )
    def test_a_sender_that_cannot_be_is_refused(self, text: str) -> None:
        with pytest.raises(Invalid):
            Sender.parse(text)


class TestHeaders:
    @pytest.mark.parametrize("end", LINE_ENDS)
    def test_no_header_is_smuggled_in(self, end: str) -> None:
        with pytest.raises(Invalid):
            make(subject=f"Hello{end}Bcc: b@evil.example")
        with pytest.raises(Invalid):
            make(headers={"X-Drovi": f"1{end}Bcc: b@evil.example"})
        with pytest.raises(Invalid):
            make(headers={f"X-Drovi{end}Bcc": "b@evil.example"})

    @pytest.mark.parametrize(
        "name",
        [
            "To",
            "from",
            "BCC",
            "Message-ID",
            "Content-Type",
            "MIME-Version",
            "Auto-Submitted",
            "X Y",
            "X:",
            "",
            "é",
        ],
    )
    def test_none_of_the_mails_own_is_replaced(self, name: str) -> None:
        with pytest.raises(Invalid):
            make(headers={name: "x"})

    def test_a_further_one_is_sent(self) -> None:
        assert sent(make(headers={"X-Drovi-Kind": "invitation"}))["X-Drovi-Kind"] == "invitation"

    def test_headers_cannot_change_after_the_check(self) -> None:
        headers = {"X-Drovi": "1"}
        mail = make(headers=headers)
        headers["Bcc"] = "b@evil.example"
        assert dict(mail.headers) == {"X-Drovi": "1"}

    @pytest.mark.parametrize(
        "changes",
        [
            {"subject": "x" * 201},
            {"subject": " "},
            {"subject": "Invitation from =?utf-8?q?=0D=0A?="},
            {"text": "\n"},
            {"text": "é" * 50_001},
            {"html": "x" * 100_001},
            {"html": "\ud800"},
            {"headers": {"X-Drovi": "x" * 501}},
        ],
    )
    def test_what_receivers_would_cut_or_decode_is_refused(self, changes: dict[str, Any]) -> None:
        with pytest.raises(Invalid):
            make(**changes)


class TestMessage:
    def test_it_says_who_when_and_that_a_machine_wrote_it(self) -> None:
        message = sent(make(to="a@étude.example"))
        assert message["From"].addresses[0].display_name == "Étude Morel & Associés, avocats"
        assert message["From"].addresses[0].addr_spec == "noreply@xn--tude-9oa.example"
        assert message["To"] == "a@xn--tude-9oa.example"
        assert message["Date"].datetime == NOW
        assert message["Auto-Submitted"] == "auto-generated"
        assert message.defects == []

    def test_plain_text_comes_first_and_html_is_its_alternative(self) -> None:
        message = sent(make(text="Bonjour\u00a0!\n.\n", html="<p>Bonjour</p>"))
        assert message.get_content_type() == "multipart/alternative"
        assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
        assert body(next(message.iter_parts())) == "Bonjour\u00a0!\n.\n"

    def test_without_html_it_is_plain(self) -> None:
        assert sent(make()).get_content_type() == "text/plain"

    @settings(deadline=None)
    @given(
        subject=one_line,
        text=st.text(st.characters(exclude_categories=["Cs", "Cc"], include_characters="\n")),
    )
    def test_what_was_written_arrives(self, subject: str, text: str) -> None:
        """Accents, emoji, quotes, lines of any length; the spaces of a subject that is folded included."""
        message = sent(make(subject=subject, text=f"{text}."))
        assert message["Subject"] == subject
        assert body(message) == f"{text}.\n"

    @pytest.mark.parametrize("length", [1, 8, 40, 60, 95])
    def test_a_folded_subject_keeps_its_spaces(self, length: int) -> None:
        """The standard library's own folding joins the words."""
        for letters in ("Σé", "xy", "xé", "éx"):
            subject = " ".join(letter * length for letter in letters)
            assert sent(make(subject=subject))["Subject"] == subject

    def test_each_attempt_at_a_mail_has_the_same_id(self) -> None:
        first, again, other = sent(make()), sent(make()), sent(make(), "other")
        assert first["Message-ID"] == again["Message-ID"] == message_id(SENDER, "k")
        assert first["Message-ID"] != other["Message-ID"]
        assert first["Message-ID"].endswith("@xn--tude-9oa.example>")

    @pytest.mark.parametrize("key", ["", " ", "a\nb", "é", "x" * 257])
    def test_a_key_is_one_that_every_transport_takes(self, key: str) -> None:
        with pytest.raises(Invalid):
            message_id(SENDER, key)

    def test_its_bodies_are_not_printed(self) -> None:
        mail = make(text="https://x.example/?token=planted", html="planted")
        assert "planted" not in repr(mail)
