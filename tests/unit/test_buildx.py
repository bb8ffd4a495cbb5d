"""What the installed Buildx can do, told by a `docker` that stands in for the real one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from edgebake.errors import EdgebakeError
from edgebake.execute.buildx import Buildx, installed_buildx
from edgebake.host.checks import Surroundings
from edgebake.host.checks.docker import buildx as look
from edgebake.host.detect import detect
from edgebake.host.files import Files
from edgebake.registry.client import RegistryClient

MACHINE = Path(__file__).parents[1] / "machines/pc-no-gpu"
Install = Callable[..., Path]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Puts a docker with a Buildx first on PATH; it returns the file in which the docker counts its calls."""

    def put(version: str, bake_help: str = "--file") -> Path:
        (tmp_path / "bin").mkdir()
        program, calls = tmp_path / "bin/docker", tmp_path / "calls"
        program.write_text(
            f"#!/bin/sh\necho x >> {calls}\n"
            f'if [ "$2" = version ]; then echo "github.com/docker/buildx {version}"; else echo "{bake_help}"; fi\n'
        )
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}/bin:/usr/bin:/bin")
        return calls

    return put


@pytest.mark.parametrize(
    ("text", "bake_help", "found"),
    [
        ("v0.38.2 1234567", "", Buildx("0.38.2", jobs=True)),
        ("v0.40.0-desktop.1", "", Buildx("0.40.0", jobs=True)),
        ("v1.0.0", "", Buildx("1.0.0", jobs=True)),
        ("0.29.1+ds1 0.29.1+ds1-4", "--jobs", Buildx("0.29.1", jobs=False)),
        ("v0.0.0+unknown ", "  -j, --jobs string", Buildx("", jobs=True)),
        ("v0.0.0+unknown ", "  --load", Buildx("", jobs=False)),
        ("of our own", "  --load", Buildx("", jobs=False)),
    ],
)
def test_what_a_version_can_do(install: Install, text: str, bake_help: str, found: Buildx) -> None:
    calls = install(text, bake_help)
    assert installed_buildx() == found
    before = calls.read_text()
    assert installed_buildx() == found
    assert calls.read_text() == before  # it was asked once


def test_one_that_is_too_old_is_refused(install: Install) -> None:
    install("v0.12.1")
    with pytest.raises(
        EdgebakeError, match=r"Buildx 0\.12\.1 is too old: edgebake needs 0\.13\.0 or later"
    ) as caught:
        installed_buildx()
    assert caught.value.hints == ("update docker-buildx-plugin",)


def test_keep_going_needs_jobs() -> None:
    Buildx("0.38.2", jobs=True).refuse_keep_going()
    with pytest.raises(EdgebakeError, match=r"--keep-going needs Buildx 0\.38 or later") as caught:
        Buildx("0.29.1", jobs=False).refuse_keep_going()
    assert caught.value.reason == "the installed one is 0.29.1"
    assert "~/.docker/cli-plugins" in caught.value.hints[1]


@pytest.mark.parametrize(
    ("version", "state", "words"),
    [
        ("v0.38.2", "ok", "Buildx 0.38.2"),
        (
            "v0.29.1",
            "warning",
            "Buildx 0.29.1; 0.38 or later can do --keep-going, builds tests and images in one pass",
        ),
        ("v0.9.0", "problem", "Buildx 0.9.0 is too old"),
    ],
)
def test_the_doctor_says_what_is_missing(install: Install, version: str, state: str, words: str) -> None:
    install(version)
    files = Files(MACHINE)
    here = Surroundings(files, detect(files), {}, "localhost:5000", RegistryClient({}), None, {})
    (finding,) = look(here)
    assert (finding.state, finding.text[: len(words)]) == (state, words)
