"""How a setting is declared: its variable, its section in the reference, and what it is."""

from __future__ import annotations

from typing import Any

from pydantic import Field


def setting(variable: str, section: str, description: str, default: Any, **limits: Any) -> Any:
    """A field of :class:`resources.settings.Settings`, read from ``variable``; ``limits`` are pydantic's."""
    return Field(
        default=default,
        validation_alias=variable,
        description=description,
        json_schema_extra={"section": section},
        **limits,
    )
