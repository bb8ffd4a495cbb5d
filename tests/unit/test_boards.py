"""Boards: the built-in ones, what is refused, and what an image gets from one."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from conftest import ProjectFolder
from edgebake.errors import EdgebakeError
from edgebake.graph.compile import compile_workspace
from edgebake.graph.ops import Env
from edgebake.load.boards import load_boards
from edgebake.load.document import load_document
from edgebake.load.validate import validate
from edgebake.load.workspace import open_workspace
from edgebake.model.board import Board

REPOSITORY = Path(__file__).parents[2]
CATALOGUE = open_workspace(Path(__file__).parent, need_project=False).catalogue
BOARDS = load_boards(CATALOGUE)

BOARD = """\
name: orin
summary: A board
memory: 8
shared_memory: true
sm: "87"
jetpacks: [6, ">=7.2"]
power_modes:
  - {name: 15W, watts: 15, default: true}
  - {name: MAXN}
runtime: {memory_fraction: "0.5", batch_size: 4, gpu_layers: 28, context: 4096}
sources: [https://example.org]
"""
TARGET = """\
name: jp6
family: jetpack
summary: A target
platforms: [linux/arm64]
base: {image: "ubuntu:22.04"}
os: ubuntu:22.04
jetpack: "6.2"
python: "3.10"
sm: ["87"]
tag_suffix: jp6
"""
PROJECT = "images:\n  app:\n    recipes: [python]\n    targets: [jp6]\n    board: orin\n"


@pytest.fixture
def board_project(project: ProjectFolder) -> ProjectFolder:
    """A project whose image is for a board of the catalogue."""
    project.catalogue({"targets/jp6.yaml": TARGET, "targets/boards/orin.yaml": BOARD})
    return project.write({"edgebake.yaml": PROJECT})


def told(call: Callable[[], Any]) -> str:
    with pytest.raises(EdgebakeError) as caught:
        call()
    return str(caught.value)


# ── the built-in boards

RUNS = {
    "jetson-nano": ["jetpack-4.6.6"],
    "jetson-xavier-nx": ["jetpack-4.6.6", "jetpack-5.1.2"],
    "jetson-agx-xavier": ["jetpack-4.6.6", "jetpack-5.1.2"],
    **{
        f"jetson-{name}": ["jetpack-5.1.2", "jetpack-6.0", "jetpack-6.1", "jetpack-6.2", "jetpack-7.2"]
        for name in (
            "orin-nano-4gb",
            "orin-nano-8gb",
            "orin-nx-8gb",
            "orin-nx-16gb",
            "agx-orin-32gb",
            "agx-orin-64gb",
        )
    },
    "jetson-thor-t5000": ["jetpack-7.0", "jetpack-7.1", "jetpack-7.2"],
    "jetson-thor-t4000": ["jetpack-7.1", "jetpack-7.2"],
}


def test_which_targets_run_on_which_board() -> None:
    targets = [CATALOGUE.target(name).target for name in CATALOGUE.target_names()]
    assert {
        name: [target.name for target in targets if not board.refusal(target)] for name, board in BOARDS.items()
    } == RUNS


@pytest.mark.parametrize("name", [name for name in BOARDS if name.endswith("gb")])
def test_a_name_with_a_size_is_the_memory(name: str) -> None:
    assert name.endswith(f"-{BOARDS[name].memory}gb")


def test_a_bigger_board_of_a_line_takes_no_less() -> None:
    line = [BOARDS[f"jetson-{name}"] for name in ("orin-nano-8gb", "orin-nx-16gb", "agx-orin-64gb", "thor-t5000")]
    for key in ("memory_fraction", "batch_size", "gpu_layers", "context"):
        values = [float(getattr(board.runtime, key)) for board in line]
        assert values == sorted(values)
        assert values[0] < values[-1]


# ── what is refused


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("sm:", "sn:", "1:1: the key 'sm' is missing"),
        ("memory: 8", "memory: 0", "3:9: memory: must be more than 0, not 0"),
        ("memory: 8", "memory: 8GB", "3:9: memory: must be a whole number, not '8GB'"),
        (
            '"0.5"',
            '"1.5"',
            "10:28: runtime.memory_fraction: '1.5' is not a fraction between 0 and 1 (0.5)",
        ),
        ("name: MAXN", "name: 15W", "9:12: power_modes[1].name: the power mode '15W' is listed twice"),
        ("name: MAXN", "name: MAXN, default: true", "7:1: power_modes: more than one power mode is the default"),
        ("[6, ", "[six, ", "6:12: jetpacks[0]: 'six' is not a version (such as 2.7.1)"),
        ("[https://example.org]", "[]", "11:1: sources: must not be empty"),
        (
            "gpu_layers:",
            "gpu_layer:",
            "10:50: unknown key 'gpu_layer' in runtime\n\nhint: did you mean 'gpu_layers'?",
        ),
    ],
)
def test_a_wrong_board_says_where(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = tmp_path / "b.yaml"
    path.write_text(BOARD.replace(old, new))
    errors = told(lambda: validate(Board, load_document(path, "b.yaml"))).split("\n\nb.yaml:")
    assert f"b.yaml:{message}" in [errors[0], *(f"b.yaml:{error}" for error in errors[1:])]


def test_a_board_named_unlike_its_file(project: ProjectFolder) -> None:
    project.write({"edgebake.yaml": "registry: localhost:5000\n", "targets/boards/nano.yaml": BOARD})
    assert told(lambda: load_boards(project.open().catalogue)) == (
        "targets/boards/nano.yaml:1:7: the board 'orin' is in a file named 'nano.yaml'\n"
        "\n"
        "hint: rename the file to orin.yaml"
    )


# ── an image for a board


def env(project: ProjectFolder) -> dict[str, str]:
    (plan,) = compile_workspace(project.open()).plans
    return plan.image.env


def test_an_image_has_the_defaults_of_its_board(board_project: ProjectFolder) -> None:
    assert env(board_project) == {
        "BOARD": "orin",
        "BOARD_BATCH_SIZE": "4",
        "BOARD_CONTEXT": "4096",
        "BOARD_GPU_LAYERS": "28",
        "BOARD_MEMORY_FRACTION": "0.5",
        "BOARD_MEMORY_GB": "8",
        "LLAMA_ARG_CTX_SIZE": "4096",
        "LLAMA_ARG_N_GPU_LAYERS": "28",
    }


def test_the_environment_of_the_image_goes_before_the_board(board_project: ProjectFolder) -> None:
    board_project.write({"edgebake.yaml": PROJECT + "    env: {BOARD_GPU_LAYERS: 99, OTHER: x}\n"})
    assert env(board_project)["BOARD_GPU_LAYERS"] == "99"
    assert env(board_project)["OTHER"] == "x"
    assert env(board_project)["BOARD"] == "orin"


def test_the_defaults_stand_in_the_dockerfile(board_project: ProjectFolder) -> None:
    compilation = compile_workspace(board_project.open())
    (image,) = (node for node in compilation.graph.of_target("jp6") if node.kind == "image")
    assert ("BOARD_GPU_LAYERS", "28") in next(
        op.values for op in image.bodies["linux/arm64"].ops if type(op) is Env
    )


def test_an_image_without_a_board_has_none_of_it(board_project: ProjectFolder) -> None:
    board_project.write({"edgebake.yaml": PROJECT.replace("    board: orin\n", "")})
    assert env(board_project) == {}


def test_a_board_of_the_project_hides_a_built_in_one(board_project: ProjectFolder) -> None:
    board_project.write({"targets/boards/orin.yaml": BOARD.replace("gpu_layers: 28", "gpu_layers: 7")})
    assert env(board_project)["BOARD_GPU_LAYERS"] == "7"


def test_an_unknown_board(board_project: ProjectFolder) -> None:
    board_project.write({"edgebake.yaml": PROJECT.replace("board: orin", "board: orinn")})
    assert told(lambda: compile_workspace(board_project.open())) == (
        "edgebake.yaml:5:12: unknown board 'orinn'\n\nhint: did you mean 'orin'?"
    )


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('jetpack: "6.2"', 'jetpack: "7.0"', "the board runs JetPack 6 or >=7.2, but jp6 is for 7.0"),
        ('sm: ["87"]', 'sm: ["72", "110"]', "the board's GPU is sm 87, but jp6 is for sm 72, 110"),
        ('jetpack: "6.2"\n', "", "the board runs JetPack, but jp6 is not a JetPack target"),
    ],
)
def test_a_target_that_does_not_run_on_the_board(
    board_project: ProjectFolder, old: str, new: str, reason: str
) -> None:
    board_project.catalogue({"targets/jp6.yaml": TARGET.replace(old, new)})
    assert told(lambda: compile_workspace(board_project.open())) == (
        f"edgebake.yaml:5:12: the target 'jp6' does not run on the board 'orin'\n  {reason}\n"
        "\n"
        "hint: use only targets that run on the board, or define another image for the others"
    )


# ── the schema

SCHEMA = REPOSITORY / "docs" / "schema" / "board.schema.json"


def test_the_committed_schema_is_the_printed_one_and_takes_the_built_in_boards() -> None:
    command = [Path(sys.executable).with_name("edgebake"), "schema", "board"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert SCHEMA.read_text(encoding="utf-8") == done.stdout, f"make it anew: edgebake schema board > {SCHEMA}"
    validator = jsonschema.Draft202012Validator(json.loads(done.stdout))
    for path in (REPOSITORY / "targets" / "boards").iterdir():
        assert list(validator.iter_errors(yaml.safe_load(path.read_text(encoding="utf-8")))) == []
