"""Golden files: three small projects, and every byte that they compile to.

After a change that is meant to show here, write them anew and read the difference as a reviewer would:

    EDGEBAKE_UPDATE_GOLDEN=1 pytest tests/integration/test_golden.py && git diff tests/golden

The projects compile over the small catalogue in `tests/golden/catalogue`.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from edgebake.graph.compile import plan_images
from edgebake.graph.python_env import resolution_inputs
from edgebake.load.workspace import Workspace, read_lock
from edgebake.lock.locker import render_lock
from edgebake.model.lock import LockedImage
from integration.projects import Project, tree

GOLDEN = Path(__file__).parents[1] / "golden"
NAMES = ("single", "stack", "robot")
UPDATE = os.environ.get("EDGEBAKE_UPDATE_GOLDEN") == "1"


def golden_project(name: str, folder: Path) -> Project:
    """Return a copy of a golden project, in `folder`."""
    shutil.copytree(GOLDEN / name / "input", folder / name, symlinks=True)
    return Project(folder / name, GOLDEN / "catalogue")


@pytest.mark.parametrize("name", NAMES)
def test_a_project_compiles_to_its_golden_files(tmp_path: Path, name: str) -> None:
    project = golden_project(name, tmp_path)
    if UPDATE:
        refresh_lock(project.open(), GOLDEN / name / "input")
        shutil.copy(GOLDEN / name / "input/edgebake.lock", project.root)
    compiled = project.compiled()
    compiled.tree.write()
    output, expected = project.root / project.open().project.output, GOLDEN / name / "expected"
    if UPDATE:
        shutil.rmtree(expected, ignore_errors=True)
        shutil.copytree(output, expected)
    found, wanted = tree(output), tree(expected)
    assert sorted(found) == sorted(wanted)
    for path, (mode, content) in wanted.items():
        assert found[path][1].decode() == content.decode(), path
        assert found[path][0] & 0o100 == mode & 0o100, path


@pytest.mark.parametrize("name", NAMES)
def test_golden_projects_have_fresh_locks(tmp_path: Path, name: str) -> None:
    notes = golden_project(name, tmp_path).compile().notes
    assert [note for note in map(str, notes) if "stale" in note or "not locked" in note] == []


def refresh_lock(workspace: Workspace, folder: Path) -> None:
    """Write what the Python resolutions follow from into a golden project's lock; packages stay as they are."""
    lock = read_lock(folder)
    assert lock is not None
    images = {name: dict(targets) for name, targets in lock.images.items()}
    for plan in plan_images(workspace):
        name, target = plan.name, plan.target
        known = images[name][target.name]
        python = {
            platform: locked.model_copy(update={"inputs": resolution_inputs(plan.views_on(platform))})
            for platform, locked in known.python.items()
        }
        images[name][target.name] = LockedImage(releases=known.releases, python=python)
    (folder / "edgebake.lock").write_bytes(render_lock(lock.model_copy(update={"images": images})))
