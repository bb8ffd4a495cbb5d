"""Random projects over a small universe of wheels: what `lock` accepts installs, and what it refuses nobody resolves."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from uv import find_uv_bin

from edgebake.errors import EdgebakeError
from edgebake.graph.compile import plan_images
from edgebake.load.workspace import open_workspace
from edgebake.lock.locker import make_lock
from integration.locking import asking, locking_project
from integration.projects import AMD64
from integration.wheel_index import Index, serving

# Releases with what they need: conflicts are frequent, and resolvers have to search.
DEFAULT = {
    "a": {"1": [], "2": [], "3": []},
    "b": {"1": ["a<2"], "2": ["a>=2"], "3": ["a>=3", "c<2"]},
    "c": {"1": [], "2": ["e"], "3": ["b>=2"]},
    "d": {"1": ["e"], "2": ["e>=2", "c"], "3": ["d-extra==1"]},
    "e": {"1": [], "2": ["a"]},
}
OWN = {"t": {"1": ["a"], "2": ["a>=2", "e<2"]}}
DECOYS = {"a": {"0.5": [], "9": []}, "e": {"9": []}}
"""What the framework's index has as well, and nothing may come from there."""

specifiers = st.sampled_from(["", "", "==1", "==2", ">=2", "<3", "!=2"])
requirements = st.tuples(st.sampled_from([*DEFAULT, "absent"]), specifiers).map("".join)
recipes = st.lists(
    st.tuples(st.lists(requirements, min_size=1, max_size=2, unique=True), st.sampled_from(["", "", "t", "t==1"])),
    min_size=1,
    max_size=3,
)


@dataclass
class Universe:
    """The indexes, one of all that may be used, and an environment to install into."""

    default: Index
    own: Index
    merged: Index
    venv: Path

    def site(self) -> Path:
        return next(self.venv.glob("lib/python*/site-packages"))


@pytest.fixture(scope="module")
def universe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Universe]:
    folder = tmp_path_factory.mktemp("universe")
    contents = {"default": [DEFAULT], "own": [OWN, DECOYS], "merged": [DEFAULT, OWN]}
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        indexes = {name: stack.enter_context(serving(Index(folder / name))) for name in contents}
        for name, parts in contents.items():
            for package, releases in (pair for part in parts for pair in part.items()):
                for version, needs in releases.items():
                    indexes[name].add(package, version, *needs)
        for name in [name for name in os.environ if name.startswith(("UV_", "PIP_"))]:
            patch.delenv(name)
        patch.setenv("UV_DEFAULT_INDEX", indexes["default"].url)
        patch.setenv("UV_CACHE_DIR", str(folder / "uv-cache"))
        venv = folder / "venv"
        subprocess.run([find_uv_bin(), "venv", "--quiet", "--python", sys.executable, str(venv)], check=True)
        yield Universe(**indexes, venv=venv)


def uv_alone_resolves(universe: Universe, texts: list[str]) -> bool:
    command = [find_uv_bin(), "pip", "compile", "--quiet", "--default-index", universe.merged.url, "-"]
    done = subprocess.run(command, input="\n".join(texts), capture_output=True, text=True, check=False)
    assert done.returncode == 0 or "No solution found" in done.stderr, done.stderr
    return done.returncode == 0


def pip(universe: Universe, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    command += ["--python", str(universe.venv / "bin/python"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(recipes=recipes)
def test_what_is_locked_installs_and_what_is_refused_has_no_solution(
    universe: Universe, tmp_path_factory: pytest.TempPathFactory, recipes: list[tuple[list[str], str]]
) -> None:
    asked = {f"r{number}": own for number, (own, _) in enumerate(recipes)}
    framework = {f"f{number}": [text] for number, (_, text) in enumerate(recipes) if text}
    written = [asking(name, *own) for name, own in asked.items()]
    written += [asking(name, *own, index=universe.own.url) for name, own in framework.items()]
    folder = tmp_path_factory.mktemp("random")
    workspace = open_workspace(locking_project(folder, *written))
    texts = [text for own in (*asked.values(), *framework.values()) for text in own]
    try:
        made = make_lock(workspace)
    except EdgebakeError as error:
        assert not uv_alone_resolves(universe, texts), error
        named = [one for one in workspace.catalogue.recipe_names() if f"{one} asks for " in str(error)]
        assert named
        assert all(f"recipes/{name}/recipe.json:1:" in str(error) for name in named)
        return
    assert not made.unpinned
    (plan,) = plan_images(replace(workspace, lock=made.lock))
    install(universe, [line for own in plan.python[AMD64].requirements.values() for line in own], folder)


def install(universe: Universe, lines: list[str], folder: Path) -> None:
    """Install locked packages from their addresses alone, and check that they fit together."""
    for path in universe.site().iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    addresses = re.findall(r"^# (.+)$", "\n".join(lines), re.MULTILINE)
    (folder / "page.html").write_text("".join(f'<a href="{address}">x</a>' for address in addresses))
    (folder / "requirements.txt").write_text("\n".join(lines) + "\n")
    sources = ("--no-index", "--find-links", str(folder / "page.html"))
    done = pip(universe, "install", "--require-hashes", *sources, "--requirement", str(folder / "requirements.txt"))
    assert done.returncode == 0, done.stdout + done.stderr
    done = pip(universe, "check")
    assert done.returncode == 0, done.stdout + done.stderr
