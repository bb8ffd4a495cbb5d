"""The driving models: each is planned with the releases that it documents, and nowhere else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
TARGET = "cuda-11.1"
MODELS = {
    "maptr": ["pytorch 1.9.1", "torchvision 0.10.1", "mmcv 1.4.0", "mmdet 2.14.0", "mmsegmentation 0.14.1", "mmdet3d 0.17.2+maptr"],
    "petr": ["pytorch 1.9.0", "torchvision 0.10.0", "mmcv 1.4.0", "mmdet 2.24.1", "mmsegmentation 0.20.2", "mmdet3d 0.17.1"],
    "streampetr": ["pytorch 1.9.0", "torchvision 0.10.0", "mmcv 1.6.0", "mmdet 2.28.2", "mmsegmentation 0.30.0", "mmdet3d 1.0.0rc6"],
    "topomlp": ["pytorch 1.9.1", "torchvision 0.10.1", "mmcv 1.5.2", "mmdet 2.26.0", "mmsegmentation 0.29.1", "mmdet3d 1.0.0rc6"],
    "vad": ["pytorch 1.9.1", "torchvision 0.10.1", "mmcv 1.4.0", "mmdet 2.14.0", "mmsegmentation 0.14.1", "mmdet3d 0.17.1"],
}  # fmt: skip
ELSEWHERE = ["cuda-11.8", "runpod-cuda-11.8", "cuda-12.8", "jetpack-6.2", "cpu"]


def run(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "edgebake", *args]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)


def image_of(model: str, folder: Path) -> str:
    """Return the image's last stage and all that it stands on, as the compiled Dockerfile has them."""
    project = f"images:\n  car: {{recipes: [{model}], targets: [{TARGET}]}}\n"
    (folder / "edgebake.yaml").write_text("registry: localhost:5000\n" + project)
    assert run(folder, "compile").returncode == 0
    return (folder / "bake" / TARGET / "Dockerfile").read_text()


@pytest.mark.parametrize("model", MODELS)
def test_a_model_is_planned_with_the_releases_that_it_documents(model: str, tmp_path: Path) -> None:
    done = run(tmp_path, "plan", model, "--target", TARGET)
    assert (done.returncode, done.stderr) == (0, "")
    planned = [line.removeprefix("  + ") for line in done.stdout.splitlines() if line.startswith("  + ")]
    for one in [*MODELS[model], "driving-runner", model]:
        assert any(line.startswith(f"{one} ") for line in planned), one


def test_a_base_image_of_another_cuda_is_refused(tmp_path: Path) -> None:
    done = run(tmp_path, "plan", "maptr", "--target", "runpod-cuda-11.8")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "error: image 'maptr' cannot have maptr on runpod-cuda-11.8 (linux/amd64)\n"
        "  maptr needs pytorch==1.9.1\n"
        "  runpod-cuda-11.8 has only pytorch 2.1.0, because 1.9.1 needs cuda 11.1 (it is 11.8) and python 3.8 (it is 3.10)\n"
        "\n"
        "hint: maptr works on: cuda-11.1\n"
    )


@pytest.mark.parametrize(("model", "target"), list(zip(MODELS, ELSEWHERE, strict=True)))
def test_it_says_where_it_works(model: str, target: str, tmp_path: Path) -> None:
    done = run(tmp_path, "plan", model, "--target", target)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: image '{model}' cannot have {model} on {target} (")
    assert done.stderr.endswith(f"\nhint: {model} works on: {TARGET}\n")


def test_a_target_that_lies_about_its_base_image_is_found(tmp_path: Path) -> None:
    text = (REPOSITORY / "targets" / f"{TARGET}.yaml").read_text()
    base = "nvidia/cuda:11.1.1-cudnn8-runtime-ubuntu20.04"
    assert base in text
    text = text.replace(base, "nvidia/cuda:11.8.0-cudnn8-runtime-ubuntu20.04")
    text = text.replace(f"name: {TARGET}", "name: mine").replace("tag_suffix: cu111", "tag_suffix: mine")
    (tmp_path / "targets").mkdir()
    (tmp_path / "targets/mine.yaml").write_text(text)
    project = "targets: [./targets]\nimages:\n  car: {recipes: [maptr], targets: [mine]}\n"
    (tmp_path / "edgebake.yaml").write_text("registry: localhost:5000\n" + project)
    done = run(tmp_path, "lint")
    assert done.returncode == 3
    assert "[cuda-mismatch]" in done.stdout, done.stdout


@pytest.mark.parametrize("model", MODELS)
def test_weights_are_mounted_and_the_user_is_not_root(model: str, tmp_path: Path) -> None:
    text = image_of(model, tmp_path)
    final = text[text.index("AS car\n") :]
    assert '\nVOLUME ["/checkpoints", "/work"]\n' in final
    assert "\nUSER app\n" in final
    assert '\nCMD ["driving-infer"]\n' in final
    assert not [line for line in text.splitlines() if line.startswith(("ADD", "COPY")) and ".pth" in line]
