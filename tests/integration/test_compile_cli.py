"""`init`, `plan` and `compile` as they are called: exit codes, what goes to stdout and stderr, what is written."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from edgebake.load.catalogue import builtin_root
from integration.projects import CPU, recipe, tree, write_files

EDGEBAKE = Path(sys.executable).with_name("edgebake")
PROJECT = "images: {app: {recipes: [tools], targets: [here]}}\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project with a target and a recipe of its own, so that it needs nothing of the built-in catalogue."""
    folder = tmp_path / "project"
    files = {
        "edgebake.yaml": PROJECT,
        "targets/here.json": json.dumps({**CPU, "name": "here", "tag_suffix": "here"}),
        "recipes/tools/recipe.json": json.dumps(recipe("tools")),
    }
    write_files(folder, files)
    return folder


def run(root: Path, *arguments: str, code: int | None = 0, **variables: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [EDGEBAKE, *arguments],
        cwd=root,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
    )
    assert "Traceback" not in done.stderr
    assert code is None or done.returncode == code, done.stdout + done.stderr
    return done


def project_files(root: Path) -> dict[str, tuple[int, bytes]]:
    """Return all files of the project but edgebake's own state."""
    return {path: found for path, found in tree(root).items() if not path.startswith(".edgebake/")}


class TestStartUp:
    @pytest.mark.parametrize(
        ("command", "unneeded"),
        [
            ("--help", {"pydantic", "jinja2", "yaml", "networkx", "python_on_whales"}),
            ("plan", {"python_on_whales", "urllib3"}),
            ("compile", {"python_on_whales", "urllib3"}),
        ],
    )
    def test_a_command_imports_only_what_it_needs(self, root: Path, command: str, unneeded: set[str]) -> None:
        done = subprocess.run(
            [sys.executable, "-X", "importtime", "-m", "edgebake", command],
            cwd=root,
            capture_output=True,
            text=True,
            check=True,
        )
        imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
        assert "edgebake.cli.main" in imported
        assert not imported & unneeded


class TestCompile:
    def test_it_tells_what_it_writes(self, root: Path) -> None:
        done = run(root, "compile")
        assert done.stdout == (
            "added    bake/docker-bake.hcl\n"
            "added    bake/here/Dockerfile\n"
            "added    bake/here/Dockerfile.dockerignore\n"
            "added    bake/manifest.json\n"
            "1 bake target, 3 stages; 4 files changed.\n"
        )
        assert (
            done.stderr
            == "note: here: the base image debian:bookworm-slim is not pinned: not locked yet (edgebake lock)\n"
        )

    def test_a_second_one_changes_nothing(self, root: Path) -> None:
        run(root, "compile")
        before = project_files(root)
        assert run(root, "compile").stdout.splitlines()[-1].endswith("0 files changed.")
        assert project_files(root) == before

    def test_it_works_from_a_folder_below_and_with_a_directory_option(self, root: Path) -> None:
        run(root / "recipes/tools", "compile")
        first = project_files(root)
        shutil.rmtree(root / "bake")
        run(root.parent, "-C", "project", "compile")
        assert project_files(root) == first

    def test_a_file_that_was_edited_by_hand_is_not_overwritten(self, root: Path) -> None:
        run(root, "compile")
        (root / "bake/here/Dockerfile").write_text("FROM scratch\n")
        (root / "recipes/tools/recipe.json").write_text(json.dumps(recipe("tools", install={"apt": ["other"]})))
        before = project_files(root)
        done = run(root, "compile", code=2)
        assert done.stdout == ""
        assert "bake/here/Dockerfile was changed since edgebake wrote it" in done.stderr
        assert "hint: to write them all the same: edgebake compile --force" in done.stderr
        assert project_files(root) == before
        run(root, "compile", "--force")
        assert "other" in (root / "bake/here/Dockerfile").read_text()

    def test_a_file_that_someone_else_wrote_is_not_overwritten(self, root: Path) -> None:
        write_files(root, {"bake/docker-bake.hcl": "# mine\n"})
        assert "was not written by edgebake" in run(root, "compile", code=2).stderr
        assert (root / "bake/docker-bake.hcl").read_text() == "# mine\n"

    def test_what_nobody_owns_any_more_is_removed(self, root: Path) -> None:
        other = {**CPU, "name": "there", "tag_suffix": "there"}
        write_files(
            root, {"targets/there.json": json.dumps(other), "edgebake.yaml": PROJECT.replace("here", "'*here'")}
        )
        run(root, "compile")
        assert (root / "bake/there/Dockerfile").is_file()
        write_files(root, {"edgebake.yaml": PROJECT, "bake/notes.txt": "mine"})
        done = run(root, "compile")
        assert "removed  bake/there/Dockerfile\n" in done.stdout
        assert not (root / "bake/there").exists()
        assert (root / "bake/notes.txt").is_file()

    def test_a_mistake_is_told_at_its_position_and_nothing_is_written(self, root: Path) -> None:
        (root / "edgebake.yaml").write_text("images: {app: {recipe: [tools], targets: [here]}}\n")
        before = project_files(root)
        done = run(root, "compile", code=2)
        assert "edgebake.yaml:1:16: unknown key 'recipe' in images.app" in done.stderr
        assert "hint: did you mean 'recipes'?" in done.stderr
        assert project_files(root) == before
        assert not (root / "bake").exists()

    def test_a_folder_that_cannot_be_written_is_told(self, root: Path) -> None:
        write_files(root, {"bake": "a file where the folder would be\n"})
        assert "bake" in run(root, "compile", code=2).stderr

    @pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("unshare"), reason="needs root and unshare")
    def test_it_needs_no_network_and_no_docker(self, root: Path) -> None:
        # Without a loopback even; and with an empty PATH there is no docker to ask.
        command = ["unshare", "--net", EDGEBAKE, "compile"]
        done = subprocess.run(
            command,
            cwd=root,
            env={"PATH": "/nonexistent"},
            executable=shutil.which("unshare"),
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        assert (root / "bake/here/Dockerfile").is_file()

    def test_ctrl_c_leaves_nothing_half_written(self, root: Path) -> None:
        run(root, "compile")
        before = tree(root / "bake")
        images = {f"i{number:03}": {"recipes": ["tools"], "targets": ["here"]} for number in range(400)}
        write_files(root, {"edgebake.yaml": json.dumps({"images": images})})
        copy = root.parent / "copy"
        shutil.copytree(root, copy)
        run(copy, "compile")
        codes = []
        while not codes or codes[-1] != 0:  # later and later, until it has done its work first
            process = subprocess.Popen([EDGEBAKE, "compile"], cwd=root, stderr=subprocess.PIPE, text=True)
            time.sleep(0.25 * 1.25 ** len(codes))  # Python itself has started by then
            process.send_signal(signal.SIGINT)
            _, stderr = process.communicate(timeout=60)
            codes.append(process.returncode)
            assert "Traceback" not in stderr
            if process.returncode == 130:
                assert stderr.splitlines()[-1] == "interrupted"
                assert tree(root / "bake") == before
            else:  # Python itself was just starting, or had just ended
                assert process.returncode in (0, -signal.SIGINT)
                assert tree(root / "bake") in (before, tree(copy / "bake"))
        assert 130 in codes
        assert tree(root / "bake") == tree(copy / "bake")
        run(root, "compile")
        run(root, "plan", "--check")


class TestPlan:
    def test_check_is_silent_when_the_files_are_as_they_should_be(self, root: Path) -> None:
        run(root, "compile")
        done = run(root, "plan", "--check")
        assert done.stderr == ""
        assert "Committed files: up to date." in done.stdout

    def test_check_exits_with_3_and_names_the_command(self, root: Path) -> None:
        run(root, "compile")
        (root / "recipes/tools/recipe.json").write_text(json.dumps(recipe("tools", install={"apt": ["other"]})))
        before = project_files(root)
        done = run(root, "plan", "--check", code=3)
        assert "edgebake compile" in done.stderr
        assert "the committed files are stale" in done.stderr
        assert project_files(root) == before

    def test_diff_shows_what_would_change(self, root: Path) -> None:
        run(root, "compile")
        (root / "recipes/tools/recipe.json").write_text(json.dumps(recipe("tools", install={"apt": ["other"]})))
        lines = run(root, "plan", "--diff").stdout.splitlines()
        assert "--- a/bake/here/Dockerfile" in lines
        assert "-        libtools" in lines
        assert "+        other" in lines

    def test_json_is_all_that_stands_on_stdout(self, root: Path) -> None:
        data = json.loads(run(root, "plan", "--json").stdout)
        assert [image["bake_target"] for image in data["images"]] == ["app-here"]

    def test_a_plan_writes_nothing(self, root: Path) -> None:
        before = tree(root)
        run(root, "plan")
        assert tree(root) == before

    def test_a_reader_that_goes_away_is_no_failure(self, root: Path) -> None:
        command = f"set -o pipefail; {EDGEBAKE} plan | head -1"
        done = subprocess.run(["bash", "-c", command], cwd=root, capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith("app · here")

    def test_a_reader_that_is_gone_from_the_start_is_no_failure(self, root: Path) -> None:
        command = f"set -o pipefail; {EDGEBAKE} plan --json | true"
        done = subprocess.run(["bash", "-c", command], cwd=root, capture_output=True, text=True)
        assert done.stderr == ""
        assert done.returncode in (0, 128 + signal.SIGPIPE)  # 1 would be a bug of edgebake's

    def test_a_full_disk_is_told(self, root: Path) -> None:
        with Path("/dev/full").open("w") as full:
            done = subprocess.run([EDGEBAKE, "plan"], cwd=root, stdout=full, stderr=subprocess.PIPE, text=True)
        assert done.returncode != 0
        assert "Traceback" not in done.stderr
        assert "No space left" in done.stderr

    def test_recipes_can_be_planned_without_an_image(self, root: Path) -> None:
        before = project_files(root)
        done = run(root, "plan", "tools", "--target", "here", "--name", "trial")
        assert done.stdout.startswith("trial · here (linux/amd64, linux/arm64)\n")
        assert "Run: edgebake bake tools --target here --name trial" in done.stdout
        assert project_files(root) == before

    def test_output_is_readable_in_the_c_locale(self, root: Path) -> None:
        assert "app" in run(root, "plan", LC_ALL="C", PYTHONIOENCODING="").stdout

    @pytest.mark.parametrize(
        ("arguments", "told"),
        [
            (["nothing"], "unknown image or recipe 'nothing'"),
            (["tolls", "--target", "here"], "did you mean 'tools'?"),
            (["--target", "her"], "did you mean 'here'?"),
            (["--platform", "linux/arm"], "'linux/arm"),
            (["--nonsense"], "--nonsense"),
        ],
    )
    def test_a_mistake_in_the_call_exits_with_2(self, root: Path, arguments: list[str], told: str) -> None:
        assert told in run(root, "plan", *arguments, code=2).stderr

    def test_without_a_project_the_way_to_one_is_told(self, tmp_path: Path) -> None:
        assert "edgebake init" in run(tmp_path, "plan", code=2).stderr


class TestInit:
    @pytest.mark.parametrize("arguments", [[], ["--target", "jetpack-6.2"]])
    def test_a_new_project_plans_and_compiles_at_once(self, tmp_path: Path, arguments: list[str]) -> None:
        run(tmp_path, "init", "robot", *arguments)
        root = tmp_path / "robot"
        assert "hello" in run(root, "plan").stdout
        run(root, "compile")
        run(root, "plan", "--check")
        assert (root / "bake/docker-bake.hcl").is_file()

    def test_what_is_there_is_not_overwritten(self, root: Path) -> None:
        before = project_files(root)
        assert "the file already exists" in run(root, "init", code=2).stderr
        assert project_files(root) == before

    def test_an_unknown_target_is_told_and_nothing_is_written(self, tmp_path: Path) -> None:
        done = run(tmp_path, "init", "x", "--target", "jetpak-6.2", code=2)
        assert "did you mean 'jetpack-6.2'?" in done.stderr
        assert not (tmp_path / "x").exists()


def test_adhoc_recipes_need_no_project(tmp_path: Path) -> None:
    assert (builtin_root() / "recipes").is_dir()
    done = run(tmp_path, "plan", "numpy", "--target", "cpu")
    assert done.stdout.startswith("numpy · cpu")
    assert list(tmp_path.iterdir()) == []
