"""What the benchmarks have in common: commands on the real engine, rounds, the machine's load, results as JSON."""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RESULTS = Path(__file__).parent / "results"
sys.path.insert(0, str(ROOT / "tests/e2e"))

from buildkit import witness  # noqa: E402
from workload import BASE, Stack  # noqa: E402


def _environment() -> dict[str, str]:
    """Return that of what is measured. An installed edgebake has its bytecode; without it each start would compile."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


@dataclass(frozen=True)
class Ran:
    """One measured command: its wall time in seconds, and the raw events of all bakes and builds in it."""

    seconds: float
    events: str = ""


def parser(text: str | None) -> argparse.ArgumentParser:
    """Return a command line with what all benchmarks know."""
    made = argparse.ArgumentParser(description=(text or "").splitlines()[0])
    made.add_argument("--quick", action="store_true", help="a short run, whose figures are only rough")
    made.add_argument("--rounds", type=int, help="how often each figure is measured")
    made.add_argument(
        "--keep", action="store_true", help="write benchmarks/results/NAME.json, which the page is made of"
    )
    return made


def write_result(
    name: str, arguments: argparse.Namespace, rows: object, load: Sequence[float], **more: object
) -> None:
    """Print a result as JSON; with --keep, commit-ready in benchmarks/results.

    Args:
        name: of the benchmark.
        arguments: its command line.
        rows: the figures.
        load: of the machine, before and after.
        more: further keys.
    """
    data = {
        "version": 1,
        "benchmark": name,
        "quick": arguments.quick,
        **machine(),
        "load": [round(x, 1) for x in load],
    }
    text = json.dumps({**data, **more, "rows": rows}, indent=1) + "\n"
    if arguments.keep:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"{name}.json").write_text(text, encoding="utf-8")
    else:
        print(text, end="")


def machine() -> dict[str, object]:
    """Return what the figures were measured on."""
    return {
        "date": datetime.now(timezone.utc).strftime("%Y-%m-%d"),
        "cores": os.cpu_count(),
        "machine": platform.machine(),
        "engine": _said("docker", "version", "--format", "{{.Server.Version}}"),
        "buildx": buildx_version(),
    }


def _said(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def load() -> float:
    """Return how many processes ran or waited for a core in the last minute."""
    return os.getloadavg()[0]


def tell(text: str) -> None:
    """Write a line of progress."""
    print(text, file=sys.stderr, flush=True)


def median(values: Sequence[float]) -> float:
    """Return the middle one, in hundredths."""
    return round(statistics.median(values), 2)


def new_salt() -> str:
    """Return a word that no build cache has seen."""
    return uuid.uuid4().hex[:12]


@contextmanager
def folder() -> Iterator[Path]:
    """Yield an empty folder that is removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="edgebake-benchmark-") as name:
        yield Path(name)


def run(*command: str, cwd: Path, env: Mapping[str, str] | None = None) -> str:
    """Run a command and return its standard error; a failure ends the benchmark."""
    done = subprocess.run(
        command,
        cwd=cwd,
        env={**_environment(), **(env or {})},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed\n{done.stdout[-2000:]}\n{done.stderr[-6000:]}")
    return done.stderr


def buildx_version() -> str:
    """Return the version of the Buildx that Docker has."""
    return _said("docker", "buildx", "version").split()[1].removeprefix("v")


def jobs_option(number: int) -> list[str]:
    """Return what lets Buildx build so many bake targets at the same time; nothing for one that has no such option."""
    return [f"--jobs=parallel={number}"] if "--jobs" in _said("docker", "buildx", "bake", "--help") else []


@contextmanager
def other_buildx(program: str) -> Iterator[None]:
    """Let Docker have another Buildx; the builders and logins stay the same. "": the one that it has."""
    if not program:
        yield
        return
    home = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
    before = {name: os.environ.get(name) for name in ("DOCKER_CONFIG", "BUILDX_CONFIG")}
    with folder() as place:
        (place / "cli-plugins").mkdir()
        (place / "cli-plugins/docker-buildx").symlink_to(Path(program).resolve())
        if (home / "config.json").is_file():
            shutil.copy(home / "config.json", place)
        os.environ |= {
            "DOCKER_CONFIG": str(place),
            "BUILDX_CONFIG": before["BUILDX_CONFIG"] or str(home / "buildx"),
        }
        try:
            yield
        finally:
            for name, value in before.items():
                os.environ.pop(name)
                if value is not None:
                    os.environ[name] = value


def edgebake(project: Path, *args: str) -> Ran:
    """Run edgebake in a project and return how long it took, and what its bakes told."""
    with folder() as place:
        env, events = witness(place / "w")
        begin = time.perf_counter()
        run(sys.executable, "-m", "edgebake", *args, cwd=project, env=env)
        return Ran(time.perf_counter() - begin, events.read_text(encoding="utf-8"))


def base_image() -> str:
    """Return where the base image is fetched: EDGEBAKE_MIRRORS says so, as it does for edgebake."""
    repository, _, tag = BASE.partition(":")
    mirrors = dict(one.split("=", 1) for one in os.environ.get("EDGEBAKE_MIRRORS", "").split(",") if "=" in one)
    return f"{mirrors.get(repository, repository)}:{tag}"


def build_chain(place: Path, stack: Stack, salt: str) -> Ran:
    """Run one `docker buildx build` after the other, as scripts do that build such stacks; the result is in the engine."""
    begin, events, base = time.perf_counter(), "", base_image()
    for part in stack.parts:
        image = f"benchmark-{salt}:{part.name}"
        command = ["docker", "buildx", "build", "--builder=default", "--progress=rawjson", f"--tag={image}"]
        command += [f"--build-arg=BASE={base}", "--provenance=false", "--load", str(place / part.name)]
        events += run(*command, cwd=place)
        base = image
    return Ran(time.perf_counter() - begin, events)


def remove_images(salt: str) -> None:
    """Remove the images that a run has left in the engine."""
    listed = _said("docker", "image", "ls", "--format", "{{.Repository}}:{{.Tag}}").split()
    own = [name for name in listed if salt in name]
    for start in range(0, len(own), 100):
        subprocess.run(["docker", "image", "rm", *own[start : start + 100]], capture_output=True, check=False)


def remove_tree(path: Path) -> None:
    """Remove a folder, if it is there."""
    shutil.rmtree(path, ignore_errors=True)


def result(name: str) -> Any:
    """Return what a benchmark has left in benchmarks/results."""
    return json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
