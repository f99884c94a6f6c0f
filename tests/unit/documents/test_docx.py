"""Word files keep what a reader sees and a lawyer cites: numbers, notes, boxes, comments."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from drovi_assets.documents.numbering import Numbering
from drovi_assets.documents.parse import parse
from resources.errors import Invalid

MakeDocx = Callable[..., bytes]

STYLES = """
<w:style w:styleId="H1"><w:name w:val="heading 1"/></w:style>
<w:style w:styleId="Clause"><w:name w:val="Clause"/><w:basedOn w:val="H1"/></w:style>
<w:style w:styleId="L"><w:name w:val="List Bullet"/></w:style>
"""
NUMBERS = """
<w:abstractNum w:abstractNumId="7">
  <w:lvl w:ilvl="0"><w:start w:val="1"/><w:numFmt w:val="decimal"/><w:lvlText w:val="%1."/></w:lvl>
  <w:lvl w:ilvl="1"><w:start w:val="1"/><w:numFmt w:val="lowerLetter"/><w:lvlText w:val="%1.(%2)"/></w:lvl>
</w:abstractNum>
<w:num w:numId="3"><w:abstractNumId w:val="7"/></w:num>
"""


def _p(text: str, properties: str = "") -> str:
    return f"<w:p><w:pPr>{properties}</w:pPr><w:r><w:t>{text}</w:t></w:r></w:p>"


def _numbered(text: str, depth: int) -> str:
    return _p(text, f'<w:numPr><w:ilvl w:val="{depth}"/><w:numId w:val="3"/></w:numPr>')


def test_styles_make_headings_and_sections(make_docx: MakeDocx) -> None:
    """By the style or the one it is based on."""
    body = _p("Term", '<w:pStyle w:val="Clause"/>') + _p("Two years.") + _p("rent", '<w:pStyle w:val="L"/>')
    blocks = parse(make_docx(body, styles=STYLES), "a.docx").blocks
    assert [(b.kind, b.text, b.section) for b in blocks] == [
        ("title", "Term", ""),
        ("paragraph", "Two years.", "Term"),
        ("list_item", "rent", "Term"),
    ]


def test_clause_numbers_are_in_the_text(make_docx: MakeDocx) -> None:
    """Word draws them and stores none; a deeper level starts anew under each upper one."""
    body = (
        _numbered("Term", 0)
        + _numbered("start", 1)
        + _numbered("end", 1)
        + _numbered("Rent", 0)
        + _numbered("due", 1)
    )
    assert parse(make_docx(body, numbering=NUMBERS), "a.docx").text.split("\n\n") == [
        "1. Term",
        "1.(a) start",
        "1.(b) end",
        "2. Rent",
        "2.(a) due",
    ]


def test_revisions_read_as_accepted(make_docx: MakeDocx) -> None:
    """What was inserted counts, what was deleted does not."""
    body = "<w:p><w:r><w:t>Rent is </w:t></w:r><w:del><w:r><w:delText>900</w:delText></w:r></w:del><w:ins><w:r><w:t>950</w:t></w:r></w:ins></w:p>"
    assert parse(make_docx(body), "a.docx").text == "Rent is 950"


def test_text_boxes_controls_notes_and_comments_are_kept(make_docx: MakeDocx) -> None:
    """Of the two copies of a text box that Word writes, one is read; a reviewer's words are not the document's."""
    choice = f"<Choice><w:txbxContent>{_p('Boxed words')}</w:txbxContent></Choice>"
    fallback = f"<Fallback><w:txbxContent>{_p('Boxed words')}</w:txbxContent></Fallback>"
    body = (
        f"<w:p><w:r><w:t>Above</w:t></w:r><w:r><AlternateContent>{choice}{fallback}</AlternateContent></w:r></w:p>"
        f"<w:sdt><w:sdtContent>{_p('In a control')}</w:sdtContent></w:sdt>"
        '<w:p><w:r><w:t>Noted</w:t></w:r><w:r><w:footnoteReference w:id="2"/></w:r></w:p>'
    )
    document = parse(
        make_docx(
            body,
            footnotes=f'<w:footnote w:id="2">{_p("The note.")}</w:footnote>',
            comments=f'<w:comment w:id="0" w:author="Anne">{_p("Check this.")}</w:comment>',
        ),
        "a.docx",
    )
    assert [(b.kind, b.text) for b in document.blocks] == [
        ("paragraph", "Above"),
        ("paragraph", "Boxed words"),
        ("paragraph", "In a control"),
        ("paragraph", "Noted"),
        ("paragraph", "The note."),
        ("other", "Anne: Check this."),
    ]


def test_tables_are_text_and_markup(make_docx: MakeDocx) -> None:
    """A row a line, cells apart; markup is escaped."""
    rows = "".join(
        f"<w:tr>{''.join(f'<w:tc>{_p(cell)}</w:tc>' for cell in row)}</w:tr>"
        for row in (("Item", "Fee"), ("A &amp; B", "90"))
    )
    (block,) = parse(make_docx(f"<w:tbl>{rows}</w:tbl>"), "a.docx").blocks
    assert (block.kind, block.text) == ("table", "Item | Fee\nA & B | 90")
    assert "<td>A &amp; B</td>" in block.html


def test_the_strict_dialect_is_read_too(make_docx: MakeDocx) -> None:
    """ISO 29500 strict differs by its namespaces only."""
    whole = make_docx(_p("Strictly"))
    import io
    import zipfile

    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(whole)) as source, zipfile.ZipFile(out, "w") as target:
        for name in source.namelist():
            content = source.read(name).replace(
                b"http://schemas.openxmlformats.org/wordprocessingml/2006/main",
                b"http://purl.oclc.org/ooxml/wordprocessingml/main",
            )
            target.writestr(name, content)
    assert parse(out.getvalue(), "a.docx").text == "Strictly"


def test_entities_are_not_expanded(make_docx: MakeDocx) -> None:
    """A thousand laughs stay one reference, and no file is read through one."""
    whole = make_docx(_p("x"))
    import io
    import zipfile

    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(whole)) as source, zipfile.ZipFile(out, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            if name == "word/document.xml":
                content = b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>' + content.replace(
                    b">x<", b">x&e;<"
                )
            target.writestr(name, content)
    assert parse(out.getvalue(), "a.docx").text == "x"


def test_a_bomb_is_refused_before_it_is_unpacked(make_docx: MakeDocx) -> None:
    """By the sizes that the archive declares."""
    with pytest.raises(Invalid, match="decompression bomb"):
        parse(make_docx("<w:p/>" * 6_000_000), "a.docx")


def test_a_cut_file_is_refused_as_damaged(make_docx: MakeDocx) -> None:
    """With what to do."""
    whole = make_docx(_p("x"))
    with pytest.raises(Invalid, match="damaged") as refusal:
        parse(whole[: len(whole) // 2], "a.docx")
    assert refusal.value.remedy


def test_labels_take_every_shape_word_has() -> None:
    """Letters repeat after z, Roman numerals subtract, legal numbering is decimal throughout."""
    from lxml import etree

    w = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'

    def labels(shape: str, count: int) -> list[str]:
        root = etree.fromstring(
            f'<w:numbering {w}><w:abstractNum w:abstractNumId="0"><w:lvl w:ilvl="0"><w:start w:val="1"/><w:numFmt w:val="{shape}"/>'
            '<w:lvlText w:val="%1"/></w:lvl></w:abstractNum><w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num></w:numbering>'
        )
        numbering = Numbering.read(root)
        return [numbering.label("1", 0) for _ in range(count)]

    assert labels("upperLetter", 27)[-2:] == ["Z", "AA"]
    assert labels("lowerRoman", 9)[3::5] == ["iv", "ix"]
    assert labels("decimalZero", 1) == ["01"]
    assert labels("bullet", 1) == [""]
