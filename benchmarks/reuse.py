#!/usr/bin/env python3
"""What reuse and build caches save on machines whose build cache is empty: seconds, and the stages that ran.

    python benchmarks/reuse.py [--json] [--platform linux/amd64]... [--registry localhost:5000] [--no-caches]

A small project (Python with numpy, a C library that is compiled, two applications) is built by one machine and changed;
each other machine is a BuildKit daemon with a fresh root, so nothing is there but what the registry has. Needs a Docker
Engine, a registry, and buildkitd: `scripts/engine up && scripts/engine buildkitd up`. What ran is read from BuildKit's
raw events.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import textwrap
import time
import uuid
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/e2e"))

from buildkit import empty_builder, witness  # noqa: E402
from events_oracle import stages_that_ran  # noqa: E402

FILES = {
    "recipes/solver/recipe.yaml": """
        name: solver
        summary: A C library
        layer: library
        build:
          runs_on: target-platform
          tools: [build-essential]
          sources: [{path: src}]
          script: build.sh
        install: {artifacts: {/: /usr/local}}
        """,
    "recipes/solver/build.sh": 'mkdir "$OUT/lib" && gcc -O2 -shared -fPIC -o "$OUT/lib/libsolver.so" solver.c\n',
    "recipes/solver/src/solver.c": "double solve(double x) { return x * 0.5; }\n",
    "recipes/settings/recipe.yaml": """
        name: settings
        summary: What every image has first
        layer: system
        install: {script: install.sh}
        """,
    "recipes/settings/install.sh": "echo one > /etc/robot\n",
    "app/recipe.yaml": """
        name: app
        summary: The application
        layer: application
        requires: [numpy, solver, settings]
        install: {files: {main.py: /app/}}
        runtime: {cmd: [python3, /app/main.py]}
        """,
    "app/main.py": "import numpy\n",
    "tools/recipe.yaml": """
        name: tools
        summary: Another application on the same stack
        layer: application
        requires: [numpy, solver, settings]
        install: {files: {tool.py: /tools/}}
        """,
    "tools/tool.py": "import numpy\n",
}


@dataclass(frozen=True)
class Row:
    """One bake on a machine of its own."""

    what: str
    seconds: float
    ran: tuple[str, ...]


class Bench:
    """Bakes one project on one new machine after the other."""

    def __init__(self, folder: Path, registry: str, platforms: list[str]) -> None:
        self.folder = folder
        self.repository = f"{registry}/benchmark/{uuid.uuid4().hex[:12]}"
        self.platforms = platforms
        self.rows: list[Row] = []
        for path, text in FILES.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(textwrap.dedent(text).lstrip("\n"))

    def project(self, **keys: str) -> None:
        """Write the project file anew, with further keys."""
        head = {"registry": self.repository, **keys}
        images = {
            name: {"recipes": [path], "targets": ["cpu"], "platforms": self.platforms}
            for name, path in (("robot", "./app"), ("bench", "./tools"))
        }
        (self.folder / "edgebake.yaml").write_text(json.dumps({**head, "images": images}))

    def edgebake(self, *args: str, env: dict[str, str] | None = None) -> None:
        command = [sys.executable, "-m", "edgebake", *args]
        done = subprocess.run(
            command, cwd=self.folder, env={**os.environ, **(env or {})}, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            sys.exit(f"{' '.join(command)} failed\n{done.stderr[-4000:]}")

    def bake(self, what: str, *args: str) -> None:
        """Bake and push on a machine with an empty cache."""
        with tempfile.TemporaryDirectory(prefix="eb-") as folder, empty_builder(Path(folder) / "b") as builder:
            env, events = witness(Path(folder) / "w")
            begin = time.monotonic()
            self.edgebake("bake", "--push", "--builder", builder, *args, env=env)
            seconds = time.monotonic() - begin
            ran = tuple(sorted({stage for stage, _ in stages_that_ran(events.read_text())}))
        self.rows.append(Row(what, round(seconds, 1), ran))
        print(f"{what}: {seconds:.1f} s, {len(ran)} stages ran", file=sys.stderr)

    def change(self, path: str, comment: str) -> None:
        with (self.folder / path).open("a") as file:
            file.write(f"{comment} {uuid.uuid4().hex}\n")

    def reuse(self) -> None:
        self.project(stacks=f"{self.repository}/stacks")
        self.edgebake("lock")
        self.bake("everything, without reuse", "--no-reuse")
        self.bake("everything, and published")
        self.change("app/main.py", "#")
        self.bake("application changed, stack reused", "robot")
        self.change("recipes/settings/install.sh", "#")
        self.bake("first recipe changed, artifacts reused")

    def caches(self) -> None:
        for mode in ("max", "min"):
            cache = {"type": "registry", "mode": mode, "repository": f"{self.repository}/cache-{mode}"}
            self.project(cache=cache)  # type: ignore[arg-type]
            self.bake(f"everything, cache written (mode={mode})")
            self.change("app/main.py", "#")
            self.bake(f"application changed, cache read (mode={mode})", "robot")
            self.change("recipes/settings/install.sh", "#")
            self.bake(f"first recipe changed, cache read (mode={mode})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--platform", action="append")
    parser.add_argument("--registry", default="localhost:5000")
    parser.add_argument("--no-caches", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="edgebake-benchmark-") as folder:
        bench = Bench(Path(folder), args.registry, args.platform or ["linux/amd64"])
        bench.reuse()
        if not args.no_caches:
            bench.caches()
    if args.json:
        print(
            json.dumps(
                {"version": 1, "platforms": bench.platforms, "rows": [asdict(row) for row in bench.rows]}, indent=1
            )
        )
        return
    width = max(len(row.what) for row in bench.rows)
    print(f"{'':{width}}  SECONDS  STAGES THAT RAN")
    for row in bench.rows:
        shown = ", ".join(row.ran[:4]) + (f" and {len(row.ran) - 4} more" if row.ran[4:] else "")
        print(f"{row.what:{width}}  {row.seconds:7.1f}  {len(row.ran)}: {shown}")


if __name__ == "__main__":
    main()
