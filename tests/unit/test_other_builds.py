"""The right Python package, but the wrong build: what a recipe of the catalogue installs from elsewhere on a target."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edgebake.graph.compile import compile_workspace
from edgebake.lint.run import lint
from edgebake.lint.subject import project_subject
from edgebake.load.folders import builtin_root
from integration.projects import BOARD, CATALOGUE, CPU, Project, make_project, needs

INDEX = "https://pypi.example.org/jp6"
TORCH = needs(
    "pytorch",
    "python",
    aliases=["torch"],
    releases=[
        {
            "version": "2.8.0",
            "pip": ["torch==2.8.0"],
            "variants": [
                {"when": {"family": "jetpack"}, "pip_index": [INDEX]},
                {"when": {"cuda": "none"}, "pip_index": ["https://cpu.example.org/simple"]},
            ],
        }
    ],
)
RUNTIME = needs(
    "onnxruntime",
    "python",
    aliases=["onnxruntime-gpu"],
    releases=[
        {
            "version": "1.23.0",
            "variants": [
                {"when": {"family": "jetpack"}, "pip": ["onnxruntime-gpu==1.23.0"]},
                {"when": {"cuda": "none"}, "pip": ["onnxruntime==1.23.0"]},
            ],
        }
    ],
)
WHEEL = needs(
    "jaxlike", "python", install={"pip": ["jaxlike @ https://files.example.org/jaxlike-1-py3-none-any.whl"]}
)


def project_of(folder: Path, target: str, app: dict[str, Any], *recipes: str) -> Project:
    project = make_project(folder, catalogue=[*CATALOGUE, TORCH, RUNTIME, WHEEL], targets=(CPU, BOARD))
    project.recipe(**{"name": "app", "summary": "An app", "requires": ["python"], **app})
    return project.images(app={"recipes": ["app", *recipes], "targets": [target]})


def found(project: Project) -> list[str]:
    return [one.text for one in compile_workspace(project.open()).builds]


def pip(*requirements: str, **install: Any) -> dict[str, Any]:
    return {"install": {"pip": list(requirements), **install}}


BY = "; app asks for"


@pytest.mark.parametrize(
    ("target", "requirement", "told"),
    [
        ("board-1.0", "torch<3", f"the recipe 'pytorch' installs it from {INDEX}{BY} torch<3"),
        ("cpu", "torch", f"the recipe 'pytorch' installs it from https://cpu.example.org/simple{BY} torch"),
        ("cpu", "Torch", "torch is not the build for this target"),
        ("board-1.0", "onnxruntime", f"the recipe 'onnxruntime' installs onnxruntime-gpu{BY} onnxruntime"),
        ("cpu", "jaxlike", f"the recipe 'jaxlike' installs it from files.example.org{BY} jaxlike"),
    ],
)
def test_a_package_that_a_recipe_has_another_build_of(
    tmp_path: Path, target: str, requirement: str, told: str
) -> None:
    (text,) = found(project_of(tmp_path, target, pip(requirement)))
    assert told in text
    assert "(recipes/app/recipe.json:1:" in text


@pytest.mark.parametrize(
    ("target", "app", "recipes"),
    [
        ("cpu", pip("onnxruntime"), ()),  # the recipe installs the same there
        ("board-1.0", pip("torch", pip_index=[INDEX]), ()),  # the app says itself where it comes from
        ("board-1.0", pip("torch @ https://example.org/torch-2-py3-none-any.whl"), ()),
        ("board-1.0", pip("torch"), ("pytorch",)),  # the recipe is in the image
        ("board-1.0", {**pip("onnxruntime"), "conflicts": ["onnxruntime"]}, ()),  # it cannot be
        ("board-1.0", pip("six"), ()),
    ],
)
def test_what_is_deliberate_is_none(
    tmp_path: Path, target: str, app: dict[str, Any], recipes: tuple[str, ...]
) -> None:
    assert found(project_of(tmp_path, target, app, *recipes)) == []


def test_what_comes_with_another_package_once_the_image_is_locked(tmp_path: Path) -> None:
    project = project_of(tmp_path, "board-1.0", pip("ultralytics==8.3.200"))
    assert found(project) == []
    project.lock(
        {"app": {"ultralytics==8.3.200": ["recipe:app"], "hub==1": ["ultralytics"], "torch==2.1": ["hub"]}}
    )
    (text,) = found(project)
    assert text.startswith(
        f"torch is not the build for this target: the recipe 'pytorch' installs it from {INDEX}; "
    )
    assert text.endswith("which needs hub, which needs torch")
    assert "app asks for ultralytics==8.3.200 (recipes/app/recipe.json:1:" in text


CUDA = {
    "xgboost==3": ["recipe:app"],
    "nvidia-nccl-cu12==2": ["xgboost"],
    "nvidia-cublas==13": ["nvidia-nccl-cu12"],
    "nvidia-ml-py==12": ["xgboost"],
}


def test_cuda_in_an_image_for_a_target_without_it(tmp_path: Path) -> None:
    project = project_of(tmp_path, "cpu", pip("xgboost"))
    project.lock({"app": CUDA})
    (text,) = found(project)
    assert "the target has no CUDA, and xgboost brings 2 packages of it (nvidia-cublas, …)" in text
    assert "; app asks for xgboost (recipes/app/recipe.json:1:" in text


def test_cuda_packages_that_a_recipe_asks_for_itself(tmp_path: Path) -> None:
    (text,) = found(project_of(tmp_path, "cpu", pip("nvidia-cudnn-cu12")))
    assert text.startswith(
        "the target has no CUDA, and nvidia-cudnn-cu12 is for it; app asks for nvidia-cudnn-cu12"
    )


def test_a_target_with_cuda_takes_them(tmp_path: Path) -> None:
    project = project_of(tmp_path, "board-1.0", pip("xgboost"))
    project.lock({"app": CUDA})
    assert found(project) == []


def test_plan_and_lint_show_it(tmp_path: Path) -> None:
    project = project_of(tmp_path, "cpu", pip("torch", "nvidia-cudnn-cu12"))
    notes = [str(note) for note in project.plan().compilation.notes if note.kind in ("build", "cuda")]
    told = sorted(note.split(";")[0] for note in notes)
    assert told[0] == "app on cpu: the target has no CUDA, and nvidia-cudnn-cu12 is for it"
    assert told[1].startswith(
        "app on cpu: torch is not the build for this target: the recipe 'pytorch' installs it"
    )
    assert len(told) == 2
    findings = {one.rule.id: one for one in lint(project_subject(project.open())).findings}
    assert findings["wrong-build"].severity == "error"
    assert findings["cuda-without-gpu"].severity == "warning"
    assert str(findings["wrong-build"].at).startswith("recipes/app/recipe.json:1:")


# ── the built-in catalogue

APP = {
    "name": "yoloapp",
    "summary": "An app",
    "layer": "application",
    "requires": ["python"],
    "install": {"pip": ["ultralytics==8.3.200"]},
}


def built_in(folder: Path, *targets: str, **app: Any) -> Project:
    folder.joinpath("project").mkdir()
    project = Project(folder / "project", builtin_root())
    return project.recipe(**{**APP, **app}).images(yolo={"recipes": ["yoloapp"], "targets": list(targets)})


def test_torch_without_cuda_on_jetpack(tmp_path: Path) -> None:
    """The case torch-cpu-on-jetson."""
    pip = ["ultralytics==8.3.200", "torch<2.7", "numpy<2"]
    first, second = found(built_in(tmp_path, "jetpack-6.2", "jetpack-5.1.2", install={"pip": pip}))
    assert first.startswith(
        "torch is not the build for this target: the recipe 'pytorch' installs it from developer."
    )
    assert second.startswith(
        "torch is not the build for this target: the recipe 'pytorch' installs it from https://pypi.jetson-ai-lab.io/"
    )
    assert "; yoloapp asks for torch<2.7 (recipes/yoloapp/recipe.json:1:" in first


def test_torch_with_cuda_on_cpu(tmp_path: Path) -> None:
    """The case torch-cuda-on-cpu."""
    project = built_in(tmp_path, "cpu", "cuda-12.6", "jetpack-6.2")
    packages = {
        "ultralytics==8.3.200": [],
        "torch==2.9.1": ["ultralytics", "torchvision"],
        "torchvision==0.24.1": ["ultralytics"],
        "nvidia-cudnn-cu12==9.10": ["torch"],
        "nvidia-cublas-cu12==12.8": ["nvidia-cudnn-cu12"],
    }
    project.lock({"yoloapp": packages})
    told = [note for note in compile_workspace(project.open()).notes if note.kind in ("build", "cuda")]
    named = [(note.target, note.text.split(";")[0].split(" installs it from ")[0]) for note in told]
    wrong = "is not the build for this target: the recipe"
    assert named == [
        ("cpu", f"torch {wrong} 'pytorch'"),
        ("cpu", f"torchvision {wrong} 'torchvision'"),
        ("cpu", "the target has no CUDA, and torch brings 2 packages of it (nvidia-cublas-cu12, …)"),
        *(
            (target, f"{package} {wrong} {recipe!r}")
            for target in ("cuda-12.6", "jetpack-6.2")
            for package, recipe in (("torch", "pytorch"), ("torchvision", "torchvision"))
        ),
    ]
