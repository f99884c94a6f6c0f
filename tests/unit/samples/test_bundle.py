"""The shipped sample bundle is what its sources say, and its planted facts can be read in it word for word."""

from __future__ import annotations

import json
import mailbox
import re
import subprocess
import sys
import zipfile
from email import message_from_bytes
from email.policy import default
from functools import cache
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from email.message import EmailMessage

SAMPLES = Path(__file__).resolve().parents[3] / "samples"
BUNDLE = SAMPLES / "two_matters"
TRUTH = json.loads((SAMPLES / "two_matters.truth.json").read_text("utf-8"))
PATHS = sorted(p.relative_to(BUNDLE).as_posix() for p in BUNDLE.rglob("*") if p.is_file())
MAILS = [path for path in PATHS if path.endswith(".eml")]
SINGLE = {"commitment", "decision", "risk", "claim", "advice", "missed_deadline"}
PAIRS = {"contradiction", "supersession"}


def flat(text: str) -> str:
    """Every run of whitespace, line breaks and no-break spaces included, as one space."""
    return " ".join(text.split())


def pdf_text(data: bytes) -> str:
    import pypdfium2

    document = pypdfium2.PdfDocument(data)
    try:
        return "\n".join(page.get_textpage().get_text_range() for page in document)
    finally:
        document.close()


def docx_text(data: bytes) -> str:
    from docx import Document

    document = Document(BytesIO(data))
    cells = (cell.text for table in document.tables for row in table.rows for cell in row.cells)
    return "\n".join([*(paragraph.text for paragraph in document.paragraphs), *cells])


def xlsx_text(data: bytes) -> str:
    from openpyxl import load_workbook

    rows = (row for sheet in load_workbook(BytesIO(data)) for row in sheet.iter_rows(values_only=True))
    return "\n".join(str(value) for row in rows for value in row if value is not None)


def html_text(data: bytes) -> str:
    pieces: list[str] = []
    parser = HTMLParser()
    parser.handle_data = pieces.append  # type: ignore[method-assign]  # the class is meant to be overridden
    parser.feed(data.decode())
    return " ".join(pieces)


def mail_text(message: EmailMessage) -> str:
    body = message.get_body(("plain",))
    assert body is not None
    return f"{message['Subject']}\n{body.get_content()}"


def mbox_messages(path: Path) -> dict[str, EmailMessage]:
    box = mailbox.mbox(path, create=False)
    try:
        messages = [message_from_bytes(box.get_bytes(key), policy=default) for key in box.keys()]  # noqa: SIM118 - a mailbox iterates over messages
    finally:
        box.close()
    return {str(m["Message-ID"]): m for m in messages}


def document_text(name: str, data: bytes) -> str:
    readers = {".pdf": pdf_text, ".docx": docx_text, ".xlsx": xlsx_text, ".html": html_text}
    reader = readers.get(Path(name).suffix)
    return reader(data) if reader else data.decode("utf-8")


@cache
def text_of(path: str, attachment: str | None = None, message_id: str | None = None) -> str:
    """What a reader finds in one item, whitespace flattened."""
    file = BUNDLE / path
    if file.suffix == ".mbox":
        return flat(mail_text(mbox_messages(file)[message_id or ""]))
    if file.suffix != ".eml":
        return flat(document_text(path, file.read_bytes()))
    message = message_from_bytes(file.read_bytes(), policy=default)
    if attachment is None:
        return flat(mail_text(message))
    part = next(p for p in message.iter_attachments() if p.get_filename() == attachment)
    content = part.get_content()
    return flat(document_text(attachment, content.encode() if isinstance(content, str) else content))


def evidences() -> Iterator[tuple[str, dict[str, str]]]:
    for entry in [*TRUTH["facts"], *TRUTH["questions"]]:
        for evidence in entry["evidence"]:
            yield entry["id"], evidence


def test_a_rebuild_gives_the_same_bytes() -> None:
    """What is committed is what the sources say today: `samples/build.py --check` finds nothing to change."""
    run = subprocess.run(
        [sys.executable, str(SAMPLES / "build.py"), "--check"], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr


def test_the_bundle_holds_every_format_and_stays_small() -> None:
    """At least 55 items, every format that the product reads, under 3 MB in all."""
    count = {
        suffix: sum(path.endswith(suffix) for path in PATHS)
        for suffix in (".eml", ".mbox", ".pdf", ".docx", ".xlsx", ".csv", ".html", ".md", ".txt", ".sql")
    }
    assert sum(count.values()) == len(PATHS) >= 55
    assert min(count.values()) >= 1
    assert count[".eml"] >= 25
    assert sum((BUNDLE / path).stat().st_size for path in PATHS) < 3_000_000


def test_every_truth_quote_is_in_its_file_word_for_word() -> None:
    """A planted fact whose words cannot be found would make every later figure wrong."""
    missing = [
        (name, evidence["path"], evidence["quote"])
        for name, evidence in evidences()
        if evidence["quote"]
        not in text_of(evidence["path"], evidence.get("attachment"), evidence.get("message_id"))
    ]
    assert missing == []


def test_the_truth_is_well_formed() -> None:
    """Ids are unique, kinds known; a contradiction or a supersession shows both of its sides."""
    entries = [*TRUTH["facts"], *TRUTH["questions"], *TRUTH["unanswerable"]]
    assert len({entry["id"] for entry in entries}) == len(entries)
    for fact in TRUTH["facts"]:
        assert fact["kind"] in SINGLE | PAIRS
        assert fact["note"]
        assert len(fact["evidence"]) >= (2 if fact["kind"] in PAIRS else 1), fact["id"]
    assert {fact["kind"] for fact in TRUTH["facts"]} == SINGLE | PAIRS
    assert all(evidence["quote"] == flat(evidence["quote"]) for _, evidence in evidences())


def test_facts_and_questions_are_in_both_languages_and_both_matters() -> None:
    """Neither French nor English is a token presence, and neither matter is."""
    for part, least in (("facts", 20), ("questions", 8), ("unanswerable", 3)):
        languages = [entry["language"] for entry in TRUTH[part]]
        assert min(languages.count("fr"), languages.count("en")) >= least, part
    matters = [path.partition("/")[0] for path in PATHS]
    assert {matter for matter in matters if matters.count(matter) >= 25} == {
        "matter_a_lumivelle_share_purchase",
        "matter_b_tidewell_accounts",
    }


@pytest.mark.parametrize("path", MAILS)
def test_a_reply_names_its_ancestors(path: str) -> None:
    """In-Reply-To is the last of References, and each of them is a message of the bundle that is older."""
    dates = message_dates()
    message = message_from_bytes((BUNDLE / path).read_bytes(), policy=default)
    assert message["Date"].datetime.tzinfo is not None
    references = str(message["References"] or "").split()
    if references:
        assert references[-1] == message["In-Reply-To"]
        moments = [dates[reference] for reference in [*references, str(message["Message-ID"])]]
        assert moments == sorted(moments)


@cache
def message_dates() -> dict[str, object]:
    messages = [message_from_bytes((BUNDLE / path).read_bytes(), policy=default) for path in MAILS]
    for path in PATHS:
        if path.endswith(".mbox"):
            messages += mbox_messages(BUNDLE / path).values()
    dates = {str(message["Message-ID"]): message["Date"].datetime for message in messages}
    assert len(dates) == len(messages)
    return dates


def test_every_address_is_fictional() -> None:
    """Mail domains end in `.example`, which nobody can register (RFC 2606)."""
    domains = {
        domain
        for path in PATHS
        if not path.endswith((".pdf", ".docx", ".xlsx"))
        for domain in re.findall(
            r"[\w.+-]+@([\w-]+(?:\.[\w-]+)+)", (BUNDLE / path).read_text("utf-8", "replace")
        )
    }
    assert domains
    assert {domain for domain in domains if not domain.endswith(".example")} == set()


def test_the_ledgers_add_up() -> None:
    """The trial balance balances and the ageing agrees with the debtors: only planted errors are errors."""
    from openpyxl import load_workbook

    book = load_workbook(BUNDLE / "matter_b_tidewell_accounts/03_ledgers/trial_balance_2026-03-31.xlsx")
    accounts = [
        row for row in book["Trial balance"].iter_rows(values_only=True) if re.match(r"\d{4}$", str(row[0]))
    ]
    debit, credit = (sum(row[column] or 0 for row in accounts) for column in (2, 3))
    assert debit == credit
    ageing = [row for row in book["Aged debtors"].iter_rows(min_row=2, values_only=True) if row[0] != "Total"]
    assert all(row[1] == sum(row[2:6]) for row in ageing)
    assert sum(row[1] for row in ageing) == next(row[2] for row in accounts if row[1] == "Trade debtors")


def test_office_files_keep_one_time_and_no_compression() -> None:
    """The bytes must not depend on the hour of the build nor on the version of zlib."""
    for path in PATHS:
        if path.endswith((".docx", ".xlsx")):
            with zipfile.ZipFile(BUNDLE / path) as archive:
                assert {info.date_time for info in archive.infolist()} == {(2026, 11, 13, 12, 0, 0)}
                assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}
