"""An ingesting process for the tests to kill: ``python -m … APP_URL WORKER_URL HOME ORGANISATION CONNECTION``."""

from __future__ import annotations

import sys
from pathlib import Path
from uuid import UUID

from drovi_assets.automation import bring_up_to_date
from drovi_assets.documents.sandbox import Sandbox
from drovi_assets.pipeline.runtime import Runtime, sources_of
from resources.database import WorkerDatabase
from resources.master_keys import MasterKeys
from resources.object_store import FolderStore
from resources.secret_file import SecretFile
from resources.secrets import SecretBox
from tests.fakes.embedder import FakeEmbedder


def main(worker_url: str, home: str, org_id: str, connection_id: str) -> None:
    database = WorkerDatabase(worker_url)
    objects = FolderStore(Path(home) / "objects")
    sources = sources_of(database, objects, SecretBox(MasterKeys(SecretFile(Path(home)))))
    with Sandbox(workers=1) as sandbox:
        runtime = Runtime(database, objects, sandbox, FakeEmbedder(), sources)
        print("ready", flush=True)
        bring_up_to_date(runtime, UUID(org_id), UUID(connection_id))


if __name__ == "__main__":
    main(*sys.argv[1:])
