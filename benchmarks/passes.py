#!/usr/bin/env python3
"""Tests and images in one invocation of Buildx, or in two: python benchmarks/passes.py [--buildx FILE]... [--keep]

The image `detector` of examples/detection-service for the target `cpu` and both platforms is tested and pushed. Cold: the
builder's cache is empty, by a daemon of its own (what pip and apt fetch comes from their servers: a noisy figure). Warm:
everything is in the cache. Each `--buildx` names the binary of a Buildx, and all take turns: 0.38 and later need one
invocation, older ones two. Needs a registry: `scripts/engine up`, and `eval "$(scripts/engine env)"`.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

import harness
from buildkit import empty_builder
from harness import median, tell

EXAMPLE = harness.ROOT / "examples/detection-service"
REGISTRY = "localhost:5000/benchmark"


def main() -> None:
    """Measure and print."""
    command_line = harness.parser(__doc__)
    command_line.add_argument("--buildx", action="append", help="the binary of another Buildx")
    arguments = command_line.parse_args()
    before = harness.load()
    rows = measure(arguments)
    harness.write_result("passes", arguments, rows, [before, harness.load()])


def measure(arguments: argparse.Namespace) -> list[dict[str, object]]:
    """Return the figures of each Buildx."""
    cold: dict[str, list[float]] = {}
    warm: dict[str, list[float]] = {}
    invocations: dict[str, int] = {}
    for _ in range(arguments.rounds or (1 if arguments.quick else 3)):
        for program in arguments.buildx or [""]:
            with harness.other_buildx(program), harness.folder() as place, empty_builder(place / "b") as builder:
                version = harness.buildx_version()
                project = copy_of_example(place / "project")
                for times in (cold, warm, warm):
                    seconds, invocations[version] = push(project, builder)
                    times.setdefault(version, []).append(seconds)
                tell(f"{version}: cold {cold[version]}, warm {warm[version]}")
    return [
        {
            "buildx": version,
            "invocations": invocations[version],
            "cold": median(cold[version]),
            "warm": round(min(warm[version]), 2),
        }
        for version in cold
    ]


def copy_of_example(folder: Path) -> Path:
    """Return a copy of the example that has never been baked."""
    return Path(shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns(".edgebake", "__pycache__")))


def push(project: Path, builder: str) -> tuple[float, int]:
    """Test and push; return the seconds, and the number of invocations."""
    options = ("--builder", builder, "--registry", f"{REGISTRY}/{harness.new_salt()}", "--force", "--quiet")
    journal = project / ".edgebake/journal.jsonl"
    before = _begins(journal)
    ran = harness.edgebake(project, "bake", "detector", "--target", "cpu", "--push", *options)
    return ran.seconds, _begins(journal) - before


def _begins(journal: Path) -> int:
    lines = journal.read_text(encoding="utf-8").splitlines() if journal.exists() else []
    return sum(json.loads(line)["event"] == "begin" for line in lines)


if __name__ == "__main__":
    main()
