#!/usr/bin/env python3
"""How long a bake takes that has nothing to do: python benchmarks/noop.py [--sizes 10,100] [--json]

Images that set a variable each are built once, and baked again with everything up to date: into the build cache, and
pushed. Each figure stands beside bare Python in the same rounds. `docker buildx history` tells whether BuildKit solved
anything. Needs a Docker Engine and a registry: `scripts/engine up`, and `eval "$(scripts/engine env)"`.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

ROUNDS = 5
REGISTRY = "localhost:5000/benchmark"
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", default="10,100", help="numbers of bake targets")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    rows = [row for size in arguments.sizes.split(",") for row in measure(int(size))]
    if arguments.json:
        print(json.dumps({"version": 1, "load": os.getloadavg()[0], "rows": rows}, indent=2))
        return
    for row in rows:
        print(
            f"{row['bake_targets']:>5} bake targets, {row['output']:<5}: {row['seconds']:.2f} s at best,"
            f" {row['median']:.2f} s in the middle, {row['ratio']:.0f} × bare Python; {row['solves']} solves"
        )
    print(f"load {os.getloadavg()[0]:.1f}")


def measure(size: int) -> list[dict[str, object]]:
    """Return the figures of a project with so many bake targets."""
    with tempfile.TemporaryDirectory(prefix="edgebake-noop-") as folder:
        root = Path(folder)
        write_project(root, size)
        return [measured(root, size, output) for output in ("cache", "push")]


def write_project(root: Path, size: int) -> None:
    """Write a project of images that need nothing but the base."""
    names = [f"app{number}" for number in range(size)]
    for name in names:
        (root / "recipes" / name).mkdir(parents=True)
        text = f"name: {name}\nsummary: Sets a variable\nenv: {{APP: {name}}}\n"
        (root / "recipes" / name / "recipe.yaml").write_text(text)
    images = {name: {"recipes": [name], "targets": ["cpu"], "platforms": ["linux/amd64"]} for name in names}
    registry = f"{REGISTRY}/{uuid.uuid4().hex[:12]}"
    (root / "edgebake.yaml").write_text(json.dumps({"registry": registry, "images": images}))


def measured(root: Path, size: int, output: str) -> dict[str, object]:
    """Bake once, and again as often as there are rounds."""
    command = [sys.executable, "-m", "edgebake", "bake", "--quiet", *(["--push"] if output == "push" else [])]
    seconds(command, root)
    before, times, bare = solves(), [], []
    for _ in range(ROUNDS):
        times.append(seconds(command, root))
        bare.append(seconds([sys.executable, "-c", "pass"], root))
    return {
        "bake_targets": size,
        "output": output,
        "seconds": min(times),
        "median": statistics.median(times),
        "ratio": min(times) / min(bare),
        "solves": solves() - before,
    }


def seconds(command: list[str], folder: Path) -> float:
    """Return the wall time of a command."""
    begin = time.perf_counter()
    subprocess.run(command, cwd=folder, env=ENVIRONMENT, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begin


def solves() -> int:
    """Return how many builds BuildKit remembers."""
    done = subprocess.run(["docker", "buildx", "history", "ls"], capture_output=True, text=True, check=True)
    return len(done.stdout.splitlines())


if __name__ == "__main__":
    main()
