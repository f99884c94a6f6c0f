"""Tables of people, as spreadsheets of two languages export them."""

from __future__ import annotations

import csv

import pytest

from drovi_api.tenancy.invitations.table import MAX_ROWS, Line, lines, role_of
from resources.errors import Invalid
from resources.tenancy import Role

ANNE = Line(2, "anne@firm.example", "MEMBER", "Anne Morel")


@pytest.mark.parametrize(
    "text",
    [
        "email,role,name\nanne@firm.example,MEMBER,Anne Morel\n",
        "\ufeffemail,role,name\r\nanne@firm.example,MEMBER,Anne Morel\r\n",
        "E-mail;Rôle;Nom\nanne@firm.example;MEMBER;Anne Morel",
        "courriel\trôle\tnom\nanne@firm.example\tMEMBER\tAnne Morel",
        "Nom;Service;Adresse e-mail;RÔLE\nAnne Morel;Audit;anne@firm.example;MEMBER",
        '"Courriel";"Ro\u0302le";"Nom"\n" anne@firm.example ";"MEMBER";"Anne\nMorel"',
    ],
)
def test_separators_marks_headings_and_order_do_not_matter(text: str) -> None:
    assert lines(text) == [ANNE]


def test_a_name_is_not_needed_and_rows_are_counted_as_a_spreadsheet_does() -> None:
    """Empty rows are skipped, and counted; a row may be short."""
    text = "email;role\na@firm.example;VIEWER\n\n;\nb@firm.example\n"
    assert lines(text) == [Line(2, "a@firm.example", "VIEWER", ""), Line(5, "b@firm.example", "", "")]


@pytest.mark.parametrize(
    "text", ["", "\n", "anne@firm.example,MEMBER", "email,name\na@firm.example,A", "role\nVIEWER"]
)
def test_a_table_without_its_columns_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="names no column"):
        lines(text)


def test_a_table_that_is_too_long_is_refused() -> None:
    row = "a@firm.example,VIEWER\n"
    assert len(lines("email,role\n" + row * MAX_ROWS)) == MAX_ROWS
    with pytest.raises(Invalid, match="501 rows"):
        lines("email,role\n" + row * (MAX_ROWS + 1))


def test_a_cell_that_the_reader_does_not_take_is_refused() -> None:
    """Its limit is the process's: parsing files may have raised it."""
    limit = csv.field_size_limit(1000)
    try:
        with pytest.raises(Invalid, match="cannot be read"):
            lines("email,role\n" + "x" * 1001)
    finally:
        csv.field_size_limit(limit)


@pytest.mark.parametrize(
    ("word", "role"),
    [
        ("OWNER", Role.OWNER),
        (" Propriétaire", Role.OWNER),
        ("admin", Role.ADMIN),
        ("Administratrice", Role.ADMIN),
        ("membre", Role.MEMBER),
        ("Lecteur ", Role.VIEWER),
        ("boss", None),
        ("", None),
    ],
)
def test_roles_are_read_in_either_language(word: str, role: Role | None) -> None:
    assert role_of(word) is role
