#!/usr/bin/env python3
"""How long a bake takes that has nothing to do: python benchmarks/noop.py [--sizes 10,100,1000] [--quick] [--keep]

Images that set a variable each are built once, and baked again with everything up to date: into the build cache, and
pushed. The peer is what edgebake's files give without edgebake: `docker buildx bake`, with everything in BuildKit's
cache, in one invocation with `--jobs`, or with an older Buildx in invocations of fifty bake targets; bare Python stands
beside both. All take turns. Whether edgebake has asked
BuildKit for anything is seen by a witness that stands in for `docker`. Needs a Docker Engine and a registry: `scripts/engine up`, and
`eval "$(scripts/engine env)"`.
"""

from __future__ import annotations

import json
import re
import sys
import time
from pathlib import Path

import harness
from harness import median, tell

WAVE = 50
"""Bake targets that the peer builds at the same time."""
REGISTRY = "localhost:5000/benchmark"
OUTPUTS = {"cache": [], "push": ["--push"]}


def main() -> None:
    """Measure and print."""
    command_line = harness.parser(__doc__)
    command_line.add_argument("--sizes", help="numbers of bake targets")
    arguments = command_line.parse_args()
    sizes = arguments.sizes or ("10,100" if arguments.quick else "10,100,1000")
    before = harness.load()
    rounds = arguments.rounds or (2 if arguments.quick else 5)
    rows = [row for size in sizes.split(",") for row in measure(int(size), rounds)]
    harness.write_result("noop", arguments, rows, [before, harness.load()])


def measure(size: int, rounds: int) -> list[dict[str, object]]:
    """Return the figures of a project with so many bake targets."""
    with harness.folder() as root:
        write_project(root, size)
        return [measured(root, size, output, rounds) for output in OUTPUTS]


def write_project(root: Path, size: int) -> None:
    """Write a project of images that need nothing but the base."""
    names = [f"app{number}" for number in range(size)]
    for name in names:
        (root / "recipes" / name).mkdir(parents=True)
        text = f"name: {name}\nsummary: Sets a variable\nenv: {{APP: {name}}}\n"
        (root / "recipes" / name / "recipe.yaml").write_text(text)
    images = {name: {"recipes": [name], "targets": ["cpu"], "platforms": ["linux/amd64"]} for name in names}
    registry = f"{REGISTRY}/{harness.new_salt()}"
    (root / "edgebake.yaml").write_text(json.dumps({"registry": registry, "images": images}))


def measured(root: Path, size: int, output: str, rounds: int) -> dict[str, object]:
    """Bake once, and again as often as there are rounds."""
    command = ["bake", "--quiet", *OUTPUTS[output]]
    first = harness.edgebake(root, *command).seconds
    times, peers, bare, asked = [], [], [], 0
    for _ in range(rounds):
        ran = harness.edgebake(root, *command)
        times.append(ran.seconds)
        asked += bool(ran.events)
        bare.append(seconds([sys.executable, "-c", "pass"], root))
        if len(peers) < 2:
            peers.append(plain_bake(root))
    row = {
        "bake_targets": size,
        "output": output,
        "first": round(first, 2),
        "seconds": round(min(times), 2),
        "median": median(times),
        "python": round(min(bare), 3),
        "buildx": round(min(peers), 2),
        "faster": round(min(peers) / min(times), 1),
        "bakes": asked,
    }
    tell(str(row))
    return row


def plain_bake(root: Path) -> float:
    """Return the seconds of Buildx alone, with the files that edgebake wrote."""
    text = (root / "bake/docker-bake.hcl").read_text(encoding="utf-8")
    names = re.findall(r'^target "(\S+)" \{', text, re.MULTILINE)
    images = [name for name in names if re.fullmatch(r"app\d+-cpu", name)]
    env = {"BASE_CPU": harness.base_image(), "BUILDX_BAKE_ENTITLEMENTS_FS": "0"}
    jobs = harness.jobs_option(WAVE)
    size = len(images) if jobs else WAVE
    begin = time.perf_counter()
    for start in range(0, len(images), size):
        wave = images[start : start + size]
        harness.run("docker", "buildx", "bake", "-f", "bake/docker-bake.hcl", *jobs, *wave, cwd=root, env=env)
    return time.perf_counter() - begin


def seconds(command: list[str], folder: Path) -> float:
    """Return the wall time of a command."""
    begin = time.perf_counter()
    harness.run(*command, cwd=folder)
    return time.perf_counter() - begin


if __name__ == "__main__":
    main()
