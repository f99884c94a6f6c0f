"""The zip around an office file: checked before it is unpacked, its XML read without entities or network."""

from __future__ import annotations

import io
import posixpath
import zipfile
from typing import Any

from drovi_assets.documents.text import clean, collapse
from resources.errors import Invalid

_MAX_UNPACKED = 256 << 20
_MAX_RATIO = 100
_MAX_MEMBERS = 20_000
_ROOMY = 16 << 20
"""Below this size a high ratio is harmless: empty XML compresses a thousandfold."""


class Package:
    """An OOXML package (ECMA-376 part 2): parts by name, and the relations between them."""

    def __init__(self, content: bytes) -> None:
        check(content)
        self._zip = zipfile.ZipFile(io.BytesIO(content))
        self._names = {name.lower(): name for name in self._zip.namelist()}

    def xml(self, part: str) -> Any | None:
        """The root element of a part; None where there is no such part, or it is not XML."""
        from lxml import etree

        name = self._names.get(part.lower().lstrip("/"))
        if name is None:
            return None
        try:
            parser = etree.XMLParser(
                resolve_entities=False, no_network=True, huge_tree=True, remove_comments=True
            )
            return etree.fromstring(self._zip.read(name), parser=parser)
        except (etree.XMLSyntaxError, zipfile.BadZipFile, ValueError):
            return None

    def related(self, part: str, kind: str) -> list[str]:
        """Names of the parts that ``part`` points to by relations of a kind ("styles"); "" is the package itself."""
        folder, name = posixpath.split(part)
        relations = self.xml(posixpath.join(folder, "_rels", f"{name}.rels"))
        found = []
        for relation in relations if relations is not None else ():
            target = relation.get("Target") or ""
            if (relation.get("Type") or "").rsplit("/", 1)[-1] == kind and relation.get(
                "TargetMode"
            ) != "External":
                found.append(posixpath.normpath(posixpath.join("/", folder, target)).lstrip("/"))
        return found

    def title(self) -> str:
        """The title in the file's own properties (Dublin Core); "" where there is none."""
        root = self.xml("docProps/core.xml")
        return (
            ""
            if root is None
            else collapse(clean(root.findtext("{http://purl.org/dc/elements/1.1/}title") or ""))
        )


def check(content: bytes) -> None:
    """Refuse an archive by its declared sizes, before a byte of it is unpacked.

    A size that lies is caught later by the sandbox's memory limit.

    Raises:
        Invalid: damaged, or a decompression bomb.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, ValueError, OSError, EOFError):
        raise Invalid(
            "The file is damaged: its archive cannot be opened.", remedy="Export or download it again."
        ) from None
    unpacked = sum(member.file_size for member in members)
    if (
        unpacked > _MAX_UNPACKED
        or len(members) > _MAX_MEMBERS
        or (unpacked > _ROOMY and unpacked > _MAX_RATIO * len(content))
    ):
        raise Invalid(
            f"The file would unpack to {unpacked >> 20} MiB in {len(members)} parts and looks like a decompression bomb.",
            remedy="Open it in its program, save a copy without embedded media, and add that.",
        )
