"""The object store's contract, run on each backend: a folder, and S3 (a moto server on loopback)."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from resources.errors import Conflict, Invalid, InvariantBroken, NotConfigured, NotFound, ProviderDown
from resources.object_store import FolderStore, ObjectStore, S3Store, open_object_store
from resources.settings import Settings

ORG, OTHER_ORG = str(uuid.UUID(int=1)), str(uuid.UUID(int=2))
PDF = b"%PDF-1.7 a letter\n" * 100


@dataclass
class Backend:
    """A store, and a way to damage what it keeps."""

    store: ObjectStore
    root: Path | None = None
    bucket: str = ""

    def overwrite(self, scope: str, digest: str, content: bytes) -> None:
        key = f"{scope}/{digest[:2]}/{digest[2:4]}/{digest}"
        if self.root is not None:
            (self.root / key).write_bytes(content)
        else:
            self.store._client.put_object(Bucket=self.bucket, Key=f"objects/{key}", Body=content)


@pytest.fixture(scope="module")
def s3_endpoint() -> Iterator[str]:
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials as boto3 finds them, and nothing of the machine's own."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(params=["folder", "s3"])
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Backend:
    if request.param == "folder":
        return Backend(FolderStore(tmp_path / "objects"), root=tmp_path / "objects")
    request.getfixturevalue("aws")
    bucket = f"drovi-{uuid.uuid4().hex}"
    store = S3Store(bucket, "objects", endpoint_url=request.getfixturevalue("s3_endpoint"))
    store._client.create_bucket(Bucket=bucket)
    return Backend(store, bucket=bucket)


class TestContent:
    def test_it_is_addressed_by_its_sha256(self, backend: Backend) -> None:
        assert backend.store.put(ORG, PDF) == hashlib.sha256(PDF).hexdigest()

    @pytest.mark.parametrize("content", [b"", b"\0", PDF, os.urandom(3 * 1024 * 1024)])
    def test_it_comes_back_as_it_was(self, backend: Backend, content: bytes) -> None:
        digest = backend.store.put(ORG, content)
        assert backend.store.get(ORG, digest) == content
        with backend.store.open(ORG, digest) as stream:
            assert b"".join(iter(lambda: stream.read(1000), b"")) == content

    def test_bytes_a_file_and_a_stream_are_the_same_object(self, backend: Backend, tmp_path: Path) -> None:
        file = tmp_path / "letter.pdf"
        file.write_bytes(PDF)
        assert (
            backend.store.put(ORG, PDF)
            == backend.store.put(ORG, file)
            == backend.store.put(ORG, io.BytesIO(PDF))
        )

    def test_its_size_is_known_without_reading_it(self, backend: Backend) -> None:
        assert backend.store.size(ORG, backend.store.put(ORG, PDF)) == len(PDF)

    def test_what_is_missing_is_not_found(self, backend: Backend) -> None:
        missing = hashlib.sha256(b"never").hexdigest()
        assert not backend.store.exists(ORG, missing)
        with pytest.raises(NotFound):
            backend.store.size(ORG, missing)
        with pytest.raises(NotFound):
            backend.store.get(ORG, missing)
        with pytest.raises(NotFound):
            backend.store.open(ORG, missing)

    @pytest.mark.parametrize("damage", [b"", PDF[:-1], PDF + b"x", b"another letter"])
    def test_damaged_content_is_never_handed_out_as_good(self, backend: Backend, damage: bytes) -> None:
        """A read fails, and a stream fails before it ends."""
        digest = backend.store.put(ORG, PDF)
        backend.overwrite(ORG, digest, damage)
        with pytest.raises(InvariantBroken):
            backend.store.get(ORG, digest)
        with backend.store.open(ORG, digest) as stream, pytest.raises(InvariantBroken):
            list(iter(lambda: stream.read(64), b""))

    @pytest.mark.parametrize("digest", ["", "ab", "../" * 20 + "etc/passwd", "A" * 64, "g" * 64])
    def test_only_a_digest_is_an_address(self, backend: Backend, digest: str) -> None:
        with pytest.raises(Invalid):
            backend.store.get(ORG, digest)


class TestTenants:
    def test_one_tenants_object_is_not_anothers(self, backend: Backend) -> None:
        """Knowing a digest gives nothing: the same file has to be stored again, and is then their own."""
        digest = backend.store.put(ORG, PDF)
        assert not backend.store.exists(OTHER_ORG, digest)
        with pytest.raises(NotFound):
            backend.store.get(OTHER_ORG, digest)

    def test_one_tenants_deletion_leaves_the_others(self, backend: Backend) -> None:
        digest = backend.store.put(ORG, PDF)
        backend.store.put(OTHER_ORG, PDF)
        backend.store.delete(ORG, digest)
        assert not backend.store.exists(ORG, digest)
        assert backend.store.get(OTHER_ORG, digest) == PDF

    @pytest.mark.parametrize("scope", ["", ".", "..", "a/b", "../other", "a" * 65, "é"])
    def test_a_scope_cannot_lead_elsewhere(self, backend: Backend, scope: str) -> None:
        with pytest.raises(Invalid):
            backend.store.put(scope, PDF)
        with pytest.raises(Invalid):
            backend.store.exists(scope, hashlib.sha256(PDF).hexdigest())

    def test_a_scope_is_cleared_whole_and_alone(self, backend: Backend) -> None:
        """Its notes stay, and so does what another scope holds, one whose name begins alike included."""
        store = backend.store
        mine = [store.put(ORG, content) for content in (PDF, b"another", b"")]
        alike, theirs = store.put(f"{ORG}-alike", PDF), store.put(OTHER_ORG, PDF)
        store.write_once(ORG, "anchors", "one", b"kept")
        assert store.clear(ORG) == len(mine)
        assert not any(store.exists(ORG, digest) for digest in mine)
        assert store.exists(f"{ORG}-alike", alike)
        assert store.exists(OTHER_ORG, theirs)
        assert store.read_note(ORG, "anchors", "one") == b"kept"
        assert store.clear(ORG) == 0
        assert store.put(ORG, PDF) == mine[0], "a cleared scope can be used again"

    def test_clearing_what_never_was_is_no_error(self, backend: Backend) -> None:
        assert backend.store.clear(OTHER_ORG) == 0

    def test_deleting_twice_is_no_error(self, backend: Backend) -> None:
        digest = backend.store.put(ORG, PDF)
        backend.store.delete(ORG, digest)
        backend.store.delete(ORG, digest)
        assert backend.store.put(ORG, PDF) == digest


class TestNotes:
    """Small content under a name, written once: what has to be found again without its digest."""

    def test_a_note_is_read_by_its_name(self, backend: Backend) -> None:
        backend.store.write_once(ORG, "anchors", "0001", b"one")
        assert backend.store.read_note(ORG, "anchors", "0001") == b"one"

    def test_it_cannot_be_written_over(self, backend: Backend) -> None:
        """The same again changes nothing; anything else is refused, and the first stays."""
        backend.store.write_once(ORG, "anchors", "0001", b"one")
        backend.store.write_once(ORG, "anchors", "0001", b"one")
        with pytest.raises(Conflict):
            backend.store.write_once(ORG, "anchors", "0001", b"two")
        assert backend.store.read_note(ORG, "anchors", "0001") == b"one"

    def test_of_many_writers_one_wins(self, tmp_path: Path) -> None:
        """And everybody else is told, at whatever moment they come."""
        store = FolderStore(tmp_path)
        with ThreadPoolExecutor(8) as pool:
            attempts = [pool.submit(store.write_once, ORG, "anchors", "0001", b"%d" % n) for n in range(8)]
        refused = [isinstance(attempt.exception(), Conflict) for attempt in attempts]
        assert refused.count(False) == 1
        assert store.read_note(ORG, "anchors", "0001") == b"%d" % refused.index(False)

    def test_who_comes_between_the_look_and_the_writing_is_not_written_over(
        self, aws: None, s3_endpoint: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The service itself holds the condition."""
        store = S3Store("race", endpoint_url=s3_endpoint)
        store._client.create_bucket(Bucket="race")
        store.write_once(ORG, "anchors", "0001", b"one")
        looks = iter([False])
        holds = store._holds
        monkeypatch.setattr(store, "_holds", lambda *note: next(looks, None) is None and holds(*note))
        with pytest.raises(Conflict):
            store.write_once(ORG, "anchors", "0001", b"two")
        assert store.read_note(ORG, "anchors", "0001") == b"one"

    def test_names_come_in_order_and_of_their_series_alone(self, backend: Backend) -> None:
        for name in ("0003", "0001", "0002"):
            backend.store.write_once(ORG, "anchors", name, b"x")
        backend.store.write_once(ORG, "anchors-2", "0009", b"x")
        backend.store.write_once(OTHER_ORG, "anchors", "0008", b"x")
        backend.store.put(ORG, PDF)
        assert list(backend.store.notes(ORG, "anchors")) == ["0001", "0002", "0003"]
        assert list(backend.store.notes(ORG, "nothing")) == []

    def test_more_names_than_a_page_holds_all_come(self, aws: None, s3_endpoint: str) -> None:
        store = S3Store("many", endpoint_url=s3_endpoint)
        store._client.create_bucket(Bucket="many")
        names = [f"{number:04}" for number in range(1005)]
        for name in names:
            store._client.put_object(Bucket="many", Key=f"{ORG}/notes/anchors/{name}", Body=b"")
        assert list(store.notes(ORG, "anchors")) == names

    def test_what_is_missing_is_not_found(self, backend: Backend) -> None:
        backend.store.write_once(ORG, "anchors", "0001", b"one")
        for scope, name in ((ORG, "0002"), (OTHER_ORG, "0001")):
            with pytest.raises(NotFound):
                backend.store.read_note(scope, "anchors", name)

    @pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../x", "A", "a" * 65, "é"])
    def test_a_name_cannot_lead_elsewhere(self, backend: Backend, name: str) -> None:
        for series, note in ((name, "0001"), ("anchors", name)):
            with pytest.raises(Invalid):
                backend.store.write_once(ORG, series, note, b"x")
            with pytest.raises(Invalid):
                backend.store.read_note(ORG, series, note)
        with pytest.raises(Invalid):
            backend.store.notes(ORG, name)

    def test_a_service_that_ignores_the_condition_is_read_first(self, aws: None, s3_endpoint: str) -> None:
        """Some services answer an unknown header with silence, and would write over what is there."""
        store = S3Store("lax", endpoint_url=s3_endpoint)
        store._client.create_bucket(Bucket="lax")
        put = store._client.put_object
        store._client.put_object = lambda **request: put(
            **{key: value for key, value in request.items() if key != "IfNoneMatch"}
        )
        store.write_once(ORG, "anchors", "0001", b"one")
        with pytest.raises(Conflict):
            store.write_once(ORG, "anchors", "0001", b"two")


def test_any_sequence_behaves_as_a_dictionary(backend: Backend) -> None:
    """Puts, reads and deletions in any order, by two tenants, against a model."""

    class Machine(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.scopes = (uuid.uuid4().hex, uuid.uuid4().hex)
            self.model: dict[tuple[str, str], bytes] = {}

        @rule(who=st.integers(0, 1), content=st.sampled_from([b"", b"a", b"b", PDF]))
        def put(self, who: int, content: bytes) -> None:
            digest = backend.store.put(self.scopes[who], content)
            self.model[self.scopes[who], digest] = content

        @rule(who=st.integers(0, 1), content=st.sampled_from([b"", b"a", b"b", PDF]))
        def delete(self, who: int, content: bytes) -> None:
            digest = hashlib.sha256(content).hexdigest()
            backend.store.delete(self.scopes[who], digest)
            self.model.pop((self.scopes[who], digest), None)

        @invariant()
        def same(self) -> None:
            for scope in self.scopes:
                for content in (b"", b"a", PDF):
                    digest = hashlib.sha256(content).hexdigest()
                    kept = (scope, digest) in self.model
                    assert backend.store.exists(scope, digest) == kept
                    if kept:
                        assert backend.store.get(scope, digest) == content

    run_state_machine_as_test(
        Machine, settings=settings(max_examples=6, stateful_step_count=6, deadline=None, database=None)
    )


class TestFolder:
    """What only a folder can show."""

    @pytest.mark.parametrize("when", ["write", "fsync"])
    def test_a_full_disk_is_said_and_leaves_nothing(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str
    ) -> None:
        store = FolderStore(tmp_path)
        full = OSError(errno.ENOSPC, "No space left on device")

        class Full(io.BytesIO):
            def read(self, size: int | None = -1) -> bytes:
                piece = super().read(1000)
                if when == "write" and not piece:
                    raise full
                return piece

        def fsync(descriptor: int) -> None:
            raise full

        if when == "fsync":
            monkeypatch.setattr(os, "fsync", fsync)
        with pytest.raises(ProviderDown, match="full"):
            store.put(ORG, Full(PDF))
        assert not store.exists(ORG, hashlib.sha256(PDF).hexdigest())
        assert [path for path in tmp_path.rglob("*") if path.is_file()] == []

    def test_a_stream_that_breaks_leaves_nothing(self, tmp_path: Path) -> None:
        class Broken(io.BytesIO):
            def read(self, size: int | None = -1) -> bytes:
                raise ConnectionResetError

        with pytest.raises(ConnectionResetError):
            FolderStore(tmp_path).put(ORG, Broken())
        assert [path for path in tmp_path.rglob("*") if path.is_file()] == []

    def test_a_truncated_file_is_mended_by_storing_it_again(self, tmp_path: Path) -> None:
        backend = Backend(FolderStore(tmp_path), root=tmp_path)
        digest = backend.store.put(ORG, PDF)
        backend.overwrite(ORG, digest, PDF[:5])
        backend.store.put(ORG, PDF)
        assert backend.store.get(ORG, digest) == PDF

    def test_only_its_owner_can_read_it(self, tmp_path: Path) -> None:
        FolderStore(tmp_path).put(ORG, PDF)
        assert all(path.stat().st_mode & 0o077 == 0 for path in tmp_path.rglob("*"))

    @settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(content=st.binary(max_size=3000))
    def test_any_content_comes_back(self, tmp_path: Path, content: bytes) -> None:
        store = FolderStore(tmp_path)
        assert store.get(ORG, store.put(ORG, content)) == content


class TestS3:
    """What only a service can show."""

    def test_a_missing_bucket_is_named(self, aws: None, s3_endpoint: str) -> None:
        with pytest.raises(NotConfigured, match="nowhere"):
            S3Store("nowhere", endpoint_url=s3_endpoint).put(ORG, PDF)

    def test_a_service_that_does_not_answer_is_transient(
        self, aws: None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("resources.object_store.s3._ATTEMPTS", 1)
        with pytest.raises(ProviderDown):
            S3Store("bucket", endpoint_url="http://127.0.0.1:9").get(ORG, hashlib.sha256(PDF).hexdigest())

    def test_missing_credentials_are_named(
        self, s3_endpoint: str, aws: None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
        with pytest.raises(NotConfigured, match="credentials"):
            S3Store("bucket", endpoint_url=s3_endpoint).put(ORG, PDF)


class TestChoice:
    def test_the_default_is_a_folder_under_home(self, tmp_path: Path) -> None:
        store = open_object_store(Settings(home=tmp_path / "a folder"))
        digest = store.put(ORG, PDF)
        assert (tmp_path / "a folder" / "objects" / ORG / digest[:2] / digest[2:4] / digest).is_file()

    def test_an_address_names_the_service(self, aws: None) -> None:
        store = open_object_store(Settings(object_store_url="s3://bucket/some/prefix"))
        assert isinstance(store, S3Store)
