"""A look-up is refused where the driver and SQLAlchemy would not give or take the same value."""

from __future__ import annotations

import pytest
from sqlalchemy import ARRAY, Column, ColumnElement, MetaData, Table, Text, Uuid, bindparam, select

from resources.database import Lookup

_THING = Table(
    "thing",
    MetaData(),
    Column("id", Uuid),
    Column("written", Uuid(as_uuid=False)),
    Column("words", ARRAY(Text)),
).c


@pytest.mark.parametrize("column", [_THING.written, _THING.words])
def test_a_column_whose_values_are_converted_is_refused(column: Column) -> None:
    with pytest.raises(TypeError, match=f"gives another value of {column}"):
        Lookup(select(_THING.id, column))


@pytest.mark.parametrize(
    "condition", [_THING.words == bindparam("words"), _THING.id.in_(bindparam("ids", expanding=True))]
)
def test_a_parameter_that_is_converted_or_written_out_is_refused(condition: ColumnElement[bool]) -> None:
    with pytest.raises(TypeError, match="takes another value"):
        Lookup(select(_THING.id).where(condition))


def test_ids_are_as_the_driver_has_them() -> None:
    Lookup(select(_THING.id).where(_THING.id == bindparam("id")))
