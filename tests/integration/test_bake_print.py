"""What Buildx reads in every generated file is the graph that edgebake holds."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from edgebake.errors import EdgebakeError
from edgebake.graph.compile import Compilation
from edgebake.graph.names import stage_names
from edgebake.model.project import Project as ProjectFile
from integration.engine import BASE, needs_buildx, needs_registry
from integration.projects import Project, make_project, recipe, stage_list
from integration.test_golden import NAMES, golden_project

BASES = {"BASE_CPU": BASE, "BASE_JETPACK_6_2": BASE}


pytestmark = needs_buildx


@pytest.fixture(params=NAMES)
def golden(request: pytest.FixtureRequest, tmp_path: Path) -> Project:
    """A golden project with its files written, in both spellings."""
    project = golden_project(request.param, tmp_path)
    file = project.root / "edgebake.yaml"
    text = re.sub(r"^formats:.*\n", "", file.read_text(), flags=re.M)
    file.write_text(f"formats: [hcl, json]\n{text}")
    project.compiled().tree.write()
    return project.write({"ca.pem": "Buildx wants a secret's file to be there.\n"})


def bake(project: Project, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    # The environment of whoever runs the tests may hold variables of the bake file.
    kept = {
        name: os.environ[name] for name in ("PATH", "HOME", "DOCKER_CONFIG", "DOCKER_HOST") if name in os.environ
    }
    command = ["docker", "buildx", "bake", *arguments]
    return subprocess.run(
        command, cwd=project.root, env={**kept, **variables}, capture_output=True, text=True, timeout=120
    )


def printed(project: Project, suffix: str, *targets: str, **variables: str) -> dict[str, Any]:
    output = project.open().project.output
    done = bake(project, "-f", f"{output}/docker-bake.{suffix}", "--print", *targets, **variables)
    assert done.returncode == 0, done.stderr
    assert "WARN" not in done.stderr, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def everything(compilation: Compilation) -> list[str]:
    return [target.name for target in compilation.graph.bake_targets]


def expanded(tag: str, project: ProjectFile) -> str:
    values = {"TAG": project.tag, **{name: variable.default for name, variable in project.variables.items()}}
    return re.sub(r"\$\{(\w+)\}", lambda match: values[match[1]], tag)


@pytest.mark.parametrize("suffix", ["hcl", "json"])
def test_buildx_reads_the_graph_that_edgebake_holds(golden: Project, suffix: str) -> None:
    compilation = golden.compile()
    project = compilation.workspace.project
    found = printed(golden, suffix, *everything(compilation))["target"]
    assert sorted(found) == sorted(everything(compilation))
    for one in compilation.graph.bake_targets:
        target = found[one.name]
        names = stage_names(compilation.graph.of_target(one.target))
        assert target["target"] == names[one.stage]
        assert target["platforms"] == list(one.platforms)
        assert target["context"] == "."
        assert target["dockerfile"] == f"{project.output}/{one.target}/Dockerfile"
        repository = f"{project.registry}/{one.repository}"
        assert target.get("tags", []) == [f"{repository}:{expanded(tag, project)}" for tag in one.tags]
        assert target.get("output") == ([{"type": "cacheonly"}] if one.is_test else None)
        wheelhouse = {"eb-wheelhouse": project.wheelhouse} if project.wheelhouse else {}
        assert target.get("contexts", {}) == wheelhouse
        secret = [{"id": "ca-bundle", "src": project.ca_bundle}] if project.ca_bundle else []
        assert target.get("secret", []) == secret
        provenance = {"disabled": True} if project.provenance == "off" else {"mode": project.provenance}
        assert target["attest"] == [{"type": "provenance", **provenance}]
        assert list(target["args"]) == ["BASE"]
        assert target["args"]["BASE"].endswith("@sha256:" + "1" * 64)


def test_both_spellings_are_the_same_graph(golden: Project) -> None:
    names = everything(golden.compile())
    assert printed(golden, "hcl", *names) == printed(golden, "json", *names)
    variables = {"REGISTRY": "r.example", "TAG": "t", "CA_BUNDLE": "ca.pem", "WHEELHOUSE": "w", "BASE_CPU": "b:1"}
    assert printed(golden, "hcl", *names, **variables) == printed(golden, "json", *names, **variables)


def test_groups_are_the_images_and_the_targets(golden: Project) -> None:
    compilation = golden.compile()
    targets = compilation.graph.bake_targets
    wanted = {"default": {t.name for t in targets if not t.is_test}}
    for one in targets:
        for group in [one.image, one.target.replace(".", "-")] if not one.is_test else ["test"]:
            wanted.setdefault(group, set()).add(one.name)
    for group, members in wanted.items():
        assert set(printed(golden, "hcl", group)["target"]) == members


def test_variables_reach_where_they_belong(golden: Project) -> None:
    found = printed(golden, "hcl", "cpu", REGISTRY="r.example/x", TAG="9", BASE_CPU="mirror/base:1")["target"]
    for target in found.values():
        assert target["tags"][0].startswith("r.example/x/")
        assert ":9-cpu" in target["tags"][0]
        assert target["args"]["BASE"] == "mirror/base:1"


def test_every_stage_that_is_built_is_in_its_dockerfile(golden: Project) -> None:
    compilation = golden.compile()
    for target in printed(golden, "hcl", *everything(compilation))["target"].values():
        dockerfile = (golden.root / target["dockerfile"]).read_text()
        assert target["target"] in {stage.split(" < ")[0] for stage in stage_list(dockerfile)}


def test_buildx_knows_every_attribute(golden: Project) -> None:
    """Buildx ignores attributes that it does not know, so what goes in must come out."""
    file = json.loads((golden.root / golden.open().project.output / "docker-bake.json").read_text())
    names = everything(golden.compile())
    found = printed(golden, "json", *names, CA_BUNDLE="ca.pem", WHEELHOUSE="w")["target"]
    for name in names:
        own = file["target"][name]
        given = {**file["target"][own["inherits"][0]], **own}
        assert set(given) - {"inherits"} == set(found[name])


@needs_registry
def test_buildx_finds_nothing_to_warn_of(golden: Project) -> None:
    names = everything(golden.compile())
    file = f"{golden.open().project.output}/docker-bake.hcl"
    done = bake(golden, "-f", file, "--call=check,format=json", *names, **BASES, WHEELHOUSE="", CA_BUNDLE="")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ruleName" not in done.stdout, done.stdout


@needs_registry
def test_the_dockerfiles_take_the_base_images_and_nothing_else(golden: Project) -> None:
    output = golden.open().project.output
    for target in sorted({one.target for one in golden.compile().graph.bake_targets}):
        command = ["docker", "buildx", "build", "--call=outline,format=json", "--build-arg", f"BASE={BASE}"]
        command += ["-f", f"{output}/{target}/Dockerfile", "."]
        done = subprocess.run(command, cwd=golden.root, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        assert {argument["name"] for argument in json.loads(done.stdout).get("args", [])} <= {"BASE", "NATIVE_BASE"}


AWKWARD = 'it\'s "quoted" \\ ${TAG} %{if} $${x} é 🚀 # no comment'


@pytest.mark.parametrize("suffix", ["hcl", "json"])
def test_awkward_text_reaches_buildx_as_it_was_meant(tmp_path: Path, suffix: str) -> None:
    content = {
        "formats": [suffix],
        "variables": {"AWKWARD": {"default": AWKWARD, "description": AWKWARD}},
        "images": {"app": {"recipes": ["zlib"], "targets": ["cpu"], "summary": AWKWARD, "tags": "${TAG}"}},
    }
    project = make_project(tmp_path).write({"edgebake.yaml": json.dumps(content, ensure_ascii=False)})
    project.compiled().tree.write()
    done = bake(project, "-f", f"bake/docker-bake.{suffix}", "--list=type=variables,format=json", TAG="v1")
    assert done.returncode == 0, done.stderr
    values = {one["name"]: one.get("value") for one in json.loads(done.stdout)}
    assert values["AWKWARD"] == AWKWARD.replace("${TAG}", "v1")
    assert printed(project, suffix, TAG="v1")["target"]["app-cpu"]["tags"] == ["localhost:5000/app:v1"]


@pytest.mark.parametrize("name", ["test", "default", "cpu"])
def test_an_image_with_the_name_of_a_group_is_baked_by_it(tmp_path: Path, name: str) -> None:
    project = make_project(tmp_path)
    project.recipe(**recipe("x", test={"script": "test.sh"})).write({"recipes/x/test.sh": "true\n"})
    project.images(**{name: ["x"], "other": ["python"]})
    try:
        project.compiled().tree.write()
    except EdgebakeError:
        return  # refused is well, too
    assert f"{name}-cpu" in printed(project, "hcl", name)["target"]
