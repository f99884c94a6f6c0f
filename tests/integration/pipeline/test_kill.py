"""kill -9 in mid-ingest, again and again: nothing is lost, nothing is doubled."""

from __future__ import annotations

import os
import random
import time

from sqlalchemy import text

from resources.schema import connection_lease
from tests.integration.pipeline.conftest import Folder
from tests.workers import kill, started

FILES = 120
KILLS = 8


def _expire_lease(folder: Folder) -> None:
    """What the killed worker's lease does by itself within a minute."""
    with folder.database.worker.dispatch() as session:
        session.execute(connection_lease.update().values(expires_at=text("now() - interval '1 second'")))


def test_a_killed_ingest_goes_on_where_it_was(folder: Folder) -> None:
    """Each file is one item, one record, one document and one indexed chunk in the end, whenever the worker died."""
    dice = random.Random(7)
    for number in range(FILES):
        file = folder.path / f"lettre-{number}.txt"
        file.write_text(
            f"Nous vous adresserons la pièce numéro {number} avant le 15 mars 2026.", encoding="utf-8"
        )
        os.utime(file, (time.time() - 60, time.time() - 60 - number))
    time.sleep(1.1)
    urls, home = folder.database.urls, folder.path.parent
    arguments = (urls.worker, str(home), str(folder.org_id), str(folder.connection_id))
    for _ in range(KILLS):
        child = started("tests.integration.pipeline.worker", *arguments)
        time.sleep(dice.uniform(0.02, 0.6))
        kill(child)
        _expire_lease(folder)
    folder.ingest()
    counts = folder.query(
        text(
            "SELECT (SELECT count(*) FROM source_item), (SELECT count(DISTINCT provider_id) FROM source_item),"
            " (SELECT count(*) FROM record), (SELECT count(*) FROM document), (SELECT count(*) FROM chunk),"
            " (SELECT count(*) FROM chunk_index), (SELECT count(*) FROM source_item WHERE processed_at IS NULL)"
        )
    )
    assert [tuple(row) for row in counts] == [(FILES, FILES, FILES, FILES, FILES, FILES, 0)]
    ((chunks,),) = folder.query(text("SELECT sum(chunks) FROM chunk_stat"))
    assert chunks == FILES, "ranking statistics count every chunk once"
