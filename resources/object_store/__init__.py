"""Immutable files by content, and small notes by name; two backends, one contract.

``tests/contract/object_store`` is that contract: a local folder and S3 through boto3 both pass it.
"""

from resources.object_store.contract import Content, ObjectStore
from resources.object_store.folder import FolderStore
from resources.object_store.opening import open_object_store
from resources.object_store.s3 import S3Store

__all__ = ["Content", "FolderStore", "ObjectStore", "S3Store", "open_object_store"]
