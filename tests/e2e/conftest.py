"""A real engine, Buildx, QEMU and registry: brought up by `scripts/engine up --with-tools`, never skipped."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
REGISTRY = "localhost:5000"
MIRROR = f"debian={REGISTRY}/debian"
CA_BUNDLE = os.environ.get("EDGEBAKE_CA_BUNDLE", "")
TIMEOUT = 1200  # seconds: the first emulated apt-get of a machine takes minutes


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        item.add_marker(pytest.mark.e2e)
    # First what empties the build cache, so that what the others build stays in it.
    items.sort(key=lambda item: "empty_build_cache" not in item.fixturenames)


@pytest.fixture(scope="session", autouse=True)
def engine() -> None:
    """Fail, not skip, if there is no engine."""
    done = subprocess.run(
        ["docker", "info", "--format", "{{.ServerVersion}}"], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        pytest.exit(f"no Docker Engine: run scripts/engine up --with-tools\n{done.stderr}", returncode=1)


@dataclass(frozen=True)
class Done:
    """What a command gave."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


def run(*command: str, cwd: Path | None = None, env: dict[str, str] | None = None, check: bool = True) -> Done:
    """Run a command under a timeout; with `check`, a failure is the test's."""
    environment = {**os.environ, **(env or {})}
    done = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=TIMEOUT, check=False
    )
    if check and done.returncode != 0:
        pytest.fail(f"{' '.join(command)} exited {done.returncode}\n{done.stdout[-4000:]}\n{done.stderr[-8000:]}")
    return Done(done.returncode, done.stdout, done.stderr)


def crane_manifest(reference: str) -> dict[str, Any]:
    """Return what `crane`, which knows nothing of edgebake, finds in the registry."""
    return json.loads(run("crane", "manifest", reference).out)


def crane_platforms(reference: str) -> list[str]:
    """Return the platforms in a manifest list, in its order."""
    children = crane_manifest(reference)["manifests"]
    return [f"{c['platform']['os']}/{c['platform']['architecture']}" for c in children]


def crane_tags(repository: str) -> set[str]:
    """Return a repository's tags."""
    return set(run("crane", "ls", repository).out.split())


@dataclass(frozen=True)
class Project:
    """A project in a folder of its own, which pushes to a repository of its own."""

    root: Path
    registry: str

    def write(self, files: dict[str, str]) -> None:
        """Write files; their texts may be indented."""
        for path, text in files.items():
            (self.root / path).parent.mkdir(parents=True, exist_ok=True)
            (self.root / path).write_text(textwrap.dedent(text).lstrip("\n"))

    def edgebake(self, *args: str, check: bool = True, env: dict[str, str] | None = None) -> Done:
        """Run edgebake's command line in the project."""
        command = [sys.executable, "-m", "edgebake", *args]
        settings = {"EDGEBAKE_MIRRORS": MIRROR, **({"EDGEBAKE_CA_BUNDLE": CA_BUNDLE} if CA_BUNDLE else {})}
        return run(*command, cwd=self.root, env={**settings, **(env or {})}, check=check)

    def bake(self, *args: str, **kwargs: Any) -> Done:
        """Run `edgebake bake`, pushing and looking things up at this project's registry."""
        return self.edgebake("bake", "--registry", self.registry, *args, **kwargs)

    def image(self, name: str, tag: str = "dev-cpu") -> str:
        return f"{self.registry}/{name}:{tag}"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """An empty project with a repository that no other test uses."""
    return Project(tmp_path, f"{REGISTRY}/e2e/{uuid.uuid4().hex[:12]}")


def docker_run(reference: str, *command: str, platform: str = "linux/amd64", args: tuple[str, ...] = ()) -> str:
    """Return the output of a command in an image, as its own user."""
    done = run("docker", "run", "--rm", "--pull=always", "--platform", platform, *args, reference, *command)
    return done.out.strip()


@pytest.fixture
def empty_build_cache() -> None:
    """Empty the build cache, as on a machine that has built nothing: under scripts/test, not on a developer's machine."""
    if "EDGEBAKE_NO_SKIP" in os.environ:
        run("docker", "buildx", "prune", "--builder", "default", "--all", "--force")


@pytest.fixture
def no_binfmt() -> Iterator[None]:
    """Switch arm64's emulation off for the test."""
    handler = Path("/proc/sys/fs/binfmt_misc/qemu-aarch64")
    handler.write_text("0")
    try:
        yield
    finally:
        handler.write_text("1")
