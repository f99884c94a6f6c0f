"""Cancelling, retrying and replaying: what people do with jobs, whatever their workers do meanwhile."""

from __future__ import annotations

from uuid import uuid4

import pytest

from resources import job_rows
from resources.database import IdentityDatabase
from resources.errors import CalledOff, Conflict, NotFound
from resources.job_rows import Backfill
from tests.conftest import Database, Tenant
from tests.integration.jobs.conftest import Plane


def test_a_job_that_waits_is_cancelled_at_once(plane: Plane, tenant: Tenant) -> None:
    """Nobody takes it up, and a second request is told that it is over."""
    job_id = plane.ask(tenant.principal.org_id, "one")
    assert plane.do(job_rows.cancel, job_id) == "cancelled"
    row = plane.row(job_id)
    assert row.finished_at is not None
    assert plane.take() == []
    with pytest.raises(Conflict, match="was cancelled"):
        plane.do(job_rows.cancel, job_id)
    with pytest.raises(NotFound):
        plane.do(job_rows.cancel, uuid4())


def test_a_job_that_runs_is_cancelled_at_its_next_sign_of_life(plane: Plane, tenant: Tenant) -> None:
    """What it did until then is kept; its worker lets go, and it is not queued again."""
    job_id = plane.ask(tenant.principal.org_id, "one")
    plane.take()
    job_rows.note(plane.database.worker, job_id, {"items": 1})
    assert plane.do(job_rows.cancel, job_id) == "running"
    assert plane.do(job_rows.cancel, job_id) == "running"
    with pytest.raises(CalledOff):
        job_rows.note(plane.database.worker, job_id, {"items": 2})
    plane.do(job_rows.hand_over, job_id)
    row = plane.row(job_id)
    assert (row.status, row.progress, row.lease_expires_at) == ("cancelled", {"items": 2}, None)


@pytest.mark.parametrize(
    "end",
    [
        lambda session, job_id: job_rows.lost(session, [job_id]),
        lambda session, job_id: job_rows.put_off(session, job_id, 5),
        lambda session, job_id: job_rows.put_back(session, [job_id]),
        lambda session, job_id: job_rows.keep_step(session, job_id, {}, finished=False),
    ],
    ids=["its worker dies", "it is put off", "it is given back", "it takes a step"],
)
def test_a_cancelled_job_does_not_come_back(plane: Plane, tenant: Tenant, end) -> None:
    """However its worker lets go of it."""
    job_id = plane.ask(tenant.principal.org_id, "one")
    plane.take()
    plane.do(job_rows.cancel, job_id)
    plane.do(end, job_id)
    assert (plane.row(job_id).status, plane.take()) == ("cancelled", [])


def test_a_job_that_failed_is_tried_again_with_new_attempts(plane: Plane, tenant: Tenant) -> None:
    """Counted on, so that the end of an earlier attempt, seen late, changes nothing."""
    job_id = plane.ask(tenant.principal.org_id, "one")
    for _ in range(3):
        plane.take()
        plane.do(job_rows.lost, [job_id])
    assert plane.row(job_id).status == "failed"
    plane.do(job_rows.retry, job_id)
    row = plane.row(job_id)
    assert (row.status, row.attempts, row.max_attempts, row.error_code) == ("queued", 3, 6, None)
    plane.do(job_rows.lost, [job_id], attempt=2)
    plane.do(job_rows.fail, [job_id], "An earlier attempt's end.", attempt=2)
    plane.do(job_rows.succeed, [job_id], attempt=2)
    assert (plane.row(job_id).status, plane.row(job_id).attempts) == ("queued", 3)
    for _ in range(3):
        plane.take()
        plane.do(job_rows.lost, [job_id])
    assert (plane.row(job_id).status, plane.row(job_id).attempts) == ("failed", 6)


def test_a_cancelled_job_can_be_tried_again_and_one_that_is_under_way_cannot(
    plane: Plane, tenant: Tenant
) -> None:
    job_id = plane.ask(tenant.principal.org_id, "one")
    with pytest.raises(Conflict, match="under way"):
        plane.do(job_rows.retry, job_id)
    plane.do(job_rows.cancel, job_id)
    plane.do(job_rows.retry, job_id)
    assert [row.id for row in plane.take()] == [job_id]
    job_rows.note(plane.database.worker, job_id, {})
    plane.do(job_rows.succeed, [job_id])
    with pytest.raises(Conflict, match="succeeded"):
        plane.do(job_rows.retry, job_id)


def test_a_replay_is_a_new_job_with_other_arguments(plane: Plane, tenant: Tenant) -> None:
    """It says what it repeats; the same key repeats it once."""
    arguments = {"stream": "files", "window": "2024"}
    first = plane.ask(tenant.principal.org_id, "one", arguments=arguments, priority=2)
    again = plane.do(job_rows.replay, first, {"window": "2025"}, key="mine")
    assert plane.do(job_rows.replay, first, {"window": "2025"}, key="mine") == again
    row = plane.row(again)
    assert (row.replay_of, row.kind, row.priority) == (first, "count", 2)
    assert row.arguments == {"stream": "files", "window": "2025"}
    assert plane.do(job_rows.replay, first) != again


def test_what_stands_for_a_run_is_launched_again_only_there(plane: Plane, tenant: Tenant) -> None:
    job_id = plane.ask(tenant.principal.org_id, "run:1", job_rows.MATERIALIZE)
    plane.do(job_rows.fail, [job_id], "It failed.")
    for act in (job_rows.retry, job_rows.replay):
        with pytest.raises(Conflict, match="Dagster"):
            plane.do(act, job_id)


def test_administration_does_all_this_with_what_it_is_granted(
    database: Database, plane: Plane, tenant: Tenant
) -> None:
    """As the identity role, which sees no content."""

    def as_administration(identity: IdentityDatabase, act, *arguments):
        with identity.transaction() as session:
            return act(session, *arguments)

    job_id = plane.ask(tenant.principal.org_id, "one")
    assert as_administration(database.identity, job_rows.cancel, job_id) == "cancelled"
    as_administration(database.identity, job_rows.retry, job_id)
    again = as_administration(database.identity, job_rows.replay, job_id, {"more": 1})
    assert plane.row(again).arguments == {"more": 1}


def test_the_same_backfill_is_one_job_until_it_is_over(plane: Plane, tenant: Tenant, other: Tenant) -> None:
    """Connection, window, stream and full refresh make the key; another of them is other work."""
    org_id = tenant.principal.org_id
    connection_id, another = plane.connect(tenant), plane.connect(tenant, name="Another")
    asked = Backfill(connection_id, "files", "2024-03", full_refresh=True)
    job_id, made = plane.do(job_rows.renew, asked.wanted(org_id))
    assert made
    assert plane.do(job_rows.renew, asked.wanted(org_id)) == (job_id, False)
    assert Backfill.of(connection_id, plane.row(job_id).arguments) == asked
    others = [
        Backfill(another, "files", "2024-03", full_refresh=True),
        Backfill(connection_id, None, "2024-03", full_refresh=True),
        Backfill(connection_id, "files", None, full_refresh=True),
        Backfill(connection_id, "files", "2024-03"),
    ]
    assert len({plane.do(job_rows.renew, one.wanted(org_id))[0] for one in others} | {job_id}) == 5
    plane.take()
    plane.do(job_rows.cancel, job_id)
    anew, made = plane.do(job_rows.renew, asked.wanted(org_id))
    assert made
    assert anew != job_id
    assert plane.do(job_rows.renew, asked.wanted(org_id)) == (anew, False)


def test_the_platforms_own_work_is_asked_for_once_too(plane: Plane, tenant: Tenant) -> None:
    """It belongs to no organisation."""
    job_id = plane.ask(None, "evaluation:today")
    assert plane.ask(None, "evaluation:today") == job_id
    assert [(row.id, row.org_id) for row in plane.take()] == [(job_id, None)]
