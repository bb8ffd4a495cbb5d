"""Buildx builders: what `docker buildx inspect` prints, who does what, and the commands that make one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edgebake.errors import EdgebakeError
from edgebake.execute.builders import (
    BuilderState,
    Node,
    create_commands,
    parse_inspect,
    problems,
    wanted_nodes,
    work_for,
    work_sentence,
)
from edgebake.execute.buildkit_config import CONFIG, buildkit_config, write_buildkit_config
from edgebake.model.builder import Builder
from edgebake.model.output.plan import PlatformWork, WorkMode
from edgebake.model.project import Project
from integration.projects import AMD64, ARM64

# As Buildx 0.29.1 prints it; cut short.
INSPECTED = """\
Name:          robots
Driver:        remote
Last Activity: 2026-01-01 00:00:00 +0000 UTC

Nodes:
Name:             robots-amd64
Endpoint:         unix:///one.sock
Status:           running
BuildKit version: v0.33.1
Platforms:        linux/amd64*, linux/amd64/v2, linux/arm64
Labels:
 org.mobyproject.buildkit.worker.executor:         oci
GC Policy rule#0:
 All:            false
 Keep Duration:  48h0m0s

Name:     robots-arm64
Endpoint: ssh://jetson
Error:    failed to connect
"""


def builder(**fields: Any) -> Builder:
    nodes = {AMD64: "default", ARM64: "ssh://me@jetson"}
    return Builder.model_validate({"name": "robots", "nodes": nodes, **fields})


def node(name: str, declared: str = "", platforms: str = "", error: str = "", endpoint: str = "") -> Node:
    own = tuple(declared.split())
    return Node(name, endpoint, "running", own, (*own, *platforms.split()), error)


def test_what_buildx_prints() -> None:
    state = parse_inspect(INSPECTED)
    assert (state.name, state.driver) == ("robots", "remote")
    first, second = state.nodes
    assert first == Node("robots-amd64", "unix:///one.sock", "running", (AMD64,), (AMD64, "linux/amd64/v2", ARM64))
    assert (second.endpoint, second.error, second.platforms) == ("ssh://jetson", "failed to connect", ())
    assert parse_inspect("").nodes == ()


def work(platform: str, mode: WorkMode, node: str | None, stages: int) -> PlatformWork:
    return PlatformWork(platform=platform, mode=mode, node=node, stages_run=stages)


LOCAL = BuilderState("b", "docker", (node("local", platforms=f"{AMD64} {ARM64}"),))
TWO = BuilderState(
    "b", "remote", (node("one", declared=AMD64, platforms=ARM64), node("two", declared=ARM64, platforms=AMD64))
)


@pytest.mark.parametrize(
    ("state", "platform", "stages", "expected"),
    [
        (LOCAL, AMD64, 3, work(AMD64, "native", "local", 3)),
        (LOCAL, ARM64, 3, work(ARM64, "emulated", "local", 3)),
        (LOCAL, ARM64, 0, work(ARM64, "cross", "local", 0)),
        (TWO, ARM64, 3, work(ARM64, "native", "two", 3)),
        (TWO, AMD64, 0, work(AMD64, "native", "one", 0)),
        (BuilderState("b", "docker", (node("local", platforms=AMD64),)), ARM64, 1, work(ARM64, "missing", None, 1)),
        (BuilderState("b", "docker", (node("x", declared=ARM64, error="down"),)), ARM64, 1,
         work(ARM64, "missing", None, 1)),
        (BuilderState("b", "docker", ()), ARM64, 0, work(ARM64, "missing", None, 0)),
    ],
)  # fmt: skip
def test_who_does_a_platform(state: BuilderState, platform: str, stages: int, expected: PlatformWork) -> None:
    assert work_for(platform, stages, state) == expected


def test_how_it_is_told() -> None:
    assert (
        work_sentence(work(ARM64, "emulated", "local", 1))
        == "linux/arm64: emulated on local; 1 stage runs under QEMU"
    )
    assert (
        work_sentence(work(ARM64, "cross", "local", 0))
        == "linux/arm64: cross-compiled on local; no stage runs on linux/arm64"
    )


def test_the_commands_that_make_a_builder() -> None:
    commands = create_commands(builder(options={"network": "host"}), None)
    common = ["--driver", "docker-container", "--node"]
    assert commands == [
        ["create", "--name", "robots", *common, "robots-amd64", "--platform", AMD64,
         "--driver-opt", "network=host", "--", "default"],
        ["create", "--name", "robots", *common, "robots-arm64", "--append", "--platform", ARM64,
         "--driver-opt", "network=host", "--", "ssh://me@jetson"],
    ]  # fmt: skip


def test_one_machine_for_two_platforms_is_one_node() -> None:
    (only,) = wanted_nodes(builder(nodes={AMD64: "default", ARM64: "default"}))
    assert (only.name, only.platforms) == ("robots-amd64-arm64", (AMD64, ARM64))


def test_a_builder_that_is_there_is_changed_and_nodes_that_are_gone_leave() -> None:
    known = BuilderState("robots", "docker-container", (node("robots-amd64", endpoint="default"), node("old")))
    first, second, third = create_commands(builder(), known)
    assert first == ["create", "--name", "robots", "--leave", "--node", "old"]
    assert "robots-amd64" in second
    assert "--append" not in second
    assert "--append" in third


def test_a_node_that_moves_leaves_first_as_an_endpoint_cannot_be_there_twice() -> None:
    nodes = (node("robots-amd64", endpoint="default"), node("robots-arm64", endpoint="ssh://me@other"))
    first, second, third = create_commands(builder(), BuilderState("robots", "docker-container", nodes))
    assert first == ["create", "--name", "robots", "--leave", "--node", "robots-arm64"]
    assert "--append" not in second
    assert "--append" in third


def test_a_builder_of_which_nothing_stays_is_made_anew_as_the_last_node_cannot_leave() -> None:
    known = BuilderState("robots", "docker-container", (node("robots-amd64", endpoint="ssh://me@other"),))
    first, second, third = create_commands(builder(), known)
    assert first == ["rm", "--keep-state", "robots"]
    assert "--append" not in second
    assert "--append" in third


def test_a_builder_with_another_driver_is_not_touched() -> None:
    with pytest.raises(EdgebakeError, match="with the driver remote"):
        create_commands(builder(), BuilderState("robots", "remote", ()))


def test_kubernetes_needs_no_endpoint() -> None:
    nodes = {ARM64: {"options": {"namespace": "ci", "nodeselector": "kubernetes.io/arch=arm64"}}}
    ((*command,),) = create_commands(builder(driver="kubernetes", nodes=nodes), None)
    assert "--" not in command
    assert command[-3:] == ["namespace=ci", "--driver-opt", "nodeselector=kubernetes.io/arch=arm64"]


def test_what_is_wrong_is_named() -> None:
    state = BuilderState(
        "robots",
        "docker-container",
        (
            node("robots-amd64", declared=AMD64, endpoint="default"),
            node("robots-arm64", error="no route"),
            node("x"),
        ),
    )
    assert problems(builder(), state) == [
        "node robots-arm64: no route",
        "node robots-arm64 is at , not at ssh://me@jetson",
        "the project does not name the node x",
    ]


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"driver": "remote", "nodes": {ARM64: "jetson"}}, "needs the address of a buildkitd"),
        ({"nodes": {}}, "at least 1"),
        ({"nodes": {AMD64: "default", ARM64: {"endpoint": "default", "options": {"a": "b"}}}}, "is listed twice"),
        ({"nodes": {ARM64: "ssh://a b"}}, "is not an endpoint"),
        ({"nodes": {ARM64: "--flag"}}, "is not an endpoint"),
        ({"name": "-x"}, "is not a builder name"),
        ({"driver": "docker"}, "docker-container"),
    ],
)
def test_settings_that_cannot_work(fields: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        builder(**fields)


def project_with(root: Path, **fields: Any) -> Project:
    """A project with a builder that has BuildKit's configuration."""
    text = '[registry."docker.io"]\n  mirrors = ["mirror.lan"]\n[registry."a.lan"]\n  ca = ["ca.pem"]'
    (root / "buildkitd.toml").write_text(text)
    return Project.model_validate({"builder": {"nodes": {AMD64: "default"}, **fields.pop("builder", {})}, **fields})


def test_a_builder_gets_buildkits_configuration_and_the_registries_without_tls(tmp_path: Path) -> None:
    assert buildkit_config(tmp_path, project_with(tmp_path)) == ""
    own = project_with(tmp_path, builder={"config": "buildkitd.toml"}, insecure_registries=["b.lan:5000", "a.lan"])
    write_buildkit_config(tmp_path, own)
    written = (tmp_path / CONFIG).read_text()
    assert written == (tmp_path / "buildkitd.toml").read_text() + '\n\n[registry."b.lan:5000"]\n  http = true\n'
    plain = project_with(tmp_path, insecure_registries="b.lan:5000")
    assert buildkit_config(tmp_path, plain) == '[registry."b.lan:5000"]\n  http = true\n'
    assert own.builder
    (command,) = create_commands(own.builder, None, str(CONFIG))
    assert command[command.index("--buildkitd-config") + 1] == ".edgebake/buildkitd.toml"


def test_buildkits_configuration_that_is_missing_or_of_no_use(tmp_path: Path) -> None:
    missing = project_with(tmp_path, builder={"config": "none.toml"})
    with pytest.raises(EdgebakeError, match=r"BuildKit's configuration 'none\.toml' cannot be read"):
        buildkit_config(tmp_path, missing)
    with pytest.raises(ValueError, match="has its own configuration"):
        project_with(tmp_path, builder={"driver": "remote", "nodes": {AMD64: "tcp://a:1"}, "config": "a.toml"})
