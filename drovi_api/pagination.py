"""The one shape of a list: a page of items and an opaque cursor to the next.

Keyset, never OFFSET: a page costs the same however deep it is, and rows that arrive meanwhile neither
repeat nor hide others. The cursor holds the sort key of the last row; it is not a secret and grants nothing.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

from fastapi import Query
from pydantic import BaseModel, Field, TypeAdapter, ValidationError
from sqlalchemy import ColumnElement, Row, Select, and_, or_, tuple_

from resources.errors import Invalid

MAX_LIMIT = 200
Item = TypeVar("Item")

Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="Most items on the page.")]
CursorText = Annotated[
    str | None, Query(max_length=500, description="`next_cursor` of the page before; none for the first.")
]

DEFAULT_LIMIT = 50

_UUID = TypeAdapter(UUID)
_MOMENT = TypeAdapter(datetime | None)
_INTEGER = TypeAdapter(Annotated[int, Field(ge=0, lt=2**31)])
_SEQUENCE = TypeAdapter(Annotated[int, Field(ge=0, lt=2**63)])


class Page(BaseModel, Generic[Item]):
    """A page of a list."""

    items: list[Item]
    next_cursor: str | None = Field(description="Pass as `cursor` for the next page; null on the last.")


class Keyset:
    """An order of rows that a list can be walked in, and the cursor that says how far."""

    def __init__(
        self, *columns: tuple[ColumnElement[Any], TypeAdapter[Any]], descending: bool = True
    ) -> None:
        self._columns = [column for column, _ in columns]
        self._adapters = [adapter for _, adapter in columns]
        self._descending = descending

    def page(self, query: Select[Any], cursor: str | None, limit: int) -> Select[Any]:
        """The query for one page; it asks for a row more than the page, to know whether there is a next."""
        if cursor is not None:
            query = query.where(self._after(_decode(cursor, self._adapters)))
        order = [column.desc() if self._descending else column.asc() for column in self._columns]
        return query.order_by(*order).limit(limit + 1)

    def _after(self, values: list[Any]) -> ColumnElement[bool]:
        row = tuple_(*self._columns)
        if not self._descending:
            return row > values
        first, rest = self._columns[0], self._columns[1:]
        if values[0] is None:  # NULL sorts first when descending, and no comparison with it is ever true
            return or_(and_(first.is_(None), tuple_(*rest) < values[1:]), first.is_not(None))
        return row < values


def by_id(column: ColumnElement[UUID]) -> Keyset:
    """Newest first, for ids of version 7, which rise with time."""
    return Keyset((column, _UUID))


def by_moment(moment: ColumnElement[Any], identity: ColumnElement[UUID]) -> Keyset:
    """Latest first, rows without a moment before all others, ties by id."""
    return Keyset((moment, _MOMENT), (identity, _UUID))


def by_ordinal(column: ColumnElement[int]) -> Keyset:
    """In the order things stand in their parent."""
    return Keyset((column, _INTEGER), descending=False)


def by_sequence(column: ColumnElement[int]) -> Keyset:
    """Last first, for numbers that rise with time."""
    return Keyset((column, _SEQUENCE))


def page_of(
    rows: Sequence[Row[Any]],
    limit: int,
    item: Callable[[Row[Any]], Item],
    key: Callable[[Row[Any]], tuple[Any, ...]],
) -> Page[Item]:
    """The page made of a keyset query's rows; ``key`` gives a row's values of the keyset's columns."""
    shown = rows[:limit]
    following = _encode(key(shown[-1])) if len(rows) > limit else None
    return Page(items=[item(row) for row in shown], next_cursor=following)


def _encode(values: tuple[Any, ...]) -> str:
    plain = [
        value.isoformat() if isinstance(value, datetime) else str(value) if isinstance(value, UUID) else value
        for value in values
    ]
    return base64.urlsafe_b64encode(json.dumps(plain, separators=(",", ":")).encode()).decode().rstrip("=")


def _decode(cursor: str, adapters: list[TypeAdapter[Any]]) -> list[Any]:
    try:
        plain = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        return [adapter.validate_python(value) for adapter, value in zip(adapters, plain, strict=True)]
    except (binascii.Error, UnicodeDecodeError, ValueError, TypeError, ValidationError) as error:
        raise Invalid(
            "The cursor is not one of this list.", remedy="Start again without a cursor."
        ) from error
