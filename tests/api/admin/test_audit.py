"""Everything that an administrator does is written down, in every chain that it concerns; and the log can be read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import httpx2 as httpx
import pytest
from starlette.testclient import TestClient

from drovi_api.admin.app import create_admin_app, describe
from drovi_api.admin.dependencies import ADMIN_PREFIX, Acts, Entering, feature
from drovi_api.app import create_app
from drovi_api.auth.shapes import Accepted
from drovi_api.runtime import ApiRuntime
from resources import audit
from resources.audit import PLATFORM
from resources.object_store.folder import FolderStore
from tests.api.admin.cases import CASES, Case
from tests.api.admin.conftest import AdminBrowser, Log, Site
from tests.conftest import Database

Make = Callable[..., AdminBrowser]
OF_AN_ORGANISATION = ("organisation", "user", "job", "schedule", "dead_letter")
"""What is named in a path and belongs to one: whatever is done to it, the organisation's own log tells."""
every = pytest.mark.parametrize("operation_id", CASES)


def _send(one: AdminBrowser, case: Case, site: Site, **more: dict[str, str]) -> httpx.Response:
    case.before(one, site)
    return one(case.method, case.url(site), **case.make(one, site), **more)


def test_every_operation_has_a_case() -> None:
    """A new endpoint cannot land without being tried here, and says itself that it is audited."""
    operations = {
        operation["operationId"]: (method.upper(), path, operation)
        for path, methods in describe()["paths"].items()
        for method, operation in methods.items()
    }
    assert CASES.keys() == operations.keys()
    for name, (method, path, operation) in operations.items():
        assert CASES[name].method == method
        assert operation["x-audited"] == (name != "admin_session")
        if any(f"{{{what}_id}}" in path for what in OF_AN_ORGANISATION):
            assert CASES[name].organisation, name


@every
def test_every_act_leaves_an_entry_in_each_chain_it_concerns(
    administrator: Make, site: Site, log: Log, operation_id: str
) -> None:
    """By an administrator, with the request's id and where it came from; the platform's chain has all of them."""
    case, one = CASES[operation_id], administrator()
    case.before(one, site)
    request_id = f"request-of-{operation_id}"
    answer = one(case.method, case.url(site), headers={"X-Request-ID": request_id}, **case.make(one, site))
    assert answer.status_code == case.status, answer.text
    for org_id, expected in ((PLATFORM, operation_id != "admin_session"), (site.org_id, case.organisation)):
        entries = log(org_id, request_id=request_id)
        assert len(entries) == expected
        for entry in entries:
            assert entry.actor_kind == "admin"
            assert entry.actor_label == (site.newcomer if "invitation" in operation_id else one).email
            assert entry.address == "testclient"


def test_an_operation_that_writes_nothing_down_fails_and_changes_nothing(
    runtime: ApiRuntime, administrator: Make
) -> None:
    """The rule is the route's, not each service's: one that forgot would answer 500 in its first test."""
    router = feature("/forgetful", "users")

    @router.get("/act", operation_id="forgetful_act")
    def act(act: Acts) -> Accepted:
        del act
        return Accepted()

    @router.post("/change", operation_id="forgetful_change")
    def change(visit: Entering) -> Accepted:
        visit.connection.exec_driver_sql("UPDATE admin_user SET password_hash = 'changed'")
        return Accepted()

    one = administrator()
    app = create_app(runtime)
    admin = create_admin_app(runtime)
    admin.router.routes[:0] = router.routes
    app.router.routes = [route for route in app.router.routes if getattr(route, "path", "") != ADMIN_PREFIX]
    app.mount(ADMIN_PREFIX, admin)
    cookies = dict(one.http.cookies)
    one.http = TestClient(app)
    one.http.cookies.update(cookies)
    for method, path in (("GET", "/forgetful/act"), ("POST", "/forgetful/change")):
        failed = one(method, path)
        assert (failed.status_code, failed.json()["code"]) == (500, "SERVER_ERROR")
        assert failed.headers["content-type"] == "application/problem+json"
    assert one.again().sign_in().status_code == 200


def test_the_chains_hold_together(
    administrator: Make, site: Site, api_database: Database, tmp_path: Path
) -> None:
    """What administrators write passes the proof that trusts neither rows nor functions."""
    one = administrator()
    one("GET", f"/organisations/{site.org_id}")
    for org_id in (PLATFORM, site.org_id):
        report = audit.verify(api_database.worker, FolderStore(tmp_path), org_id)
        assert report.entries > 0
        assert report.problems == ()


def test_an_organisations_log_is_read_a_page_at_a_time_newest_first(administrator: Make, site: Site) -> None:
    one = administrator()
    for _ in range(3):
        one("GET", f"/organisations/{site.org_id}")
    path = f"/audit/organisations/{site.org_id}"
    first = one("GET", path, params={"limit": 2}).json()
    assert [entry["action"] for entry in first["items"]] == ["admin.organisation_viewed"] * 2
    following = one("GET", path, params={"limit": 200, "before": first["next_before"]}).json()
    numbers = [entry["sequence"] for entry in first["items"] + following["items"]]
    assert numbers == list(range(numbers[0], 0, -1))
    assert following["next_before"] is None
    assert following["items"][-1]["action"] == "organisation.created"


def test_that_the_log_was_read_is_in_it(administrator: Make, site: Site) -> None:
    one = administrator()
    path = f"/audit/organisations/{site.org_id}"
    one("GET", path)
    (entry,) = one("GET", path, params={"limit": 1}).json()["items"]
    assert (entry["action"], entry["actor_label"]) == ("admin.audit_read", one.email)


def test_another_organisations_entries_are_not_among_them(administrator: Make, site: Site, log: Log) -> None:
    one = administrator()
    items = one("GET", f"/audit/organisations/{site.org_id}", params={"limit": 200}).json()["items"]
    assert len(items) == len(log(site.org_id)) - 1
    platform = one("GET", "/audit", params={"limit": 200}).json()["items"]
    assert "organisation.created" not in {entry["action"] for entry in platform}


def test_an_unknown_organisation_has_no_log(administrator: Make) -> None:
    one = administrator()
    for unknown in ("00000000-0000-0000-0000-000000000000", "019aa000-0000-7000-8000-000000000000"):
        assert one("GET", f"/audit/organisations/{unknown}").status_code == 404
