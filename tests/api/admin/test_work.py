"""Looking after background work: what an administrator sees of it, what they do to it, and what they are never told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import insert, select, text

from resources.events import offsets
from resources.events.log import Event, partition_of
from resources.events.offsets import Place
from resources.events.postgres import PostgresEventLog
from resources.schema import dead_letter, job, outbox
from tests.api.admin.conftest import UNTOLD, AdminBrowser, Log, Site, make_work
from tests.api.conftest import Caller
from tests.conftest import Database

Make = Callable[..., AdminBrowser]
UNKNOWN = "019aa000-0000-7000-8000-000000000000"


def _listed(one: AdminBrowser, path: str, **params: Any) -> list[dict[str, Any]]:
    answer = one("GET", path, params={"limit": 200} | params)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


@pytest.mark.parametrize("path", ["/jobs", "/schedules", "/kill-switches", "/events", "/dead-letters"])
def test_nobody_but_an_administrator_sees_any_of_it(
    stranger: Caller, admin_browser: Make, site: Site, path: str
) -> None:
    """Not the organisation's own owner by their session, either."""
    assert stranger("GET", f"/admin/api{path}").status_code == 401
    assert site.owner.http.get(f"/admin/api{path}").status_code == 401
    assert admin_browser()("GET", path).status_code == 401


def test_nothing_that_an_organisation_holds_is_shown(administrator: Make, site: Site) -> None:
    """Neither an event's key and payload nor what an error said: they may quote a document."""
    one, work = administrator(), site.work
    for method, path, body in (
        ("GET", "/jobs", None),
        ("GET", "/dead-letters", None),
        ("GET", f"/dead-letters/{work.dead_letter_id}", None),
        ("POST", f"/jobs/{work.failed_job_id}/replay", {}),
        ("POST", f"/jobs/{work.failed_job_id}/retry", None),
        ("POST", f"/dead-letters/{work.dead_letter_id}/replay", None),
    ):
        answer = one(method, path, json=body)
        assert answer.status_code in {200, 201}, answer.text
        assert UNTOLD not in answer.text


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/jobs/{}/cancel"),
        ("POST", "/jobs/{}/retry"),
        ("POST", "/jobs/{}/replay"),
        ("POST", "/schedules/{}/pause"),
        ("POST", "/schedules/{}/resume"),
        ("POST", "/schedules/{}/run"),
        ("DELETE", "/kill-switches/{}"),
        ("GET", "/dead-letters/{}"),
        ("POST", "/dead-letters/{}/replay"),
        ("POST", "/dead-letters/{}/drop"),
    ],
)
def test_what_is_not_there_is_missing(administrator: Make, log: Log, method: str, path: str) -> None:
    """And leaves no entry: nothing was done."""
    one = administrator()
    before = len(log())
    answer = one(method, path.format(UNKNOWN), json={"reason": "A test."} if "drop" in path else {})
    assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")
    assert len(log()) == before


class TestJobs:
    def test_they_are_listed_by_kind_state_and_organisation(
        self, administrator: Make, site: Site, api_database: Database, newcomer: Callable[[], Caller]
    ) -> None:
        """The newest first, a page at a time; another organisation's stay out."""
        one = administrator()
        make_work(api_database, newcomer().tenant.principal.org_id)
        mine = {"organisation_id": str(site.org_id)}
        first = one("GET", "/jobs", params=mine | {"limit": 1}).json()
        following = one("GET", "/jobs", params=mine | {"limit": 1, "cursor": first["next_cursor"]}).json()
        ids = [page["items"][0]["id"] for page in (first, following)]
        assert ids == sorted([str(site.work.job_id), str(site.work.failed_job_id)], reverse=True)
        assert following["next_cursor"] is None
        failed = _listed(one, "/jobs", status="failed", kind="export", **mine)
        assert [(item["id"], item["error_code"]) for item in failed] == [
            (str(site.work.failed_job_id), "SERVER_ERROR")
        ]
        assert _listed(one, "/jobs", kind="backfill", **mine) == []

    def test_the_platforms_own_is_nobodys(self, administrator: Make, api_database: Database) -> None:
        with api_database.worker.dispatch() as session:
            made = session.execute(
                insert(job).values(kind="checks", idempotency_key=UNKNOWN).returning(job.c.id)
            ).scalar_one()
        (item,) = _listed(administrator(), "/jobs", kind="checks")
        assert (item["id"], item["organisation_id"]) == (str(made), None)

    def test_one_that_waits_is_cancelled_at_once(self, administrator: Make, site: Site, log: Log) -> None:
        one, path = administrator(), f"/jobs/{site.work.job_id}"
        cancelled = one("POST", f"{path}/cancel").json()
        assert (cancelled["status"], cancelled["finished_at"] is not None) == ("cancelled", True)
        entry = log(site.org_id)[-1]
        assert (entry.action, entry.subject_id) == ("admin.job_changed", str(site.work.job_id))
        assert (entry.before["status"], entry.after["status"]) == ("queued", "cancelled")
        assert one("POST", f"{path}/cancel").status_code == 409

    def test_one_that_runs_is_asked_to_stop(
        self, administrator: Make, site: Site, api_database: Database
    ) -> None:
        """Its worker does, where it has committed something; until then it runs. Asked again, it was asked already."""
        with api_database.worker.dispatch() as session:
            session.execute(
                text("UPDATE job SET status = 'running' WHERE id = :id"), {"id": site.work.job_id}
            )
        one, path = administrator(), f"/jobs/{site.work.job_id}/cancel"
        first, second = one("POST", path).json(), one("POST", path).json()
        assert (first["status"], first["finished_at"]) == ("running", None)
        assert first["cancel_requested_at"] == second["cancel_requested_at"] is not None

    def test_one_that_failed_is_tried_again(self, administrator: Make, site: Site) -> None:
        """With new attempts, counted on from the old ones: a run's name is never used twice."""
        one = administrator()
        again = one("POST", f"/jobs/{site.work.failed_job_id}/retry").json()
        assert (again["status"], again["attempts"], again["max_attempts"]) == ("queued", 3, 6)
        assert (again["error_code"], again["finished_at"], again["cancel_requested_at"]) == (None, None, None)
        assert one("POST", f"/jobs/{site.work.failed_job_id}/retry").status_code == 409

    def test_a_replay_is_a_job_of_its_own_with_what_was_overridden(
        self, administrator: Make, site: Site, log: Log
    ) -> None:
        one, first = administrator(), site.work.failed_job_id
        made = one("POST", f"/jobs/{first}/replay", json={"arguments": {"limit": 20}}).json()
        assert made["replay_of"] == str(first) != made["id"]
        assert made["arguments"] == {"since": "2026-01-01", "limit": 20}
        assert (made["status"], made["organisation_id"], made["kind"]) == (
            "queued",
            str(site.org_id),
            "export",
        )
        assert log(site.org_id)[-1].before == {"arguments": {"since": "2026-01-01", "limit": 10}}
        twice = one("POST", f"/jobs/{first}/replay", json={}).json()
        assert twice["id"] != made["id"]

    @pytest.mark.parametrize("act", ["retry", "replay"])
    def test_one_that_stands_for_a_run_is_launched_where_it_was(
        self, administrator: Make, site: Site, api_database: Database, act: str
    ) -> None:
        """In Dagster, by hand: queued here, nobody would take it up."""
        with api_database.worker.dispatch() as session:
            made = session.execute(
                insert(job)
                .values(org_id=site.org_id, kind="materialize", idempotency_key="run:1", status="failed")
                .returning(job.c.id)
            ).scalar_one()
        answer = administrator()("POST", f"/jobs/{made}/{act}", json={})
        assert (answer.status_code, answer.json()["code"]) == (409, "CONFLICT")


class TestSchedules:
    def test_a_paused_one_asks_for_nothing_until_it_is_resumed(self, administrator: Make, site: Site) -> None:
        """Its next time is reckoned anew then: what fell into the pause is not made up for."""
        one, path = administrator(), f"/schedules/{site.work.schedule_id}"
        assert one("POST", f"{path}/resume").status_code == 409
        assert one("POST", f"{path}/run").json()["next_run_at"] is not None
        paused = one("POST", f"{path}/pause").json()
        assert (paused["enabled"], paused["next_run_at"]) == (False, None)
        assert one("POST", f"{path}/pause").status_code == 409
        assert one("POST", f"{path}/run").status_code == 409
        assert one("POST", f"{path}/resume").json()["enabled"] is True

    def test_they_are_listed_by_kind(self, administrator: Make, site: Site) -> None:
        one = administrator()
        listed = _listed(one, "/schedules", kind="retention")
        assert str(site.work.schedule_id) in {item["id"] for item in listed}
        assert _listed(one, "/schedules", kind="no_such_kind") == []


class TestKillSwitches:
    def test_one_is_thrown_seen_and_released(self, administrator: Make, site: Site, log: Log) -> None:
        one = administrator()
        wanted = {"organisation_id": str(site.org_id), "reason": "  Its source floods us. "}
        made = one("POST", "/kill-switches", json=wanted).json()
        assert (made["reason"], made["thrown_by"]) == ("Its source floods us.", one.email)
        assert made in one("GET", "/kill-switches").json()["items"]
        assert one("POST", "/kill-switches", json=wanted).status_code == 409
        assert one("DELETE", f"/kill-switches/{made['id']}").json() == made
        assert made not in one("GET", "/kill-switches").json()["items"]
        assert [entry.action for entry in log(site.org_id)[-2:]] == [
            "kill_switch.thrown",
            "kill_switch.released",
        ]

    @pytest.mark.parametrize(
        "wanted",
        [
            {"connector": "documents", "organisation_id": UNKNOWN},
            {"connector": "no-such-connector"},
            {"organisation_id": UNKNOWN},
            {"reason": " "},
            {"reason": "two\nlines"},
        ],
        ids=["two things", "an unknown connector", "an unknown organisation", "no reason", "no line"],
    )
    def test_one_that_makes_no_sense_is_refused(self, administrator: Make, wanted: dict[str, str]) -> None:
        answer = administrator()("POST", "/kill-switches", json={"reason": "A test."} | wanted)
        assert (answer.status_code, answer.json()["code"]) == (422, "VALIDATION_ERROR")


def test_how_far_events_are_behind_is_told(administrator: Make, site: Site, api_database: Database) -> None:
    """By group and partition, with what waits to be published."""
    topic, partition = "normalized.records", partition_of("matter")
    with api_database.worker.organisation(site.org_id) as session:
        PostgresEventLog().publish(session, [Event(site.org_id, topic, "matter", b"{}") for _ in range(3)])
        offsets.commit(session, "watched", topic, partition, Place(1, 0))
        session.execute(insert(outbox).values(org_id=site.org_id, topic=topic, key="k", payload=b"{}"))
    found = administrator()("GET", "/events").json()
    (lag,) = [lag for lag in found["lags"] if lag["group"] == "watched"]
    assert (lag["topic"], lag["partition"], lag["events"], lag["paused_for"]) == (topic, partition, 2, None)
    assert 0 <= lag["seconds"] < 300
    assert found["outbox"]["events"] >= 1
    assert found["dead_letters"]["raw.connector.events"] >= 1


class TestDeadLetters:
    def _more(self, database: Database, site: Site, *numbers: int) -> list[UUID]:
        """Others beside the site's, at these offsets."""
        like = {
            "org_id": site.org_id,
            "topic": "graph.changes",
            "partition": 0,
            "consumer_group": "hooks",
            "key": "k",
            "payload": b"",
            "attempts": 5,
            "error_code": "SERVER_ERROR",
            "error_message": "",
        }
        with database.worker.dispatch() as session:
            return [
                session.execute(
                    insert(dead_letter).values(**like, offset=number).returning(dead_letter.c.id)
                ).scalar_one()
                for number in numbers
            ]

    def _statuses(self, database: Database, ids: list[UUID]) -> list[str]:
        query = select(dead_letter.c.status).where(dead_letter.c.id.in_(ids)).order_by(dead_letter.c.offset)
        with database.worker.dispatch() as session:
            return list(session.execute(query).scalars())

    def test_one_is_settled_once(self, administrator: Make, site: Site, log: Log) -> None:
        """The organisation's log tells what was dropped, and why."""
        one, path = administrator(), f"/dead-letters/{site.work.dead_letter_id}"
        assert one("GET", path).json()["status"] == "dead"
        dropped = one("POST", f"{path}/drop", json={"reason": "Sent twice."}).json()
        assert (dropped["status"], dropped["settled_by"], dropped["reason"]) == (
            "dropped",
            one.email,
            "Sent twice.",
        )
        assert dropped["settled_at"] is not None
        entry = log(site.org_id)[-1]
        assert (entry.action, entry.after["reason"]) == ("dead_letter.dropped", "Sent twice.")
        assert one("POST", f"{path}/replay").status_code == 409
        assert one("POST", f"{path}/drop", json={"reason": "Again."}).status_code == 409

    def test_one_without_a_reason_is_not_dropped(self, administrator: Make, site: Site) -> None:
        one, path = administrator(), f"/dead-letters/{site.work.dead_letter_id}"
        for body in ({}, {"reason": ""}, {"reason": "  "}):
            assert one("POST", f"{path}/drop", json=body).status_code == 422
        assert one("GET", path).json()["status"] == "dead"

    def test_one_that_is_replayed_waits_for_the_next_tick(self, administrator: Make, site: Site) -> None:
        answer = administrator()("POST", f"/dead-letters/{site.work.dead_letter_id}/replay").json()
        assert (answer["status"], answer["settled_at"]) == ("replaying", None)

    def test_a_range_is_settled_and_nothing_beside_it(
        self, administrator: Make, site: Site, api_database: Database, newcomer: Callable[[], Caller]
    ) -> None:
        """By topic, partition and offsets; another organisation's letters at the same place are not touched."""
        ids = self._more(api_database, site, 1, 2, 3, 4)
        theirs = make_work(api_database, newcomer().tenant.principal.org_id).dead_letter_id
        one = administrator()
        place = {"topic": "graph.changes", "partition": 0, "organisation_id": str(site.org_id)}
        asked = place | {"first_offset": 2, "last_offset": 3}
        assert one("POST", "/dead-letters/replay", json=asked).json() == {"settled": 2, "more": False}
        assert self._statuses(api_database, ids) == ["dead", "replaying", "replaying", "dead"]
        dropped = one("POST", "/dead-letters/drop", json={"selection": place, "reason": "Obsolete."})
        assert dropped.json() == {"settled": 2, "more": False}
        assert self._statuses(api_database, ids) == ["dropped", "replaying", "replaying", "dropped"]
        assert self._statuses(api_database, [theirs, site.work.dead_letter_id]) == ["dead", "dead"]

    def test_more_than_one_request_takes_is_said(
        self, administrator: Make, site: Site, api_database: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The oldest go first."""
        monkeypatch.setattr("drovi_api.admin.dead_letters.repository.AT_ONCE", 2)
        ids = self._more(api_database, site, 1, 2, 3)
        asked = {"organisation_id": str(site.org_id), "topic": "graph.changes"}
        answer = administrator()("POST", "/dead-letters/replay", json=asked).json()
        assert answer == {"settled": 2, "more": True}
        assert self._statuses(api_database, ids) == ["replaying", "replaying", "dead"]

    @pytest.mark.parametrize(
        "selection", [{}, {"first_offset": 1}, {"topic": "graph.changes", "last_offset": 1}, {"word": "x"}]
    )
    def test_a_selection_that_names_nothing_is_refused(
        self, administrator: Make, selection: dict[str, Any]
    ) -> None:
        """Everything there is cannot be settled by leaving something out."""
        one = administrator()
        assert one("POST", "/dead-letters/replay", json=selection).status_code == 422
        body = {"selection": selection, "reason": "A test."}
        assert one("POST", "/dead-letters/drop", json=body).status_code == 422
