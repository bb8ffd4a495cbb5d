"""The whole built-in catalogue on all targets, as one project: Buildx reads it, and BuildKit's checks find nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from edgebake.lint.buildkit import check_dockerfiles
from edgebake.lint.subject import Subject, recipes_subject
from edgebake.load.workspace import open_workspace
from integration.engine import needs_buildx


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Subject:
    return recipes_subject(open_workspace(tmp_path_factory.mktemp("none"), need_project=False))


def test_every_target_has_recipes_and_every_recipe_a_target(catalogue: Subject) -> None:
    assert {plan.target.name for plan in catalogue.plans} == set(catalogue.workspace.catalogue.target_names())
    assert {plan.name for plan in catalogue.plans} == set(catalogue.workspace.catalogue.recipe_names())


@needs_buildx
def test_bake_accepts_it(catalogue: Subject, tmp_path: Path) -> None:
    images = {
        name: {"recipes": list(image.recipes), "targets": list(image.targets)}
        for name, image in catalogue.workspace.project.images.items()
    }
    (tmp_path / "edgebake.yaml").write_text(json.dumps({"images": images}))
    subprocess.run([sys.executable, "-m", "edgebake", "compile"], cwd=tmp_path, check=True, capture_output=True)
    command = ["docker", "buildx", "bake", "--file", "bake/docker-bake.hcl", "--print", "default"]
    done = subprocess.run(command, cwd=tmp_path, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)["target"].values()
    assert len(found) >= len(catalogue.plans)
    assert {target["dockerfile"] for target in found} == {
        f"bake/{name}/Dockerfile" for name in catalogue.compilation.targets
    }


@needs_buildx
def test_buildkit_finds_nothing(catalogue: Subject) -> None:
    assert [f"{finding.at}: {finding.message}" for finding in check_dockerfiles(catalogue)] == []
