"""Fixtures for all tests: a project in a temporary folder, over a small catalogue of its own."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import settings

sys.path.insert(0, str(Path(__file__).parent))  # `from integration.projects import …`

from edgebake.load.workspace import Workspace, open_workspace

settings.register_profile("edgebake", deadline=None)  # a test says nothing of time: the machine may be busy
settings.load_profile("edgebake")

CPU = """\
name: cpu
family: cpu
summary: Any machine
platforms: [linux/amd64, linux/arm64]
base: {image: "debian:bookworm-slim"}
os: debian:12
python: "3.11"
tag_suffix: cpu
"""
PYTHON = """\
name: python
summary: The distribution's Python
layer: language
install: {apt: [python3]}
"""


@pytest.fixture(scope="session", autouse=True)
def _answers_elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the answers of commands out of the user's own folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EDGEBAKE_COMPILE_CACHE", str(tmp_path_factory.mktemp("answers")))
        yield


@dataclass(frozen=True)
class ProjectFolder:
    """A project's folder, and beside it the one that stands for the built-in catalogue."""

    root: Path
    builtin: Path

    def write(self, files: Mapping[str, str | bytes]) -> ProjectFolder:
        """Write files below the project's folder."""
        _write(self.root, files)
        return self

    def catalogue(self, files: Mapping[str, str | bytes]) -> ProjectFolder:
        """Write files below the folder of the built-in catalogue: `recipes/…`, `targets/…`."""
        _write(self.builtin, files)
        return self

    def open(self) -> Workspace:
        """Read the project."""
        return open_workspace(self.root, builtin=self.builtin)


def _write(folder: Path, files: Mapping[str, str | bytes]) -> None:
    for path, content in files.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content if isinstance(content, bytes) else content.encode())


@pytest.fixture
def project(tmp_path: Path) -> ProjectFolder:
    """An empty project; its catalogue has the target `cpu` and the recipe `python`."""
    root = tmp_path / "project"
    root.mkdir()
    folder = ProjectFolder(root, tmp_path / "catalogue")
    return folder.catalogue({"targets/cpu.yaml": CPU, "recipes/python/recipe.yaml": PYTHON})
