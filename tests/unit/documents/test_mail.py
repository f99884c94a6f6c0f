"""Messages: whose words they are, what is attached, and headers as they are really written."""

from __future__ import annotations

import pytest

from drovi_assets.documents.parse import parse
from resources.errors import Invalid

HEAD = b'Message-ID: <2@x>\nFrom: =?utf-8?q?Ana=C3=AFs_Martin?= <anais@x.fr>\nTo: "Durand, Paul" <paul@y.fr>, b@y.fr\n'


def _mail(body: str, headers: bytes = b"") -> bytes:
    return (
        HEAD + b"Subject: Lease\n" + headers + b"Content-Type: text/plain; charset=utf-8\n\n" + body.encode()
    )


def _said(body: str) -> list[tuple[str, str]]:
    return [(block.kind, block.text) for block in parse(_mail(body), "a.eml").blocks[2:]]


def test_headers_become_metadata_and_searchable_text() -> None:
    """Encoded words decoded, a comma in a name respected, the date in ISO 8601."""
    document = parse(
        _mail(
            "Hello", b"Date: Tue, 4 Mar 2025 09:30:00 +0100\nReferences: <0@x> <1@x>\nIn-Reply-To: <1@x>\n"
        ),
        "a.eml",
    )
    assert document.title == "Lease"
    assert document.metadata == {
        "from": "Anaïs Martin <anais@x.fr>",
        "to": ["Durand, Paul <paul@y.fr>", "b@y.fr"],
        "cc": [],
        "date": "2025-03-04T09:30:00+01:00",
        "subject": "Lease",
        "message_id": "<2@x>",
        "in_reply_to": "<1@x>",
        "references": ["<0@x>", "<1@x>"],
    }
    assert document.text.startswith("Lease\n\nFrom: Anaïs Martin <anais@x.fr>\nTo: ")


def test_raw_bytes_in_headers_are_guessed() -> None:
    """Senders write Latin-1 without saying so."""
    content = b"Message-ID: <1@x>\nFrom: a@x\nSubject: " + "Délai échu".encode("latin-1") + b"\n\nx"
    assert parse(content, "a.eml").title == "Délai échu"


def test_quotes_and_signatures_are_not_the_senders_words() -> None:
    """Interleaved answers stay the sender's; quoted lines are marked, a signature is a footer."""
    assert _said("I will pay.\n\nOn Monday Paul wrote:\n> When?\n> Soon?\n\nBy Friday.\n-- \nAnaïs\n") == [
        ("paragraph", "I will pay."),
        ("other", "On Monday Paul wrote:"),
        ("other", "When?\nSoon?"),
        ("paragraph", "By Friday."),
        ("footer", "Anaïs"),
    ]


@pytest.mark.parametrize(
    "divider",
    [
        "-----Original Message-----",
        "-----Message d'origine-----",
        "---------- Forwarded message ---------",
        "De : Paul <p@y.fr>\nEnvoyé : lundi\nÀ : Anaïs\nObjet : bail",
        "From: Paul\nSent: Monday\nTo: Anaïs\nSubject: lease",
    ],
)
def test_all_after_a_mail_programs_divider_is_older(divider: str) -> None:
    """In French and English, whatever program wrote it."""
    assert [kind for kind, _ in _said(f"Agreed.\n\n{divider}\n\nWe owe you 900.\n\nPaul")] == [
        "paragraph",
        "other",
        "other",
        "other",
    ]


def test_the_plain_alternative_is_preferred_unless_it_says_nothing() -> None:
    """Some senders only write that the reader's program is too old."""

    def alternative(plain: str) -> bytes:
        return (
            HEAD
            + b'Content-Type: multipart/alternative; boundary="b"\n\n--b\nContent-Type: text/plain\n\n'
            + plain.encode()
            + b"\n--b\nContent-Type: text/html\n\n<p>Rich <b>words</b></p>\n--b--\n"
        )

    assert parse(alternative("Plain words"), "a.eml").blocks[-1].text == "Plain words"
    assert parse(alternative("View this in your browser"), "a.eml").blocks[-1].text == "Rich words"


def test_html_replies_mark_what_they_quote() -> None:
    """Mail programs wrap the answered message in an element of their own."""
    html = b'Content-Type: text/html\n\n<p>Agreed.</p><div class="gmail_quote"><p>We owe 900.</p></div>'
    blocks = parse(HEAD + html, "a.eml").blocks
    assert [(block.kind, block.text) for block in blocks[-2:]] == [
        ("paragraph", "Agreed."),
        ("other", "We owe 900."),
    ]


def test_attachments_are_files_with_safe_unique_names() -> None:
    """A name chooses no folder; a message in a message is one file; types are told from the bytes."""
    content = (
        HEAD + b'Content-Type: multipart/mixed; boundary="b"\n\n--b\nContent-Type: text/plain\n\nSee both.\n'
        b'--b\nContent-Type: application/octet-stream; name="../../etc/lease.docx"\nContent-Transfer-Encoding: base64\n\nJVBERi0xLjQK\n'
        b"--b\nContent-Type: message/rfc822\n\nMessage-ID: <9@x>\nFrom: c@x\nSubject: Older\n\nInner.\n--b--\n"
    )
    attachments = parse(content, "a.eml").attachments
    assert [(a.path, a.media_type) for a in attachments] == [
        ("1/lease.docx", "application/pdf"),
        ("2/Older.eml", "message/rfc822"),
    ]
    assert parse(attachments[1].content, "Older.eml").title == "Older"


def test_an_mbox_is_a_container_of_messages() -> None:
    """A sentence that begins with From does not cut one; the escape that protects it is undone."""
    one = b"From a@x Mon Jan  1 00:00:00 2024\nMessage-ID: <1@x>\nFrom: a@x\n\nFrom here on, all is well.\n>From now too.\n\n"
    two = b"From b@x Mon Jan  1 00:00:00 2024\nMessage-ID: <2@x>\nFrom: b@x\n\nBye.\n"
    attachments = parse(one + two, "archive.mbox").attachments
    assert [a.path for a in attachments] == ["1.eml", "2.eml"]
    assert b"\nFrom now too." in attachments[0].content


def test_deep_nesting_is_refused_or_cut_with_a_warning() -> None:
    """A thousand multiparts inside one another end in a reason, not in a crash."""

    def nested(depth: int) -> bytes:
        parts = (b'Content-Type: multipart/mixed; boundary="b%d"\n\n--b%d\n' % (n, n) for n in range(depth))
        return HEAD + b"".join(parts) + b"\nend"

    assert "nested too deeply" in parse(nested(30), "a.eml").warnings[0]
    with pytest.raises(Invalid, match="nested too deeply"):
        parse(nested(2000), "a.eml")


def test_unknown_character_sets_cost_nothing_but_a_guess() -> None:
    """A charset nobody knows, and one that is wrong."""
    for charset in (b"x-unknown", b"us-ascii"):
        content = (
            HEAD
            + b"Content-Type: text/plain; charset="
            + charset
            + b"\n\n"
            + "payé à l'échéance prévue".encode("cp1252")
        )
        assert parse(content, "a.eml").blocks[-1].text == "payé à l'échéance prévue"
