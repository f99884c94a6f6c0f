"""What is done by the clock: by kind of job, how often and for whom. ``schedules.reconcile`` makes the rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from resources.schedules import Periodic, Rhythm

_RETAINING = """
SELECT policy.org_id FROM organisation_policy policy JOIN organisation ON organisation.id = policy.org_id
WHERE policy.retention_days <> '{}' AND organisation.status = 'active'
"""

PERIODIC: Final[Mapping[str, Periodic]] = {
    # Begun with the policy that asks for it, since whoever writes one means now.
    "retention": Periodic(Rhythm(interval_seconds=86_400), _RETAINING, at_once=True),
    "golden_evaluation": Periodic(Rhythm(cron="17 3 * * *")),
}
