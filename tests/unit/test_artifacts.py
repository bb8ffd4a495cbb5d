"""A folder of artifacts: whole or not used, found by what it is for, never larger than it may be."""

from __future__ import annotations

import hashlib
import io
import json
import multiprocessing
import os
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgebake.artifacts.facts import ARTIFACT_TYPE, Facts, facts_in, facts_of
from edgebake.artifacts.layout import OCI_INDEX, Layout
from edgebake.artifacts.look import FolderLook
from edgebake.artifacts.make import join, store
from edgebake.artifacts.pip_index import write_indexes
from edgebake.artifacts.size import parse_size, told_size
from edgebake.errors import EdgebakeError
from edgebake.plan.builder import build_plan, reusable
from edgebake.plan.fingerprint import Fingerprints
from edgebake.plan.record import BuildRecord
from edgebake.plan.selection import Selection
from edgebake.plan.stacks import is_built
from integration.projects import AMD64, ARM64, BOARD, Project, compiled_recipe, make_project, nodes_by_name

FACTS = Facts("thing", "1.0", AMD64, "cpu", "f" * 32, "cp311")
WHEEL = "thing-1.0-cp310-cp310-linux_aarch64.whl"


def archive(folder: Path, **files: bytes) -> Path:
    """Return a tar archive of files, `_` in a name standing for a slash."""
    path = folder / f"{len(list(folder.glob('*.tar')))}.tar"
    with tarfile.open(path, "w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name.replace("__", "/"))
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path


def wheel(folder: Path, content: bytes = b"wheel", name: str = WHEEL) -> Path:
    return archive(folder, **{f"wheels__{name}": content})


def blobs(layout: Layout) -> list[Path]:
    return sorted((layout.folder / "blobs/sha256").iterdir(), key=lambda path: -path.stat().st_size)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "kept")


class TestLayout:
    def test_an_entry_is_an_image_of_one_layer_that_says_what_it_is(self, layout: Layout, tmp_path: Path) -> None:
        store(layout, "key", wheel(tmp_path), FACTS)
        (entry,) = layout.entries()
        manifest = layout.read(entry.digest)
        assert (entry.key, manifest["artifactType"], len(manifest["layers"])) == ("key", ARTIFACT_TYPE, 1)
        config = layout.read(manifest["config"]["digest"])
        assert (config["os"], config["architecture"]) == ("linux", "amd64")
        with tarfile.open(layout.blob(manifest["layers"][0]["digest"])) as tar:
            assert tar.getnames() == [f"wheels/{WHEEL}"]
        found = facts_in(manifest)
        assert found is not None
        assert found.wheels == ((WHEEL, hashlib.sha256(b"wheel").hexdigest()),)
        assert (found.recipe, found.python, found.sm) == ("thing", "cp311", "any")
        assert layout.check(entry) == ""

    def test_equal_archives_make_equal_entries(self, layout: Layout, tmp_path: Path) -> None:
        one = store(layout, "one", wheel(tmp_path), FACTS)
        assert store(layout, "two", wheel(tmp_path), FACTS) == one

    @pytest.mark.parametrize("place", range(3))
    def test_what_is_damaged_is_found_wherever_it_is(self, layout: Layout, tmp_path: Path, place: int) -> None:
        for damage in (lambda b: b[:-1], lambda b: b"x" * len(b), lambda b: b""):
            store(layout, "key", archive(tmp_path, a=os.urandom(3000)), FACTS)
            (entry,) = layout.entries()
            path = blobs(layout)[place]
            path.write_bytes(damage(path.read_bytes()))
            assert layout.check(entry).startswith("sha256:")
            path.unlink()
            assert layout.check(entry).endswith("is not there")
            layout.remove(["key"])
            assert not blobs(layout)

    def test_what_is_damaged_is_mended_by_storing_it_again(self, layout: Layout, tmp_path: Path) -> None:
        store(layout, "key", wheel(tmp_path), FACTS)
        for path in blobs(layout):
            path.write_bytes(b"poisoned")
        store(layout, "key", wheel(tmp_path), FACTS)
        assert layout.check(layout.entries()[0]) == ""

    def test_what_was_used_least_recently_goes_first(self, layout: Layout, tmp_path: Path) -> None:
        for number, key in enumerate("abc"):
            descriptor = store(layout, key, archive(tmp_path, a=os.urandom(50_000)), FACTS)
            os.utime(layout.blob(descriptor["digest"]), (number, number))
        layout.touch(layout.entries()[0].digest)  # a is used
        assert [entry.key for entry in layout.prune(120_000)] == ["b"]
        assert layout.size() <= 120_000
        assert [entry.key for entry in layout.prune(0)] == ["c", "a"]
        assert not blobs(layout)

    def test_blobs_that_another_entry_has_stay(self, layout: Layout, tmp_path: Path) -> None:
        store(layout, "one", wheel(tmp_path), FACTS)
        store(layout, "two", wheel(tmp_path), FACTS)
        layout.remove(["one"])
        (entry,) = layout.entries()
        assert layout.check(entry) == ""

    def test_an_index_of_all_platforms_is_made_when_all_are_there(self, layout: Layout, tmp_path: Path) -> None:
        parts = {AMD64: "cpu-amd64-1", ARM64: "cpu-arm64-1"}
        store(layout, "cpu-amd64-1", archive(tmp_path, a=b"1"), FACTS)
        assert not join(layout, "both", parts)
        store(layout, "cpu-arm64-1", archive(tmp_path, a=b"2"), FACTS)
        assert join(layout, "both", parts)
        entry = layout.find("both")
        assert entry is not None
        assert entry.media_type == OCI_INDEX
        assert layout.check(entry) == ""
        assert len(layout.manifests(entry)) == 2
        layout.remove(["cpu-amd64-1", "cpu-arm64-1"])
        assert layout.check(entry) == ""  # the index holds what it names

    def test_many_that_write_at_once_lose_nothing(self, layout: Layout, tmp_path: Path) -> None:
        context = multiprocessing.get_context("spawn")
        processes = [context.Process(target=_store_many, args=(layout.folder, tmp_path, name)) for name in "abc"]
        for process in processes:
            process.start()
        for process in processes:
            process.join()
        assert [process.exitcode for process in processes] == [0, 0, 0]
        assert len(layout.entries()) == 15
        assert not any(layout.check(entry) for entry in layout.entries())

    @pytest.mark.parametrize("text", ["", "[]", "{", '{"manifests": 1}', '{"manifests": [{"digest": "x"}]}'])
    def test_an_index_that_cannot_be_read_is_an_empty_one(self, layout: Layout, text: str) -> None:
        layout.folder.mkdir()
        (layout.folder / "index.json").write_text(text)
        assert layout.entries() == []

    def test_what_cannot_be_written_is_told(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(EdgebakeError, match="cannot write the folder of artifacts"):
            store(Layout(tmp_path / "file"), "key", wheel(tmp_path), FACTS)


def _store_many(folder: Path, work: Path, name: str) -> None:
    own = work / name
    own.mkdir()
    for number in range(5):
        store(Layout(folder), f"{name}{number}", archive(own, a=os.urandom(1000)), FACTS)
        if number == 2:
            Layout(folder).remove(["nothing"])  # takes leftovers out while others write


class TestFacts:
    def test_a_board_is_matched_by_python_cuda_and_sm(self, tmp_path: Path) -> None:
        project = make_project(tmp_path).recipe(**compiled_recipe("a")).write({"recipes/a/build.sh": "make\n"})
        project.images(app={"recipes": ["a"], "targets": [BOARD["name"]]})
        compilation = project.compile()
        node = nodes_by_name(compilation, "board-1.0")["eb-a-artifact"]
        assert is_built(node)
        found = facts_of(node, ARM64, compilation.targets["board-1.0"], "f")
        assert (found.python, found.cuda, found.sm) == ("cp310", "cu126-tegra", "sm87")
        assert facts_in({"annotations": found.annotations()}) == found
        assert found.fits({"sm": "sm87", "python": "cp310", "platform": ARM64})
        assert not found.fits({"sm": "sm8"})
        assert not found.fits({"python": "cp311"})

    def test_one_sm_of_several_fits(self) -> None:
        facts = Facts("a", "1", AMD64, "cuda", "f", cuda="cu128-x86", sm="sm86-sm89")
        assert facts.fits({"sm": "sm89"})
        assert facts.fits({"sm": "sm86-sm89"})

    @pytest.mark.parametrize("annotations", [None, {}, {"dev.edgebake.recipe": "x"}])
    def test_what_is_not_edgebakes_has_none(self, annotations: dict[str, str] | None) -> None:
        assert facts_in({"annotations": annotations}) is None


class TestIndex:
    def test_wheels_stand_in_the_index_of_their_cuda_and_sm(self, layout: Layout, tmp_path: Path) -> None:
        store(layout, "a", wheel(tmp_path), Facts("a", "1", ARM64, "b", "f", "cp310", "cu126-tegra", "sm87"))
        store(layout, "b", wheel(tmp_path, b"cpu"), FACTS)
        assert [found.place for found in write_indexes(layout)] == ["cpu/any", "cu126-tegra/sm87"]
        root = layout.folder / "wheels/cu126-tegra/sm87"
        assert (root / WHEEL).read_bytes() == b"wheel"
        digest = hashlib.sha256(b"wheel").hexdigest()
        assert f'<a href="../../{WHEEL}#sha256={digest}">' in (root / "simple/thing/index.html").read_text()
        assert '<a href="thing/">thing</a>' in (root / "simple/index.html").read_text()
        data = json.loads((root / "simple/thing/index.json").read_text())
        assert data["meta"]["api-version"] == "1.0"
        assert data["files"] == [{"filename": WHEEL, "url": f"../../{WHEEL}", "hashes": {"sha256": digest}}]

    def test_the_one_used_last_counts_and_what_is_gone_is_taken_out(self, layout: Layout, tmp_path: Path) -> None:
        for number, key in enumerate(["old", "new"], 1):
            descriptor = store(layout, key, wheel(tmp_path, key.encode()), FACTS)
            os.utime(layout.blob(descriptor["digest"]), (number, number))
        write_indexes(layout)
        path = layout.folder / "wheels/cpu/any" / WHEEL
        assert path.read_bytes() == b"new"
        layout.remove(["new"])
        write_indexes(layout)
        assert path.read_bytes() == b"old"
        layout.remove(["old"])
        write_indexes(layout)
        assert not list(layout.folder.rglob("*.whl"))
        assert not list(layout.folder.rglob("index.html"))

    def test_a_wheel_that_was_changed_is_written_anew(self, layout: Layout, tmp_path: Path) -> None:
        store(layout, "a", wheel(tmp_path), FACTS)
        write_indexes(layout)
        path = layout.folder / "wheels/cpu/any" / WHEEL
        path.write_bytes(b"poisoned")
        write_indexes(layout)
        assert path.read_bytes() == b"wheel"

    def test_what_is_no_wheels_name_is_left_out(self, layout: Layout, tmp_path: Path) -> None:
        store(layout, "a", wheel(tmp_path, name="..whl"), FACTS)
        assert write_indexes(layout) == []

    def test_a_damaged_artifact_has_no_wheel(self, layout: Layout, tmp_path: Path) -> None:
        store(layout, "a", wheel(tmp_path, os.urandom(3000)), FACTS)
        path = blobs(layout)[0]
        path.write_bytes(path.read_bytes()[:-100])
        assert write_indexes(layout) == []


class TestLook:
    def look(self, project: Project, layout: Layout, *platforms: str) -> tuple[list[str], dict[str, str]]:
        """Return the stages that are given from the folder, and the keys that are refused."""
        compilation, selection = project.compile(), Selection(platforms=platforms)
        fingerprints = Fingerprints(compilation)
        snapshot = FolderLook(layout.folder)(compilation, reusable(compilation, selection, fingerprints))
        plan = build_plan(compilation, selection, BuildRecord(), [], fingerprints=fingerprints, snapshot=snapshot)
        assert all(one.context.startswith(f"oci-layout://{layout.folder}@") for one in plan.targets[0].reuse.given)
        return [one.stage.name for one in plan.targets[0].reuse.given], dict(snapshot.refused)

    def key(self, project: Project, *platforms: str) -> str:
        compilation = project.compile()
        keys = reusable(compilation, Selection(platforms=platforms), Fingerprints(compilation))
        return next(one.key for one in keys if is_built(one.node))

    @pytest.fixture
    def project(self, tmp_path: Path) -> Project:
        project = make_project(tmp_path).recipe(**compiled_recipe("a")).write({"recipes/a/build.sh": "make\n"})
        return project.images(app=["a"])

    def test_what_is_there_is_given(self, project: Project, layout: Layout, tmp_path: Path) -> None:
        store(layout, self.key(project, AMD64), archive(tmp_path, a=b"1"), FACTS)
        assert self.look(project, layout, AMD64) == (["eb-a-artifact"], {})

    def test_nothing_that_another_fingerprint_has(self, project: Project, layout: Layout, tmp_path: Path) -> None:
        store(layout, self.key(project, AMD64), archive(tmp_path, a=b"1"), FACTS)
        project.write({"recipes/a/build.sh": "make all\n"})
        assert self.look(project, layout, AMD64) == ([], {})

    def test_what_is_damaged_is_told_and_left_as_it_is(
        self, project: Project, layout: Layout, tmp_path: Path
    ) -> None:
        key = self.key(project, AMD64)
        store(layout, key, archive(tmp_path, a=b"1"), FACTS)
        blobs(layout)[0].write_bytes(b"poisoned")
        given, refused = self.look(project, layout, AMD64)
        assert not given
        assert refused[key].startswith("sha256:")
        assert [entry.key for entry in layout.entries()] == [key]  # a plan writes nothing

    def test_what_is_for_another_platform_than_its_key_says(
        self, project: Project, layout: Layout, tmp_path: Path
    ) -> None:
        key = self.key(project, ARM64)
        store(layout, key, archive(tmp_path, a=b"1"), FACTS)
        assert self.look(project, layout, ARM64)[1] == {key: f"it is for linux/amd64 (in {layout.folder})"}


@given(st.integers(1, 10**13))
def test_a_size_as_it_is_told_is_read_again(size: int) -> None:
    assert parse_size(told_size(size), "--limit") == pytest.approx(size, rel=0.01)


@pytest.mark.parametrize("text", ["", "x", "-1GB", "1PB", "GB"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(EdgebakeError, match="is no size"):
        parse_size(text, "--limit")
