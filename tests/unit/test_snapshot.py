"""Inputs by content: whatever could change an answer changes the digest, and nothing is trusted that just changed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from edgebake.cache import snapshot
from edgebake.cache.snapshot import Input, Snapshot, UncacheableError
from edgebake.cache.watch import Watch

SETTLED = 0.15
"""Seconds after which a file counts as one that did not just change."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = Path(os.path.realpath(tmp_path)) / "tree"
    (found / "below/empty").mkdir(parents=True)
    (found / "a").write_text("one")
    (found / "below/b").write_text("two")
    (found / "link").symlink_to("below/b")
    time.sleep(SETTLED)
    return found


def digest(path: Path, kind: str = "tree") -> str:
    return Snapshot().digests([Input(kind, str(path))])[0]  # type: ignore[arg-type]


def replaced_in_place(folder: Path) -> None:
    """Change a file's bytes, and set back all that can be set back."""
    before = (folder / "a").stat()
    (folder / "a").write_text("eno")
    os.utime(folder / "a", ns=(before.st_atime_ns, before.st_mtime_ns))


def linked_elsewhere(folder: Path) -> None:
    (folder / "link").unlink()
    (folder / "link").symlink_to("a")


CHANGES: dict[str, Callable[[Path], object]] = {
    "bytes": lambda folder: (folder / "a").write_text("other"),
    "bytes, not size and time": replaced_in_place,
    "mode": lambda folder: (folder / "a").chmod(0o755),
    "mode of a folder": lambda folder: (folder / "below").chmod(0o700),
    "name": lambda folder: (folder / "a").rename(folder / "c"),
    "new file": lambda folder: (folder / "below/c").touch(),
    "new folder": lambda folder: (folder / "below/empty/x").mkdir(),
    "removed folder": lambda folder: (folder / "below/empty").rmdir(),
    "removed file": lambda folder: (folder / "below/b").unlink(),
    "moved file": lambda folder: (folder / "below/b").rename(folder / "b"),
    "link": linked_elsewhere,
    "file for a link": lambda folder: (folder / "below/b").replace(folder / "link"),
}


class TestDigests:
    @pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
    def test_a_change_of_any_kind_shows(self, folder: Path, change: Callable[[Path], object]) -> None:
        before, seen = digest(folder), Snapshot()
        seen.digests([Input("tree", str(folder))])
        assert seen.is_unchanged()
        change(folder)
        assert digest(folder) != before
        assert not seen.is_unchanged()

    def test_the_same_content_elsewhere_has_the_same_digest(self, folder: Path) -> None:
        subprocess.run(["cp", "-a", folder, folder.parent / "copy"], check=True)
        assert digest(folder) == digest(folder.parent / "copy")

    def test_contents_cannot_run_into_names(self, tmp_path: Path) -> None:
        for name, content in (("one", "x"), ("two", "")):
            (tmp_path / name).mkdir()
            (tmp_path / name / "a").write_text(content)
        (tmp_path / "two" / "x").touch()
        assert digest(tmp_path / "one") != digest(tmp_path / "two")

    @pytest.mark.parametrize("kind", ["file", "tree"])
    def test_what_is_not_there_is_told_from_what_is_empty(self, tmp_path: Path, kind: str) -> None:
        place = tmp_path / "x"
        seen = Snapshot()
        assert seen.digests([Input(kind, str(place))]) == [""]  # type: ignore[list-item]
        if kind == "file":
            place.touch()
        else:
            place.mkdir()
        assert digest(place, kind) != ""
        assert not seen.is_unchanged()

    def test_of_code_only_python_files_count(self, folder: Path) -> None:
        (folder / "x.py").write_text("1")
        before = digest(folder, "code")
        (folder / "__pycache__").mkdir()
        (folder / "__pycache__/x.py").touch()
        (folder / "a").write_text("other")
        assert digest(folder, "code") == before
        (folder / "x.py").write_text("2")
        assert digest(folder, "code") != before


class TestTrust:
    def test_what_has_just_changed_is_not_trusted(self, folder: Path) -> None:
        (folder / "a").write_text("other")
        seen = Snapshot()
        seen.digests([Input("tree", str(folder))])
        time.sleep(SETTLED)
        assert not seen.is_unchanged()

    def test_a_time_to_come_is_not_trusted(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(time, "time_ns", lambda: 0)
        seen = Snapshot()
        seen.digests([Input("file", str(folder / "a"))])
        assert not seen.is_unchanged()

    def test_a_file_that_changed_and_was_changed_back_is_not_trusted(self, folder: Path) -> None:
        seen = Snapshot()
        seen.digests([Input("tree", str(folder))])
        replaced_in_place(folder)
        (folder / "a").write_text("one")
        assert not seen.is_unchanged()


class TestUncacheable:
    def test_a_link_to_elsewhere(self, folder: Path) -> None:
        for target in ("../x", "/etc/hosts", "below/../../x"):
            (folder / "other").symlink_to(target)
            with pytest.raises(UncacheableError, match="elsewhere"):
                digest(folder)
            (folder / "other").unlink()

    def test_a_place_that_is_reached_through_a_link(self, folder: Path) -> None:
        (folder.parent / "alias").symlink_to("tree")
        for kind, path in (("tree", "alias"), ("file", "alias/a"), ("file", "tree/link")):
            with pytest.raises(UncacheableError, match="through a link"):
                digest(folder.parent / path, kind)

    def test_a_pipe_does_not_hang(self, folder: Path) -> None:
        os.mkfifo(folder / "pipe")
        with pytest.raises(UncacheableError, match="not a file"):
            digest(folder)

    def test_a_recipe_in_python(self, folder: Path) -> None:
        (folder / "below/recipe.py").touch()
        with pytest.raises(UncacheableError, match="Python"):
            digest(folder)

    def test_too_many_files_or_bytes(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(snapshot, "MAX_BYTES", 5)
        with pytest.raises(UncacheableError, match="too much"):
            digest(folder)
        monkeypatch.setattr(snapshot, "MAX_ENTRIES", 1)
        with pytest.raises(UncacheableError, match="too many"):
            digest(folder / "below")

    def test_a_folder_where_a_file_should_be_and_the_other_way_round(self, folder: Path) -> None:
        with pytest.raises(UncacheableError):
            digest(folder / "below", "file")
        with pytest.raises(UncacheableError):
            digest(folder / "a", "tree")


class TestWatch:
    def test_it_names_what_is_read_and_belongs_to_no_place(self, folder: Path) -> None:
        watch = Watch()
        (folder / "a").read_text()
        list((folder / "below").iterdir())
        watch.stop()
        (folder / "below/b").read_text()
        assert watch.unexpected([Input("tree", str(folder))]) == []
        assert watch.unexpected([Input("file", str(folder / "a"))]) == [str(folder / "below")]
        assert watch.unexpected([]) == [str(folder / "a"), str(folder / "below")]

    def test_it_tells_of_other_processes(self) -> None:
        watch = Watch()
        subprocess.run([sys.executable, "-c", "pass"], check=True)
        watch.stop()
        assert any("another process" in one for one in watch.unexpected([]))
