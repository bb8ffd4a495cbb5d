"""Completion as shells ask for it: in bash, zsh and fish themselves, and by what these send."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from shutil import which

import pytest

from edgebake.cli.completion import answer
from edgebake.cli.main import app
from edgebake.load.folders import builtin_root
from edgebake.load.names import Names
from edgebake.load.workspace import open_workspace

assert app  # imported here, for all the answers
REPOSITORY = Path(__file__).parents[2]
EXAMPLE = REPOSITORY / "examples" / "detection-service"


@pytest.fixture(scope="module")
def shell_environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which `edgebake` is a command, and nothing of the user's own is read."""
    folder = tmp_path_factory.mktemp("bin")
    command = folder / "edgebake"
    command.write_text(f"#!{sys.executable}\nfrom edgebake.cli import run\nrun()\n")
    command.chmod(0o755)
    home = tmp_path_factory.mktemp("home")
    path = f"{folder}:/usr/bin:/bin"
    # A terminal that can do nothing: no colours, nothing moved.
    fixed = {
        "PATH": path,
        "HOME": str(home),
        "TERM": "dumb",
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(REPOSITORY / "src"),
    }
    return {**fixed, "XDG_CONFIG_HOME": str(home), "XDG_DATA_HOME": str(home)}


def sent(shell: str, words: list[str]) -> dict[str, str]:
    """Return the variables that a shell sets to ask for the last of some words."""
    return {
        "_EDGEBAKE_COMPLETE": f"complete_{shell}",
        "COMP_WORDS": "\n".join(words),
        "COMP_CWORD": str(len(words) - 1),
        "_TYPER_COMPLETE_ARGS": " ".join(words),
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
    }


def asked(environment: dict[str, str], shell: str, words: list[str], folder: Path) -> tuple[list[str], str, int]:
    """Return the answer to what a shell sends for the last of some words, stderr, and the exit code.

    The answer is given in a copy of this process, which has imported what takes time.
    """
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        pid = os.fork()
        if pid == 0:
            os.chdir(folder)
            os.environ.update(environment | sent(shell, words))
            sys.stdout, sys.stderr, sys.argv = out, err, ["edgebake"]
            answer()
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        out.seek(0)
        err.seek(0)
        lines = [line.partition("\t")[0] for line in out.read().splitlines() if line]  # fish has help behind a tab
        return lines, err.read(), code


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("edgebake pla", ["plan"]),
        ("edgebake plan det", ["detector", "detection-app"]),
        ("edgebake plan torchv", ["torchvision"]),
        ("edgebake plan torch", ["torch", "torchaudio", "torchvision"]),  # an alias is among them
        ("edgebake plan detector -t jetpack-6", ["jetpack-6.0", "jetpack-6.1", "jetpack-6.2"]),
        ("edgebake bake --platform linux/a", ["linux/amd64", "linux/arm64"]),
        ("edgebake test -s gr", None),
        ("edgebake list --group ll", ["llm"]),
        ("edgebake list ta", ["targets"]),
        ("edgebake show cuda-12.8", ["cuda-12.8", "cuda-12.8-sbsa"]),
        ("edgebake why detector onnxruntime-", ["onnxruntime-gpu"]),
        ("edgebake bake --builder def", ["default"]),
        ("edgebake publish d", ["detector"]),
        ("edgebake plan -s 2+onnxruntime-", ["2+onnxruntime-gpu"]),
        ("edgebake plan -s nms,layer:lang", ["nms,layer:language"]),
        ("edgebake plan --exclude state:un", ["state:unmodified"]),
        ("edgebake plan -s @det", ["@detector", "@detection-app"]),
        ("edgebake graph --select image:d", ["image:detector"]),
        ("edgebake -C / plan dete", []),
        ("edgebake plan no-such", []),
    ],
)
def test_names(shell_environment: dict[str, str], line: str, found: list[str] | None) -> None:
    lines, errors, _ = asked(shell_environment, "fish", line.split(), EXAMPLE)
    assert errors == ""
    if found is None:
        assert lines[:1] == ["group:cuda"]
        assert all(one.startswith("group:") for one in lines)
    else:
        assert lines == found


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("edgebake plan -s group : ll", ["llm"]),  # bash ends a word at a colon, and replaces the last one
        ("edgebake plan -s group :", None),
        ("edgebake plan -s nms,layer : lang", ["language"]),
        ("edgebake plan -s @ det", ["@detector", "@detection-app"]),
        ("edgebake plan -s nms, @ det", ["@detector", "@detection-app"]),
        ("edgebake plan -s +group : ll", ["llm"]),
        ("edgebake plan --target = cp", ["cpu"]),
        ("edgebake plan --target =", None),
        ("edgebake plan det", ["detector", "detection-app"]),
    ],
)
def test_words_that_bash_takes_apart(
    shell_environment: dict[str, str], words: str, found: list[str] | None
) -> None:
    lines, errors, code = asked(shell_environment, "bash", words.split(" "), EXAMPLE)
    assert (errors, code) == ("", 0)
    if found is None:
        assert "llm" in lines or "cpu" in lines
    else:
        assert lines == found


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_nothing_is_said_of_mistakes(shell_environment: dict[str, str], tmp_path: Path, shell: str) -> None:
    for text in ("images: [", "images: 3", "- a\n", "\x00", "images: {a: 1}\nrecipes: {}\n"):
        (tmp_path / "edgebake.yaml").write_text(text)
        lines, errors, _ = asked(shell_environment, shell, ["edgebake", "plan", "pytor"], tmp_path)
        assert errors == ""
        assert any("pytorch" in line for line in lines) or text == "\x00", (text, lines)
    _, errors, code = asked(shell_environment, "no-such-shell", ["edgebake", "pl"], tmp_path)
    assert (errors, code) == ("", 1)


def test_outside_of_a_project_and_with_nothing_to_read(shell_environment: dict[str, str], tmp_path: Path) -> None:
    assert asked(shell_environment, "fish", ["edgebake", "plan", "pytor"], tmp_path)[0] == ["pytorch"]
    assert asked(shell_environment, "fish", ["edgebake", "plan", "--changed-since", "H"], tmp_path)[:2] == ([], "")
    words, here = ["edgebake", "bake", "--builder", ""], {"BUILDX_CONFIG": str(tmp_path)}
    assert asked(shell_environment | here, "fish", words, tmp_path)[0] == ["default"]
    (tmp_path / "instances").mkdir()
    (tmp_path / "instances" / "mine").write_text("{}")
    assert asked(shell_environment | here, "fish", words, tmp_path)[0] == ["default", "mine"]


def test_folders_that_are_wrong_are_passed_over_and_links_that_lead_nowhere_end_the_search(
    shell_environment: dict[str, str], tmp_path: Path
) -> None:
    inner = tmp_path / "project" / "inner"
    inner.mkdir(parents=True)
    (tmp_path / "project" / "edgebake.yaml").write_text("images: {app: {}}\nrecipes: [twice, other]\n")
    for folder in ("twice/a/x", "twice/b/x", "other/y"):
        (tmp_path / "project" / folder).mkdir(parents=True)
        (tmp_path / "project" / folder / "recipe.yaml").write_text("group: odd\n")
    assert asked(shell_environment, "fish", ["edgebake", "list", "--group", "od"], inner)[0] == ["odd"]
    assert Names(tmp_path / "project").recipes.count("y") == 1
    assert asked(shell_environment, "fish", ["edgebake", "plan", "ap"], inner)[0][:1] == ["app"]
    (inner / "edgebake.yaml").symlink_to("nowhere.yaml")
    assert "app" not in asked(shell_environment, "fish", ["edgebake", "plan", "ap"], inner)[0]


def test_an_answer_comes_at_once(shell_environment: dict[str, str]) -> None:
    variables = shell_environment | sent("fish", ["edgebake", "plan", "-s", "+torchv"])

    def seconds() -> float:
        """Return the processor time of one answer: what a press of Tab takes on a machine that does nothing else."""
        before = os.times()
        done = subprocess.run(["edgebake"], env=variables, cwd=EXAMPLE, capture_output=True, text=True, check=True)
        after = os.times()
        assert (done.stdout, done.stderr) == ("+torchvision\n", "")
        return after.children_user + after.children_system - before.children_user - before.children_system

    assert min(seconds() for _ in range(3)) < 0.5


def test_models_are_not_loaded_for_an_answer() -> None:
    code = (
        "import sys; from edgebake.cli.main import app; from edgebake.load.names import Names;"
        "from pathlib import Path; names = Names(Path.cwd()); names.recipes, names.targets, names.images;"
        "print([m for m in ('pydantic', 'networkx', 'jinja2', 'resolvelib') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=EXAMPLE, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_names_are_those_of_the_catalogue() -> None:
    names, catalogue = Names(EXAMPLE), open_workspace(EXAMPLE).catalogue
    recipes = list(catalogue.all_recipes())
    aliases = {alias for one in recipes for alias in one.recipe.aliases}
    assert names.recipes == sorted({*catalogue.recipe_names(), *aliases})
    assert names.targets == catalogue.target_names()
    assert names.groups == sorted({one.recipe.group for one in recipes})
    assert set(names.layers) == {one.recipe.layer for one in recipes}
    assert names.images == sorted(open_workspace(EXAMPLE).project.images)
    assert builtin_root() == REPOSITORY


# ── the shells themselves


def needs(shell: str) -> pytest.MarkDecorator:
    """Skip a test where a shell is not installed; where nothing may be skipped it fails."""
    return pytest.mark.skipif(which(shell) is None and "EDGEBAKE_NO_SKIP" not in os.environ, reason=f"no {shell}")


class Terminal:
    """A shell in a terminal of its own."""

    def __init__(self, command: list[str], environment: dict[str, str], folder: Path) -> None:
        self._pid, self._file = pty.fork()
        if self._pid == 0:
            os.chdir(folder)
            os.execvpe(command[0], command, environment)
        self._seen = ""

    def type(self, text: str) -> None:
        os.write(self._file, text.encode())

    def until(self, pattern: str, seconds: float = 20) -> str:
        """Return what was printed since the last time, once it matches."""
        end = time.monotonic() + seconds
        while not re.search(pattern, self._seen):
            left = end - time.monotonic()
            if left <= 0 or not select.select([self._file], [], [], left)[0]:
                raise AssertionError(f"no {pattern!r} in {self._seen!r}")
            self._seen += os.read(self._file, 4096).decode(errors="replace")
        seen, self._seen = self._seen, ""
        return seen

    def close(self) -> None:
        os.kill(self._pid, 9)
        os.waitpid(self._pid, 0)
        os.close(self._file)


def script(shell: str, environment: dict[str, str], folder: Path) -> Path:
    """Write down what `edgebake --show-completion` prints for a shell."""
    test = {**environment, "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    done = subprocess.run(
        ["edgebake", "--show-completion", shell], env=test, capture_output=True, text=True, check=True, cwd=folder
    )
    path = folder / f"edgebake.{shell}"
    path.write_text(done.stdout)
    return path


@pytest.mark.parametrize(
    ("typed", "line"),
    [
        ("edgebake pub", "edgebake publish "),
        ("edgebake plan torchv", "edgebake plan torchvision "),
        ("edgebake plan -t runp", "edgebake plan -t runpod-cuda-11.8 "),
        ("edgebake plan -s group:ll", "edgebake plan -s group:llm "),
        ("edgebake plan -s +target:jetp", "ack-"),  # with a bell: there are several
        ("edgebake plan --target=runp", "edgebake plan --target=runpod-cuda-11.8 "),
        ("edgebake plan -s @detector", "@detector "),
        ("edgebake plan -s nms,@detector", "@detector "),
    ],
)
def test_in_bash(shell_environment: dict[str, str], tmp_path: Path, typed: str, line: str) -> None:
    source = script("bash", shell_environment, tmp_path)
    terminal = Terminal(["bash", "--norc", "--noprofile", "-i"], {**shell_environment, "PS1": "> "}, EXAMPLE)
    try:
        terminal.type(f"source {source}; echo re''ady\n")
        terminal.until("ready\r\n")
        terminal.type(f"{typed}\t")
        terminal.until(re.escape(line))
        terminal.type("\x15")  # Ctrl-U: nothing of it is run
    finally:
        terminal.close()


@needs("fish")
@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("edgebake plan torchv", ["torchvision"]),
        ("edgebake plan -s +group:ll", ["+group:llm"]),
        ("edgebake plan -t runp", ["runpod-cuda-11.8"]),
    ],
)
def test_in_fish(shell_environment: dict[str, str], tmp_path: Path, typed: str, found: list[str]) -> None:
    source = script("fish", shell_environment, tmp_path)
    done = subprocess.run(
        ["fish", "--no-config", "-c", f'source {source}; complete -C "{typed}"'],
        env=shell_environment,
        cwd=EXAMPLE,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.stdout.split(), done.stderr) == (found, "")


@needs("zsh")
@pytest.mark.parametrize(
    ("typed", "line"),
    [
        ("edgebake plan torchv", "edgebake plan torchvision "),
        ("edgebake plan -s +group:ll", "edgebake plan -s +group:llm "),
        ("edgebake plan -t runp", "edgebake plan -t runpod-cuda-11.8 "),
    ],
)
def test_in_zsh(shell_environment: dict[str, str], tmp_path: Path, typed: str, line: str) -> None:
    source = script("zsh", shell_environment, tmp_path)
    terminal = Terminal(["zsh", "-f", "-i"], {**shell_environment, "PS1": "> "}, EXAMPLE)
    try:
        terminal.type(f"autoload -Uz compinit; compinit -u -d {tmp_path}/dump; source {source}; echo re''ady\n")
        terminal.until("ready\r\n")
        terminal.type(f"{typed}\t")
        terminal.until(re.escape(line.removeprefix(typed)))
    finally:
        terminal.close()
