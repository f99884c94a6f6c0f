"""Which store the settings ask for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from resources.object_store.folder import FolderStore
from resources.object_store.s3 import S3Store

if TYPE_CHECKING:
    from resources.object_store.contract import ObjectStore
    from resources.settings import Settings


def open_object_store(settings: Settings) -> ObjectStore:
    """The store that ``OBJECT_STORE_URL`` names."""
    parts = urlsplit(settings.resolved_object_store_url())
    if parts.scheme == "file":
        return FolderStore(Path(unquote(parts.path)))
    return S3Store(parts.netloc, parts.path.strip("/"), endpoint_url=settings.s3_endpoint_url)
