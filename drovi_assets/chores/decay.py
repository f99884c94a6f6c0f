"""Growing stale: what is so old that nobody should rest on it unasked is marked, and stays as it is.

A commitment does a quarter after its day; what has no day (a risk, a claim, advice, a promise without a date) two years after
it was said or, where nobody knows when that was, learnt. A decision stands until another replaces it. A statement that is
made again is an object of its own and begins anew.
"""

from __future__ import annotations

from collections import Counter
from uuid import UUID

from sqlalchemy import text

from drovi_assets.chores.contract import Step, Task
from drovi_assets.deadline import Deadline
from drovi_assets.pipeline.runtime import Runtime
from resources.events.envelope import ObjectsChanged, tell

AFTER_ITS_DAY = 90
"""Days."""
AFTER_IT_WAS_SAID = 730
"""Days."""
BATCH = 500

_MARK = text(
    """
    UPDATE intelligence_object SET stale_since = now() WHERE id IN (
        SELECT id FROM intelligence_object
        WHERE org_id = :org_id AND stale_since IS NULL AND superseded_at IS NULL AND kind <> 'decision'
          AND CASE WHEN slots ? 'due' THEN slots->>'due' < (current_date - CAST(:after_its_day AS int))::text
              ELSE coalesce(valid_from, recorded_at) < now() - make_interval(days => :after_it_was_said) END
        ORDER BY recorded_at LIMIT :limit FOR UPDATE SKIP LOCKED
    ) RETURNING document_id
    """
)


def decay(runtime: Runtime, task: Task, deadline: Deadline) -> Step:
    """The chore: batch by batch, each with the events that tell of it."""
    marked = int(task.progress.get("stale", 0))
    while True:
        with runtime.database.organisation(task.org_id) as connection:
            names = {
                "org_id": task.org_id,
                "after_its_day": AFTER_ITS_DAY,
                "after_it_was_said": AFTER_IT_WAS_SAID,
                "limit": BATCH,
            }
            documents = Counter[UUID](connection.execute(_MARK, names).scalars())
            for document_id, count in sorted(documents.items()):
                changed = ObjectsChanged(document_id=document_id, added=0, superseded=0, stale=count)
                tell(connection, task.org_id, changed, key=str(document_id))
        marked += documents.total()
        if not documents:
            return Step({"stale": marked}, finished=True)
        if deadline.left <= 0:
            return Step({"stale": marked})
