"""The chain of assets over one connected folder: materialise, materialise again, fail for good."""

from __future__ import annotations

import os
from uuid import uuid4

import dagster as dg
from sqlalchemy import text

from drovi_assets.assets.connectors import keys_of
from drovi_assets.jobs import replay_name
from drovi_assets.partitions import Partition, windows_of
from drovi_assets.pipeline.fingerprint import fingerprint
from tests.dagster.conftest import Graph
from tests.integration.pipeline.conftest import Folder

WINDOW = "2024-03"
CHAIN = replay_name("documents")
DERIVED = ("record", "document", "block", "chunk", "chunk_index", "intelligence_object", "evidence")


def _write(folder: Folder, name: str, content: str) -> None:
    file = folder.path / name
    file.write_text(content, encoding="utf-8")
    moment = 1_710_000_000  # in March 2024; the change time is now, and a second old enough to be read
    os.utime(file, (moment, moment))


def _settle() -> None:
    import time

    time.sleep(1.1)  # a file counts as written once it was left alone for a second


def _materialise(graph: Graph, partition: Partition) -> dg.ExecuteInProcessResult:
    graph.instance.add_dynamic_partitions(str(windows_of("documents").name), [str(partition)])
    return graph.run(CHAIN, partition_key=str(partition))


def _versions(folder: Folder) -> list[tuple]:
    """The physical version of every derived row: it changes with any write, even of the same values."""
    return [
        tuple(row)
        for table in DERIVED
        for row in folder.query(text(f"SELECT '{table}', md5(t::text), xmin::text FROM {table} t ORDER BY 2"))
    ]


def test_a_partition_materialised_again_gives_the_same_bytes(graph: Graph) -> None:
    """Every derived row, vectors included; and all but the records' envelope is not even written."""
    folder = graph.folder
    _write(folder, "lettre.txt", "Nous vous adresserons les comptes avant le 15 mars 2024.")
    _write(
        folder,
        "note.md",
        "# Note\n\nWe decided to keep the auditor. Paul will send the file by 3 April 2024.",
    )
    _write(folder, "empty.pdf", "")
    _settle()
    partition = Partition(folder.connection_id, WINDOW)
    assert _materialise(graph, partition).success
    with folder.database.worker.organisation(folder.org_id) as session:
        before = fingerprint(session, folder.connection_id, WINDOW)
    written = _versions(folder)
    assert {row[0] for row in written} == set(DERIVED)
    assert _materialise(graph, partition).success
    with folder.database.worker.organisation(folder.org_id) as session:
        assert fingerprint(session, folder.connection_id, WINDOW) == before
    kept = [row for row in written if row[0] != "record"]
    assert [row for row in _versions(folder) if row[0] != "record"] == kept


def test_every_asset_of_the_chain_tells_what_it_did(graph: Graph) -> None:
    """The partition's latest materialisation of each carries counts that add up."""
    _write(graph.folder, "lettre.txt", "Nous vous adresserons les comptes avant le 15 mars 2024.")
    _write(graph.folder, "empty.pdf", "")
    _settle()
    partition = Partition(graph.folder.connection_id, WINDOW)
    assert _materialise(graph, partition).success
    told = {}
    for key in keys_of("documents"):
        event = graph.instance.get_latest_materialization_event(key)
        assert event is not None
        assert event.asset_materialization.partition == str(partition)
        told[key.path[-1]] = {
            name: value.value for name, value in event.asset_materialization.metadata.items()
        }
    assert told["source_items"]["landed"] == 2
    assert told["records"]["items"] == 2
    assert (told["documents"]["documents"], told["documents"]["refused"]) == (1, 1)
    assert told["objects"]["objects/commitment"] == 1
    assert told["index"]["chunks"] == 1


def test_a_permanent_error_is_not_retried(graph: Graph) -> None:
    """A partition of a connection that does not exist fails at its first attempt, with the remedy."""
    result = _materialise(graph, Partition(uuid4(), WINDOW))
    assert not result.success
    kinds = [event.event_type_value for event in result.all_events]
    assert "STEP_UP_FOR_RETRY" not in kinds
    assert kinds.count("STEP_FAILURE") == 1
    (failure,) = [event for event in result.all_events if event.event_type_value == "STEP_FAILURE"]
    assert failure.step_failure_data.user_failure_data.metadata["kind"].value == "NotFound"


def test_many_windows_are_one_run(graph: Graph) -> None:
    """What a person launches over a range of windows reads them all, newest first, in one run."""
    folder = graph.folder
    for month, moment in (("2024-03", 1_710_000_000), ("2024-04", 1_713_000_000)):
        file = folder.path / f"{month}.txt"
        file.write_text(f"Minutes of {month}: we decided to proceed.", encoding="utf-8")
        os.utime(file, (moment, moment))
    _settle()
    keys = [str(Partition(folder.connection_id, month)) for month in ("2024-03", "2024-04")]
    graph.instance.add_dynamic_partitions("documents_windows", keys)
    result = graph.run(
        CHAIN,
        tags={
            "dagster/asset_partition_range_start": keys[0],
            "dagster/asset_partition_range_end": keys[1],
        },
    )
    assert result.success
    for key in keys_of("documents"):
        assert graph.instance.get_materialized_partitions(key) == set(keys)
    assert folder.query(text("SELECT count(*) FROM source_item WHERE processed_at IS NULL"))[0][0] == 0
