"""Checks pass on what the pipeline wrote, and fail on rows that break what must hold."""

from __future__ import annotations

import os
import time

import dagster as dg
from sqlalchemy import text

from drovi_assets.assets.connectors import RUNTIME
from drovi_assets.checks.connectors import connector_checks
from drovi_assets.checks.expectations import SUITES
from drovi_assets.checks.validation import validate
from tests.dagster.conftest import Graph
from tests.integration.pipeline.conftest import Folder

SOUND = {
    "id": "1",
    "status": "parsed",
    "reason_length_of_refused": None,
    "blocks_outside_text": 0,
    "chunks_unlike_text": 0,
    "text_without_chunks": 0,
    "longest_chunk": 180,
}


def _evaluations(folder: Folder) -> dict[str, dg.AssetCheckEvaluation]:
    resources = {RUNTIME: dg.ResourceDefinition.hardcoded_resource(lambda: folder.runtime)}
    checks = connector_checks("documents")
    assets = [dg.AssetSpec(key) for check in checks for key in {check.check_key.asset_key}]
    definitions = dg.Definitions(
        assets=list({spec.key: spec for spec in assets}.values()), asset_checks=checks, resources=resources
    )
    job = dg.define_asset_job("checks", selection=dg.AssetSelection.all_asset_checks())
    resolved = dg.Definitions.merge(definitions, dg.Definitions(jobs=[job])).resolve_job_def("checks")
    with dg.DagsterInstance.ephemeral() as instance:
        result = resolved.execute_in_process(instance=instance)
        return {
            f"{one.asset_key.path[-1]}/{one.check_name}": one for one in result.get_asset_check_evaluations()
        }


def test_what_the_pipeline_writes_passes_and_refusals_stay_visible(graph: Graph) -> None:
    """One good file and one refused: rows hold, and the refusal is listed with its reason, as a warning."""
    folder = graph.folder
    (folder.path / "a.txt").write_text("Paul will send the file by 3 April 2024.", encoding="utf-8")
    (folder.path / "empty.pdf").write_bytes(b"")
    for file in folder.path.iterdir():
        os.utime(file, (1_710_000_000, 1_710_000_000))
    time.sleep(1.1)
    folder.ingest()
    found = _evaluations(folder)
    for stage in SUITES:
        assert found[f"{stage}/rows_hold"].passed, found[f"{stage}/rows_hold"].metadata
    standing = found["documents/nothing_failed"]
    assert not standing.passed
    assert standing.severity is dg.AssetCheckSeverity.WARN
    assert "empty.pdf" in str(standing.metadata["shown"].value)
    # What no code path of ours does: an audience that is wider than its chunk's.
    with folder.database.worker.organisation(folder.org_id) as session:
        session.execute(text("UPDATE chunk_index SET audience_id = uuidv7()"))
    broken = _evaluations(folder)["index/rows_hold"]
    assert not broken.passed
    assert "wider_than_chunk" in str(broken.metadata["broken"].value)


def test_each_expectation_notices_its_fault() -> None:
    """A suite is worth what it rejects: one fault a row, each named by its column."""
    faults = {
        "status": {"status": "lost"},
        "reason_length_of_refused": {"status": "refused", "reason_length_of_refused": 0},
        "blocks_outside_text": {"blocks_outside_text": 1},
        "chunks_unlike_text": {"chunks_unlike_text": 2},
        "text_without_chunks": {"text_without_chunks": 1},
        "longest_chunk": {"longest_chunk": 5000},
    }
    rows = [SOUND | {"id": str(number)} | fault for number, fault in enumerate(faults.values())]
    assert validate("sound", [SOUND], SUITES["documents"]) == []
    named = {one.expectation.split(":")[0] for one in validate("faults", rows, SUITES["documents"])}
    assert named == set(faults)
    assert validate("nothing", [], SUITES["documents"]) == []
