"""What bad input gets, through the real command line: exit code 2, one message, and nothing written.

The cases are in `bad_input.txt`. Each has a title, the files that differ from a project that compiles, the command,
and all that it writes on stderr (`TMP` is the folder of the test):

    === title
    --- path            the file's text follows; `path -> target` is a symlink, `path latin-1` in that encoding
    $ edgebake compile
    error: …
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

CASES = Path(__file__).with_name("bad_input.txt")
EDGEBAKE = Path(sys.executable).with_name("edgebake")

GOOD = {
    "edgebake.yaml": "images:\n  app:\n    recipes: [greeter]\n    targets: [board]\n",
    "recipes/greeter/recipe.yaml": "name: greeter\nsummary: Says hello\ninstall: {apt: [hello]}\n",
    "targets/board.yaml": (
        "name: board\nfamily: board\nsummary: A board for tests\nplatforms: [linux/arm64]\n"
        'base: {image: "debian:12"}\nos: debian:12\npython: "3.11"\ntag_suffix: board\n'
    ),
}


@dataclass
class Case:
    """One project that is wrong, and what it gets."""

    title: str
    command: list[str] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    expected: str = ""


def read_cases() -> list[Case]:
    """Return the cases of the file."""
    cases = []
    for text in re.split(r"^=== ", CASES.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        before, command, expected = re.split(r"^\$ edgebake (.*)\n", text, maxsplit=1, flags=re.MULTILINE)
        title, *files = re.split(r"^--- ", before, flags=re.MULTILINE)
        case = Case(title.strip(), re.findall(r"'[^']*'|\S+", command), expected=expected.strip("\n") + "\n")
        case.command = [word.strip("'") for word in case.command]
        for file in files:
            head, content = file.split("\n", 1)
            path, _, rest = head.partition(" ")
            if rest.startswith("-> "):
                case.links[path] = rest.removeprefix("-> ")
            else:
                case.files[path] = content.encode(rest or "utf-8")
        cases.append(case)
    return cases


def write_project(root: Path, files: dict[str, bytes], links: dict[str, str]) -> None:
    good = {path: text.encode() for path, text in GOOD.items() if path not in links}
    for path, content in {**good, **files}.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)
    for path, target in links.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).symlink_to(target)


def edgebake(root: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run the command line as a user has it; without a Docker, which no case needs."""
    environment = {**os.environ, "PATH": str(root / "no-programs"), "NO_COLOR": "1", "COLUMNS": "100"}
    return subprocess.run(
        [EDGEBAKE, *command], cwd=root, capture_output=True, text=True, env=environment, timeout=120, check=False
    )


def tree(folder: Path) -> dict[str, tuple[int, int, bytes | str]]:
    """Return all that lies below a folder, as mode, time of change and content."""
    found: dict[str, tuple[int, int, bytes | str]] = {}
    for path in sorted(folder.rglob("*")):
        content: bytes | str = str(path.readlink()) if path.is_symlink() else b""
        if path.is_file() and not path.is_symlink():
            content = path.read_bytes()
        found[str(path.relative_to(folder))] = (path.lstat().st_mode, path.lstat().st_mtime_ns, content)
    return found


def check(tmp_path: Path, command: list[str], expected: str) -> None:
    """Run a command that must fail as a user's mistake, with exactly this text and no other trace."""
    root = tmp_path / "project"
    before = tree(tmp_path)
    done = edgebake(root, *command)
    assert done.stderr.replace(str(tmp_path), "TMP") == expected
    assert done.returncode == 2
    assert done.stdout == ""
    assert expected.count("error:") == 1
    assert "Traceback" not in done.stderr
    assert tree(tmp_path) == before


@pytest.mark.parametrize("case", read_cases(), ids=lambda case: case.title)
def test_bad_input(case: Case, tmp_path: Path) -> None:
    write_project(tmp_path / "project", case.files, case.links)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/recipe.yaml").write_text("name: evil\nsummary: s\n")
    check(tmp_path, case.command, case.expected)


def test_the_project_that_the_cases_change_compiles(tmp_path: Path) -> None:
    write_project(tmp_path / "project", {}, {})
    done = edgebake(tmp_path / "project", "compile")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "project/bake/docker-bake.hcl").is_file()


@pytest.mark.parametrize("path", ["edgebake.yaml", "recipes/greeter/recipe.yaml", "targets/board.yaml"])
def test_a_file_of_50_mb(path: str, tmp_path: Path) -> None:
    write_project(tmp_path / "project", {path: b"# " + b"x" * 49_999_998}, {})
    check(
        tmp_path,
        ["compile"],
        f"error: {path}: the file has 50,000,000 bytes; the limit is 1,000,000\n"
        "\n"
        "hint: move large content to a separate file\n",
    )


@pytest.mark.parametrize("path", ["edgebake.yaml", "recipes/greeter/recipe.yaml", "targets/board.yaml"])
def test_a_file_that_ends_a_careless_parser(path: str, tmp_path: Path) -> None:
    write_project(tmp_path / "project", {path: b"a: " + b"[" * 400_000}, {})
    check(tmp_path, ["compile"], f"error: {path}:1:54: the file is nested more than 50 levels deep\n")


def test_a_project_without_a_project_file(tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    check(
        tmp_path,
        ["compile"],
        "error: edgebake.yaml not found in TMP/project or above it\n"
        "\n"
        "hint: create a project: edgebake init\n"
        "hint: or name recipes: edgebake plan RECIPE --target TARGET\n",
    )


@pytest.mark.parametrize("command", [["plan"], ["compile"], ["bake"], ["lock"]], ids=lambda command: command[0])
def test_every_command_tells_a_mistake_alike(command: list[str], tmp_path: Path) -> None:
    write_project(tmp_path / "project", {"edgebake.yaml": b"imagse: {}\n"}, {})
    check(tmp_path, command, "error: edgebake.yaml:1:1: unknown key 'imagse'\n\nhint: did you mean 'images'?\n")


def test_init_leaves_what_is_there(tmp_path: Path) -> None:
    write_project(tmp_path / "project", {}, {})
    check(
        tmp_path,
        ["init", "."],
        "error: edgebake.yaml: the file already exists\n"
        "\n"
        "hint: to show the project in this folder: edgebake plan\n"
        "hint: or choose another folder\n",
    )


def test_init_into_a_file(tmp_path: Path) -> None:
    write_project(tmp_path / "project", {}, {})
    check(tmp_path, ["init", "edgebake.yaml"], "error: edgebake.yaml: the path is a file, not a folder\n")
