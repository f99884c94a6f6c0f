"""HTML, Markdown, text and CSV."""

from __future__ import annotations

import pytest

from drovi_assets.documents.model import ParsedDocument
from drovi_assets.documents.parse import parse


def _outline(document: ParsedDocument) -> list[tuple[str, str, str]]:
    return [(block.kind, block.text, block.section) for block in document.blocks]


def test_html_gives_what_a_reader_sees() -> None:
    """No scripts, nothing hidden; inline markup does not break a sentence, a table of data stays one."""
    page = b"""<!doctype html><html lang="en"><head><title>Lease</title><style>p{}</style></head><body>
    <script>alert(1)</script><h1>Term</h1><p>Two <b>full</b>
    years<!-- really -->.</p><p style="display: none">secret</p><ul><li>rent<ul><li>monthly</li></ul></li></ul>
    <table><tr><th>Item</th><th>Fee</th></tr><tr><td>Audit</td><td>90</td></tr></table>tail<pre>a
  b</pre></body></html>"""
    document = parse(page, "a.html")
    assert document.title == "Lease"
    assert _outline(document) == [
        ("title", "Term", ""),
        ("paragraph", "Two full years.", "Term"),
        ("list_item", "rent", "Term"),
        ("list_item", "monthly", "Term"),
        ("table", "Item | Fee\nAudit | 90", "Term"),
        ("paragraph", "tail", "Term"),
        ("code", "a\n  b", "Term"),
    ]


def test_a_layout_table_is_read_as_text() -> None:
    """A table around tables is a page's frame, as mail programs make them."""
    page = b"<html><table><tr><td><p>One.</p><p>Two.</p></td><td><table><tr><td>x</td></tr></table></td></tr></table></html>"
    assert [block.text for block in parse(page, "a.html").blocks] == ["One.", "Two.", "x"]


def test_deep_nesting_ends_in_a_document() -> None:
    """Ten thousand open elements are walked without recursion."""
    assert "bottom" in parse(b"<html>" + b"<div>" * 10_000 + b"bottom", "a.html").text


def test_the_declared_character_set_counts_unless_the_bytes_deny_it() -> None:
    """Latin-1 declared and meant; Latin-1 declared over UTF-8, a common mistake."""
    head = '<html><head><meta charset="iso-8859-1"></head><p>é payé</p>'
    assert parse(head.encode("latin-1"), "a.html").text == "é payé"
    assert parse(head.encode("utf-8"), "a.html").text == "é payé"


def test_markdown_has_sections_lists_and_tables() -> None:
    """By CommonMark's rules; front matter is kept apart."""
    text = b"---\ntitle: Notes\n---\n# Advice\nPay *now*.\n\n1. one\n2. two\n\n|a|b|\n|-|-|\n|1|2|\n\n```\ncode\n```\n"
    document = parse(text, "a.md")
    assert document.title == "Notes"
    assert _outline(document)[1:] == [
        ("title", "Advice", ""),
        ("paragraph", "Pay now.", "Advice"),
        ("list_item", "one", "Advice"),
        ("list_item", "two", "Advice"),
        ("table", "a | b\n1 | 2", "Advice"),
        ("code", "code", "Advice"),
    ]


def test_text_is_cut_at_blank_lines_and_capitals_are_headings() -> None:
    """Line ends inside a paragraph stand as written."""
    document = parse(
        b"ARTICLE 1 - TERM\r\n\r\nTwo years,\r\nfrom June.\r\n\r\n- rent\r\n- charges\r\n", "a.txt"
    )
    assert _outline(document) == [
        ("title", "ARTICLE 1 - TERM", ""),
        ("paragraph", "Two years,\nfrom June.", "ARTICLE 1 - TERM"),
        ("list_item", "- rent", "ARTICLE 1 - TERM"),
        ("list_item", "- charges", "ARTICLE 1 - TERM"),
    ]


FRENCH = "Le loyer a été payé à l'échéance ; la société a reçu 1 000 € et l'avoué a été prévenu."


@pytest.mark.parametrize("charset", ["utf-8", "utf-8-sig", "cp1252", "iso8859_15", "utf-16", "utf-16-le"])
def test_the_usual_character_sets_are_recognised(charset: str) -> None:
    """Without a word from anyone about which it is."""
    document = parse(FRENCH.encode(charset), "a.txt")
    assert document.text.replace("¤", "€") == FRENCH  # the sign's place is all that parts ISO 8859-1 from -15
    assert document.language == "fr"
    assert document.warnings == ()


def test_bytes_of_no_character_set_are_replaced_and_said() -> None:
    """The text around them is kept."""
    document = parse("Payé ".encode() * 30 + b"\xff\xfe\x81 end", "a.txt")
    assert document.text.startswith("Payé Payé")
    assert document.text.endswith("end")
    assert document.warnings


def test_what_postgres_refuses_is_gone() -> None:
    """NUL leaves, and composed accents make equal words equal."""
    assert parse("a\x00b e\u0301\u200b \ufb01n\n".encode(), "a.txt").text.replace("\u200b", "") == "ab é fin"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_csv_finds_its_delimiter(delimiter: str) -> None:
    """The one that makes rows of one width; quoted cells may hold it."""
    rows = [["Client", "Fee"], ["Martin, SA", "1;2"], ["Durand|Co", "3\t4"]]
    content = "\n".join(delimiter.join(f'"{cell}"' for cell in row) for row in rows)
    (block,) = parse(content.encode(), "a.csv").blocks
    assert block.text.split("\n")[0] == "Client | Fee"
    assert block.text.count("\n") == 2


def test_a_long_table_repeats_its_header() -> None:
    """A row far down is found together with its columns' names."""
    content = "client,fee\n" + "".join(f"c{n},{n}\n" for n in range(120))
    blocks = parse(content.encode(), "a.csv").blocks
    assert len(blocks) == 3
    assert all(block.text.startswith("client | fee\n") for block in blocks)


def test_a_file_without_text_is_a_warning() -> None:
    """Bytes that say nothing are said to say nothing."""
    assert parse(b"\n \n", "a.txt").warnings == ("The file holds no text.",)
    assert parse(b"<html><body><script>x</script></body></html>", "a.html").warnings
