"""The example, really built for both architectures, pushed, and asked for boxes on both (arm64 under QEMU)."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from conftest import MIRROR, ROOT, Project, crane_manifest, crane_platforms, docker_run, run

EXAMPLE = ROOT / "examples/detection-service"
PICTURE = EXAMPLE / "app/testdata/three-shapes.png"
REGISTRY = "localhost:5000/e2e/detection"
PLATFORMS = {"linux/amd64": 62, "linux/arm64": 183}  # e_machine of their ELF files


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A copy of the example, baked for both platforms with its tests, and pushed."""
    root = tmp_path_factory.mktemp("detection")
    shutil.copytree(EXAMPLE, root, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".edgebake", "__pycache__"))
    project = Project(root, REGISTRY)
    project.bake("detector", "--target", "cpu", "--test", "--push")
    return project


@contextmanager
def service(image: str, platform: str) -> Iterator[str]:
    """Run the service; give its URL once it is healthy."""
    run_it = ("docker", "run", "--detach", "--pull=always", "--platform", platform)
    container = run(*run_it, "--publish", "127.0.0.1::8000", image).out.strip()
    try:
        wait_until_healthy(container)
        yield f"http://{run('docker', 'port', container, '8000').out.split()[-1]}"
    finally:
        run("docker", "stop", "--time", "20", container, check=False)
        run("docker", "rm", "--force", container, check=False)


def wait_until_healthy(container: str) -> None:
    deadline = time.monotonic() + 180
    state = ""
    while state != "running healthy":
        logs = run("docker", "logs", container, check=False)
        assert state.split()[:1] != ["exited"], f"the service ended by itself:\n{logs.out}{logs.err}"
        assert time.monotonic() < deadline, f"the service is {state} after 180 s:\n{logs.out}{logs.err}"
        time.sleep(1)
        state = run("docker", "inspect", "-f", "{{.State.Status}} {{.State.Health.Status}}", container).out.strip()


def post_picture(url: str, picture: bytes) -> dict[str, Any]:
    request = urllib.request.Request(f"{url}/detect", data=picture, headers={"Content-Type": "image/png"})
    with urllib.request.urlopen(request, timeout=60) as response:
        return json.load(response)


def test_crane_finds_exactly_the_two_platforms(example: Project) -> None:
    assert crane_platforms(example.image("detector")) == ["linux/amd64", "linux/arm64"]
    assert "manifests" in crane_manifest(example.image("detector"))


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_picture_goes_in_and_boxes_come_out(example: Project, platform: str) -> None:
    expected = json.loads((PICTURE.with_suffix(".json")).read_text())
    with service(example.image("detector"), platform) as url:
        boxes = post_picture(url, PICTURE.read_bytes())["boxes"]
        assert {box["label"] for box in boxes} == set(expected)
        for box in boxes:
            assert max(abs(a - b) for a, b in zip(box["box"], expected[box["label"]], strict=True)) < 4
        with urllib.request.urlopen(f"{url}/metrics", timeout=60) as response:
            assert b"_total" in response.read()


def test_precision_and_recall_on_held_back_pictures(example: Project) -> None:
    with service(example.image("detector"), "linux/amd64") as url:
        told = run(
            *(sys.executable, str(EXAMPLE / "evaluate.py"), url),
            *("--min-precision", "0.95", "--min-recall", "0.95"),
        )
    assert "precision" in told.out


@pytest.mark.parametrize(("platform", "machine"), PLATFORMS.items())
def test_the_image_holds_the_right_architectures_binaries(example: Project, platform: str, machine: int) -> None:
    # Read as bytes on this machine: nothing of the image runs.
    container = run(
        "docker", "create", "--platform", platform, "--pull=always", example.image("detector")
    ).out.strip()
    try:
        archive = subprocess.run(
            ["docker", "cp", f"{container}:/usr/local/lib/libedgenms.so", "-"], capture_output=True, check=True
        ).stdout
    finally:
        run("docker", "rm", container)
    elf = archive[archive.index(b"\x7fELF") :]
    assert int.from_bytes(elf[18:20], "little") == machine


def test_it_runs_as_nobody_special_and_has_no_compiler_pip_or_package_lists(example: Project) -> None:
    shell = ("--entrypoint", "bash")
    said = docker_run(
        example.image("detector"),
        "-c",
        "id -u; command -v gcc pip; find /var/lib/apt/lists /run/eb /run/secrets -type f 2>/dev/null; echo end",
        args=shell,
    )
    assert said.split() == ["10001", "end"]


def test_arm64s_native_code_is_built_with_emulation_switched_off(example: Project, no_binfmt: None) -> None:
    out = example.root / "nms-arm64"
    run(
        *("docker", "buildx", "bake", "-f", "bake/docker-bake.hcl", "detector-cpu"),
        *("--set", "detector-cpu.target=eb-nms-artifact", "--set", "detector-cpu.platform=linux/arm64"),
        *(
            "--set",
            f"detector-cpu.output=type=local,dest={out}",
            "--set",
            "detector-cpu.no-cache-filter=eb-nms-build",
        ),
        cwd=example.root,
        env={"BASE_CPU": MIRROR.split("=")[1] + ":bookworm-slim", "BUILDX_BAKE_ENTITLEMENTS_FS": "0"},
    )
    elf = (out / "lib/libedgenms.so").read_bytes()
    assert elf[:4] == b"\x7fELF"
    assert int.from_bytes(elf[18:20], "little") == PLATFORMS["linux/arm64"]


def test_a_second_bake_builds_nothing(example: Project) -> None:
    done = example.bake("detector", "--target", "cpu", "--push", "--json")
    assert [result["steps_built"] for result in done.json()["results"]] == [0, 0]
    assert "Plan: nothing to build" in example.edgebake("plan", "detector", "--target", "cpu").out
    assert Path(example.root / ".edgebake/journal.jsonl").is_file()
