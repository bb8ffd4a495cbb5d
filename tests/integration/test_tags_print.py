"""Buildx makes the same tags of a bake file's variables as edgebake does."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from edgebake.plan.settings import Settings, expanded_tags
from integration.engine import needs_buildx
from integration.projects import make_project, recipe

POLICY = {
    "VERSION": "1.4.2",
    **{part.upper(): {"of": "VERSION", "part": part} for part in ("major", "minor", "latest")},
}


@needs_buildx
@pytest.mark.parametrize("kind", ["hcl", "json"])
@pytest.mark.parametrize(
    "environment",
    [{}, {"VERSION": "v2.0.0"}, {"VERSION": "3"}, {"VERSION": "2.0.0-rc1"}, {"VERSION": "main"}, {"MINOR": "edge"}],
    ids=str,
)
def test_floating_tags(tmp_path: Path, kind: str, environment: dict[str, str]) -> None:
    tags = [f"${{{name}}}-{{{{ target.tag_suffix }}}}" for name in POLICY]
    image = {"recipes": ["app"], "targets": ["cpu"], "tags": tags}
    project = make_project(tmp_path).recipe(**recipe("app"))
    project.write(
        {"edgebake.yaml": json.dumps({"formats": [kind], "variables": POLICY, "images": {"demo": image}})}
    )
    project.compiled().tree.write()
    done = subprocess.run(
        ["docker", "buildx", "bake", "-f", f"bake/docker-bake.{kind}", "--print"],
        cwd=project.root,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    (target,) = (one for one in project.compile().graph.bake_targets if not one.is_test)
    mine = expanded_tags(project.compile(), Settings(environment=environment), target.tags)
    theirs = json.loads(done.stdout)["target"]["demo-cpu"]["tags"]
    assert {f"localhost:5000/demo:{tag}" for tag in mine} == set(theirs)
