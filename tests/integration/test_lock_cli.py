"""`edgebake lock` with an index served from this machine, git repositories, and a registry if one is up."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from integration.engine import needs_registry
from integration.locking import asking, locked, locking_project, packages, run, write_images
from integration.projects import AMD64, ARM64, CPU, compiled_recipe, needs, write_files
from integration.wheel_index import Index, digest, serving

BASE = "localhost:5000/busybox:stable"  # scripts/engine up makes it


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    with serving(Index(tmp_path / "index")) as index:
        yield index


@pytest.fixture
def root(tmp_path: Path, index: Index) -> Path:
    """A project with two recipes that need packages of the index: beta wants an older alpha than alpha would be."""
    index.add("alpha", "1.5")
    index.add("alpha", "2.0")
    index.add("beta", "1.0", "alpha<2", "gamma")
    index.add("gamma", "0.3")
    return locking_project(tmp_path, asking("a", "alpha"), asking("b", "beta"))


class TestPythonPackages:
    def test_an_images_packages_are_resolved_together_with_hashes(self, root: Path, index: Index) -> None:
        done = run(root, "lock", index=index)
        assert done.stdout == "edgebake.lock written.\n"
        assert (
            packages(root)
            == packages(root, platform=ARM64)
            == {
                "alpha": "1.5",
                "beta": "1.0",
                "gamma": "0.3",
            }
        )
        alpha, beta, _ = locked(root)["images"]["app"]["here"]["python"][AMD64]["packages"]
        assert beta["dependencies"] == [{"name": "alpha"}, {"name": "gamma"}]
        wheel = index.folder / "alpha/alpha-1.5-py3-none-any.whl"
        assert alpha == {
            "name": "alpha",
            "version": "1.5",
            "index": index.url,
            "wheels": [
                {
                    "url": f"{index.url}/alpha/{wheel.name}",
                    "size": wheel.stat().st_size,
                    "hashes": {"sha256": digest(wheel)},
                }
            ],
        }

    def test_each_recipe_fetches_its_own_part(self, root: Path, index: Index) -> None:
        run(root, "lock", index=index)
        run(root, "compile")
        files = {path.name: path.read_text() for path in (root / "bake/here/requirements").iterdir()}
        assert sorted(files) == [f"eb-{name}-fetch.{arch}.txt" for name in "ab" for arch in ("amd64", "arm64")]
        address = f"{index.url}/alpha/alpha-1.5-py3-none-any.whl"
        assert files["eb-a-fetch.amd64.txt"].startswith(f"# {address}\nalpha==1.5 \\\n    --hash=sha256:")
        assert "beta==1.0" in files["eb-b-fetch.arm64.txt"]
        assert "gamma==0.3" in files["eb-b-fetch.arm64.txt"]

    def test_a_second_lock_asks_nobody_and_changes_nothing(self, root: Path, index: Index) -> None:
        run(root, "lock", index=index)
        before, asked = (root / "edgebake.lock").read_bytes(), len(index.asked)
        assert run(root, "lock", index=index).stdout == "edgebake.lock is up to date.\n"
        assert (root / "edgebake.lock").read_bytes() == before
        assert len(index.asked) == asked

    def test_two_locks_from_nothing_are_the_same(self, root: Path, index: Index) -> None:
        run(root, "lock", index=index)
        before = (root / "edgebake.lock").read_bytes()
        (root / "edgebake.lock").unlink()
        run(root, "lock", index=index)
        assert (root / "edgebake.lock").read_bytes() == before

    def test_a_newer_package_comes_only_when_it_is_asked_for(self, root: Path, index: Index) -> None:
        run(root, "lock", index=index)
        index.add("alpha", "1.6")
        index.add("gamma", "0.4")
        shutil.rmtree(root.parent / "uv-cache")
        run(root, "lock", index=index)
        assert packages(root)["alpha"] == "1.5"
        run(root, "lock", "--upgrade", "alpha", index=index)
        assert packages(root) == {"alpha": "1.6", "beta": "1.0", "gamma": "0.3"}
        shutil.rmtree(root.parent / "uv-cache")
        run(root, "lock", "--upgrade", "*", index=index)
        assert packages(root)["gamma"] == "0.4"

    def test_a_new_recipe_keeps_what_is_locked(self, root: Path, index: Index) -> None:
        write_images(root, app=["a"])
        run(root, "lock", index=index)
        assert packages(root) == {"alpha": "2.0"}
        index.add("alpha", "2.1")
        shutil.rmtree(root.parent / "uv-cache")
        write_images(root, app=["a", "zlib"], other=["a", "compiler"])
        run(root, "lock", index=index)
        # Images that agree share their stages.
        assert packages(root) == packages(root, "other") == {"alpha": "2.0"}

    def test_an_index_that_cannot_be_reached_leaves_no_lock_and_is_named(self, root: Path) -> None:
        done = run(root, "lock", code=3)
        assert (
            f"app on here ({AMD64}): Python packages: not pinned: the default index cannot be reached"
            in done.stderr
        )
        assert not (root / "edgebake.lock").exists()

    def test_what_is_not_pinned_can_be_allowed_and_is_then_named_by_every_command(self, root: Path) -> None:
        done = run(root, "lock", "--allow-unpinned")
        assert "not pinned: the default index cannot be reached" in done.stderr
        python = locked(root)["images"]["app"]["here"]["python"][AMD64]
        assert python["reason"] == "the default index cannot be reached"
        assert "packages" not in python
        assert "Python packages are not pinned" in run(root, "compile").stderr
        refused = run(root, "compile", "--locked", code=2).stderr
        assert "error: the lock does not pin everything" in refused
        assert f"Python packages of app on here ({AMD64}): the default index cannot be reached" in refused

    def test_a_package_without_a_wheel_for_a_platform_is_an_error(self, root: Path, index: Index) -> None:
        index.add("delta", "1.0", platform="manylinux_2_17_x86_64")
        recipe = needs("d", "python", install={"pip": ["delta"]})
        write_files(root, {"recipes/d/recipe.json": json.dumps(recipe)})
        write_images(root, app=["d"])
        done = run(root, "lock", code=2, index=index)
        assert "error: recipes/d/recipe.json:1:" in done.stderr
        assert "what d asks for cannot be had: delta" in done.stderr
        assert f"in app on here ({ARM64})\n" in done.stderr
        assert "delta==1.0 has no wheels with a matching platform tag" in done.stderr

    def test_a_package_that_only_its_source_is_there_of_stays_unpinned(self, root: Path, index: Index) -> None:
        (index.folder / "source").mkdir()
        (index.folder / "source/source-1.0.tar.gz").write_bytes(b"")
        recipe = needs("d", "python", install={"pip": ["source"]})
        write_files(root, {"recipes/d/recipe.json": json.dumps(recipe)})
        write_images(root, app=["d"])
        run(root, "lock", "--allow-unpinned", index=index)
        reason = "source: no wheel for this target, it would be built from source"
        assert locked(root)["images"]["app"]["here"]["python"][AMD64]["reason"] == reason


class TestStaleLocks:
    def test_locked_wants_a_lock(self, root: Path) -> None:
        done = run(root, "compile", "--locked", code=2)
        assert "edgebake.lock not found" in done.stderr
        assert "hint: update it: edgebake lock" in done.stderr
        assert not (root / "bake").exists()

    def test_locked_takes_a_fresh_one(self, root: Path, index: Index) -> None:
        run(root, "lock", index=index)
        run(root, "compile", "--locked")
        run(root, "plan", "--locked")

    @pytest.mark.parametrize(
        ("path", "content", "told"),
        [
            ("edgebake.yaml", {"images": {"app": {"recipes": ["a"], "targets": ["here"]}}}, "differ from the lock"),
            (
                "edgebake.yaml",
                {"images": {"new": {"recipes": ["a"], "targets": ["here"]}}},
                "new on here is not in the lock",
            ),
            (
                "recipes/a/recipe.json",
                needs("a", "python", install={"pip": ["alpha<2"]}),
                "the Python requirements differ from the lock",
            ),
            (
                "recipes/b/recipe.json",
                needs("b", "python", install={"pip": ["beta"]}, releases=[{"version": "7"}]),
                "the recipe releases differ from the lock",
            ),
            (
                "targets/here.json",
                {**CPU, "name": "here", "tag_suffix": "here", "base": {"image": "localhost:1/other:1"}},
                "the base image localhost:1/other:1 is not in the lock",
            ),
        ],
    )
    def test_locked_refuses_a_stale_one(self, root: Path, index: Index, path: str, content: Any, told: str) -> None:
        run(root, "lock", index=index)
        write_files(root, {path: json.dumps(content)})
        done = run(root, "compile", "--locked", code=2)
        assert "the lock is stale" in done.stderr
        assert told in done.stderr
        assert not (root / "bake").exists()

    def test_a_damaged_one_is_told_by_every_command(self, root: Path) -> None:
        write_files(root, {"edgebake.lock": "<<<<<<< HEAD\n"})
        for command in ("plan", "compile", "lock"):
            done = run(root, command, code=2)
            assert "error: edgebake.lock:" in done.stderr
            assert "the lock file is damaged" in done.stderr

    def test_a_conflict_leaves_the_lock_as_it_is(self, root: Path, index: Index) -> None:
        run(root, "lock", index=index)
        before = (root / "edgebake.lock").read_bytes()
        write_images(root, app=["a:99"])
        assert "a" in run(root, "lock", code=2, index=index).stderr
        assert (root / "edgebake.lock").read_bytes() == before

    def test_an_unknown_name_to_upgrade_is_told(self, root: Path, index: Index) -> None:
        run(root, "lock", index=index)
        assert "did you mean 'alpha'?" in run(root, "lock", "--upgrade", "alhpa", code=2, index=index).stderr


class TestSources:
    def test_a_base_that_cannot_be_asked_for_is_told(self, root: Path, index: Index) -> None:
        target = {**CPU, "name": "here", "tag_suffix": "here", "base": {"image": "localhost:1/nothing:1"}}
        write_files(root, {"targets/here.json": json.dumps(target)})
        run(root, "lock", code=3, index=index)
        run(root, "lock", "--allow-unpinned", index=index)
        reason = locked(root)["bases"]["localhost:1/nothing:1"]["reason"]
        assert reason.startswith("its registry could not be")
        note = f"the base image localhost:1/nothing:1 is not pinned: {reason}"
        assert note in run(root, "compile").stderr

    @needs_registry
    def test_a_base_image_is_pinned_by_digest_for_each_platform(self, root: Path, index: Index) -> None:
        command = ["docker", "buildx", "imagetools", "inspect", "--raw", BASE]
        raw = subprocess.run(command, capture_output=True, check=True).stdout
        target = {**CPU, "name": "here", "tag_suffix": "here", "base": {"image": "busybox:stable"}}
        write_files(root, {"targets/here.json": json.dumps(target)})
        run(root, "lock", "--mirror", "busybox=localhost:5000/busybox", index=index)
        base = locked(root)["bases"]["busybox:stable"]
        children = {
            f"{one['platform']['os']}/{one['platform']['architecture']}": one["digest"]
            for one in json.loads(raw)["manifests"]
        }
        assert base["digest"] == "sha256:" + hashlib.sha256(raw).hexdigest()
        assert base["platforms"] == {platform: children[platform] for platform in (AMD64, ARM64)}
        run(root, "compile")
        assert f"ARG BASE=busybox:stable@{base['digest']}\n" in (root / "bake/here/Dockerfile").read_text()

    def test_a_git_ref_is_pinned_to_its_commit(self, root: Path, index: Index, tmp_path: Path) -> None:
        repository = tmp_path / "upstream.git"
        first = commit(repository, "v1")
        recipe = compiled_recipe("x", build={"sources": [{"git": f"file://{repository}", "ref": "v1"}]})
        write_files(root, {"recipes/x/recipe.json": json.dumps(recipe), "recipes/x/build.sh": "make\n"})
        write_images(root, app=["x"])
        run(root, "lock", index=index)
        assert locked(root)["git"] == [{"url": f"file://{repository}", "ref": "v1", "commit": first}]
        run(root, "compile")
        assert f"#{first}" in (root / "bake/here/Dockerfile").read_text()
        second = commit(repository, "v1")
        run(root, "lock", index=index)
        assert locked(root)["git"][0]["commit"] == first
        run(root, "lock", "--upgrade", f"file://{repository}", index=index)
        assert locked(root)["git"][0]["commit"] == second != first

    def test_refresh_installs_unversioned_system_packages_anew(self, root: Path, index: Index) -> None:
        run(root, "lock", index=index)
        run(root, "lock", "--refresh", index=index)
        run(root, "lock", "--refresh", index=index)
        assert locked(root)["refresh"] == 2
        run(root, "compile")
        assert "ARG SYSTEM_REFRESH=2\n" in (root / "bake/here/Dockerfile").read_text()


def commit(repository: Path, tag: str) -> str:
    """Make a commit with an annotated tag, and return the commit."""

    def git(*arguments: str) -> str:
        identity = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
        command = ["git", "-C", str(repository), *identity, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    if not repository.exists():
        repository.mkdir()
        git("init", "-q")
    git("commit", "-q", "--allow-empty", "-m", f"commit {os.urandom(4).hex()}")
    git("tag", "-f", "-a", tag, "-m", tag)
    return git("rev-parse", "HEAD")
