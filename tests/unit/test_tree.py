"""Listing and digesting the files that a COPY takes."""

from __future__ import annotations

import hashlib
import os
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from edgebake.errors import EdgebakeError
from edgebake.load.ignore import IgnoreRules
from edgebake.load.tree import FileEntry, list_files, tree_digest

NOTHING = IgnoreRules()


def rules(text: str) -> IgnoreRules:
    return IgnoreRules.parse(text, path=".dockerignore")


def fill(root: Path, *paths: str) -> None:
    """Create each path: a folder if it ends with a slash, else a file that holds its own path."""
    for path in paths:
        if path.endswith("/"):
            (root / path).mkdir(parents=True, exist_ok=True)
        else:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(path)


def names(root: Path, *paths: str, ignoring: str = "") -> list[str]:
    return [entry.path for entry in list_files(root, paths or ["."], rules(ignoring))]


def digest(root: Path, *paths: str) -> str:
    return tree_digest(list_files(root, paths or ["."], NOTHING))


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def test_entries_have_kind_mode_target_and_digest(tmp_path: Path) -> None:
    fill(tmp_path, "dir/file", "dir/run")
    (tmp_path / "dir").chmod(0o750)
    (tmp_path / "dir/file").chmod(0o640)
    (tmp_path / "dir/run").chmod(0o4755)
    (tmp_path / "dir/link").symlink_to(".//file")
    found = [
        (entry.path, entry.kind, entry.mode, entry.target, entry.sha256)
        for entry in list_files(tmp_path, ["."], NOTHING)
    ]
    assert found == [
        ("dir", "dir", 0o755, "", ""),
        ("dir/file", "file", 0o644, "", hashlib.sha256(b"dir/file").hexdigest()),
        ("dir/link", "symlink", 0o777, ".//file", ""),
        ("dir/run", "file", 0o755, "", hashlib.sha256(b"dir/run").hexdigest()),
    ]


def test_the_order_is_that_of_the_paths_bytes(tmp_path: Path) -> None:
    fill(tmp_path, "b", "a/z", "a-b", "a.b", "Z", "é", "e", "\U0001f600", "\uff5e", "a/é", "a0")
    assert names(tmp_path) == ["Z", "a", "a-b", "a.b", "a/z", "a/é", "a0", "b", "e", "é", "\uff5e", "\U0001f600"]


def test_the_order_of_creation_does_not_matter(tmp_path: Path) -> None:
    paths = [f"d{number % 3}/f{number}" for number in range(40)]
    fill(tmp_path / "one", *paths)
    fill(tmp_path / "two", *reversed(paths))
    assert digest(tmp_path / "one") == digest(tmp_path / "two")
    assert digest(tmp_path / "one", "d0", "d1") == digest(tmp_path / "two", "d1", "d0")


class TestPaths:
    def test_only_what_is_named_is_listed_and_once(self, tmp_path: Path) -> None:
        fill(tmp_path, "a/b/c", "a/b/d", "a/e", "f")
        assert names(tmp_path, "a/b") == ["a/b", "a/b/c", "a/b/d"]
        assert names(tmp_path, "a/b/c", "./a//b/", "f") == ["a/b", "a/b/c", "a/b/d", "f"]

    def test_no_path_is_nothing(self, tmp_path: Path) -> None:
        assert list_files(tmp_path, [], NOTHING) == []

    def test_an_empty_root_is_nothing(self, tmp_path: Path) -> None:
        assert list_files(tmp_path, ["."], NOTHING) == []

    @pytest.mark.parametrize("path", ["missing", "a/missing", "a/b/c", "missing/.."])
    def test_a_missing_path(self, tmp_path: Path, path: str) -> None:
        fill(tmp_path, "a/b")
        if path == "missing/..":
            assert names(tmp_path, path) == ["a", "a/b"], "Docker cleans paths before it looks"
            return
        with pytest.raises(EdgebakeError, match=f"{tmp_path}/{path} does not exist"):
            names(tmp_path, path)

    @pytest.mark.parametrize("path", ["..", "../x", "a/../../x"])
    def test_a_path_out_of_the_root(self, tmp_path: Path, path: str) -> None:
        fill(tmp_path, "root/a/", "x")
        with pytest.raises(EdgebakeError, match="leads out of"):
            names(tmp_path / "root", path)

    def test_an_absolute_path(self, tmp_path: Path) -> None:
        with pytest.raises(EdgebakeError, match="'/etc' must be relative to"):
            names(tmp_path, "/etc")


class TestLinks:
    def test_a_named_link_brings_what_it_points_at(self, tmp_path: Path) -> None:
        fill(tmp_path, "v2/file", "other")
        (tmp_path / "current").symlink_to("v2")
        (tmp_path / "latest").symlink_to("./current")
        assert names(tmp_path, "latest") == ["current", "latest", "v2", "v2/file"]
        assert names(tmp_path, "latest/file") == ["current", "latest", "v2/file"]

    def test_its_contents_change_the_digest(self, tmp_path: Path) -> None:
        fill(tmp_path, "v2/file")
        (tmp_path / "current").symlink_to("v2")
        before = digest(tmp_path, "current")
        (tmp_path / "v2/file").write_text("new")
        assert digest(tmp_path, "current") != before

    def test_links_inside_a_folder_stay_links(self, tmp_path: Path) -> None:
        fill(tmp_path, "a/", "b/file")
        (tmp_path / "a/up").symlink_to("../b")
        (tmp_path / "a/dangling").symlink_to("missing/deep")
        assert names(tmp_path, "a") == ["a", "a/dangling", "a/up"]

    def test_loops_inside_a_folder_are_harmless(self, tmp_path: Path) -> None:
        fill(tmp_path, "a/")
        (tmp_path / "a/self").symlink_to("self")
        (tmp_path / "a/up").symlink_to("../a")
        (tmp_path / "a/ping").symlink_to("pong")
        (tmp_path / "a/pong").symlink_to("ping/x")
        assert names(tmp_path, "a") == ["a", "a/ping", "a/pong", "a/self", "a/up"]

    def test_a_named_loop_is_an_error(self, tmp_path: Path) -> None:
        (tmp_path / "ping").symlink_to("pong")
        (tmp_path / "pong").symlink_to("ping")
        with pytest.raises(EdgebakeError, match="ping is a loop of symbolic links"):
            names(tmp_path, "ping")

    @pytest.mark.parametrize(
        "target", ["/etc/passwd", "..", "../x", "../../root/a", "b/../../../x", "here/../../x"]
    )
    @pytest.mark.parametrize("path", ["a", "a/link"])
    def test_out_of_the_root(self, tmp_path: Path, target: str, path: str) -> None:
        fill(tmp_path, "root/a/b/")
        (tmp_path / "root/a/here").symlink_to(".")
        (tmp_path / "root/a/link").symlink_to(target)
        if target in ("..", "../x"):
            (tmp_path / "root/a/link").rename(tmp_path / "root/link")
            path = "link"
        with pytest.raises(EdgebakeError, match=r"link leads out of .*/root"):
            names(tmp_path / "root", path)

    def test_through_another_link_out_of_the_root(self, tmp_path: Path) -> None:
        """Read as text, ``deep/../x`` stays inside: but deep is the root itself."""
        fill(tmp_path, "root/a/b/", "root/a/x", "x")
        (tmp_path / "root/a/b/deep").symlink_to("../..")
        (tmp_path / "root/a/b/link").symlink_to("deep/../x")
        with pytest.raises(EdgebakeError, match="link leads out of"):
            names(tmp_path / "root", ".")

    def test_text_that_looks_as_if_it_led_out_is_fine(self, tmp_path: Path) -> None:
        fill(tmp_path, "a/b/", "c")
        (tmp_path / "deep").symlink_to("a/b")
        (tmp_path / "link").symlink_to("deep/../../c")
        assert names(tmp_path, "link") == ["c", "deep", "link"]

    def test_the_root_itself_may_be_reached_through_a_link(self, tmp_path: Path) -> None:
        fill(tmp_path, "root/a")
        (tmp_path / "link").symlink_to("root")
        assert names(tmp_path / "link") == ["a"]


class TestIgnoring:
    def test_ignored_files_and_folders_are_left_out(self, tmp_path: Path) -> None:
        fill(tmp_path, "a/x.pyc", "a/x.py", "b/c/d", "e/")
        assert names(tmp_path, ignoring="**/*.pyc\nb\n") == ["a", "a/x.py", "e"]

    def test_an_ignored_folder_with_an_exception_in_it_is_there(self, tmp_path: Path) -> None:
        fill(tmp_path, "a/b/keep", "a/b/drop", "a/c/drop")
        assert names(tmp_path, ignoring="*\n!a/b/keep") == ["a", "a/b", "a/b/keep"]

    def test_everything_may_be_ignored_in_the_root(self, tmp_path: Path) -> None:
        fill(tmp_path, "a/b")
        assert names(tmp_path, ignoring="**") == []

    def test_a_named_path_must_not_be_ignored(self, tmp_path: Path) -> None:
        fill(tmp_path, "a/b")
        with pytest.raises(EdgebakeError, match="a/b is excluded by ignore rules"):
            names(tmp_path, "a/b", ignoring="**/b")

    def test_what_is_ignored_need_not_be_valid(self, tmp_path: Path) -> None:
        fill(tmp_path, "a")
        (tmp_path / "venv").mkdir()
        (tmp_path / "venv/python").symlink_to("/usr/bin/python3")
        os.mkfifo(tmp_path / "pipe")
        assert names(tmp_path, ignoring="venv\npipe") == ["a"]

    def test_a_file_that_buildkit_would_empty(self, tmp_path: Path) -> None:
        fill(tmp_path, "a/b", "a/c")
        with pytest.raises(EdgebakeError, match="a/b would be empty in the image"):
            names(tmp_path, ignoring="a\n!a/b\na")


class TestRefused:
    def test_a_pipe(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(EdgebakeError, match="pipe is not a file, a folder or a symbolic link"):
            names(tmp_path)

    def test_a_socket(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)  # a socket's path may have no more than 107 bytes
        with closing(socket.socket(socket.AF_UNIX)) as server:
            server.bind("socket")
        with pytest.raises(EdgebakeError, match="socket is not a file, a folder or"):
            names(tmp_path)

    def test_a_device(self) -> None:
        with pytest.raises(EdgebakeError, match="/dev/null is not a file, a folder or"):
            names(Path("/dev"), "null")

    def test_a_name_that_is_not_utf8(self, tmp_path: Path) -> None:
        (tmp_path / os.fsdecode(b"caf\xe9")).write_text("x")
        with pytest.raises(EdgebakeError, match=r"caf\\udce9 has a name or target that is not UTF-8"):
            names(tmp_path)

    def test_a_target_that_is_not_utf8(self, tmp_path: Path) -> None:
        (tmp_path / "link").symlink_to(os.fsdecode(b"caf\xe9"))
        with pytest.raises(EdgebakeError, match="link has a name or target that is not UTF-8"):
            names(tmp_path)

    def test_a_file_that_is_gone_when_it_is_read(self, tmp_path: Path) -> None:
        fill(tmp_path, "a")
        entries = list_files(tmp_path, ["a"], NOTHING)
        (tmp_path / "a").unlink()
        with pytest.raises(EdgebakeError, match="a cannot be read") as caught:
            tree_digest(entries)
        assert caught.value.reason == "No such file or directory"


class TestDigest:
    def test_does_not_depend_on_order_times_or_place(self, tmp_path: Path) -> None:
        for root in ("one", "two"):
            fill(tmp_path / root, "a/b", "c")
        os.utime(tmp_path / "one/c", (1, 1))
        assert digest(tmp_path / "one") == digest(tmp_path / "two")
        entries = list_files(tmp_path / "one", ["."], NOTHING)
        assert tree_digest(entries[::-1]) == tree_digest(entries)

    def test_does_not_depend_on_the_umask_that_a_checkout_ran_under(self, tmp_path: Path) -> None:
        for root, mask in (("one", 0o022), ("two", 0o002), ("three", 0o077)):
            with umask(mask):
                fill(tmp_path / root, "a/b")
        assert digest(tmp_path / "one") == digest(tmp_path / "two") == digest(tmp_path / "three")

    def test_does_not_depend_on_the_umask_that_edgebake_runs_under(self, tmp_path: Path) -> None:
        fill(tmp_path, "a/b")
        before = digest(tmp_path)
        with umask(0o077):
            assert digest(tmp_path) == before

    def test_every_property_counts_and_none_runs_into_the_next(self) -> None:
        def entry(path: str = "a", mode: int = 0o644, target: str = "") -> FileEntry:
            return FileEntry(path, "symlink", mode, target, Path("unread"))

        variants = [
            [],
            [entry()],
            [entry("b")],
            [entry(mode=0o755)],
            [entry(target="b")],
            [entry("ab")],
            [entry("a"), entry("b")],
            [entry('a",')],
            [entry("a\n")],
            [entry("a", 0o644, "x"), entry("b", 0o644, "")],
            [entry("a", 0o644, ""), entry("b", 0o644, "x")],
            [FileEntry("a", "dir", 0o644, "", Path("unread"))],
        ]
        assert len({tree_digest(variant) for variant in variants}) == len(variants)

    def test_contents_count(self, tmp_path: Path) -> None:
        fill(tmp_path, "a", "b")
        before = digest(tmp_path)
        (tmp_path / "a").write_text("b")
        (tmp_path / "b").write_text("a")
        assert digest(tmp_path) != before

    def test_is_stable(self, tmp_path: Path) -> None:
        """The digest names published images: a change of it rebuilds the world, so it must be deliberate."""
        with umask(0o022):
            fill(tmp_path, "a/é")
        (tmp_path / "a/link").symlink_to("é")
        assert digest(tmp_path) == "f876e44cf52ef049a5351839de6e8989c827eb19768265f53ec05cb7da5d5e2c"

    def test_contents_are_read_only_when_asked_for(self, tmp_path: Path) -> None:
        fill(tmp_path, "a")
        entry = list_files(tmp_path, ["a"], NOTHING)[0]
        (tmp_path / "a").write_text("later")
        assert entry.sha256 == hashlib.sha256(b"later").hexdigest()
        (tmp_path / "a").unlink()
        assert entry.sha256 == hashlib.sha256(b"later").hexdigest()


def test_ten_thousand_files(tmp_path: Path) -> None:
    for number in range(100):
        folder = tmp_path / f"d{number}"
        folder.mkdir()
        for name in range(100):
            (folder / f"f{name}").touch()
    assert len(list_files(tmp_path, ["."], rules("**/*.pyc\n!keep\n" * 25))) == 10_100
