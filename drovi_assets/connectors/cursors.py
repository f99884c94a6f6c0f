"""Cursors read again: what another version of Drovi, or of a connector, has written down as a position.

A cursor outlives the code that wrote it: a deploy reads on from where the version before it stopped, and so does one
that is taken back. So a connector names the fields of its cursors once, as a model whose every field has a
default, adds fields and never gives one another meaning; fields that only another version knows are passed
over. What cannot be understood even so costs a reading from the beginning, and nothing else.
"""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from drovi_assets.connectors.contract import Cursor
from resources.errors import CursorRejected


class Position(BaseModel):
    """The base of a connector's cursor models; types are taken at their word, so that "7" is no number."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)


P = TypeVar("P", bound=Position)


def understood(cursor: Cursor, model: type[P]) -> P:
    """A cursor as its connector's model.

    Raises:
        CursorRejected: it is none of this connector's; the stream is read again from its beginning.
    """
    try:
        return model.model_validate(cursor)
    except ValidationError as error:
        fields = ", ".join(sorted({str(fault["loc"][0]) for fault in error.errors() if fault["loc"]}))
        raise CursorRejected(f"The position cannot be read by this version ({fields}).") from error
