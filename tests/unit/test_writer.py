"""The atomic writer, with real faults: full disks, missing permissions, Ctrl-C and kill -9 at every step."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from edgebake.errors import EdgebakeError
from edgebake.render.writer import Change, OutputTree, unified_diff

KILL = "os.kill(os.getpid(), signal.SIGKILL)"
MANIFEST = "bake/manifest.json"
V1 = {"bake/a": "a1", "bake/cpu/Dockerfile": "c1", "bake/old/stale": "s1", "bake/same": "x", "bake/turn": "t1"}
V2 = {"bake/a": "a2", "bake/cpu/Dockerfile": "c2", "bake/new/deep/b": "b2", "bake/same": "x", "bake/turn/f": "t2"}
V3 = {"bake/a": "a3", "bake/cpu/Dockerfile": "c3", "bake/new/deep/c": "c3", "bake/same": "y", "bake/z/z/z": "z3"}


def tree(root: Path, files: Mapping[str, str]) -> OutputTree:
    found = OutputTree(root)
    for path, text in files.items():
        found.add(path, text.encode(), owner="test", executable=path.endswith(".sh"))
    return found


def write(root: Path, files: Mapping[str, str], *, force: bool = False) -> list[tuple[str, str]]:
    return summary(tree(root, files).write(force=force))


def changes(root: Path, files: Mapping[str, str]) -> list[tuple[str, str]]:
    return summary(tree(root, files).changes())


def summary(found: list[Change]) -> list[tuple[str, str]]:
    return [(change.kind, change.path) for change in found]


def contents(root: Path, *, manifest: bool = False) -> dict[str, str]:
    """Return all files of the project but edgebake's own state."""
    paths = [path for path in root.rglob("*") if path.is_file() and ".edgebake" not in path.parts]
    found = {path.relative_to(root).as_posix(): path.read_text() for path in paths}
    return {path: text for path, text in found.items() if manifest or path != MANIFEST}


def identity(path: Path) -> tuple[int, int, int]:
    found = path.stat()
    return found.st_ino, found.st_mtime_ns, found.st_ctime_ns


def state(root: Path) -> list[str]:
    return sorted(path.name for path in (root / ".edgebake").iterdir())


class TestWriting:
    def test_writes_files_and_a_manifest(self, tmp_path: Path) -> None:
        assert write(
            tmp_path, {"bake/b": "two\n", "bake/a": "one\n", ".github/workflows/bake.yml": "on: push\n"}
        ) == [
            ("added", ".github/workflows/bake.yml"),
            ("added", "bake/a"),
            ("added", "bake/b"),
            ("added", MANIFEST),
        ]
        assert contents(tmp_path, manifest=True) == {
            ".github/workflows/bake.yml": "on: push\n",
            "bake/a": "one\n",
            "bake/b": "two\n",
            MANIFEST: """{
  "files": {
    ".github/workflows/bake.yml": "b602f7ad4316adfd9f3e5ca998773702a5db1a1f1599a14516f40101665fb6d2",
    "bake/a": "2c8b08da5ce60398e1f19af0e5dccc744df274b826abe585eaba68c525434806",
    "bake/b": "27dd8ed44a83ff94d557f9fd0412ed5a8cbca69ea04922d88c01184a07300a5a"
  },
  "schema": 1,
  "tool": "edgebake"
}
""",
        }
        assert state(tmp_path) == [".gitignore", "lock"]

    def test_another_folder(self, tmp_path: Path) -> None:
        found = OutputTree(tmp_path, "out/bake/")
        found.add("out/bake/a", b"a", owner="test")
        found.write()
        assert (tmp_path / "out/bake/manifest.json").exists()

    def test_the_order_of_adding_does_not_matter(self, tmp_path: Path) -> None:
        (tmp_path / "one").mkdir()
        (tmp_path / "two").mkdir()
        write(tmp_path / "one", V1)
        write(tmp_path / "two", dict(reversed(V1.items())))
        assert contents(tmp_path / "one", manifest=True) == contents(tmp_path / "two", manifest=True)

    def test_a_second_time_touches_nothing(self, tmp_path: Path) -> None:
        write(tmp_path, V1)
        before = {path: identity(path) for path in (tmp_path / "bake").rglob("*")}
        assert write(tmp_path, V1) == []
        assert {path: identity(path) for path in (tmp_path / "bake").rglob("*")} == before

    def test_equal_files_are_not_touched_by_a_change_of_others(self, tmp_path: Path) -> None:
        write(tmp_path, V1)
        before = identity(tmp_path / "bake/same")
        write(tmp_path, V2)
        assert identity(tmp_path / "bake/same") == before

    def test_modifies_adds_and_prunes(self, tmp_path: Path) -> None:
        write(tmp_path, V1)
        assert write(tmp_path, V2) == [
            ("modified", "bake/a"),
            ("modified", "bake/cpu/Dockerfile"),
            ("modified", MANIFEST),
            ("added", "bake/new/deep/b"),
            ("removed", "bake/old/stale"),
            ("removed", "bake/turn"),
            ("added", "bake/turn/f"),
        ]
        assert contents(tmp_path) == V2
        assert not (tmp_path / "bake/old").exists()
        assert write(tmp_path, V1)
        assert contents(tmp_path) == V1
        assert not (tmp_path / "bake/new").exists()

    def test_a_folder_with_something_else_in_it_is_not_removed(self, tmp_path: Path) -> None:
        write(tmp_path, V1)
        (tmp_path / "bake/old/mine").write_text("mine")
        write(tmp_path, V2)
        assert contents(tmp_path) == {**V2, "bake/old/mine": "mine"}

    def test_a_generated_file_that_someone_deleted_comes_back(self, tmp_path: Path) -> None:
        write(tmp_path, V1)
        (tmp_path / "bake/a").unlink()
        (tmp_path / "bake/old/stale").unlink()
        assert ("added", "bake/a") in write(tmp_path, V2)
        assert contents(tmp_path) == V2

    def test_permissions_follow_the_executable_flag_and_not_the_umask(self, tmp_path: Path) -> None:
        before = os.umask(0o027)
        try:
            write(tmp_path, {"bake/run.sh": "x", "bake/data": "x"})
        finally:
            os.umask(before)
        modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "bake").iterdir()}
        assert modes == {"run.sh": 0o755, "data": 0o644, "manifest.json": 0o644}

    def test_a_lost_executable_bit_is_a_change_but_no_hand_edit(self, tmp_path: Path) -> None:
        write(tmp_path, {"bake/run.sh": "x"})
        (tmp_path / "bake/run.sh").chmod(0o644)
        found = tree(tmp_path, {"bake/run.sh": "x"}).changes()
        assert summary(found) == [("modified", "bake/run.sh")]
        assert unified_diff(found[0]) == "bake/run.sh becomes executable\n"
        write(tmp_path, {"bake/run.sh": "x"})
        assert os.access(tmp_path / "bake/run.sh", os.X_OK)

    def test_changes_writes_nothing(self, tmp_path: Path) -> None:
        assert len(changes(tmp_path, V1)) == len(V1) + 1
        assert list(tmp_path.iterdir()) == []

    def test_a_missing_manifest_is_written_again(self, tmp_path: Path) -> None:
        write(tmp_path, V1)
        before = contents(tmp_path, manifest=True)
        (tmp_path / MANIFEST).unlink()
        assert write(tmp_path, V1) == [("added", MANIFEST)]
        assert contents(tmp_path, manifest=True) == before


class TestHandEdited:
    def test_an_edited_file_is_not_overwritten(self, tmp_path: Path) -> None:
        write(tmp_path, V1)
        (tmp_path / "bake/a").write_text("mine")
        before = contents(tmp_path, manifest=True)
        with pytest.raises(EdgebakeError, match="nothing was written") as caught:
            write(tmp_path, V2)
        assert caught.value.reason == "bake/a was changed since edgebake wrote it"
        assert caught.value.hints == ("to write them all the same: edgebake compile --force",)
        assert contents(tmp_path, manifest=True) == before
        assert ("hand-edited", "bake/a") in changes(tmp_path, V2)

    def test_a_stale_edited_file_is_not_pruned(self, tmp_path: Path) -> None:
        write(tmp_path, V1)
        (tmp_path / "bake/old/stale").write_text("mine")
        with pytest.raises(EdgebakeError) as caught:
            write(tmp_path, V2)
        assert caught.value.reason == "bake/old/stale was changed since edgebake wrote it"

    def test_a_file_that_edgebake_never_wrote_is_not_overwritten(self, tmp_path: Path) -> None:
        (tmp_path / ".github").mkdir()
        (tmp_path / ".github/a.yml").write_text("mine")
        with pytest.raises(EdgebakeError) as caught:
            write(tmp_path, {".github/a.yml": "generated"})
        assert caught.value.reason == ".github/a.yml was not written by edgebake"

    def test_all_of_them_are_named(self, tmp_path: Path) -> None:
        write(tmp_path, V1)
        for path in ("bake/a", "bake/old/stale"):
            (tmp_path / path).write_text("mine")
        with pytest.raises(EdgebakeError) as caught:
            write(tmp_path, V2)
        assert caught.value.reason is not None
        assert [line.split()[0] for line in caught.value.reason.splitlines()] == ["bake/a", "bake/old/stale"]

    def test_force_overwrites_and_prunes(self, tmp_path: Path) -> None:
        write(tmp_path, V1)
        (tmp_path / "bake/a").write_text("mine")
        (tmp_path / "bake/old/stale").write_text("mine")
        found = write(tmp_path, V2, force=True)
        assert ("hand-edited", "bake/a") in found
        assert contents(tmp_path) == V2

    def test_an_edit_to_just_what_would_be_written_is_fine(self, tmp_path: Path) -> None:
        write(tmp_path, V1)
        (tmp_path / "bake/a").write_text(V2["bake/a"])
        write(tmp_path, V2)
        assert contents(tmp_path) == V2

    def test_a_link_is_someone_elses(self, tmp_path: Path) -> None:
        (tmp_path / "bake").mkdir()
        (tmp_path / "kept").write_text("kept")
        (tmp_path / "bake/a").symlink_to("../kept")
        with pytest.raises(EdgebakeError) as caught:
            write(tmp_path, {"bake/a": "kept"})
        assert caught.value.reason == "bake/a is not a plain file"
        write(tmp_path, {"bake/a": "new"}, force=True)
        assert contents(tmp_path) == {"bake/a": "new", "kept": "kept"}


class TestManifest:
    @pytest.mark.parametrize(
        "text",
        [
            "",
            "<<<<<<< HEAD\n{}",
            "[]",
            '{"schema": 1, "tool": "other", "files": {}}',
            '{"tool": "edgebake", "files": {}}',
            '{"schema": 1, "tool": "edgebake", "files": []}',
            '{"schema": 1, "tool": "edgebake", "files": {"bake/a": 1}}',
            '{"schema": 1, "tool": "edgebake", "files": {"../../etc/passwd": "x"}}',
            '{"schema": 1, "tool": "edgebake", "files": {"/etc/passwd": "x"}}',
            '{"schema": 99, "tool": "edgebake", "files": {}}',
        ],
    )
    def test_a_corrupt_one_is_told_and_mended_by_force(self, tmp_path: Path, text: str) -> None:
        write(tmp_path, V1)
        (tmp_path / MANIFEST).write_text(text)
        for attempt in (changes, write):
            with pytest.raises(EdgebakeError, match="the list of generated files cannot be understood") as caught:
                attempt(tmp_path, V2)
            assert str(caught.value.at) == MANIFEST
            assert "edgebake compile --force" in caught.value.hints[0]
        write(tmp_path, V1, force=True)
        assert changes(tmp_path, V1) == []


class TestOwners:
    def test_two_owners_of_one_path_are_both_named(self, tmp_path: Path) -> None:
        found = OutputTree(tmp_path)
        found.add("bake/a", b"", owner="target cpu")
        with pytest.raises(EdgebakeError, match="bake/a cannot be written for target x: target cpu has bake/a"):
            found.add("bake/a", b"", owner="target x")

    @pytest.mark.parametrize(
        ("one", "two"),
        [("bake/a", "bake/A"), ("bake/straße", "bake/STRASSE"), ("bake/a", "bake/a/b"), ("bake/A/b/c", "bake/a")],
    )
    def test_paths_that_cannot_exist_side_by_side(self, tmp_path: Path, one: str, two: str) -> None:
        for first, second in ((one, two), (two, one)):
            found = OutputTree(tmp_path)
            found.add(first, b"", owner="first")
            with pytest.raises(EdgebakeError, match=f"{second} cannot be written for second: first has {first}"):
                found.add(second, b"", owner="second")

    def test_the_manifest_has_its_place(self, tmp_path: Path) -> None:
        with pytest.raises(EdgebakeError, match=r"the manifest has bake/manifest\.json"):
            OutputTree(tmp_path).add("bake/manifest.json", b"", owner="x")

    def test_neighbours_are_fine(self, tmp_path: Path) -> None:
        found = OutputTree(tmp_path)
        for path in ("bake/a", "bake/ab", "bake/a.b", "bake/c/a", "bake/c/b", "bake"[:3]):
            found.add(path, b"", owner="x")


class TestPaths:
    @pytest.mark.parametrize(
        "path", ["", ".", "/etc/x", "../x", "a/../../x", "a//b", "./a", "a/", "a\0", ".edgebake/x"]
    )
    def test_must_be_plain_and_inside_the_project(self, tmp_path: Path, path: str) -> None:
        with pytest.raises(EdgebakeError, match="is not a path inside the project"):
            OutputTree(tmp_path).add(path, b"", owner="x")

    @pytest.mark.parametrize("to", ["../elsewhere", "real"])
    def test_a_folder_that_is_a_link_is_not_followed(self, tmp_path: Path, to: str) -> None:
        (tmp_path / "root/real").mkdir(parents=True)
        (tmp_path / "elsewhere").mkdir()
        (tmp_path / "root/bake").symlink_to(to)
        for attempt in (changes, write):
            with pytest.raises(EdgebakeError, match="is reached through a symbolic link"):
                attempt(tmp_path / "root", V1)
        assert list((tmp_path / "elsewhere").iterdir()) == list((tmp_path / "root/real").iterdir()) == []

    def test_a_project_reached_through_a_link(self, tmp_path: Path) -> None:
        (tmp_path / "real").mkdir()
        (tmp_path / "link").symlink_to("real")
        write(tmp_path / "link", V1)
        assert contents(tmp_path / "real") == V1

    def test_a_link_in_circles(self, tmp_path: Path) -> None:
        (tmp_path / "bake").symlink_to("bake")
        with pytest.raises(EdgebakeError, match="is reached through a symbolic link"):
            write(tmp_path, V1)


# ── Faults ───────────────────────────────────────────────────────────────────────────────────────────────


class TestErrors:
    def test_a_folder_in_the_way_changes_nothing(self, tmp_path: Path) -> None:
        write(tmp_path, V1)
        (tmp_path / "bake/new/deep/b/mine").mkdir(parents=True)
        before = contents(tmp_path, manifest=True)
        with pytest.raises(EdgebakeError, match="cannot write bake/new/deep/b") as caught:
            write(tmp_path, V2)
        assert caught.value.reason == "Directory not empty"
        assert contents(tmp_path, manifest=True) == before
        assert (tmp_path / "bake/old").is_dir()

    def test_a_file_where_a_folder_must_be(self, tmp_path: Path) -> None:
        write(tmp_path, V1)
        (tmp_path / "bake/new").write_text("mine")
        before = contents(tmp_path, manifest=True)
        with pytest.raises(EdgebakeError, match="cannot write bake/new/deep/b") as caught:
            write(tmp_path, V2, force=True)
        assert caught.value.reason == "Not a directory"
        assert contents(tmp_path, manifest=True) == before

    def test_a_project_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(EdgebakeError, match=r"cannot write to \.edgebake") as caught:
            write(tmp_path / "missing", V1)
        assert caught.value.reason == "No such file or directory"

    def test_a_full_disk(self, tmp_path: Path) -> None:
        """A limit on the size of files fails a write as a full disk does, for root as well."""
        write(tmp_path, V1)
        before = contents(tmp_path, manifest=True)
        done = run(
            tmp_path, {**V2, "bake/z": "x" * 5000}, "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))"
        )
        assert done.stderr.splitlines() == ["cannot write bake/z", "  File too large"]
        assert contents(tmp_path, manifest=True) == before

    def test_a_read_only_folder(self, unprivileged: Path) -> None:
        write(unprivileged, V1)
        before = contents(unprivileged, manifest=True)
        hand_over(unprivileged)
        (unprivileged / "bake/cpu").chmod(0o555)
        done = run(unprivileged, V2, "drop_privileges()")
        assert done.stderr.splitlines() == ["cannot write bake/cpu/Dockerfile", "  Permission denied"]
        assert contents(unprivileged, manifest=True) == before
        (unprivileged / "bake/cpu").chmod(0o755)
        assert run(unprivileged, V2, "drop_privileges()").stderr == ""
        assert contents(unprivileged) == V2

    def test_a_read_only_project(self, unprivileged: Path) -> None:
        unprivileged.chmod(0o555)
        done = run(unprivileged, V2, "drop_privileges()")
        assert done.stderr.splitlines() == ["cannot write to .edgebake", "  Permission denied"]


class TestInterruption:
    def test_ctrl_c_at_any_step_changes_nothing(self, tmp_path: Path) -> None:
        finished = []
        for root, done in stopped(tmp_path, "raise KeyboardInterrupt"):
            assert done.returncode == -signal.SIGINT, done.stderr
            finished.append(contents(root) == V2)
            assert contents(root) == (V2 if finished[-1] else V1)
            assert (root / "bake/old").is_dir() != finished[-1]
            write(root, V2)
            assert contents(root) == V2
            assert state(root) == [".gitignore", "lock"]
        assert finished == sorted(finished), "from some step on only the cleaning up is left"
        assert finished.count(False) > 20

    @pytest.mark.parametrize("step", [20, 23, 26])
    def test_after_more_ctrl_c_while_it_is_taken_back_the_next_compile_heals(
        self, tmp_path: Path, step: int
    ) -> None:
        write(tmp_path, V1)
        done = run(tmp_path, V2, stop_at(step, "raise KeyboardInterrupt", times=2))
        assert done.returncode == -signal.SIGINT
        assert contents(tmp_path) not in (V1, V2)
        write(tmp_path, V2)
        assert contents(tmp_path) == V2

    def test_after_a_kill_the_next_compile_heals(self, killed: list[Path]) -> None:
        mixed = 0
        for root in killed:
            now = contents(root)
            assert all(text in (V1.get(path), V2.get(path)) for path, text in now.items()), "half-written"
            mixed += now not in (V1, V2)
            write(root, V2)
            assert contents(root) == V2
            assert state(root) == [".gitignore", "lock"]
            assert changes(root, V2) == []
        assert mixed > 5

    @pytest.mark.parametrize("wanted", [V1, V3], ids=["the old files", "others"])
    def test_after_a_kill_the_next_compile_may_want_other_files(
        self, killed: list[Path], wanted: dict[str, str]
    ) -> None:
        for root in killed:
            write(root, wanted)
            assert contents(root) == wanted
            assert changes(root, wanted) == []

    @pytest.mark.parametrize("step", [12, 24, 27])
    def test_after_two_kills_in_a_row(self, killed: list[Path], step: int) -> None:
        for root in killed[::3]:
            assert run(root, V3, stop_at(step, KILL)).returncode == -signal.SIGKILL
            write(root, V1)
            assert contents(root) == V1

    def test_what_someone_wrote_after_a_kill_is_kept(self, killed: list[Path]) -> None:
        for root in killed:
            (root / "bake/new/deep").mkdir(parents=True, exist_ok=True)
            for path in ("bake/a", "bake/new/deep/b"):
                (root / path).write_text("mine")
            with pytest.raises(EdgebakeError) as caught:
                write(root, V2)
            assert caught.value.reason is not None
            assert [line.split()[0] for line in caught.value.reason.splitlines()] == ["bake/a", "bake/new/deep/b"]
            assert {contents(root)[path] for path in ("bake/a", "bake/new/deep/b")} == {"mine"}

    def test_a_new_file_of_someones_is_not_pruned_because_a_killed_compile_wanted_its_place(
        self, killed: list[Path]
    ) -> None:
        root = killed[len(killed) // 2]
        assert "bake/new/deep/b" not in json.loads((root / MANIFEST).read_text())["files"]
        (root / "bake/new/deep").mkdir(parents=True, exist_ok=True)
        (root / "bake/new/deep/b").write_text("mine")
        write(root, V1)
        assert contents(root) == {**V1, "bake/new/deep/b": "mine"}


class TestConcurrency:
    def test_two_compiles_at_once_end_as_one_of_them(self, tmp_path: Path) -> None:
        write(tmp_path, V1)
        with start(tmp_path, V1, "loop = 40") as one, start(tmp_path, V2, "loop = 40") as two:
            assert [one.communicate(timeout=60)[1], two.communicate(timeout=60)[1]] == ["", ""]
        now = contents(tmp_path)
        assert now in (V1, V2)
        assert changes(tmp_path, now) == []
        assert state(tmp_path) == [".gitignore", "lock"]

    def test_the_lock_is_waited_for(self, tmp_path: Path) -> None:
        write(tmp_path, V1)
        with (tmp_path / ".edgebake/lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            process = start(tmp_path, V2, "")
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(timeout=0.5)
            assert contents(tmp_path) == V1
        assert process.communicate(timeout=60)[1] == ""
        assert contents(tmp_path) == V2


class TestDiff:
    @pytest.mark.parametrize(
        ("old", "new", "diff"),
        [
            (None, b"a\n", "--- /dev/null\n+++ b/bake/x\n@@ -0,0 +1 @@\n+a\n"),
            (b"a\n", None, "--- a/bake/x\n+++ /dev/null\n@@ -1 +0,0 @@\n-a\n"),
            (b"a\nb\n", b"a\nc\n", "--- a/bake/x\n+++ b/bake/x\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n"),
            (
                b"a",
                b"a\n",
                "--- a/bake/x\n+++ b/bake/x\n@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+a\n",
            ),
            (b"a\x0cb\x1c\n", b"a\x0cc\n", "--- a/bake/x\n+++ b/bake/x\n@@ -1 +1 @@\n-a\x0cb\x1c\n+a\x0cc\n"),
            (None, b"", "--- /dev/null\n+++ b/bake/x\n"),
            (b"\xff", b"a\n", "Binary files a/bake/x and b/bake/x differ\n"),
        ],
    )
    def test_is_unified(self, old: bytes | None, new: bytes | None, diff: str) -> None:
        assert unified_diff(Change("bake/x", "modified", old, new)) == diff

    def test_git_applies_it(self, tmp_path: Path) -> None:
        write(tmp_path, V1)
        patch = "".join(map(unified_diff, tree(tmp_path, V2).changes()))
        subprocess.run(["git", "apply", "-"], cwd=tmp_path, input=patch, text=True, check=True)
        assert contents(tmp_path) == V2


# ── A compile in a process of its own ────────────────────────────────────────────────────────────────────

PROGRAM = """
import json, os, resource, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[4])
from edgebake.errors import EdgebakeError
from edgebake.render import writer
from edgebake.render.writer import OutputTree

# What this imports, the user that this becomes may not read.
writer._parse_manifest(b'{"tool": "edgebake", "schema": 1, "files": {}}')

def drop_privileges():
    if os.getuid() == 0:
        os.setgid(65534)
        os.setuid(65534)

def stop_at(step, act, last):
    seen = [0]
    def hook(event, args):
        moves = event in ("os.rename", "os.remove", "os.rmdir", "os.mkdir")
        if moves or (event == "open" and ".edgebake" in str(args[0])):
            seen[0] += 1
            if step <= seen[0] <= last:
                act()
    sys.addaudithook(hook)

loop = 1
exec(sys.argv[3])
try:
    for _ in range(loop):
        tree = OutputTree(Path(sys.argv[1]))
        for path, text in json.loads(sys.argv[2]).items():
            tree.add(path, text.encode(), owner="test")
        tree.write()
except EdgebakeError as error:
    sys.exit(str(error))
"""
SOURCES = Path(__file__).parents[2] / "src"


def start(root: Path, files: Mapping[str, str], setup: str) -> subprocess.Popen[str]:
    """Start a process that runs `setup` and then writes `files`."""
    command = [sys.executable, "-c", PROGRAM, str(root), json.dumps(files), setup, str(SOURCES)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


def run(root: Path, files: Mapping[str, str], setup: str) -> subprocess.CompletedProcess[str]:
    with start(root, files, setup) as process:
        _, errors = process.communicate(timeout=60)
    return subprocess.CompletedProcess(process.args, process.returncode, "", errors)


def stop_at(step: int, action: str, *, times: int = 1) -> str:
    """Return a setup that does `action` instead of the operation on the file system that comes as number `step`."""
    return f"def act():\n    {action}\nstop_at({step}, act, {step + times - 1})"


def stopped(tmp_path: Path, action: str) -> Iterator[tuple[Path, subprocess.CompletedProcess[str]]]:
    """Yield, for each step of going from V1 to V2, a project in which `action` has stopped it there."""
    for step in range(1, 200):
        root = tmp_path / f"{step:03}"
        root.mkdir()
        write(root, V1)
        done = run(root, V2, stop_at(step, action))
        if done.returncode == 0:
            return
        yield root, done
    pytest.fail("it never finished")


@pytest.fixture(scope="module")
def killed_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of projects, killed at each step on the way from V1 to V2."""
    folder = tmp_path_factory.mktemp("killed")
    assert {done.returncode for _, done in stopped(folder, KILL)} == {-signal.SIGKILL}
    shutil.rmtree(max(folder.iterdir()))  # in the last one it came to the end
    return folder


@pytest.fixture
def killed(killed_once: Path, tmp_path: Path) -> list[Path]:
    """Return copies of the killed projects."""
    shutil.copytree(killed_once, tmp_path / "killed")
    return sorted((tmp_path / "killed").iterdir())


@pytest.fixture
def unprivileged() -> Iterator[Path]:
    """Return a project that a process without root's powers can reach and write (tmp_path is root's alone)."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "project"
        root.mkdir()
        Path(folder).chmod(0o755)
        hand_over(root)
        yield root


def hand_over(root: Path) -> None:
    """Give `root` to the user that :func:`drop_privileges` becomes."""
    if os.getuid() == 0:
        for path in (root, *root.rglob("*")):
            os.chown(path, 65534, 65534)
