"""kill -9 in the middle of an erasure, again and again: it goes on where it was, and counts everything once."""

from __future__ import annotations

import random
import time

from sqlalchemy import text, update

from resources.schema import connection_lease, job
from tests.integration.compliance.conftest import CANARY, Firm
from tests.workers import kill, started

FILES = 60
KILLS = 6


def _expire(firm: Firm) -> None:
    """What a killed worker's leases do by themselves, on the source within a minute and on the job in three."""
    with firm.database.worker.dispatch() as session:
        session.execute(connection_lease.update().values(expires_at=text("now() - interval '1 second'")))
        session.execute(update(job).where(job.c.status == "running").values(status="queued", attempts=0))


def test_a_killed_erasure_goes_on_where_it_was(firm: Firm) -> None:
    """In the end nothing is left, no file is orphaned, and the receipt counts each row once."""
    letters = {
        f"{number}": f"Nous adresserons la pièce {number} {CANARY} avant le 15 mars 2026."
        for number in range(FILES)
    }
    gone = firm.source(firm.tenant, private=False, name="parti", files=letters)
    job_id = firm.ask("erase_source", by=firm.owner_id, connection_id=str(gone))
    dice = random.Random(11)
    killed_in_the_middle = 0
    urls = firm.database.urls
    for _ in range(KILLS):
        child = started("tests.integration.compliance.worker", urls.app, urls.worker, str(firm.home))
        time.sleep(dice.uniform(0.01, 0.25))
        kill(child)
        _expire(firm)
        ((left,),) = firm.query(text("SELECT count(*) FROM source_item"))
        killed_in_the_middle += 0 < left < FILES
    assert killed_in_the_middle, "no kill fell into the erasure: the test proves nothing"
    firm.work()
    assert firm.job(job_id).status == "succeeded", firm.job(job_id).error_message
    assert firm.everything.mentions(CANARY) == {}
    assert firm.everything.files_with(str(firm.org_id)) == []
    (receipt,) = firm.receipts()
    assert receipt.counts["items"] == receipt.counts["documents"] == receipt.counts["files"] == FILES
    finished = text("SELECT count(*) FROM audit_entry WHERE action = 'erasure.finished'")
    assert firm.query(finished) == [(1,)]
