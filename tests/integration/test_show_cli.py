"""`edgebake show` from the command line: recipes, targets and images, as text and as JSON."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).parents[2]
EXAMPLE = REPOSITORY / "examples" / "detection-service"


def shown(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "edgebake", "show", *args]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)


def data(folder: Path, *args: str) -> dict[str, Any]:
    done = shown(folder, *args, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert found.pop("version") == 1
    return {kind: value for kind, value in found.items() if value is not None}


def field(text: str, name: str) -> str:
    """Return a field's value in the text."""
    return next(
        line.strip().removeprefix(name).strip() for line in text.splitlines() if line.strip().startswith(name)
    )


def test_a_recipe_by_its_alias_with_who_needs_it_and_its_proof(tmp_path: Path) -> None:
    done = shown(tmp_path, "cv2")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("opencv (recipe): ")
    assert field(done.stdout, "file") == "builtin:recipes/cv/opencv/recipe.yaml"
    assert "ultralytics" in field(done.stdout, "needed by").split(", ")
    assert "cpu amd64" in field(done.stdout, "proof")
    assert list(tmp_path.iterdir()) == []


def test_a_recipes_releases_on_a_target_say_what_they_need(tmp_path: Path) -> None:
    recipe = data(tmp_path, "onnxruntime", "--target", "jetpack-6.2")["recipe"]
    releases = {one["version"]: one for one in recipe["releases"]}
    assert releases["1.23.0"]["platforms"] == ["linux/arm64"]
    assert releases["1.31.1"]["platforms"] == []
    assert releases["1.31.1"]["needs"] == {"linux/arm64": "python >=3.11 (it is 3.10)"}
    text = shown(tmp_path, "onnxruntime", "--target", "jetpack-6.2").stdout
    assert "    1.31.1  not available: needs python >=3.11 (it is 3.10)\n" in text


def test_a_fact_of_the_target_rules_out_other_releases(tmp_path: Path) -> None:
    releases = {one["version"]: one for one in data(tmp_path, "python", "-t", "cpu")["recipe"]["releases"]}
    assert releases["3.11"]["needs"] == {}
    assert releases["3.12"]["needs"]["linux/amd64"] == "an image that asks for it (python:3.12)"
    assert releases["3.6"]["needs"]["linux/amd64"] == "python 3.6, and cpu has 3.11"


def test_a_recipes_releases_as_its_file_has_them(tmp_path: Path) -> None:
    recipe = data(tmp_path, "onnxruntime")["recipe"]
    newest = recipe["releases"][0]
    assert newest["when"] == {"python": [">=3.11"]}
    assert newest["variants"][1]["requires"] == ["cuda", "cudnn>=9"]
    assert {"recipe": "piper", "kind": "run"}.items() <= next(
        one for one in recipe["needed_by"] if one["recipe"] == "piper"
    ).items()


def test_a_target_with_its_boards_and_the_projects_images_on_it() -> None:
    target = data(EXAMPLE, "jetpack-6.2")["target"]
    assert (target["cuda"], target["jetpack"], target["sm"]) == ("12.6", "6.2", ["87"])
    assert "jetson-orin-nano-8gb" in target["boards"]
    assert target["images"] == ["detector"]
    assert field(shown(EXAMPLE, "jetpack-6.2").stdout, "base image") == "ubuntu:22.04"


def test_an_image_with_its_tags_and_recipes_by_target() -> None:
    image = data(EXAMPLE, "detector")["image"]
    assert [one["target"] for one in image["targets"]] == ["cpu", "cuda-12.8", "jetpack-6.2"]
    cpu = image["targets"][0]
    assert cpu["tags"] == ["${TAG}-cpu"]
    names = [row["name"] for row in cpu["recipes"]]
    assert names.index("python") < names.index("numpy") < names.index("detection-app")
    assert [one["target"] for one in data(EXAMPLE, "detector", "-t", "cuda-*")["image"]["targets"]] == ["cuda-12.8"]


def test_all_that_has_the_name_is_shown_and_a_function_of_the_target_is_named(tmp_path: Path) -> None:
    (tmp_path / "edgebake.yaml").write_text("images: {cpu: {recipes: [cpu], targets: [cpu]}}\n")
    (tmp_path / "recipes/cpu").mkdir(parents=True)
    (tmp_path / "recipes/cpu/recipe.py").write_text(
        "from edgebake.model.recipe import Recipe, Release\n\n\n"
        "def releases(target):\n    return [Release(version='2.0')]\n\n\n"
        "recipe = Recipe(name='cpu', summary='One', releases=releases)\n"
    )
    assert list(data(tmp_path, "cpu")) == ["image", "target", "recipe"]
    text = shown(tmp_path, "cpu").stdout
    heads = [line.split(":")[0] for line in text.splitlines() if line and not line.startswith(" ")]
    assert heads == ["cpu (image)", "cpu (target)", "cpu (recipe)"]
    assert "releases: computed for each target; name one with --target" in text
    assert data(tmp_path, "cpu", "-t", "cpu")["recipe"]["releases"][0]["version"] == "2.0"


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["numpyy"], "error: 'numpyy' is not a recipe, a target or an image\n\nhint: did you mean 'numpy'?\n"),
        (
            ["jetpack-6.3"],
            "error: 'jetpack-6.3' is not a recipe, a target or an image\n\nhint: did you mean 'jetpack-6.",
        ),
        (["numpy", "-t", "cpuu"], "error: unknown target 'cpuu'\n\nhint: did you mean 'cpu'?\n"),
    ],
)
def test_an_unknown_name_is_told(tmp_path: Path, args: list[str], message: str) -> None:
    done = shown(tmp_path, *args)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(message)


def test_a_name_that_recipes_provide(tmp_path: Path) -> None:
    (tmp_path / "edgebake.yaml").write_text("recipes: [own]\n")
    (tmp_path / "own/openblas").mkdir(parents=True)
    (tmp_path / "own/openblas/recipe.json").write_text(
        json.dumps({"name": "openblas", "summary": "One", "group": "own", "provides": ["some-blas"]})
    )
    done = shown(tmp_path, "some-blas")
    message = "error: 'some-blas' is not a recipe, but recipes provide it\n\nhint: 'openblas' provides it\n"
    assert (done.returncode, done.stderr) == (2, message)
