"""A builder with a node for each platform: two BuildKits, each of which builds its own."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

import pytest
from buildkitd import Buildkitd, start_buildkitd

from conftest import Project, crane_platforms, run
from documentation.outputs import check_output

AMD64, ARM64 = "linux/amd64", "linux/arm64"
NAME = f"edgebake-e2e-{os.getpid()}"
PROJECT = """
    builder:
      name: {name}
      driver: remote
      nodes:
        linux/amd64: {amd64}
        linux/arm64: {arm64}
    images:
      demo: {{recipes: [./app], targets: [cpu]}}
    """
APP = """
    name: app
    summary: Says where it was built
    install: {script: install.sh}
    runtime: {user: root}
    """


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Buildkitd]]:
    started = {name: start_buildkitd(tmp_path_factory.mktemp(name)) for name in ("amd64", "arm64")}
    yield started
    for one in started.values():
        one.stop()


@pytest.fixture
def demo(project: Project, nodes: dict[str, Buildkitd]) -> Iterator[Project]:
    project.write({"app/recipe.yaml": APP, "app/install.sh": "uname -m > /machine\n"})
    write(project, nodes)
    yield project
    run("docker", "buildx", "rm", "--keep-state", NAME, check=False)


def write(project: Project, nodes: dict[str, Buildkitd], **addresses: str) -> None:
    """Write the project's file, with other addresses than the nodes' own for some."""
    own = {arch: one.address for arch, one in nodes.items()}
    project.write({"edgebake.yaml": PROJECT.format(name=NAME, **{**own, **addresses})})


def built_platforms(node: Buildkitd) -> set[str]:
    """Return the platforms that a BuildKit was asked to build, from its own history."""
    records = [json.loads(line) for line in node.ctl("debug", "histories", "--format", "{{json .}}").splitlines()]
    return {record["record"]["FrontendAttrs"]["platform"] for record in records}


def test_each_platform_is_built_on_its_own_node(demo: Project, nodes: dict[str, Buildkitd]) -> None:
    demo.edgebake("builder", "create")
    done = demo.bake("--builder", NAME, "--push")
    assert f"linux/amd64: native on {NAME}-amd64" in done.err
    assert f"linux/arm64: native on {NAME}-arm64" in done.err
    assert crane_platforms(demo.image("demo")) == [AMD64, ARM64]
    assert {arch: built_platforms(node) for arch, node in nodes.items()} == {"amd64": {AMD64}, "arm64": {ARM64}}


def test_a_builder_is_made_once_and_brought_up_to_date(demo: Project, nodes: dict[str, Buildkitd]) -> None:
    demo.edgebake("builder", "create")
    demo.edgebake("builder", "create")
    told = check_output("builder-check", demo.edgebake("builder", "check", "--json").out)
    assert told["problems"] == []
    assert [(one["platform"], one["mode"], one["node"]) for one in told["platforms"]] == [
        (AMD64, "native", f"{NAME}-amd64"),
        (ARM64, "native", f"{NAME}-arm64"),
    ]
    write(demo, nodes, arm64=nodes["amd64"].address)  # one machine for both from now on
    assert demo.edgebake("builder", "check", check=False).code == 3
    demo.edgebake("builder", "create")
    told = demo.edgebake("builder", "check", "--json").json()
    assert told["problems"] == []
    assert {one["node"] for one in told["platforms"]} == {f"{NAME}-amd64-arm64"}


def test_a_node_that_does_not_answer_is_a_problem(demo: Project, nodes: dict[str, Buildkitd]) -> None:
    write(demo, nodes, arm64=f"unix://{demo.root}/nobody")
    demo.edgebake("builder", "create")
    done = demo.edgebake("builder", "check", check=False)
    assert done.code == 3
    assert f"problem: node {NAME}-arm64:" in done.err
    assert "Traceback" not in done.err


def test_a_plan_looks_at_a_builder_only_if_it_is_asked_to(demo: Project) -> None:
    assert "native on" not in demo.edgebake("plan").out
    out = demo.edgebake("plan", "--builder", "default").out
    assert "linux/amd64: native on default" in out
    assert "linux/arm64: emulated on default; 2 stages run under QEMU" in out


def test_of_two_nodes_for_one_platform_the_one_that_declares_it_last_does_all(
    demo: Project, nodes: dict[str, Buildkitd]
) -> None:
    """docs/ci.md says so: work is split by platform, not by bake target."""

    def builds(arch: str) -> int:
        return len(nodes[arch].ctl("debug", "histories", "--format", "{{json .}}").splitlines())

    file = demo.root / "edgebake.yaml"
    file.write_text(file.read_text() + "  other: {recipes: [./app], targets: [cpu]}\n")
    for arch, more in (("amd64", ()), ("arm64", ("--append",))):
        options = ("--driver", "remote", "--name", NAME, "--node", f"{NAME}-{arch}", "--platform", AMD64, *more)
        run("docker", "buildx", "create", *options, nodes[arch].address)
    before = {arch: builds(arch) for arch in nodes}
    done = demo.bake("--builder", NAME, "--platform", AMD64)
    assert f"linux/amd64: native on {NAME}-arm64" in done.err
    assert {arch: builds(arch) - before[arch] for arch in nodes} == {"amd64": 0, "arm64": 2}
