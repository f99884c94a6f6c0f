"""Word lists, written as running text so that they can be read and extended."""

from __future__ import annotations


def words(text: str) -> frozenset[str]:
    """The words of ``text``, parted at blank space."""
    return frozenset(text.split())
