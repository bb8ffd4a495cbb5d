"""`edgebake why` and `edgebake graph` from the command line, on the built-in catalogue and the example."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
EXAMPLE = REPOSITORY / "examples" / "detection-service"
DOCS = (REPOSITORY / "docs" / "explore.md").read_text(encoding="utf-8")


def run(folder: Path, *args: str, seed: str = "0") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "edgebake", *args]
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, env=environment)


def test_why_of_a_projects_image_names_each_place() -> None:
    done = run(EXAMPLE, "why", "detector", "numpy", "--target", "jetpack-6.2")
    assert (done.returncode, done.stderr) == (0, "")
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert lines[0] == "detector · jetpack-6.2 (linux/arm64)"
    assert "└─ numpy app/recipe.yaml:7" in lines
    assert any(line.startswith("├─ numpy>=1.21.6 builtin:recipes/ml/onnxruntime/recipe.yaml:") for line in lines)
    assert any(line.startswith("not 2.2.6 onnxruntime 1.23.0 needs numpy<2 (builtin:") for line in lines)


def test_why_of_recipes_without_a_project(tmp_path: Path) -> None:
    done = run(tmp_path, "why", "pytorch", "numpy", "-t", "jetpack-6.2", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    data = json.loads(done.stdout)
    assert (data["version"], data["recipe"]) == (1, "numpy")
    (answer,) = data["answers"]
    assert (answer["status"], answer["release"]["reason"]) == ("installed", "narrowed")
    first = answer["paths"][0]
    assert [step["to"] for step in first] == ["pytorch", "numpy"]
    assert first[0]["asks"][0]["at"] is None
    assert first[1]["asks"][0]["at"]["file"] == "builtin:recipes/ml/pytorch/recipe.yaml"
    assert list(tmp_path.iterdir()) == []


def test_why_of_what_is_not_there_is_a_failed_check() -> None:
    done = run(EXAMPLE, "why", "detector", "pytorch", "--target", "cpu")
    assert done.returncode == 3
    assert done.stdout.splitlines()[1:] == ["  pytorch is not in the image"]
    assert done.stderr.startswith(
        "\nhint: add 'pytorch' to `recipes` of the image 'detector'\nhint: recipes that require"
    )
    done = run(EXAMPLE, "why", "detector", "cuda")  # it is there on one of the targets
    assert (done.returncode, "cpu has no cuda" in done.stdout) == (0, True)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (
            ["why", "numpy"],
            "error: missing argument 'IMAGE|RECIPE'",
        ),
        (["why", "detector", "numpyy"], "error: unknown recipe 'numpyy'"),
        (["why", "detektor", "numpy"], "error: unknown image or recipe 'detektor'"),
        (
            ["why", "detector", "numpy>=2"],
            "error: 'numpy>=2' names a release; the last argument is a recipe's name only",
        ),
        (["why", "detector", "numpy", "-t", "cpuu"], "error: no selected image is for the target 'cpuu'"),
        (["graph", "detector", "-t", "cpuu"], "error: no selected image is for the target 'cpuu'"),
        (["graph", "--format", "png"], "error: invalid value for '--format'"),
    ],
)
def test_mistakes_are_told(args: list[str], message: str) -> None:
    done = run(EXAMPLE, *args)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(message)


@pytest.mark.parametrize("args", [[], ["--recipes"]])
@pytest.mark.parametrize("language", ["mermaid", "dot", "json"])
def test_a_graph_is_the_same_text_each_time(args: list[str], language: str) -> None:
    first, second = (run(EXAMPLE, "graph", *args, "--format", language, seed=seed) for seed in ("1", "2"))
    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout == second.stdout
    start = {"mermaid": "flowchart LR\n", "dot": "digraph edgebake {\n", "json": '{\n  "version": 1,\n'}
    assert first.stdout.startswith(start[language])


def test_a_graph_of_recipes_without_a_project(tmp_path: Path) -> None:
    done = run(tmp_path, "graph", "onnxruntime", "-t", "cpu", "--recipes", "--format", "json")
    edges = {(edge["from"], edge["label"]) for edge in json.loads(done.stdout)["edges"]}
    assert ("cpu/image:onnxruntime", "") in edges
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("more", [["--target", "cpu"], ["--target", "jetpack-6.2", "--recipes"]])
def test_the_docs_show_real_graphs(more: list[str]) -> None:
    text = run(EXAMPLE, "graph", "detector", *more).stdout
    assert f"```mermaid\n{text}```" in DOCS
