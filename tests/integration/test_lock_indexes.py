"""Which index a package comes from, and requirements that cannot be met: stand-ins for indexes, real resolutions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from integration.locking import asking, locking_project, package_entries, packages, run, write_images
from integration.projects import AMD64, ARM64, needs, write_files
from integration.wheel_index import Index, digest, serving


@dataclass
class Indexes:
    """The default index, a framework's own, and another one."""

    default: Index
    own: Index
    other: Index


@pytest.fixture
def indexes(tmp_path: Path) -> Iterator[Indexes]:
    with ExitStack() as stack:
        made = (Index(tmp_path / name) for name in ("default", "own", "other"))
        yield Indexes(*(stack.enter_context(serving(one)) for one in made))


def sources(root: Path) -> dict[str, tuple[str, str]]:
    """Return version and index of each locked package."""
    return {one["name"]: (one["version"], one["index"]) for one in package_entries(root)}


class TestWhereAPackageComesFrom:
    """The cases wheel-index and index-precedence."""

    def test_a_recipes_index_is_locked_with_addresses_and_the_build_asks_no_other(
        self, tmp_path: Path, indexes: Indexes
    ) -> None:
        wheel = indexes.own.add("iniconfig", "2.0.0")
        indexes.own.hashes = False  # as many a small index
        indexes.default.add("iniconfig", "2.0.0", "other-bytes")
        root = locking_project(tmp_path, asking("app18", "iniconfig==2.0.0", index=indexes.own.url))
        run(root, "lock", index=indexes.default)
        address = f"{indexes.own.url}/iniconfig/{wheel.name}"
        assert package_entries(root) == [
            {
                "name": "iniconfig",
                "version": "2.0.0",
                "index": indexes.own.url,
                "wheels": [
                    {"url": address, "size": wheel.stat().st_size, "hashes": {"sha256": digest(wheel)}},
                ],
            }
        ]
        run(root, "compile", "--locked")
        text = (root / "bake/here/requirements/eb-app18-fetch.amd64.txt").read_text()
        assert text == f"# {address}\niniconfig==2.0.0 \\\n    --hash=sha256:{digest(wheel)}\n"

    @pytest.mark.parametrize(("asked", "version"), [("tqdm", "4.70.1"), ("tqdm==4.66.5", "4.66.5")])
    def test_an_index_is_for_the_requirements_of_its_recipe_only(
        self, tmp_path: Path, indexes: Indexes, asked: str, version: str
    ) -> None:
        indexes.own.add("torchlike", "2.8.0", "tqdm", "numpy")
        indexes.own.add("tqdm", "4.60.0")
        indexes.own.add("numpy", "9.9")
        for one in ("4.66.5", "4.70.1"):
            indexes.default.add("tqdm", one)
        indexes.default.add("numpy", "2.0")
        recipes = asking("mytorch", "torchlike==2.8.0", index=indexes.own.url), asking("app", asked)
        root = locking_project(tmp_path, *recipes)
        run(root, "lock", index=indexes.default)
        assert sources(root) == {
            "numpy": ("2.0", indexes.default.url),
            "torchlike": ("2.8.0", indexes.own.url),
            "tqdm": (version, indexes.default.url),
        }

    def test_a_package_of_an_index_comes_from_there_for_whoever_else_needs_it(
        self, tmp_path: Path, indexes: Indexes
    ) -> None:
        indexes.own.add("torchlike", "2.8.0+cu1")
        indexes.default.add("torchlike", "2.9.0")
        indexes.default.add("vision", "1", "torchlike")
        recipes = asking("app", "vision", "torchlike"), asking("mytorch", "torchlike", index=indexes.own.url)
        run(locking_project(tmp_path, *recipes), "lock", index=indexes.default)
        assert sources(tmp_path / "project")["torchlike"] == ("2.8.0+cu1", indexes.own.url)

    def test_of_several_indexes_the_first_that_has_a_package_counts(self, tmp_path: Path, indexes: Indexes) -> None:
        indexes.own.add("first", "1")
        indexes.other.add("first", "2")
        indexes.other.add("second", "2")
        indexes.default.add("second", "3")
        both = asking("app", "first", "second", index=[indexes.own.url, indexes.other.url])
        root = locking_project(tmp_path, both)
        run(root, "lock", index=indexes.default)
        assert sources(root) == {"first": ("1", indexes.own.url), "second": ("2", indexes.other.url)}

    def test_two_indexes_for_one_package_are_an_error(self, tmp_path: Path, indexes: Indexes) -> None:
        recipes = asking("a", "x", index=indexes.own.url), asking("b", "x", index=indexes.other.url)
        done = run(locking_project(tmp_path, *recipes), "lock", code=2, index=indexes.default)
        assert "error: recipes/b/recipe.json:1:" in done.stderr
        assert "a and b ask for x from different indexes" in done.stderr
        assert f"a asks for x from {indexes.own.url} (recipes/a/recipe.json:1:" in done.stderr

    def test_a_package_that_its_index_does_not_have_is_never_taken_from_another(
        self, tmp_path: Path, indexes: Indexes
    ) -> None:
        indexes.default.add("private", "99")
        root = locking_project(tmp_path, asking("app", "private", index=indexes.own.url))
        done = run(root, "lock", code=2, index=indexes.default)
        assert f"app asks for private from {indexes.own.url} (recipes/app/recipe.json:1:" in done.stderr
        assert "private was not found in the package registry" in done.stderr

    def test_sizes_are_those_of_the_index_or_of_the_files_server(self, tmp_path: Path, indexes: Indexes) -> None:
        indexes.own.json = True
        wheels = [indexes.own.add("own", "1"), indexes.default.add("plain", "1")]
        root = locking_project(tmp_path, asking("a", "own", index=indexes.own.url), asking("b", "plain"))
        run(root, "lock", index=indexes.default)
        sizes = [package["wheels"][0]["size"] for package in package_entries(root)]
        assert sizes == [wheel.stat().st_size for wheel in wheels]

    def test_an_index_with_a_login_reads_netrc_and_the_lock_has_no_secret(
        self, tmp_path: Path, indexes: Indexes
    ) -> None:
        indexes.own.login = "me:topsecret"
        indexes.own.add("private", "1")
        root = locking_project(tmp_path, asking("app", "private", index=indexes.own.url))
        refused = run(root, "lock", code=3, index=indexes.default)
        assert f"not pinned: the index {indexes.own.url} refuses access" in refused.stderr
        (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password topsecret\n")
        run(root, "lock", index=indexes.default, NETRC=str(tmp_path / "netrc"))
        (package,) = package_entries(root)
        assert package["wheels"][0]["size"] > 0
        (tmp_path / "netrc").rename(root / ".netrc")
        project = json.loads((root / "edgebake.yaml").read_text())
        write_files(root, {"edgebake.yaml": json.dumps({**project, "secrets": {"netrc": {"file": ".netrc"}}})})
        run(
            root,
            "lock",
            "--upgrade",
            "private",
            index=indexes.default,
            UV_CACHE_DIR=str(tmp_path / "another-cache"),
        )
        assert "topsecret" not in (root / "edgebake.lock").read_text()

    @pytest.mark.parametrize("secret", [{"file": "~/logins"}, {"env": "LOGINS"}], ids=["home", "environment"])
    def test_the_login_is_where_the_project_says(
        self, tmp_path: Path, indexes: Indexes, secret: dict[str, str]
    ) -> None:
        logins = "machine 127.0.0.1 login me password topsecret\n"
        (tmp_path / "logins").write_text(logins)
        indexes.own.login = "me:topsecret"
        indexes.own.add("private", "1")
        root = locking_project(tmp_path, asking("app", "private", index=indexes.own.url))
        project = json.loads((root / "edgebake.yaml").read_text())
        write_files(root, {"edgebake.yaml": json.dumps({**project, "secrets": {"netrc": secret}})})
        given = {"LOGINS": logins} if "env" in secret else {"HOME": str(tmp_path)}
        run(root, "lock", index=indexes.default, **given)
        assert package_entries(root)[0]["name"] == "private"
        assert "topsecret" not in (root / "edgebake.lock").read_text()

    def test_a_login_in_the_default_index_does_not_get_into_the_lock(
        self, tmp_path: Path, indexes: Indexes
    ) -> None:
        indexes.default.login = "me:topsecret"
        indexes.default.add("plain", "1")
        root = locking_project(tmp_path, asking("app", "plain"))
        url = indexes.default.url.replace("http://", "http://me:topsecret@")
        run(root, "lock", UV_DEFAULT_INDEX=url)
        assert sources(root) == {"plain": ("1", indexes.default.url)}
        assert "topsecret" not in (root / "edgebake.lock").read_text()

    @pytest.mark.parametrize("index", ["http://me:topsecret@127.0.0.1/simple", "file:///srv/index", "/srv/index"])
    def test_an_index_is_a_web_address_without_a_login(self, tmp_path: Path, index: str) -> None:
        done = run(locking_project(tmp_path, asking("app", "x", index=index)), "plan", code=2)
        assert "error: recipes/app/recipe.json:1:" in done.stderr
        assert "topsecret" not in done.stdout + done.stderr


class TestConflicts:
    """The case python-conflict, and its kind."""

    @pytest.fixture
    def root(self, tmp_path: Path, indexes: Indexes) -> Path:
        indexes.default.add("numpy", "1.26.4")
        indexes.default.add("numpy", "2.2.6")
        indexes.default.add("opencv", "4.12.0.88", "numpy>=2,<2.3")
        indexes.default.add("fine", "1")
        return locking_project(
            tmp_path, asking("ax", "numpy==1.26.4"), asking("bx", "fine", "opencv==4.12.0.88"), asking("cx", "fine")
        )

    def test_a_conflict_names_both_recipes_and_their_lines(self, root: Path, indexes: Indexes) -> None:
        done = run(root, "lock", code=2, index=indexes.default)
        assert "error: recipes/ax/recipe.json:1:" in done.stderr
        assert "the Python packages of ax and bx cannot be installed together" in done.stderr
        assert "  ax asks for numpy==1.26.4 (recipes/ax/recipe.json:1:" in done.stderr
        assert "  bx asks for opencv==4.12.0.88 (recipes/bx/recipe.json:1:" in done.stderr
        why = "Because all versions of opencv depend on numpy>=2 and the recipes ask for numpy==1.26.4"
        assert f"  {why}" in done.stderr
        assert f"in app on here ({AMD64}), app on here ({ARM64})\n" in done.stderr
        assert "fine" not in done.stderr.partition("error:")[2]
        assert "cx" not in done.stderr
        assert not (root / "edgebake.lock").exists()

    def test_a_plan_knows_the_conflict_until_a_requirement_or_the_index_changes(
        self, root: Path, indexes: Indexes
    ) -> None:
        run(root, "plan")
        run(root, "lock", code=2, index=indexes.default)
        for command in ("plan", "compile"):
            done = run(root, command, code=2)
            assert "the Python packages of ax and bx cannot be installed together" in done.stderr
            assert "  bx asks for opencv==4.12.0.88 (recipes/bx/recipe.json:1:" in done.stderr
        assert not (root / "bake").exists()
        write_images(root, app=["ax", "cx"])
        run(root, "plan")
        write_images(root, app=["ax", "bx", "cx"])
        indexes.default.add("opencv", "4.12.0.88")
        run(root, "lock", index=indexes.default, UV_CACHE_DIR=str(root.parent / "another-cache"))
        run(root, "plan", "--locked")

    def test_all_conflicts_of_all_images_are_reported_at_once(self, root: Path, indexes: Indexes) -> None:
        indexes.default.add("needs-nine", "1", "fine>=9")
        write_files(root, {"recipes/dx/recipe.json": json.dumps(asking("dx", "needs-nine"))})
        images = {f"image{number}": ["ax", "bx"] for number in range(3)}
        write_images(root, **images, good=["cx"], lonely=["dx"], gone=["cx:99"])
        done = run(root, "lock", code=2, index=indexes.default)
        assert done.stderr.count("cannot be installed together") == 1
        assert all(f"{image} on here ({AMD64})" in done.stderr for image in images)
        assert "what dx asks for cannot be had: needs-nine" in done.stderr
        assert "needs-nine depend on fine>=9" in done.stderr
        assert "gone" in done.stderr
        assert "cx" in done.stderr

    def test_a_conflict_with_what_an_older_lock_has_is_none(self, root: Path, indexes: Indexes) -> None:
        write_images(root, app=["ax"])
        run(root, "lock", index=indexes.default)
        write_images(root, app=["bx"])
        run(root, "lock", index=indexes.default)
        assert packages(root)["numpy"] == "2.2.6"

    def test_an_index_that_cannot_be_reached_is_no_conflict(self, root: Path) -> None:
        done = run(root, "lock", code=3)
        assert "the default index cannot be reached" in done.stderr
        assert "cannot be installed together" not in done.stderr

    def test_a_name_that_no_index_has_is_an_error(self, root: Path, indexes: Indexes) -> None:
        write_files(root, {"recipes/ax/recipe.json": json.dumps(needs("ax", "python", install={"pip": ["nunpy"]}))})
        done = run(root, "lock", code=2, index=indexes.default)
        assert "what ax asks for cannot be had: nunpy" in done.stderr
        assert "nunpy was not found in the package registry" in done.stderr
