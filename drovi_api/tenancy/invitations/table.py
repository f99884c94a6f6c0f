"""Lists of people as spreadsheets export them: read leniently in form, and in nothing else.

Excel writes semicolons in French, a byte order mark in "CSV UTF-8", and whatever the reader called the columns.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from dataclasses import dataclass

from resources.errors import Invalid
from resources.tenancy import Role

MAX_ROWS = 500
_DELIMITERS = ",;\t"
_COLUMNS = {
    "email": "email",
    "mail": "email",
    "emailaddress": "email",
    "courriel": "email",
    "adresseemail": "email",
    "adressemail": "email",
    "role": "role",
    "name": "name",
    "nom": "name",
}
_ROLES = {
    "owner": Role.OWNER,
    "proprietaire": Role.OWNER,
    "admin": Role.ADMIN,
    "administrator": Role.ADMIN,
    "administrateur": Role.ADMIN,
    "administratrice": Role.ADMIN,
    "member": Role.MEMBER,
    "membre": Role.MEMBER,
    "viewer": Role.VIEWER,
    "lecteur": Role.VIEWER,
    "lectrice": Role.VIEWER,
}
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]+")
_MAX_NAME = 200


@dataclass(frozen=True, slots=True)
class Line:
    """One row as it was written. ``number`` counts as a spreadsheet does, the heading and empty rows included."""

    number: int
    email: str
    role: str
    name: str


def lines(text: str) -> list[Line]:
    """The rows that hold anything.

    Raises:
        Invalid: it is no such table, or a longer one than is taken at once.
    """
    text = text.removeprefix("\ufeff")
    heading = text.partition("\n")[0]
    delimiter = max(_DELIMITERS, key=heading.count)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except csv.Error as error:
        raise Invalid(
            f"The table cannot be read: {error}.", remedy="Export it from the spreadsheet as CSV."
        ) from error
    columns = _columns(rows[0] if rows else [])
    found = [
        Line(number, **{name: _cell(row, place) for name, place in columns.items()})
        for number, row in enumerate(rows[1:], start=2)
        if any(cell.strip() for cell in row)
    ]
    if len(found) > MAX_ROWS:
        raise Invalid(
            f"The table has {len(found)} rows; {MAX_ROWS} are taken at once.",
            remedy="Split it into several files.",
        )
    return found


def role_of(word: str) -> Role | None:
    """The role that a word means, in either language; None where it means none."""
    return _ROLES.get(_plain(word))


def _columns(heading: list[str]) -> dict[str, int | None]:
    places: dict[str, int | None] = {"name": None}
    for place, title in enumerate(heading):
        column = _COLUMNS.get(_plain(title))
        if column is not None and places.get(column) is None:
            places[column] = place
    if missing := [name for name in ("email", "role") if name not in places]:
        raise Invalid(
            f"The table's first line names no column {' and no column '.join(missing)}.",
            remedy="Begin it with the line: email,role,name.",
        )
    return places


def _cell(row: list[str], place: int | None) -> str:
    cell = row[place] if place is not None and place < len(row) else ""
    return _CONTROLS.sub(" ", cell).strip()[:_MAX_NAME]


def _plain(word: str) -> str:
    """Without accents, case, spaces and dashes: "E-mail " is "email"."""
    letters = unicodedata.normalize("NFKD", word).casefold()
    return "".join(letter for letter in letters if letter.isalnum())
