"""Looking after organisations, people and administrators: what it shows, and that it takes effect at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest

from tests.api.admin.conftest import AdminBrowser, Log, Site
from tests.api.auth.conftest import Browser, Letters
from tests.api.conftest import Caller
from tests.conftest import Database

Make = Callable[..., AdminBrowser]
Person = Callable[[str], Browser]
UNKNOWN = "019aa000-0000-7000-8000-000000000000"
POSTGRES = {
    "connector": "postgres",
    "name": "Ledger",
    "config": {
        "host": "db.example",
        "database": "ledger",
        "user": "reader",
        "password": "s3cr3t-p4ssw0rd",
        "tables": [{"table": "invoice", "key": ["id"]}],
    },
}


class TestOrganisations:
    def test_they_are_listed_newest_first_with_their_members(
        self, administrator: Make, newcomer: Callable[[], Caller], site: Site
    ) -> None:
        one = administrator()
        newcomer()
        later = one("GET", "/organisations", params={"limit": 1}).json()
        assert later["items"][0]["id"] != str(site.org_id)
        following = one("GET", "/organisations", params={"limit": 1, "cursor": later["next_cursor"]}).json()
        (listed,) = following["items"]
        assert (listed["id"], listed["members"], listed["status"]) == (str(site.org_id), 1, "active")
        assert listed["name"].startswith("Firm of owner")

    def test_nothing_that_they_hold_is_shown(self, administrator: Make, site: Site) -> None:
        """Not even what it is called: a connection's name is the organisation's business."""
        assert site.owner("POST", "/connections", json=POSTGRES).status_code == 201
        one = administrator()
        for path in ("/organisations", f"/organisations/{site.org_id}", f"/users/{site.user_id}"):
            assert "Ledger" not in one("GET", path).text

    def test_a_suspended_one_lets_nobody_in_from_the_next_request_on(
        self, administrator: Make, api_database: Database, newcomer: Callable[[], Caller], person: Person
    ) -> None:
        """By session and by key; elsewhere its members work on, and all come in again when it is resumed."""
        by_key, by_session = newcomer(), person("suspended@site.example")
        org_id = by_key.tenant.principal.org_id
        own = by_session("GET", "/auth/session").json()["organisation_id"]
        one = administrator()
        assert one("POST", f"/organisations/{org_id}/suspend").json()["status"] == "suspended"
        assert one("POST", f"/organisations/{own}/suspend").status_code == 200
        assert by_key("GET", "/api/v1/auth/me").status_code == 401
        assert by_session("GET", "/auth/me").status_code == 401
        assert by_session("GET", "/auth/session").json()["organisations"] == []
        assert one("POST", f"/organisations/{org_id}/resume").json()["status"] == "active"
        assert by_key("GET", "/api/v1/auth/me").status_code == 200
        assert by_session("GET", "/auth/me").status_code == 401

    def test_what_is_so_already_conflicts(self, administrator: Make, site: Site) -> None:
        one, path = administrator(), f"/organisations/{site.org_id}"
        assert one("POST", f"{path}/resume").status_code == 409
        one("POST", f"{path}/suspend")
        assert one("POST", f"{path}/suspend").status_code == 409

    def test_one_that_is_being_erased_stays_so(self, administrator: Make, site: Site) -> None:
        """Nobody lets members into half an organisation."""
        one = administrator()
        one.run("UPDATE organisation SET status = 'erasing' WHERE id = :id", id=site.org_id)
        for act in ("suspend", "resume"):
            assert one("POST", f"/organisations/{site.org_id}/{act}").status_code == 409
        assert one("GET", f"/organisations/{site.org_id}").json()["status"] == "erasing"

    @pytest.mark.parametrize("act", ["", "/suspend", "/resume"])
    def test_an_unknown_one_is_missing(self, administrator: Make, act: str) -> None:
        answer = administrator()("POST" if act else "GET", f"/organisations/{UNKNOWN}{act}")
        assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")
        assert "/admin/api/organisations/{organisation_id}" in answer.json()["endpoint"]

    def test_their_log_tells_them_what_was_done(self, administrator: Make, site: Site, log: Log) -> None:
        one = administrator()
        one("POST", f"/organisations/{site.org_id}/suspend")
        entry = log(site.org_id)[-1]
        assert (entry.action, entry.actor_kind, entry.actor_label) == (
            "admin.organisation_changed",
            "admin",
            one.email,
        )
        assert (entry.before, entry.after) == ({"status": "active"}, {"status": "suspended"})


class TestUsers:
    def test_they_are_found_by_a_part_of_their_address(self, administrator: Make, person: Person) -> None:
        """Whatever its case; and what stands for anything in SQL stands for itself."""
        person("gina_a@looked-for.example")
        person("ginaxb@looked-for.example")
        one = administrator()

        def found(email: str) -> set[str]:
            items = one("GET", "/users", params={"email": email}).json()["items"]
            return {item["email"] for item in items}

        assert found("LOOKED-for") == {"gina_a@looked-for.example", "ginaxb@looked-for.example"}
        assert found("gina_") == {"gina_a@looked-for.example"}
        assert found("%%%") == set()

    @pytest.mark.parametrize("email", ["", "ab", "a\x00b@firm.example", "x" * 300])
    def test_a_search_that_is_none_is_invalid(self, administrator: Make, email: str) -> None:
        assert administrator()("GET", "/users", params={"email": email}).status_code == 422

    def test_one_is_read_with_their_memberships(self, administrator: Make, site: Site) -> None:
        user = administrator()("GET", f"/users/{site.user_id}").json()
        (membership,) = user["memberships"]
        assert (membership["organisation_id"], membership["role"]) == (str(site.org_id), "OWNER")
        assert (user["second_factor"], user["sessions"], user["disabled_at"]) == (False, 1, None)
        assert "password" not in str(user)

    def test_a_disabled_one_is_out_at_once(
        self, administrator: Make, newcomer: Callable[[], Caller], person: Person, browser
    ) -> None:
        """Sessions end for good, keys open nothing while it lasts, and nobody signs in."""
        by_key, by_session = newcomer(), person("disabled@site.example")
        user_id = by_session("GET", "/auth/session").json()["user_id"]
        key_owner = by_key.tenant.principal.user_id
        one = administrator()
        for each in (user_id, key_owner):
            assert one("POST", f"/users/{each}/disable").json()["disabled_at"]
        assert by_key("GET", "/api/v1/auth/me").status_code == 401
        assert by_session("GET", "/auth/me").status_code == 401
        assert by_session("GET", "/auth/session").status_code == 401
        assert browser().sign_in("disabled@site.example").status_code == 401
        for each in (user_id, key_owner):
            assert one("POST", f"/users/{each}/enable").json()["disabled_at"] is None
        assert by_key("GET", "/api/v1/auth/me").status_code == 200
        assert by_session("GET", "/auth/me").status_code == 401
        assert browser().sign_in("disabled@site.example").status_code == 200

    def test_all_their_sessions_end_and_their_keys_do_not(
        self, administrator: Make, person: Person, browser
    ) -> None:
        first = person("everywhere@site.example")
        second = browser()
        second.sign_in(first.email)
        user_id = first("GET", "/auth/session").json()["user_id"]
        answer = administrator()("DELETE", f"/users/{user_id}/sessions")
        assert (answer.status_code, answer.json()["sessions"]) == (200, 0)
        assert first("GET", "/auth/me").status_code == second("GET", "/auth/me").status_code == 401
        assert browser().sign_in(first.email).status_code == 200

    def test_what_is_so_already_conflicts(self, administrator: Make, site: Site) -> None:
        one = administrator()
        assert one("POST", f"/users/{site.user_id}/enable").status_code == 409
        one("POST", f"/users/{site.user_id}/disable")
        assert one("POST", f"/users/{site.user_id}/disable").status_code == 409

    @pytest.mark.parametrize(
        ("method", "act"), [("GET", ""), ("POST", "/disable"), ("POST", "/enable"), ("DELETE", "/sessions")]
    )
    def test_an_unknown_one_is_missing(self, administrator: Make, method: str, act: str) -> None:
        assert administrator()(method, f"/users/{UNKNOWN}{act}").status_code == 404

    def test_every_organisation_they_are_in_is_told(
        self, administrator: Make, site: Site, person: Person, log: Log
    ) -> None:
        other = person("second-firm@site.example")
        second = UUID(other("GET", "/auth/session").json()["organisation_id"])
        one = administrator()
        one.run(
            "INSERT INTO membership (org_id, user_id, role) VALUES (:org, :user, 'VIEWER')",
            org=second,
            user=site.user_id,
        )
        one("POST", f"/users/{site.user_id}/disable")
        for org_id in (site.org_id, second):
            entry = log(org_id)[-1]
            assert (entry.action, entry.subject_id) == ("admin.user_changed", str(site.user_id))


class TestAdministrators:
    def test_they_are_listed_with_their_state(self, administrator: Make, invited, letters: Letters) -> None:
        one = administrator("a-first@drovi.co")
        invited("b-invited@drovi.co")
        administrator("c-disabled@drovi.co").run(
            "UPDATE admin_user SET disabled_at = now() WHERE email = 'c-disabled@drovi.co'"
        )
        items = one("GET", "/administrators").json()["items"]
        assert [(item["email"], item["active"]) for item in items] == [
            ("a-first@drovi.co", True),
            ("b-invited@drovi.co", False),
            ("c-disabled@drovi.co", False),
        ]
        assert not any("password" in name or "totp" in name for item in items for name in item)

    def test_one_invites_another(self, administrator: Make, admin_browser: Make, letters: Letters) -> None:
        one = administrator()
        answer = one("POST", "/administrators", json={"email": "hugo@drovi.co"})
        assert answer.status_code == 202
        assert letters.to("hugo@drovi.co")[-1].values["inviter"] == one.email
        assert admin_browser().accept(letters.token("hugo@drovi.co")).status_code == 201

    def test_an_active_one_is_not_invited_again(self, administrator: Make) -> None:
        """Or whoever reads their mail could take the account over."""
        one, other = administrator(), administrator()
        assert one("POST", "/administrators", json={"email": other.email}).status_code == 409

    def test_letters_to_one_address_are_few(self, administrator: Make) -> None:
        one = administrator()
        statuses = [
            one("POST", "/administrators", json={"email": "ida@drovi.co"}).status_code for _ in range(6)
        ]
        assert statuses == [202] * 5 + [429]

    def test_a_disabled_one_is_out_at_once_and_comes_back_by_invitation(
        self, administrator: Make, admin_browser: Make, letters: Letters, site: Site
    ) -> None:
        """With another second factor; until they have accepted, everything stays shut."""
        one, other = administrator(), administrator("back@drovi.co")
        (other_id,) = other.run("SELECT id FROM admin_user WHERE email = 'back@drovi.co'").one()
        assert one("POST", f"/administrators/{other_id}/disable").status_code == 200
        assert other("GET", "/organisations").status_code == 401
        assert other.sign_in().status_code == 401
        assert one("POST", f"/administrators/{other_id}/disable").status_code == 404
        assert one("POST", "/administrators", json={"email": "back@drovi.co"}).status_code == 202
        assert other.sign_in().status_code == 401
        again = admin_browser()
        assert again.accept(letters.token("back@drovi.co"), "a lantern for a return").status_code == 201
        assert again.secret != other.secret
        assert other("GET", "/organisations").status_code == 401

    def test_disabling_somebody_voids_their_invitation(
        self, administrator: Make, admin_browser: Make, invited
    ) -> None:
        token, one = invited("jan@drovi.co"), administrator()
        (invited_id,) = one.run("SELECT id FROM admin_user WHERE email = 'jan@drovi.co'").one()
        assert one("POST", f"/administrators/{invited_id}/disable").status_code == 200
        assert admin_browser().accept(token).status_code == 422

    def test_the_last_one_stays(self, administrator: Make, invited) -> None:
        """Somebody who was only invited, or whom the rules do not admit any more, does not count."""
        one = administrator("last@drovi.co")
        invited("not-yet@drovi.co")
        other = administrator("moved@drovi.co")
        one.run("UPDATE admin_user SET email = 'moved@elsewhere.example' WHERE email = 'moved@drovi.co'")
        (own_id,) = one.run("SELECT id FROM admin_user WHERE email = 'last@drovi.co'").one()
        refused = one("POST", f"/administrators/{own_id}/disable")
        assert (refused.status_code, refused.json()["code"]) == (409, "CONFLICT")
        assert one("GET", "/organisations").status_code == 200
        assert other("GET", "/organisations").status_code == 401

    def test_two_that_disable_each_other_at_once_leave_one(self, administrator: Make) -> None:
        """Whoever comes second is refused, or is out already."""
        pair = one, other = administrator(), administrator()
        ids = [
            one.run("SELECT id FROM admin_user WHERE email = :email", email=each.email).scalar_one()
            for each in (other, one)
        ]
        together = threading.Barrier(2)

        def disable(each: AdminBrowser, admin_id: UUID) -> int:
            together.wait(10)
            return each("POST", f"/administrators/{admin_id}/disable").status_code

        with ThreadPoolExecutor(2) as threads:
            first, second = sorted(threads.map(disable, pair, ids))
        assert first == 200
        assert second in {401, 409}
        left = one.run("SELECT count(*) FROM admin_user WHERE disabled_at IS NULL").scalar_one()
        assert left == 1
