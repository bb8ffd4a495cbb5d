"""Which image a machine gets: `autotag_cases.yaml`, and what each rule stands on."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from edgebake.cli.format.autotag import data
from edgebake.cli.format.autotag import text as printed_text
from edgebake.host.autotag import Answer
from edgebake.host.built import Built, for_target, from_config, from_tag
from edgebake.host.candidate import Candidate, is_key, judged
from edgebake.host.detect import detect
from edgebake.host.files import Files
from edgebake.host.fit import alternatives_that_hold, judge
from edgebake.host.machine import Machine
from edgebake.host.match import board_of
from edgebake.host.remote import Cache, Repertoire, Shown, cache_folder
from edgebake.host.wanted import known_targets, target_to_build, wanted
from edgebake.load.boards import load_boards
from edgebake.load.workspace import open_workspace
from edgebake.model.labels import target_labels

HERE = Path(__file__).parent
MACHINES = HERE.parent / "machines"
CASES = yaml.safe_load((HERE / "autotag_cases.yaml").read_text())["cases"]
WORKSPACE = open_workspace(MACHINES, need_project=False)
TARGETS = known_targets(WORKSPACE)
BOARDS = list(load_boards(WORKSPACE.catalogue).values())


def machine_of(case: dict[str, Any], folder: Path) -> Machine:
    root = shutil.copytree(MACHINES / case["machine"], folder / "machine", symlinks=True)
    files = dict(case.get("files", {}))
    if "driver" in case:
        files["proc/driver/nvidia/version"] = (
            f"NVRM version: NVIDIA UNIX x86_64 Kernel Module  {case['driver']}  Thu\n"
        )
    if "gpu" in case:
        files["proc/driver/nvidia/gpus/0000:01:00.0/information"] = f"Model: \t\t {case['gpu']}\nIRQ:   \t\t 1\n"
    for path, text in files.items():
        assert (root / path).exists(), f"{case['machine']} has no {path}"
        if text is None:
            (root / path).unlink()
        else:
            (root / path).write_text(text)
    return detect(Files(root))


def candidate(tag: str, image: str | dict[str, Any], platform: str | None) -> Candidate:
    """Return an image as a registry or engine shows it: by labels and environment, nothing else."""
    if isinstance(image, str):
        image = {} if image == "unlabelled" else {"target": image}
    labels: dict[str, str] = {}
    platforms = tuple(image.get("platforms", [platform] if platform else []))
    if "target" in image:
        target = TARGETS[image["target"]]
        labels = target_labels(target)
        labels |= {f"dev.edgebake.{name}": str(value) for name, value in image.get("labels", {}).items()}
        platforms = tuple(image.get("platforms", target.platforms))
    variables = {"NVIDIA_REQUIRE_CUDA": image.get("require"), "BOARD": image.get("board")}
    environment = tuple(f"{name}={value}" for name, value in variables.items() if value)
    built = from_config(labels, environment, platforms, tag, TARGETS)
    return Candidate(f"r/i:{tag}", built, image.get("local", False), image.get("created", ""), {}, environment)


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_a_machine_gets_the_right_image(case: dict[str, Any], tmp_path: Path) -> None:
    machine = machine_of(case, tmp_path)
    board = board_of(machine, BOARDS)
    found = judged(
        [candidate(tag, image, machine.platform) for tag, image in case["has"].items()],
        machine,
        board.name if board else None,
    )
    taken = found[0].candidate.tag if found[0].verdict.fits else "none"
    assert taken == case["takes"], [(one.candidate.tag, one.verdict.refusal) for one in found]
    refusals = {one.candidate.tag: one.verdict.refusal for one in found if not one.verdict.fits}
    assert sorted(refusals) == sorted(case.get("refuses", {}))
    for tag, words in case.get("refuses", {}).items():
        assert words in refusals[tag]


VENDORS = (
    "https://docs.nvidia.com/",
    "https://developer.nvidia.com/",
    "https://github.com/NVIDIA/",
    "https://github.com/opencontainers/",
    "https://github.com/dusty-nv/jetson-containers/",  # by NVIDIA's own engineer; its threads have boards' logs
)


def test_the_table_is_large_and_every_case_says_where_it_comes_from() -> None:
    assert len(CASES) >= 70
    assert len({case["name"] for case in CASES}) == len(CASES)
    other = {case["from"] for case in CASES if not case["from"].startswith(VENDORS)}
    assert other == {"https://github.com/NixOS/nixpkgs/issues/530931"}  # what real boards with JetPack 7.2 showed


def test_the_files_of_every_machine_in_the_table_have_a_source() -> None:
    rows = (MACHINES / "README.md").read_text()
    assert [name for name in {case["machine"] for case in CASES} if f"`{name}`" not in rows] == []


@pytest.mark.parametrize(
    ("machine", "image", "taken"),
    [
        ("jetson-orin-nano-jp6.2", "a-cu128", "none"),  # CUDA 12.8 on 24.04; CUDA 12.6 on 22.04
        ("pc-no-gpu", "a-cpu", "none"),  # arm64; a PC
        ("jetson-agx-orin-jp6.0", "a-jp6.2-cu126", "a-jp6.0-cu122"),  # L4T 36.4; L4T 36.3
        ("jetson-orin-nano-jp6.2", "a-jp6.0-cu122", "a-jp6.0-cu122"),  # L4T 36.3; L4T 36.4
        ("jetson-orin-nano-jp6.2", "a-cu126-sbsa", "none"),  # SBSA before CUDA 13; Tegra
        ("dgx-spark", "a-jp6.2-cu126", "none"),  # Tegra before CUDA 13; SBSA
    ],
)
def test_the_cases_that_matter_most_are_in_the_table(machine: str, image: str, taken: str) -> None:
    assert any(case["machine"] == machine and image in case["has"] and case["takes"] == taken for case in CASES)


@pytest.mark.parametrize("name", sorted(path.name for path in MACHINES.iterdir() if path.is_dir()))
@pytest.mark.parametrize("target", sorted(TARGETS))
def test_every_rule_but_one_has_a_source(name: str, target: str) -> None:
    verdict = judge(for_target(TARGETS[target]), detect(Files(MACHINES / name)))
    unknown = {reason.rule for reason in verdict.reasons if not reason.source}
    assert unknown <= {"architecture"}
    assert verdict.fits or verdict.refusal


# ── what an image was built for


def test_labels_of_a_target_say_all_that_the_target_says() -> None:
    for target in TARGETS.values():
        built = from_config(target_labels(target), [], target.platforms, "x", {})
        assert built == for_target(target, "labels")


def test_an_image_from_before_the_labels_is_its_target_s() -> None:
    built = from_config({"dev.edgebake.target": "jetpack-6.2"}, [], ("linux/arm64",), "x", TARGETS)
    assert (built.source, built.l4t) == ("the label dev.edgebake.target", "36.4.3")
    unknown = from_config({"dev.edgebake.target": "gone"}, [], ("linux/arm64",), "x", TARGETS)
    assert unknown == Built(platforms=("linux/arm64",))


def test_the_longest_ending_of_a_tag_counts() -> None:
    assert from_tag("v1-runpod-cu118", TARGETS).target == "runpod-cuda-11.8"
    assert from_tag("cpu", TARGETS).target == "cpu"
    assert from_tag("v1-xcpu", TARGETS) == Built()


def test_labels_without_sense_are_no_facts() -> None:
    labels = {"dev.edgebake.target": "x", "dev.edgebake.os": "plan9", "dev.edgebake.cuda": "twelve; rm -rf /"}
    built = from_config(labels, [], (), "x", TARGETS)
    assert (built.cuda, built.glibc) == (None, None)


@pytest.mark.parametrize("tag", ["cpu-arm64-3279c8527f244284", f"sha256-{'0' * 64}.sig"])
def test_a_key_is_no_tag_that_somebody_declared(tag: str) -> None:
    assert is_key(tag)
    assert not is_key("v1-jp6.2-cu126")


# ── NVIDIA_REQUIRE_CUDA


@pytest.mark.parametrize(
    ("require", "holds"),
    [
        ("cuda>=12.4", True),
        ("cuda>=12.10", False),
        ("cuda>=13.0 brand=tesla,driver>=550,driver<551", True),
        ("cuda>=13.0 brand=tesla,driver>=550,driver<550", False),
        ("cuda>=13.0 brand=geforce,driver>=550", False),
        ("brand!=geforce", True),
        ("arch<8.6", True),
        ("arch=8.0", True),
        ("nonsense", False),
        ("cuda>=x", False),
        ("cuda>=13.0,driver>=1", False),
    ],
)
def test_requirements(require: str, holds: bool) -> None:
    properties = {"cuda": "12.6", "driver": "550.54.15", "brand": "tesla", "arch": "8.0"}
    assert bool(alternatives_that_hold(require, properties)) is holds
    assert alternatives_that_hold(require, {}) == []


# ── doubts


def test_an_image_that_sources_disagree_about_is_taken_with_a_word() -> None:
    board = detect(Files(MACHINES / "jetson-orin-nano-jp6.2"))
    older, own = (candidate(name, name, "linux/arm64") for name in ("jetpack-6.0", "jetpack-6.2"))
    (doubt,) = Answer(tuple(judged([older], board, None))).doubts
    assert "it is for L4T 36.3.0, and the board has 36.4.3" in doubt
    assert Answer(tuple(judged([older, own], board, None))).doubts == Answer(()).doubts == ()


# ── names, and what to build


@pytest.mark.parametrize(
    ("machine", "target"),
    [
        ("jetson-orin-nano-jp6.2", "jetpack-6.2"),
        ("jetson-agx-orin-jp6.0", "jetpack-6.0"),
        ("jetson-nano-jp4.6.4", "jetpack-4.6.6"),
        ("jetson-agx-thor-jp7.0", "jetpack-7.0"),
        ("jetson-orin-nano-jp5.1.1", "jetpack-5.1.2"),
        ("pc-rtx3090", "cuda-12.4"),
        ("pc-no-gpu", "cpu"),
        ("unknown", None),
    ],
)
def test_what_is_built_is_the_nearest_target(machine: str, target: str | None) -> None:
    this = wanted("python", WORKSPACE)
    assert target_to_build(this, WORKSPACE, detect(Files(MACHINES / machine))) == target


def test_a_recipe_without_a_release_for_the_board_s_gpu_is_built_for_its_cpu() -> None:
    nano = detect(Files(MACHINES / "jetson-nano-jp4.6.4"))
    assert target_to_build(wanted("pytorch", WORKSPACE), WORKSPACE, nano) == "cpu"


@pytest.mark.parametrize(
    ("text", "repository", "tag"),
    [
        ("pytorch", "localhost:5000/pytorch", ""),
        ("ghcr.io/acme/robot", "ghcr.io/acme/robot", ""),
        ("localhost:5000/robot", "localhost:5000/robot", ""),
        ("localhost:5000/robot:v1", "localhost:5000/robot", ":v1"),
        ("robot:v1", "robot", ":v1"),
        ("robot@sha256:00", "robot", "@sha256:00"),
    ],
)
def test_names(text: str, repository: str, tag: str) -> None:
    this = wanted(text, WORKSPACE)
    assert (this.repository, this.tag) == (repository, tag)
    assert wanted("pytorch", WORKSPACE, "ghcr.io/acme/").repository == "ghcr.io/acme/pytorch"


# ── answers that are kept


def test_an_answer_is_kept_for_its_time_and_no_longer(tmp_path: Path) -> None:
    answer = Repertoire((Shown("r/i:t", ("linux/arm64",), {"a": "b"}, ("BOARD=x",), "2026"),), 3)
    cache = Cache(tmp_path / "cache")
    assert cache.get("key") is None
    cache.put("key", answer)
    assert cache.get("key") == answer
    assert cache.get("other") is None
    assert Cache(tmp_path / "cache", lifetime=0).get("key") is None
    assert (tmp_path / "cache").stat().st_mode & 0o077 == 0
    (file,) = (tmp_path / "cache").iterdir()
    for damaged in (b"", b"[]", b"{}", b'{"shown": [{}], "left_out": 0}', b"\xff"):
        file.write_bytes(damaged)
        assert cache.get("key") is None


def test_where_nothing_can_be_kept_nothing_is(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for cache in (Cache(None), Cache(tmp_path / "file")):
        cache.put("key", Repertoire(()))
        assert cache.get("key") is None


# ── what is printed


def test_candidates_are_printed_with_the_result_of_every_rule() -> None:
    machine = detect(Files(MACHINES / "pc-no-gpu"))
    images = [
        Candidate("r/i:a", for_target(TARGETS["cpu"]), True, "2026-01-01T00:00:00Z"),
        Candidate("r/i:b", Built(platforms=("linux/arm64",)), False),
    ]
    answer = Answer(tuple(judged(images, machine, None)), ("a note",))
    lines = printed_text(answer).splitlines()
    assert lines[:2] == ["note: a note", "1. r/i:a (here): fits, exact; known by target"]
    assert lines[3] == "2. r/i:b (registry): does not fit; known by nothing"
    printed = data(answer)
    assert (printed.reference, printed.notes) == ("r/i:a", ["a note"])
    fits, other = printed.candidates
    assert (fits.grade, fits.target, fits.created) == ("exact", "cpu", "2026-01-01T00:00:00Z")
    assert (other.grade, other.target, other.created, other.known_by) == (None, None, None, None)
    assert other.reasons[0].source is None
    assert data(Answer(answer.judged[1:])).reference is None


@pytest.mark.parametrize(
    ("environment", "folder"),
    [
        ({"XDG_CACHE_HOME": "/cache"}, Path("/cache/edgebake/registry")),
        ({"XDG_CACHE_HOME": "relative"}, Path.home() / ".cache/edgebake/registry"),
        ({}, Path.home() / ".cache/edgebake/registry"),
    ],
)
def test_answers_of_registries_are_kept_in_the_users_cache(environment: dict[str, str], folder: Path) -> None:
    assert cache_folder(environment) == folder
