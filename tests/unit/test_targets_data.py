"""The built-in targets: their facts fit together, and what lies beside them is no target."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgebake.load.workspace import open_workspace
from edgebake.model.target import Target
from edgebake.resolve.candidates import CandidatePool

CATALOGUE = open_workspace(Path(__file__).parent, need_project=False).catalogue
TARGETS = {name: CATALOGUE.target(name).target for name in CATALOGUE.target_names()}
JETPACKS = ["4.6.6", "5.1.2", "6.0", "6.1", "6.2", "7.0", "7.1", "7.2"]
SERVERS = ["11.1", "11.8", "12.4", "12.6", "12.8", "13.0"]
ARM_SERVERS = ["12.6", "12.8", "13.0"]
PYTHONS = {"debian:12": "3.11", "ubuntu:18.04": "3.6", "ubuntu:20.04": "3.8", "ubuntu:22.04": "3.10", "ubuntu:24.04": "3.12"}  # fmt: skip


def jetson(version: str) -> Target:
    return TARGETS[f"jetpack-{version}"]


def test_the_targets_are_these() -> None:
    wanted = {"cpu"} | {f"jetpack-{version}" for version in JETPACKS}
    wanted |= {f"cuda-{version}" for version in SERVERS} | {f"cuda-{version}-sbsa" for version in ARM_SERVERS}
    assert set(TARGETS) == wanted | {"runpod-cuda-11.8"}


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_facts_fit_together(target: Target) -> None:
    assert target.python == PYTHONS[target.os]
    assert set(target.base.provides) <= {
        name for name in ("cuda", "cudnn", "tensorrt", "python") if target.version(name)
    }
    assert list(target.sm) == sorted(target.sm, key=int)
    gpu = (target.cuda, target.cudnn, target.cuda_flavour, target.memory, target.driver, target.sm)
    assert all(gpu) or not any(gpu)


def test_a_tag_suffix_is_had_once() -> None:
    assert len({target.tag_suffix for target in TARGETS.values()}) == len(TARGETS)


@pytest.mark.parametrize("version", JETPACKS)
def test_a_jetson(version: str) -> None:
    target = jetson(version)
    assert (target.jetpack, target.family, target.memory) == (version, "jetpack", "shared")
    assert target.platforms == ("linux/arm64",)
    assert target.is_tegra
    assert target.l4t
    assert target.tensorrt
    major = int(version.split(".")[0])
    assert target.cuda_flavour == ("sbsa" if major >= 7 else "tegra")
    assert target.host_libraries == (major == 4)


def test_the_line_of_l4t_is_that_of_the_jetpack() -> None:
    lines = {version: (jetson(version).l4t or "").split(".")[0] for version in JETPACKS}
    assert lines == {
        "4.6.6": "32",
        "5.1.2": "35",
        "6.0": "36",
        "6.1": "36",
        "6.2": "36",
        "7.0": "38",
        "7.1": "38",
        "7.2": "39",
    }


def test_thor_is_sm_110_and_orin_joins_it_with_jetpack_7_2() -> None:
    assert jetson("7.0").sm == jetson("7.1").sm == ("110",)
    assert jetson("7.2").sm == ("87", "110")


@pytest.mark.parametrize("version", SERVERS)
def test_a_server_is_amd64_with_cuda_in_the_base_image(version: str) -> None:
    target = TARGETS[f"cuda-{version}"]
    assert (target.cuda, target.family, target.cuda_flavour, target.memory) == (version, "cuda", "x86", "discrete")
    assert target.platforms == ("linux/amd64",)
    assert target.base.provides == ("cuda", "cudnn")
    assert target.base.image.startswith(f"nvidia/cuda:{version}.")
    assert target.base.image.endswith(target.os.replace(":", ""))


@pytest.mark.parametrize("version", ARM_SERVERS)
def test_an_arm_server_differs_from_the_amd64_one_in_what_its_architecture_decides(version: str) -> None:
    arm, amd = TARGETS[f"cuda-{version}-sbsa"], TARGETS[f"cuda-{version}"]
    assert (arm.family, arm.cuda_flavour, arm.platforms) == ("sbsa", "sbsa", ("linux/arm64",))
    own = {"name", "family", "summary", "platforms", "cuda_flavour", "tag_suffix"}
    assert arm.model_dump(exclude=own) == amd.model_dump(exclude=own)


@pytest.mark.parametrize("name", ["cuda", "cudnn", "tensorrt"])
def test_jetpack_4_takes_its_libraries_from_the_host(name: str) -> None:
    target = jetson("4.6.6")
    (candidate,) = CandidatePool(CATALOGUE, target, "linux/arm64").candidates(name)
    assert candidate.loaded is None
    assert (candidate.version, candidate.note) == (getattr(target, name), "mounted from the host")


def test_data_beside_the_targets_is_no_target() -> None:
    assert not {"boards", "compatibility", "jetson-nano", "pytorch"} & set(TARGETS)
    assert CATALOGUE.target_data("boards", "board")


def test_runpods_image_has_a_pytorch_that_takes_no_other_beside_it() -> None:
    target = TARGETS["runpod-cuda-11.8"]
    assert target.family == "runpod"

    def newest(name: str, profile: Target) -> str:
        return CandidatePool(CATALOGUE, profile, "linux/amd64").candidates(name)[0].version

    assert {c.version for c in CandidatePool(CATALOGUE, target, "linux/amd64").candidates("pytorch")} == {"2.1.0"}
    assert newest("pytorch", target.with_python("3.11")) == newest("pytorch", TARGETS["cuda-11.8"]) == "2.7.1"
