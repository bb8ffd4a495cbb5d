"""Answers that are given again: the same bytes as without, and never one that any change has made stale."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import edgebake
from edgebake import pipeline
from edgebake.cache.entries import inputs_of
from edgebake.cli.main import app
from edgebake.errors import EdgebakeError
from edgebake.load.folders import builtin_root
from edgebake.load.workspace import open_workspace
from edgebake.model.request import Request
from edgebake.plan.journal import Journal
from edgebake.select.request import open_request
from integration.projects import CPU, recipe, write_files

SETTLED = 0.15
"""Seconds after which a file counts as one that did not just change."""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project that has something of every kind that a compilation reads."""
    folder = Path(os.path.realpath(tmp_path)) / "project"
    tools = recipe("tools", install={"script": "install.sh", "files": {"data": "/data"}})
    own = recipe("own", install={"files": {"app": "/app"}})
    files = {
        "edgebake.yaml": json.dumps({"images": {"app": {"recipes": ["tools", "./own"], "targets": ["here"]}}}),
        "targets/here.json": json.dumps({**CPU, "name": "here", "tag_suffix": "here"}),
        "recipes/tools/recipe.json": json.dumps(tools),
        "recipes/tools/install.sh": "echo $VERSION\n",
        "recipes/tools/data/one": "1\n",
        "own/recipe.json": json.dumps(own),
        "own/app/main.py": "print()\n",
        "own/.dockerignore": "*.log\n",
        ".dockerignore": "*.tmp\n",
    }
    write_files(folder, files)
    return folder


@pytest.fixture(autouse=True)
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where answers are kept."""
    folder = tmp_path / "answers"
    monkeypatch.setenv("EDGEBAKE_COMPILE_CACHE", str(folder))
    return folder


Told = tuple[str, str, int, bool]
"""What a command tells on stdout and stderr, its exit code, and whether it has compiled anything."""


def told(root: Path, *arguments: str, **variables: str) -> Told:
    """Run a command in this process."""
    compiled: list[object] = []
    compile_workspace = pipeline.compile_workspace
    out, err, code = io.StringIO(), io.StringIO(), 0
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.chdir(root)
        patch.setattr(
            pipeline, "compile_workspace", lambda *args: (compiled.append(args), compile_workspace(*args))[1]
        )
        for name, value in variables.items():
            patch.setenv(name, value)
        try:
            code = app()(list(arguments), standalone_mode=False) or 0
        except EdgebakeError as error:
            err.write(str(error))
            code, compiled = 2, [error]
    return out.getvalue(), err.getvalue(), code, bool(compiled)


def told_by_a_process(root: Path, *arguments: str, **variables: str) -> Told:
    """Run a command in a process of its own."""
    command = [sys.executable, "-X", "importtime", "-m", "edgebake", *arguments]
    done = subprocess.run(command, cwd=root, env={**os.environ, **variables}, capture_output=True, text=True)
    imports = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    errors = [line for line in done.stderr.splitlines() if not line.startswith("import time:")]
    assert "Traceback" not in done.stderr, done.stderr
    return (
        done.stdout,
        "\n".join(errors),
        done.returncode,
        any("edgebake.graph.compile\n" in f"{x}\n" for x in imports),
    )


def cold(root: Path, *arguments: str) -> tuple[str, str, int]:
    return told(root, *arguments, EDGEBAKE_COMPILE_CACHE="off")[:3]


def warmed(root: Path, *arguments: str) -> tuple[str, str, int]:
    """Run a command until its answer is known, and return the answer."""
    time.sleep(SETTLED)
    first = told(root, *arguments)
    again = told(root, *arguments)
    assert first[3]
    assert not again[3], "nothing was remembered"
    assert first[:3] == again[:3]
    return again[:3]


class TestWhatIsRemembered:
    @pytest.mark.parametrize(
        "arguments",
        [
            ["plan"],
            ["plan", "--json"],
            ["plan", "--diff"],
            ["plan", "--check"],
            ["plan", "app", "--target", "here", "--platform", "linux/amd64"],
            ["plan", "tools", "--target", "here", "--name", "adhoc"],
            ["compile", "--check"],
        ],
        ids=" ".join,
    )
    def test_an_answer_is_given_again(self, root: Path, arguments: list[str]) -> None:
        assert warmed(root, *arguments) == cold(root, *arguments)

    def test_a_compile_that_changes_nothing(self, root: Path) -> None:
        assert told(root, "compile")[3]
        out, _, code = warmed(root, "compile")
        assert (out, code) == ("1 bake target, 4 stages; 0 files changed.\n", 0)
        shutil.rmtree(root / "bake")
        assert "added" in told(root, "compile")[0]
        assert (root / "bake/docker-bake.hcl").is_file()

    def test_each_call_has_its_own(self, root: Path) -> None:
        warmed(root, "plan")
        assert told(root, "plan", "--json")[3]
        assert told(root, "plan", "--platform", "linux/amd64")[3]
        assert not told(root / "own", "plan")[3], "a folder of the project is the project"

    def test_the_same_project_elsewhere_has_its_own(self, root: Path) -> None:
        warmed(root, "plan")
        shutil.copytree(root, root.parent / "copy")
        assert told(root.parent / "copy", "plan")[3]

    def test_nothing_is_remembered_of_a_mistake(self, root: Path) -> None:
        (root / "edgebake.yaml").write_text("images: {app: {recipes: [nothing], targets: [here]}}")
        time.sleep(SETTLED)
        for _ in range(2):
            assert told(root, "plan")[2:] == (2, True)

    @pytest.mark.parametrize("where", ["off", "/proc/none"])
    def test_nothing_is_remembered_where_it_cannot_be(self, root: Path, where: str) -> None:
        for _ in range(2):
            assert told(root, "plan", EDGEBAKE_COMPILE_CACHE=where)[2:] == (0, True)

    def test_the_users_folder_for_caches_is_the_usual_place(self, root: Path, tmp_path: Path) -> None:
        time.sleep(SETTLED)
        for variables, folder in (
            ({"XDG_CACHE_HOME": str(tmp_path / "xdg"), "HOME": str(tmp_path / "x")}, "xdg/edgebake/answers"),
            ({"XDG_CACHE_HOME": "not/absolute", "HOME": str(tmp_path / "home")}, "home/.cache/edgebake/answers"),
        ):
            told(root, "plan", EDGEBAKE_COMPILE_CACHE="", **variables)
            assert len(list((tmp_path / folder).iterdir())) == 1
        assert told(root, "plan", EDGEBAKE_COMPILE_CACHE="", XDG_CACHE_HOME="", HOME="")[2:] == (0, True)

    def test_a_damaged_answer_is_made_anew(self, root: Path, kept: Path) -> None:
        warmed(root, "plan")
        (answer,) = kept.iterdir()
        answer.write_bytes(answer.read_bytes()[:-10])
        assert told(root, "plan")[3]
        assert not told(root, "plan")[3]

    def test_two_processes_at_once(self, root: Path) -> None:
        time.sleep(SETTLED)
        command = [sys.executable, "-m", "edgebake", "plan"]
        running = [subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) for _ in range(4)]
        outputs = {process.communicate()[0] for process in running}
        assert outputs == {cold(root, "plan")[0]}
        assert not told(root, "plan")[3]


def without(path: str) -> Callable[[Path], object]:
    return lambda root: (root / path).unlink()


def written(path: str, text: str) -> Callable[[Path], object]:
    return lambda root: write_files(root, {path: text})


def replaced(path: str, old: str, new: str) -> Callable[[Path], object]:
    """Return a change of a text in a file, to one of the same length and with the same time."""

    def change(root: Path) -> None:
        place, before = root / path, (root / path).stat()
        text = place.read_text()
        assert old in text
        assert len(old) == len(new)
        place.write_text(text.replace(old, new))
        os.utime(place, ns=(before.st_atime_ns, before.st_mtime_ns))

    return change


def built(root: Path) -> None:
    """Remember everything as built, as a bake does."""
    from edgebake.plan.history import Finished

    plan = pipeline.Pipeline(root, Request()).plan()
    for target in plan.targets:
        name = target.bake_target.name
        finished = Finished(name, target.platforms, "cache", "run", "2026-01-01T00:00:00Z")
        stages = {platform: plan.stage_records(name, platform) for platform in target.platforms}
        Journal(root).add("finished", **finished.as_data(stages))


def locked(root: Path) -> None:
    base = {"debian:bookworm-slim": {"digest": "sha256:" + "0" * 64}}
    (root / "edgebake.lock").write_text(json.dumps({"version": 2, "bases": base}))


CHANGES: dict[str, Callable[[Path], object]] = {
    "the project": written("edgebake.yaml", '{"images": {"app": {"recipes": ["tools"], "targets": ["here"]}}}'),
    "a recipe": replaced("recipes/tools/recipe.json", "/data", "/else"),
    "a recipe by its path": replaced("own/recipe.json", "/app", "/opt"),
    "a new recipe of a built-in one's name": written(
        "recipes/python/recipe.json", json.dumps(recipe("python", aliases=["tools2"]))
    ),
    "a recipe that is in the way": written("recipes/tools/recipe.yaml", "name: tools"),
    "a script": written("recipes/tools/install.sh", "echo $PYTHON_VERSION\n"),
    "a source file": replaced("own/app/main.py", "print()", "exit(1)"),
    "a new source file": written("own/app/other.py", ""),
    "a new source file that is ignored": written("own/x.log", ""),
    "a source file's mode": lambda root: (root / "own/app/main.py").chmod(0o755),
    "a removed file": without("recipes/tools/data/one"),
    "the project's ignore file": written(".dockerignore", "*.tmp\nown/app/*.txt\n"),
    "a recipe's ignore file": written("own/.dockerignore", "*.log\n*.txt\n"),
    "a target": replaced("targets/here.json", "debian:12", "debian:13"),
    "a new target": written("targets/here.yaml", "name: here"),
    "the lock": locked,
    "the journal": built,
    "a template of the project's": written(
        "templates/dockerfile/Dockerfile.j2",
        (builtin_root() / "templates/dockerfile/Dockerfile.j2").read_text().replace("# Generated by", "# Made by"),
    ),
    "a generated file": written("bake/here/Dockerfile", "FROM scratch\n"),
    "an interrupted compile": written(".edgebake/pending.json", '{"bake/left-over": []}'),
}


class TestNothingStale:
    @pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
    def test_a_change_of_any_input_changes_the_answer(self, root: Path, change: Callable[[Path], object]) -> None:
        calls = (["plan", "--json"], ["plan", "--diff"])
        before = [warmed(root, *call) for call in calls]
        change(root)
        time.sleep(SETTLED)
        after = [told(root, *call) for call in calls]
        assert all(one[3] for one in after), "the known answer was given"
        assert [one[:3] for one in after] == [cold(root, *call) for call in calls]
        assert [one[:3] for one in after] != before or change in SILENT

    def test_the_answer_comes_back_with_the_content(self, root: Path) -> None:
        before = warmed(root, "plan")
        text = (root / "edgebake.yaml").read_text()
        CHANGES["the project"](root)
        assert told(root, "plan")[:3] != before
        (root / "edgebake.yaml").write_text(text)
        assert told(root, "plan")[:3] == before

    def test_another_edgebake_another_python_and_other_libraries(self, root: Path, tmp_path: Path) -> None:
        source, libraries = Path(edgebake.__file__).parent, tmp_path / "libraries"
        builtin = source.parents[1]
        shutil.copytree(source, tmp_path / "src/edgebake", ignore=shutil.ignore_patterns("__pycache__"))
        for folder in ("recipes", "targets", "templates"):
            shutil.copytree(builtin / folder, tmp_path / folder)
        libraries.mkdir()
        here = {"PYTHONPATH": f"{tmp_path / 'src'}:{libraries}", "PYTHONDONTWRITEBYTECODE": "1"}

        def is_known() -> bool:
            time.sleep(SETTLED)
            first, again = told_by_a_process(root, "plan", **here), told_by_a_process(root, "plan", **here)
            assert not again[3], "nothing was remembered"
            return not first[3]

        assert not is_known()
        assert is_known()
        for file in ("src/edgebake/plan/fingerprint.py", "templates/dockerfile/Dockerfile.j2", "recipes/README"):
            with (tmp_path / file).open("a") as opened:
                opened.write("\n")
            assert not is_known(), file
        (libraries / "packaging-99.0.dist-info").mkdir()
        assert not is_known()

    def test_a_link_in_a_folders_place(self, root: Path) -> None:
        warmed(root, "plan")
        (root / "own").rename(root / "real")
        (root / "own").symlink_to("real")
        assert told(root, "plan")[3]
        (root / "own").unlink()
        (root.parent / "outside").mkdir()
        shutil.copytree(root / "real", root.parent / "outside/own")
        (root / "own").symlink_to("../outside/own")
        assert told(root, "plan")[2:] == (2, True)
        assert "leads out of the project" in told(root, "plan")[1]

    def test_a_recipe_in_python_may_follow_from_anything(self, root: Path) -> None:
        text = (
            "import os\nfrom edgebake.recipe import Recipe\n"
            "recipe = Recipe(name='more', summary=os.environ['WHAT'], install={'apt': [os.environ['WHAT']]})\n"
        )
        write_files(root, {"recipes/more/recipe.py": text})
        (root / "edgebake.yaml").write_text('{"images": {"app": {"recipes": ["more"], "targets": ["here"]}}}')
        time.sleep(SETTLED)
        for what in ("one", "two"):
            assert f"+        {what}" in told(root, "plan", "--diff", WHAT=what)[0]

    def test_a_plan_that_asks_a_registry_is_not_remembered(self, root: Path) -> None:
        project = json.loads((root / "edgebake.yaml").read_text())
        (root / "edgebake.yaml").write_text(json.dumps({**project, "stacks": "localhost:1/stacks"}))
        time.sleep(SETTLED)
        for _ in range(2):
            assert told(root, "plan")[3]
        warmed(root, "plan", "--offline")


# What these change is not seen in this project's plan; they have to be looked at all the same.
SILENT = [
    CHANGES[name]
    for name in (
        "a new recipe of a built-in one's name",
        "a new source file that is ignored",
        "an interrupted compile",
    )
]


class TestWhileItRuns:
    @pytest.mark.parametrize("moment", ["after it was opened", "after it was compiled"])
    @pytest.mark.parametrize("file", ["recipes/tools/install.sh", "edgebake.yaml", "bake/new", "own/app/new"])
    def test_a_change_while_it_runs_keeps_it_from_being_remembered(
        self, root: Path, kept: Path, monkeypatch: pytest.MonkeyPatch, moment: str, file: str
    ) -> None:
        compile_files = pipeline.compile_files

        def changing(*arguments: object, **options: object) -> object:
            if moment == "after it was compiled":
                found = compile_files(*arguments, **options)  # type: ignore[arg-type]
            place = root / file
            text = place.read_text() if place.exists() else ""
            write_files(root, {file: f"{text}\n"})
            if moment == "after it was opened":
                found = compile_files(*arguments, **options)  # type: ignore[arg-type]
                write_files(root, {file: text})  # and back again
            return found

        time.sleep(SETTLED)
        monkeypatch.setattr(pipeline, "compile_files", changing)
        told(root, "plan")
        assert not kept.exists()

    def test_a_project_that_changes_while_it_is_opened(
        self, root: Path, kept: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        opened: list[str] = []

        def opening(start: Path, request: Request) -> object:
            workspace = open_request(start, request)
            opened.append((root / "edgebake.yaml").read_text())
            if len(opened) == 1:
                CHANGES["the project"](root)
                time.sleep(SETTLED)
            return workspace

        time.sleep(SETTLED)
        monkeypatch.setattr("edgebake.select.request.open_request", opening)
        told(root, "plan")
        monkeypatch.undo()
        assert len(opened) == 2, "what belongs to it was known before, so it was opened once more"
        assert not kept.exists() or told(root, "plan")[:3] == cold(root, "plan")

    def test_all_that_is_looked_at_is_among_the_inputs(
        self, root: Path, kept: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Every look at the file system, be it only whether a file is there."""
        seen: set[str] = set()
        for name in ("stat", "lstat", "readlink", "open", "scandir", "listdir", "access"):
            monkeypatch.setattr(os, name, _noting(getattr(os, name), seen))
        told(root, "plan")
        monkeypatch.undo()
        places = list(inputs_of(open_workspace(root)))
        folders = [f"{place.path}/" for place in places]
        own = {path for path in seen if path.startswith(f"{root}/")}
        assert {str(root / "edgebake.yaml"), str(root / "own/.dockerignore")} <= own
        missed = {
            path
            for path in own
            if not f"{path}/".startswith(tuple(folders)) and not any(one.startswith(f"{path}/") for one in folders)
        }
        assert missed == set()


def _noting(function: Callable[..., object], seen: set[str]) -> Callable[..., object]:
    def noted(path: object = ".", *arguments: object, **options: object) -> object:
        if isinstance(path, str | os.PathLike):
            seen.add(os.path.normpath(Path.cwd() / path))
        return function(path, *arguments, **options)

    return noted


Edit = tuple[str, str | None]
EDITS: st.SearchStrategy[list[Edit]] = st.lists(
    st.tuples(
        st.sampled_from(
            ["own/app/main.py", "own/app/x", "own/.dockerignore", ".dockerignore", "recipes/tools/install.sh"]
        ),
        st.sampled_from(["", "a\n", "b\n", "*.py\n", "!x\n", "echo $CUDA_VERSION\n", None]),
    ),
    min_size=1,
    max_size=3,
)


class TestAnyEdits:
    @settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(edits=st.lists(EDITS, min_size=2, max_size=4))
    def test_warm_answers_are_those_of_a_cold_run(self, root: Path, edits: list[list[Edit]]) -> None:
        for edit in edits:
            for path, text in edit:
                if text is None:
                    (root / path).unlink(missing_ok=True)
                else:
                    (root / path).write_text(text)
            time.sleep(SETTLED)
            first, again = told(root, "plan", "--json"), told(root, "plan", "--json")
            assert first[:3] == again[:3] == cold(root, "plan", "--json")
