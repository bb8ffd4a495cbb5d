"""What is published is not built again: on builders with an empty cache, with BuildKit's raw events as the witness."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from buildkit import empty_builder, witness
from events_oracle import stages_that_ran
from test_pipeline import FILES

from conftest import Project, crane_platforms, crane_tags, docker_run, run

BOTH = ("linux/amd64", "linux/arm64")
MACHINE = {"linux/amd64": "x86_64", "linux/arm64": "aarch64"}
# The application's script runs on its own platform, in the base image's shell (which has pipefail), and reads what the
# recipes before it brought.
APP = {
    "app/recipe.yaml": """
        name: app
        summary: The application
        layer: application
        requires: [addon, middle]
        install:
          files: {greeting.txt: /app/}
          script: install.sh
        runtime:
          cmd: [cat, /app/said]
        """,
    "app/install.sh": "echo $(uname -m) $(cat /opt/addon/* /opt/middle /opt/side /app/greeting.txt) > /app/said\n",
}


def write(project: Project) -> Project:
    project.write({**FILES, **APP})
    head = f"registry: {project.registry}\nstacks: {project.registry}/stacks\n"
    (project.root / "edgebake.yaml").write_text(head + (project.root / "edgebake.yaml").read_text())
    return project


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project whose stacks and artifacts one machine has published."""
    folder = tmp_path_factory.mktemp("published")
    project = write(Project(folder, f"localhost:5000/e2e/reuse-{folder.parent.name[-8:].lower()}-{id(folder):x}"))
    project.bake("--push")
    return project


@pytest.fixture
def elsewhere(published: Project, tmp_path: Path) -> Project:
    """The same project on another machine: nothing remembered."""
    shutil.copytree(published.root, tmp_path / "checkout", ignore=shutil.ignore_patterns(".edgebake"))
    return Project(tmp_path / "checkout", published.registry)


@pytest.fixture
def builder(tmp_path: Path) -> Iterator[str]:
    with empty_builder(tmp_path / "buildkit") as name:
        yield name


def bake(project: Project, builder: str, *args: str) -> set[tuple[str, str]]:
    """Bake on a builder; return the stages of which a step ran, with their platforms."""
    environment, events = witness(project.root.parent / "witness")
    project.bake("--builder", builder, *args, env=environment)
    assert events.stat().st_size
    return stages_that_ran(events.read_text())


def said(project: Project, reference: str, platform: str) -> list[str]:
    return docker_run(reference, platform=platform).split()


def test_a_changed_leaf_on_an_empty_cache_builds_one_node_and_is_right_on_each_platform(
    elsewhere: Project, builder: str
) -> None:
    (elsewhere.root / "app/greeting.txt").write_text("leaf\n")
    plan = elsewhere.edgebake("plan", "--json").json()
    (image,) = plan["images"]
    assert list(image["given"]) == ["eb-side"]
    assert {s["name"] for s in image["stages"] if not s["reused"]} == {"eb-app", "demo"}

    assert {stage for stage, _ in bake(elsewhere, builder, "--push")} == {"eb-app"}
    for platform in BOTH:
        arch = platform.split("/")[1]
        wanted = [MACHINE[platform], MACHINE[platform], arch, "one", "side", "leaf"]
        assert said(elsewhere, elsewhere.image("demo"), platform) == wanted
        assert docker_run(elsewhere.image("demo"), "id", "-un", platform=platform) == "app"


def test_an_early_recipe_changed_on_an_empty_cache_runs_no_build_half_again(
    elsewhere: Project, builder: str
) -> None:
    (elsewhere.root / "recipes/middle/install.sh").write_text("echo two > /opt/middle\n")
    text = elsewhere.edgebake("plan", "--platform", "linux/arm64").out
    assert "1 shared stage and 1 artifact reused" in text
    ran = bake(elsewhere, builder, "--push", "--platform", "linux/arm64", "--digests", "digests")
    assert {stage for stage, _ in ran} == {"eb-middle", "eb-side", "eb-app"}
    (part,) = json.loads((elsewhere.root / "digests/linux-arm64.json").read_text())["parts"]
    reference = f"{part['repository']}@{part['digest']}"
    assert said(elsewhere, reference, "linux/arm64")[2:5] == ["arm64", "two", "side"]


def test_machines_that_build_one_platform_each_leave_what_one_that_builds_both_takes(project: Project) -> None:
    write(project)
    stacks = f"{project.registry}/stacks"
    project.bake("--push", "--platform", "linux/amd64")
    assert all(tag.startswith("cpu-amd64-") and "arm64" not in tag for tag in crane_tags(stacks))
    assert project.edgebake("plan", "--json").json()["images"][0]["given"] == {}
    project.bake("--push", "--platform", "linux/arm64")
    (reference,) = project.edgebake("plan", "--json").json()["images"][0]["given"].values()
    assert crane_platforms(reference) == list(BOTH)
    project.bake("--push")
    for platform in BOTH:
        assert said(project, project.image("demo"), platform)[0] == MACHINE[platform]


def test_what_is_under_a_key_for_another_platform_is_not_used(elsewhere: Project, builder: str) -> None:
    """Also when one platform's manifest of a key for both is gone."""
    stacks = f"{elsewhere.registry}/stacks"
    plan = ("plan", "--json", "--platform", "linux/arm64")
    (reference,) = elsewhere.edgebake(*plan).json()["images"][0]["given"].values()
    keys = {tag: run("crane", "digest", f"{stacks}:{tag}").out.strip() for tag in crane_tags(stacks)}
    (key,) = [tag for tag, digest in keys.items() if digest == reference.split("@")[1]]
    amd64 = next(tag for tag in keys if tag.startswith("cpu-amd64-") and "arm64" not in tag)
    run("crane", "tag", f"{stacks}:{amd64}", key)
    try:
        found = elsewhere.edgebake(*plan).json()
        assert found["stacks"]["refused"] == {key: "it is for linux/amd64"}
        assert reference not in found["images"][0]["given"].values()
        assert f"{stacks}:{key} is not used: it is for linux/amd64" in elsewhere.edgebake("plan", *plan[2:]).out
        assert {stage for stage, _ in bake(elsewhere, builder, "--platform", "linux/arm64")} == {"eb-app"}
    finally:
        run("crane", "tag", reference, key)


def test_without_an_answer_everything_is_built_and_the_plan_says_why(elsewhere: Project) -> None:
    file = elsewhere.root / "edgebake.yaml"
    file.write_text(file.read_text().replace(f"stacks: {elsewhere.registry}", "stacks: localhost:1/x"))
    done = elsewhere.edgebake("plan")
    assert "nothing is reused: " in done.out
    assert "localhost:1" in done.out
    offline = elsewhere.edgebake("plan", "--offline", "--json").json()
    assert offline["stacks"] is None
    assert json.dumps(offline["images"]).count('"reused": true') == 0


def test_a_bake_that_changes_what_is_built_neither_takes_nor_publishes(elsewhere: Project) -> None:
    before = crane_tags(f"{elsewhere.registry}/stacks")
    other = f"BASE_CPU={'localhost:5000/debian:bookworm-slim'}"
    done = elsewhere.bake("--platform", "linux/amd64", "--push", "--var", other)
    assert "nothing is reused or published: --var BASE_CPU changes what is built" in done.err
    (elsewhere.root / "app/greeting.txt").write_text("unpublished\n")
    elsewhere.bake("--platform", "linux/amd64", "--push", "--no-reuse")
    assert crane_tags(f"{elsewhere.registry}/stacks") == before


def test_an_image_is_tested_in_what_is_built_on_the_stack(elsewhere: Project, builder: str) -> None:
    recipe = elsewhere.root / "app/recipe.yaml"
    recipe.write_text(recipe.read_text() + "test: {script: test.sh}\n")
    (elsewhere.root / "app/test.sh").write_text("grep -q '^hello$' /app/greeting.txt && test -e /opt/side\n")
    assert {stage for stage, _ in bake(elsewhere, builder, "--test", "--platform", "linux/amd64")} == {"demo-test"}


def with_cache(project: Project, cache: str) -> Project:
    project.write({**FILES, **APP})
    file = project.root / "edgebake.yaml"
    file.write_text(f"registry: {project.registry}\ncache: {cache}\n{file.read_text()}")
    return project


def test_a_cache_in_the_registry_serves_an_empty_builder_without_edgebake(
    project: Project, builder: str, tmp_path: Path
) -> None:
    with_cache(project, "registry")
    assert {s for s, _ in bake(project, builder, "--push", "--platform", "linux/amd64")} >= {
        "eb-core-build",
        "eb-app",
    }
    assert crane_tags(f"{project.registry}/cache") == {"demo-cpu-amd64-main"}
    (project.root / "app/greeting.txt").write_text("leaf\n")
    variables = {
        "BASE_CPU": "localhost:5000/debian:bookworm-slim",
        "CACHE_SCOPE": "feature/x",
        "CACHE_PLATFORM": "-amd64",
    }
    with empty_builder(tmp_path / "another") as another:
        command = ["docker", "buildx", "bake", "-f", "bake/docker-bake.hcl", "--builder", another]
        options = ["--set", "*.platform=linux/amd64", "--progress=rawjson"]
        done = run(*command, *options, cwd=project.root, env=variables)
    ran = {stage for stage, _ in stages_that_ran(done.err)}
    assert "eb-app" in ran
    # BuildKit has no layer for the stage below a linked copy that a command follows, and runs it again.
    assert ran <= {"eb-app", "eb-side"}
    assert crane_tags(f"{project.registry}/cache") == {"demo-cpu-amd64-main"}  # nobody asked for more


def test_a_cache_in_a_folder_is_kept_by_the_engines_own_driver(project: Project) -> None:
    with_cache(project, "{type: local, folder: kept}")
    project.bake("--platform", "linux/amd64")
    assert (project.root / "kept/demo-cpu-amd64-main/index.json").is_file()
    project.bake("--platform", "linux/amd64")
