"""Every command against everything that goes wrong: the right exit code, one clear message, and nothing half-written.

What each message says is tested where the command is (`bad_input.txt`); here no command may be forgotten.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.main import get_command

from edgebake.cli.main import app
from integration.forked import Done, forked
from integration.test_bad_input import tree

PROJECT = {
    "edgebake.yaml": "registry: localhost:1/acme\nimages:\n  app:\n    recipes: [greeter]\n    targets: [board]\nci: {install: ./tools}\n",
    "recipes/greeter/recipe.yaml": (
        "name: greeter\nsummary: Says hello\ninstall: {apt: [hello]}\ntest: {script: test.sh}\nbench: {script: test.sh}\n"
    ),
    "recipes/greeter/test.sh": "hello\n",
    "targets/board.yaml": (
        "name: board\nfamily: board\nsummary: A board for tests\nplatforms: [linux/arm64]\n"
        'base: {image: "localhost:1/debian:12"}\nos: debian:12\npython: "3.11"\ntag_suffix: board\n'
    ),
    "digests/.keep": "",
}
"""A project that compiles; its registry is a port on which nobody listens."""

COMMANDS = {
    "init": "new",
    "plan": "app",
    "compile": "",
    "compose": "",
    "bake": "app",
    "publish": "app --digests digests",
    "verify": "app",
    "prune": "app",
    "test": "app",
    "bench": "app",
    "lint": "app",
    "lock": "--allow-unpinned",
    "detect": "",
    "autotag": "app",
    "run": "app",
    "doctor": "",
    "compat": "",
    "list": "images",
    "show": "app",
    "why": "app greeter",
    "graph": "app",
    "diff": "",
    "schema": "recipe",
    "builder create": "",
    "builder check": "",
    "ci github": "",
    "ci matrix": "--all",
}
"""Every command, with the arguments of a plain call."""

FAILS = frozenset({"publish", "builder create", "builder check", "diff"})
"""A plain call of these fails in this project: no digest files, no builder, no git repository."""
ASKS_FIRST = frozenset({"publish", "diff"})
"""These look for something else before they read the project, or do not read it."""
NEEDS_REGISTRY = frozenset({"verify", "prune", "autotag", "run"})
NEEDS_DOCKER = frozenset({"bake", "test", "bench"})
TELLS_OF_A_WRONG_PROJECT = {"detect", "doctor"}
"""Commands about the machine, which do without the project if it is wrong."""
NEEDS_NO_PROJECT = frozenset({"init", "schema"})
WRITES = frozenset({"init", "compile", "bake", "test", "bench", "lock", "ci github"})
READS_RECIPE = frozenset(
    {"plan", "compile", "bake", "verify", "prune", "test", "bench", "lint", "lock", "show", "why", "graph"}
)

UNKNOWN = {
    "init": "edgebake.yaml",
    "publish": "app --digests nowhere",
    "why": "app nosuch",
    "ci matrix": "--changed-since nosuch",
}
"""Arguments with a name that means nothing; of the others, `nosuch`."""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    for path, text in PROJECT.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return root


def words(command: str, arguments: str | None = None) -> list[str]:
    given = COMMANDS[command] if arguments is None else arguments
    return [*command.split(), *given.split()]


def environment(root: Path, **more: str) -> dict[str, str]:
    own = {"NO_COLOR": "1", "COLUMNS": "100", "XDG_CACHE_HOME": str(root.parent / "cache")}
    given = {name: value for name, value in os.environ.items() if not name.startswith("EDGEBAKE_")}
    return {**given, "PYTHONDONTWRITEBYTECODE": "1", **own, **more}


NO_DOCKER = {"PATH": "/nonexistent"}
"""So that no test depends on an engine; those about an engine that does not answer have one of their own."""


def run(root: Path, command: list[str], *, out: str = "", most_bytes: int | None = None, **more: str) -> Done:
    return forked(root, command, environment(root, **{**NO_DOCKER, **more}), out=out, most_bytes=most_bytes)


def check_failure(done: Done) -> None:
    """Check that a command failed as a user's mistake, with one message."""
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("error: ") == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def check_success(done: Done, *codes: int) -> None:
    assert done.returncode in (codes or (0,)), done.stderr
    assert "error: " not in done.stderr
    assert "Traceback" not in done.stderr


def test_no_command_is_forgotten() -> None:
    found = []
    for name, command in get_command(app()).commands.items():  # type: ignore[attr-defined]
        found += [f"{name} {inner}" for inner in getattr(command, "commands", ())] or [name]
    assert sorted(found) == sorted(COMMANDS)


every = pytest.mark.parametrize("command", COMMANDS)


@every
def test_an_unknown_name(command: str, project: Path) -> None:
    before = tree(project)
    check_failure(run(project, words(command, UNKNOWN.get(command, "nosuch"))))
    assert tree(project) == before


@every
def test_an_unknown_option(command: str, project: Path) -> None:
    done = run(project, [*words(command), "--nosuch"])
    check_failure(done)
    assert "--nosuch" in done.stderr


@every
def test_a_project_file_that_is_no_yaml(command: str, project: Path) -> None:
    (project / "edgebake.yaml").write_text("images: [\n")
    before = tree(project)
    done = run(project, words(command))
    if command in NEEDS_NO_PROJECT:
        check_success(done)
        return
    if command in TELLS_OF_A_WRONG_PROJECT:
        check_success(done, 0, 3)
        assert "edgebake.yaml:2:1: the file is not valid YAML" in done.stdout + done.stderr
        return
    check_failure(done)
    assert tree(project) == before
    if command not in ASKS_FIRST:
        assert done.stderr.startswith("error: edgebake.yaml:2:1: the file is not valid YAML")


@every
def test_a_project_file_that_cannot_be_read(command: str, project: Path) -> None:
    """A link to itself is what nobody can read, not even root, for whom permissions count nothing."""
    (project / "edgebake.yaml").unlink()
    (project / "edgebake.yaml").symlink_to("edgebake.yaml")
    before = tree(project)
    done = run(project, words(command))
    if command in NEEDS_NO_PROJECT:
        check_success(done)
        return
    if command in TELLS_OF_A_WRONG_PROJECT:
        check_success(done, 0, 3)
        assert "edgebake.yaml" in done.stdout + done.stderr
        return
    check_failure(done)
    assert tree(project) == before
    if command not in ASKS_FIRST:
        assert "Too many levels of symbolic links" in done.stderr


@pytest.mark.parametrize("command", sorted(READS_RECIPE))
def test_a_recipe_that_cannot_be_read(command: str, project: Path) -> None:
    (project / "recipes/greeter/recipe.yaml").unlink()
    (project / "recipes/greeter/recipe.yaml").symlink_to("recipe.yaml")
    before = tree(project)
    check_failure(run(project, words(command)))
    assert tree(project) == before


@every
def test_no_project(command: str, project: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    (empty / "digests").mkdir(parents=True)
    done = run(empty, words(command))
    if command in {*NEEDS_NO_PROJECT, *TELLS_OF_A_WRONG_PROJECT, "compat"}:
        check_success(done, 0, 3)
        return
    check_failure(done)
    assert [path.name for path in empty.iterdir()] == ["digests"]


@every
@pytest.mark.parametrize(
    "lack", [{"PATH": "/nonexistent"}, {"DOCKER_HOST": "tcp://127.0.0.1:1"}], ids=["none", "closed"]
)
def test_no_docker_and_no_registry(command: str, lack: dict[str, str], project: Path) -> None:
    before = tree(project)
    done = run(project, words(command), **{"PATH": os.environ["PATH"], **lack})
    if command in FAILS | NEEDS_REGISTRY | NEEDS_DOCKER:
        check_failure(done)
        assert tree(project) == before or command in NEEDS_DOCKER  # these have compiled before they need it
    else:
        check_success(done, 0, 3) if command == "doctor" else check_success(done)


@every
def test_a_disk_that_is_full(command: str, project: Path) -> None:
    """No file may grow: writing fails as on a full disk, though with another word for it."""
    before = tree(project)
    done = run(project, words(command), most_bytes=0)
    if command in FAILS | NEEDS_REGISTRY | WRITES:
        check_failure(done)
    else:
        check_success(done, 0, 3) if command == "doctor" else check_success(done)
    if command not in NEEDS_DOCKER:
        after = {path: content for path, content in tree(project).items() if path in before}
        assert after == before
        assert not [path for path, (_, _, content) in tree(project).items() if path not in before and content]


@every
def test_nobody_reads_the_output(command: str, project: Path) -> None:
    done = run(project, words(command), out="-")
    assert done.returncode in (0, 2, 3, -signal.SIGPIPE), done.stderr
    assert "Traceback" not in done.stderr
    assert "Broken pipe" not in done.stderr


@every
def test_output_that_cannot_be_written(command: str, project: Path) -> None:
    done = run(project, words(command), out="/dev/full")
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("error: ") == 1, done.stderr
    assert "Traceback" not in done.stderr


def handles_interrupts(pid: int) -> bool:
    """Tell whether a process has a handler for Ctrl-C: edgebake sets one as the first thing it does."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
    (caught,) = [line.split()[1] for line in status.splitlines() if line.startswith("SigCgt")]
    return bool(int(caught, 16) & 1 << (signal.SIGINT - 1))


@every
def test_ctrl_c(command: str, project: Path) -> None:
    """Interrupted somewhere, each command ends at once, with one word; or it was done before."""
    before = tree(project)
    process = subprocess.Popen(
        [sys.executable, "-m", "edgebake", *words(command)],
        cwd=project,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(project),
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),  # while the interpreter itself starts
    )
    while process.poll() is None and not handles_interrupts(process.pid):
        time.sleep(0.005)
    time.sleep(0.1 * (sorted(COMMANDS).index(command) % 6))
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode in (0, 2, 3, 130, -signal.SIGINT), stderr
    assert "Traceback" not in stderr
    if process.returncode == 130:
        assert stderr.splitlines()[-1] == "interrupted"
    left = [path for path in tree(project) if path not in before and Path(path).name.startswith(".tmp")]
    assert left == []
