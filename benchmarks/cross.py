#!/usr/bin/env python3
"""arm64 on another machine: emulated, against wheels fetched and C++ compiled on the build platform.

    python benchmarks/cross.py [--quick] [--pairs wheels,cpp] [--rounds 3] [--keep]

wheels: an image with numpy, onnxruntime and OpenCV, unlocked, so that pip runs under QEMU, and locked, so that they are
fetched on the build platform. cpp: a program of generated files, its build half on the target platform, and
cross-compiled. Compilers, Python and pip's downloads are there before, for both. The halves of a pair take turns; then the
image's own tests run in both results, under emulation. Needs `scripts/engine up`, with QEMU.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import cpp
import harness
from harness import Ran, median, tell

PLATFORM = "linux/arm64"
MACHINES = {"linux/arm64": "aarch64", "linux/amd64": "x86_64"}
PACKAGES = ("numpy", "onnxruntime", "opencv-python-headless")
TEST = """\
import cv2, numpy, onnxruntime, platform
assert platform.machine() == "{machine}"
assert "CPUExecutionProvider" in onnxruntime.get_available_providers()
edges = cv2.Canny(numpy.kron([[0, 255], [255, 0]], numpy.ones((8, 8))).astype("uint8"), 50, 150)
assert edges.any()
"""


def main() -> None:
    """Measure and print."""
    command_line = harness.parser(__doc__)
    command_line.add_argument("--pairs", default="wheels,cpp")
    arguments = command_line.parse_args()
    before, rounds = harness.load(), arguments.rounds or (1 if arguments.quick else 3)
    pairs: dict[str, Callable[[], tuple[list[Ran], list[Ran]]]] = {
        "wheels": lambda: wheels(rounds),
        "cpp": lambda: compiled(rounds, 2 if arguments.quick else 8),
    }
    rows = [row(name, *pairs[name]()) for name in arguments.pairs.split(",")]
    harness.write_result("cross", arguments, rows, [before, harness.load()])


def row(name: str, emulated: list[Ran], native: list[Ran]) -> dict[str, object]:
    """Return the figures of a pair."""
    slow, fast = (median([one.seconds for one in several]) for several in (emulated, native))
    found = {
        "pair": name,
        "emulated": slow,
        "build_platform": fast,
        "faster": round(slow / fast, 2),
        "tests": "passed",
    }
    tell(str(found))
    return found


def bake(project: Path, *args: str) -> Ran:
    """Bake for arm64."""
    return harness.edgebake(project, "bake", "--quiet", "--builder=default", f"--platform={PLATFORM}", *args)


# ── wheels


def wheels(rounds: int) -> tuple[list[Ran], list[Ran]]:
    """Return the bakes of an image whose packages pip installs under emulation, and of one that has them fetched."""
    with harness.folder() as slow, harness.folder() as fast:
        for place in (slow, fast):
            write_wheels(place)
        harness.edgebake(fast, "lock")
        emulated, fetched = [], []
        for round_ in range(-1, rounds):  # the first one has the packages downloaded
            for place, stage, ran in ((slow, "eb-packages", emulated), (fast, "eb-packages-fetch", fetched)):
                made = rebuilt(place, stage)
                tell(f"wheels, {stage}, {'measured' if round_ >= 0 else 'warming up'}: {made.seconds:.1f} s")
                if round_ >= 0:
                    ran.append(made)
        for place in (slow, fast):
            bake(place, "--test", "--force")
    return emulated, fetched


def rebuilt(project: Path, stage: str) -> Ran:
    """Build with the committed bake file, without the cache for one stage.

    Buildx 0.29 takes `--set TARGET.no-cache-filter=…` and does nothing, so it stands in a bake file of its own.
    """
    harness.edgebake(project, "compile")
    own = {"target": {"packages-cpu": {"no-cache-filter": [stage]}}}
    (project / "no-cache.json").write_text(json.dumps(own), encoding="utf-8")
    variables = {"BASE_CPU": harness.base_image(), "BUILDX_BAKE_ENTITLEMENTS_FS": "0"}
    files = ("--file=bake/docker-bake.hcl", "--file=no-cache.json")
    begin = time.perf_counter()
    command = ("docker", "buildx", "bake", *files, "--builder=default", "packages-cpu")
    harness.run(*command, cwd=project, env=variables)
    return Ran(time.perf_counter() - begin)


def write_wheels(root: Path, platform: str = PLATFORM) -> None:
    """Write a project with one recipe that installs the packages."""
    recipe = {
        "name": "packages",
        "summary": "Python packages with compiled parts",
        "layer": "library",
        "requires": ["python"],
        "install": {"pip": list(PACKAGES)},
        "test": {"script": "test.py", "timeout": 120},
    }
    place = root / "recipes/packages"
    place.mkdir(parents=True)
    (place / "recipe.yaml").write_text(json.dumps(recipe), encoding="utf-8")
    (place / "test.py").write_text(TEST.replace("{machine}", MACHINES[platform]), encoding="utf-8")
    image = {"recipes": ["packages"], "targets": ["cpu"], "platforms": [platform]}
    project = {"registry": "localhost:5000/benchmark/wheels", "images": {"packages": image}}
    (root / "edgebake.yaml").write_text(json.dumps(project), encoding="utf-8")


# ── C++


def compiled(rounds: int, units: int) -> tuple[list[Ran], list[Ran]]:
    """Return the bakes of a program that is compiled under emulation, and cross-compiled."""
    halves: dict[str, list[Ran]] = {"target-platform": [], "build-platform": []}
    for round_ in range(-1, rounds):  # the first one has the compilers installed
        for runs_on, ran in halves.items():
            salt = harness.new_salt()
            with harness.folder() as place:
                cpp.write_project(place, units if round_ >= 0 else 1, runs_on, PLATFORM, salt)
                made = bake(place)
                tell(f"cpp on the {runs_on}, {'measured' if round_ >= 0 else 'warming up'}: {made.seconds:.1f} s")
                if round_ >= 0:
                    ran.append(made)
                if round_ == rounds - 1:
                    bake(place, "--test", "--force")
    return halves["target-platform"], halves["build-platform"]


if __name__ == "__main__":
    main()
