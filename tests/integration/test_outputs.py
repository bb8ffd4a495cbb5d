"""`--json` of every command that prints data: as its schema says, alone on stdout. NO_COLOR, and exit codes."""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import jsonschema
import pytest
import typer.main

from documentation.blocks import ROOT
from documentation.outputs import SCHEMAS, check_output
from edgebake.cli.main import app
from edgebake.cli.schema import Kind
from edgebake.model.output.commands import OUTPUTS
from edgebake.model.schema import FILE_KINDS

EXAMPLE = ROOT / "examples" / "detection-service"
PRINT_NO_DATA = {
    "init": "writes files, and names them",
    "lock": "writes edgebake.lock",
    "run": "the container's output is its own",
    "schema": "prints JSON anyway",
    "compose": "writes compose.yaml",
    "ci-github": "writes the workflow",
    "ci-matrix": "prints lines for $GITHUB_OUTPUT, whose values are JSON",
    "builder-create": "makes a builder",
}
"""Commands without `--json`, and why."""

CALLS: dict[str, list[list[str]]] = {
    "compat": [["compat"], ["compat", "pytorch", "--target", "jetpack-*"]],
    "compile": [["compile"], ["compile", "--check"]],
    "detect": [
        ["detect"],
        *(["detect", "--root", str(one)] for one in sorted((ROOT / "tests/machines").iterdir()) if one.is_dir()),
    ],
    "diff": [["diff", "--targets", "cpu", "cuda-12.8"], ["diff", "../edge-stack/edgebake.lock", "./edgebake.lock"]],
    "doctor": [["doctor"]],
    "graph": [["graph"], ["graph", "--recipes"], ["graph", "--format", "json"]],
    "lint": [["lint"], ["lint", "nms"]],
    "list": [["list"], ["list", "targets"], ["list", "images"], ["list", "--uncited", "--group", "cv"]],
    "plan": [["plan"], ["plan", "numpy", "--target", "cpu"]],
    "plan-shards": [["plan", "--shards", "2"]],
    "show": [
        *(["show", name] for name in ("detector", "cpu", "nms", "pytorch", "cuda", "jetpack-6.2")),
        ["show", "numpy", "--target", "jetpack-6.2"],
    ],
    "why": [
        ["why", "detector", "numpy"],
        ["why", "detector", "cuda", "--target", "cuda-12.8"],
        ["why", "detector", "rust"],
    ],
}
"""By output; what needs an engine is in tests/e2e/test_outputs.py."""
OF_E2E = {
    "autotag",
    "bake",
    "bake-progress",
    "bench",
    "builder-check",
    "prune",
    "publish",
    "test",
    "verify",
}


def commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    subcommands = getattr(command, "commands", None)
    if subcommands is None:
        yield "-".join(path), command
    for name, one in (subcommands or {}).items():
        if not one.hidden:
            yield from commands(one, (*path, name))


ALL = dict(commands(typer.main.get_command(app)))


def run(*args: str, cwd: Path = EXAMPLE, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "edgebake", *(arg.replace("ROOT", str(ROOT)) for arg in args)]
    return subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, timeout=300, env={**os.environ, **variables}
    )


# ── schemas


def test_every_command_that_prints_data_has_json_and_a_schema() -> None:
    with_json = {name for name, one in ALL.items() if any("--json" in parameter.opts for parameter in one.params)}
    assert set(ALL) - with_json == set(PRINT_NO_DATA), "give it --json, or say in PRINT_NO_DATA why it has none"
    assert with_json - set(OUTPUTS) == set(), "describe its output in edgebake/model/output"
    assert set(OUTPUTS) - with_json == {"plan-shards", "bake-progress"}
    assert {*get_args(Kind)} == {*FILE_KINDS, *OUTPUTS}
    assert set(OUTPUTS) == CALLS.keys() | OF_E2E, "call it in CALLS, or in tests/e2e/test_outputs.py"


@pytest.mark.parametrize("command", OUTPUTS)
def test_the_committed_schema_is_the_printed_one(command: str) -> None:
    done = run("schema", command)
    jsonschema.Draft202012Validator.check_schema(json.loads(done.stdout))
    committed = (SCHEMAS / f"{command}.schema.json").read_text(encoding="utf-8")
    assert committed == done.stdout, "make it anew: scripts/update-examples"


def test_there_are_no_other_schemas() -> None:
    assert {path.name.removesuffix(".schema.json") for path in SCHEMAS.iterdir()} == set(OUTPUTS)


@pytest.mark.parametrize(
    ("command", "args"),
    [(command, args) for command, calls in CALLS.items() for args in calls],
    ids=lambda value: value if isinstance(value, str) else " ".join(value).replace(str(ROOT), "."),
)
def test_an_output_is_as_its_schema_says(command: str, args: list[str], tmp_path: Path) -> None:
    folder = EXAMPLE
    if command == "compile":
        folder = tmp_path / "project"
        shutil.copytree(EXAMPLE, folder)
    done = run(*args, *([] if "json" in args else ["--json"]), cwd=folder)
    assert done.returncode in (0, 3), done.stderr
    assert check_output(command, done.stdout)["version"] == 1


def test_a_key_that_no_schema_has_is_found() -> None:
    with pytest.raises(ValueError, match="Extra inputs"):
        check_output("bake", '{"version": 1, "results": [], "more": 1}')
    with pytest.raises(jsonschema.ValidationError):
        check_output("bake", '{"version": 2, "results": []}')


# ── the reference


def test_the_reference_pages_are_those_of_today(tmp_path: Path) -> None:
    subprocess.run([sys.executable, str(ROOT / "scripts/write-reference"), str(tmp_path)], check=True, timeout=120)
    for made in tmp_path.iterdir():
        committed = (ROOT / "docs/reference" / made.name).read_text(encoding="utf-8")
        assert committed == made.read_text(encoding="utf-8"), "make it anew: scripts/update-examples"


# ── streams, colour and exit codes


@pytest.mark.parametrize("name", ALL)
def test_a_wrong_call_prints_nothing_on_stdout(name: str, tmp_path: Path) -> None:
    done = run(*name.split("-", 1), "--no-such-option", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ")


PLAIN_CALLS = [calls[0] for calls in CALLS.values()]


@pytest.mark.parametrize("args", [["--help"], *PLAIN_CALLS, ["plann"]], ids=lambda args: args[0])
def test_no_colour(args: list[str]) -> None:
    words = [arg.replace("ROOT", str(ROOT)) for arg in args]
    assert "\x1b" not in "".join(_on_a_pipe(words, FORCE_COLOR="1"))
    assert re.search(r"\x1b\[[\d;]*m", _on_a_terminal(words)) is None


def _on_a_pipe(words: list[str], **variables: str) -> tuple[str, str]:
    done = run(*words, NO_COLOR="1", **variables)
    return done.stdout, done.stderr


def _on_a_terminal(words: list[str]) -> str:
    """Return what a command writes to a terminal, with NO_COLOR set."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "edgebake", *words]
    environment = {**os.environ, "NO_COLOR": "1", "TERM": "xterm-256color"}
    with subprocess.Popen(command, cwd=EXAMPLE, stdout=theirs, stderr=theirs, env=environment):
        os.close(theirs)
        chunks = []
        while chunk := _read(ours):
            chunks.append(chunk)
    os.close(ours)
    return b"".join(chunks).decode(errors="replace")


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # Linux says so when the last writer has closed it
        return b""


def test_exit_code_0_and_2_and_3() -> None:
    assert run("compile", "--check").returncode == 0
    assert run("show", "no-such-thing").returncode == 2
    assert run("why", "detector", "pytorch").returncode == 3


def test_exit_code_1_is_a_bug_with_its_traceback() -> None:
    code = (
        "import edgebake.cli.listing as l, sys\n"
        "l._listed = lambda *_: 1 // 0\n"
        "sys.argv = ['edgebake', 'list', 'targets']\n"
        "from edgebake.cli import run; run()"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=EXAMPLE, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (1, "")
    assert "Traceback" in done.stderr
    assert "ZeroDivisionError" in done.stderr


def test_exit_code_130_is_an_interrupt() -> None:
    command = [sys.executable, "-m", "edgebake", "lint", "--catalogue"]
    with subprocess.Popen(
        command, cwd=EXAMPLE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    ) as process:
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        out, error = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, b"")
    assert b"Traceback" not in error


def test_the_page_names_every_exit_code() -> None:
    page = (ROOT / "docs/reference/exit-codes.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| (\d+) \|", page, re.MULTILINE) == ["0", "1", "2", "3", "130"]
