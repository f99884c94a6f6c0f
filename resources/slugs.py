"""Names as they stand in addresses."""

from __future__ import annotations

import re
import unicodedata


def slug_of(name: str) -> str:
    """Lower case letters, digits and dashes: "Étude Le Gall" is "etude-le-gall"."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-") or "organisation"
