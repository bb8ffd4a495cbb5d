"""Same inputs, same bytes: whatever the machine, the folder, the order of directories, or who compiles."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from integration.projects import tree
from integration.test_golden import GOLDEN, NAMES

TESTS = Path(__file__).parents[1]
SCRIPT = """
import json, os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
os.umask(int(sys.argv[4], 8))
from edgebake.cli.format.plan import text as explain
from edgebake.cli.format.plan_data import data
from integration.projects import Project
project = Project(Path(sys.argv[2]), Path(sys.argv[3]))
project.compiled().tree.write()
plan = project.plan()
print(explain(plan))
print(data(plan).model_dump_json())
"""
MACHINES = {
    "one": {"PYTHONHASHSEED": "0", "TZ": "UTC", "LANG": "C", "LC_ALL": "C", "HOME": "/root", "USER": "root"},
    "other": {
        "PYTHONHASHSEED": "4242",
        "TZ": "Asia/Kathmandu",
        "LANG": "tr_TR.UTF-8",
        "HOME": "/nonexistent",
        "USER": "somebody",
        "TAG": "injected",
        "REGISTRY": "injected",
        "SOURCE_DATE_EPOCH": "1",
        "EDGEBAKE_MIRRORS": "debian=injected",
        "EDGEBAKE_CA_BUNDLE": "/injected",
    },
}


def copy_shuffled(source: Path, target: Path, seed: int) -> None:
    """Copy a folder; its entries are made in an order of their own, which is how some file systems list them."""
    paths = sorted(source.rglob("*"))
    random.Random(seed).shuffle(paths)
    for path in paths:
        place = target / path.relative_to(source)
        if path.is_dir():
            place.mkdir(parents=True, exist_ok=True)
        else:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(path.read_bytes())
            place.chmod(path.stat().st_mode & 0o777)
        os.utime(place, (seed, seed))


def compiled(
    name: str, folder: Path, machine: str, seed: int, umask: str
) -> tuple[dict[str, tuple[int, bytes]], str]:
    """Compile a golden project on a machine; return its generated files, and what plan says."""
    copy_shuffled(GOLDEN / name / "input", folder / "project", seed)
    copy_shuffled(GOLDEN / "catalogue", folder / "catalogue", seed)
    command = [sys.executable, "-c", SCRIPT, str(TESTS), str(folder / "project"), str(folder / "catalogue"), umask]
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    done = subprocess.run(
        command, cwd="/", env={**kept, **MACHINES[machine]}, capture_output=True, text=True, encoding="utf-8"
    )
    assert done.returncode == 0, done.stderr
    output = folder / "project" / ("build/generated" if name == "robot" else "bake")
    return tree(output), done.stdout


@pytest.mark.parametrize("name", NAMES)
def test_two_machines_make_the_same_bytes(tmp_path: Path, name: str) -> None:
    one = compiled(name, tmp_path / "here", "one", 1, "022")
    other = compiled(name, tmp_path / "quite/another/place with spaces", "other", 2, "022")
    assert one[0].keys() == other[0].keys()
    assert one[0] == other[0]
    assert one[1] == other[1]


@pytest.mark.parametrize("name", NAMES)
def test_a_private_umask_changes_nothing(tmp_path: Path, name: str) -> None:
    """Not only for tidiness: files of the catalogue are copied into images with the modes that they have here."""
    one = compiled(name, tmp_path / "here", "one", 1, "022")[0]
    other = compiled(name, tmp_path / "there", "one", 1, "077")[0]
    assert {path: content for path, (_, content) in one.items()} == {
        p: content for p, (_, content) in other.items()
    }
    assert {path: mode for path, (mode, _) in one.items()} == {p: mode for p, (mode, _) in other.items()}


def test_nothing_generated_names_the_machine(tmp_path: Path) -> None:
    files, plan = compiled("robot", tmp_path / "secret-place", "other", 3, "022")
    text = b"\n".join(content for _, content in files.values()).decode() + plan
    for word in ("secret-place", "injected", "somebody", "nonexistent", "4242"):
        assert word not in text


def test_a_second_compile_touches_no_file(tmp_path: Path) -> None:
    compiled("stack", tmp_path, "one", 1, "022")
    root = tmp_path / "project"
    before = {path: path.stat().st_mtime_ns for path in (root / "bake").rglob("*")}
    command = [sys.executable, "-c", SCRIPT, str(TESTS), str(root), str(tmp_path / "catalogue"), "022"]
    subprocess.run(command, check=True, capture_output=True)
    assert {path: path.stat().st_mtime_ns for path in (root / "bake").rglob("*")} == before
