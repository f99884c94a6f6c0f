"""The shape of the code base: sizes that only shrink, modules that say what they are for, nothing left lying."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

PACKAGES = (
    "drovi",
    "drovi_api",
    "drovi_assets",
    "sensors",
    "resources",
    "golden_datasets",
    "benchmarks",
    "tools",
)
LONGEST_FILE = 400
LONGEST_FUNCTION = 50

# Files and functions over the limit, with the length they may have: a ratchet, so numbers here only go down.
LONG_FILES: dict[str, int] = {}
LONG_FUNCTIONS: dict[str, int] = {}


def _tracked(*patterns: str) -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *patterns],
        cwd=REPOSITORY,
        capture_output=True,
        check=True,
    ).stdout.decode()
    return [REPOSITORY / name for name in listed.split("\0") if name and (REPOSITORY / name).is_file()]


MODULES = [path for path in _tracked("*.py") if path.relative_to(REPOSITORY).parts[0] in PACKAGES]


def _name(path: Path) -> str:
    return path.relative_to(REPOSITORY).as_posix()


def test_files_stay_readable() -> None:
    """A file over 400 lines is asked to split."""
    lengths = {_name(path): len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}
    too_long = {name: n for name, n in lengths.items() if n > LONG_FILES.get(name, LONGEST_FILE)}
    assert too_long == {}
    assert {name for name in LONG_FILES if lengths.get(name, 0) <= LONGEST_FILE} == set(), (
        "tighten the ratchet"
    )


def test_functions_stay_readable() -> None:
    """A function over 50 lines is asked to explain itself."""
    lengths: dict[str, int] = {}
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                lengths[f"{_name(path)}:{node.name}"] = length
    too_long = {name: n for name, n in lengths.items() if n > LONG_FUNCTIONS.get(name, LONGEST_FUNCTION)}
    assert too_long == {}


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_modules_say_what_they_are_for(path: Path) -> None:
    """Each opens with a docstring."""
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("path", [path for path in MODULES if path.name == "__init__.py"], ids=_name)
def test_packages_have_no_side_effects(path: Path) -> None:
    """An ``__init__`` holds a docstring, imports and names, nothing that runs."""
    allowed = (ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign, ast.Expr)
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        assert isinstance(node, allowed), ast.unparse(node)
        assert not isinstance(node, ast.Expr) or isinstance(node.value, ast.Constant)


def test_nothing_names_a_machine_or_a_package_registry() -> None:
    """The repository installs through whatever registry its machine is set up for."""
    # Spelt so that this file does not find itself.
    hosts = re.compile("pypi[.]org|pythonhoste[d]|npmjs[.]|debian[.]org")
    found = [
        _name(path)
        for path in _tracked()
        if path.suffix in {".py", ".md", ".sh", ".toml", ".yaml", ".lock", ""}
        and hosts.search(path.read_text(encoding="utf-8"))
    ]
    assert found == []


def test_nothing_is_left_for_later_without_a_place() -> None:
    """Work that waits stands in the tracker, not in a comment."""
    marks = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|XX" r"X)\b")
    assert [_name(path) for path in MODULES if marks.search(path.read_text(encoding="utf-8"))] == []
