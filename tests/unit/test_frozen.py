"""The build context of a bake is a copy of what was fingerprinted."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from edgebake.errors import EdgebakeError
from edgebake.load.tree import tree_digest
from edgebake.model.request import Request
from edgebake.pipeline import Pipeline
from edgebake.plan.frozen import frozen_context

RECIPE = """
name: app
summary: An application
install:
  files: {data: /opt/data, run.sh: /opt/run.sh}
"""


@pytest.fixture
def pipeline(tmp_path: Path) -> Pipeline:
    """A project of one image, checked out under an umask that is not git's."""
    files = {"edgebake.yaml": "images:\n  app: {recipes: [./app], targets: cpu}\n", "app/recipe.yaml": RECIPE}
    files |= {"app/data/a.txt": "GOOD", "app/run.sh": "#!/bin/sh\n", "other.txt": "not read"}
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tmp_path / "app/data/link").symlink_to("a.txt")
    (tmp_path / "app/run.sh").chmod(0o700)
    (tmp_path / "app/data/a.txt").chmod(0o600)
    (tmp_path / "app/data").chmod(0o700)
    pipeline = Pipeline(tmp_path, Request())
    pipeline.compiled.tree.write()
    return pipeline


def modes(folder: Path) -> dict[str, int]:
    paths = sorted(path for path in folder.rglob("*") if not path.is_symlink())
    return {path.relative_to(folder).as_posix(): stat.S_IMODE(path.stat().st_mode) for path in paths}


def test_what_is_read_is_copied_with_gits_modes_and_its_own_times(pipeline: Pipeline, tmp_path: Path) -> None:
    os.utime(tmp_path / "app/data/a.txt", (1, 1_000_000))
    os.utime(tmp_path / "app/data", (1, 2_000_000))
    with frozen_context(pipeline.plan(), pipeline.compiled.tree.files) as context:
        copy = tmp_path / context.folder
        assert (copy / "app/data/a.txt").read_text() == "GOOD"
        assert os.readlink(copy / "app/data/link") == "a.txt"  # noqa: PTH115
        assert (copy / "app/data/a.txt").stat().st_mtime == 1_000_000
        assert (copy / "app/data").stat().st_mtime == 2_000_000
        assert (copy / "bake/cpu/Dockerfile").read_bytes() == (tmp_path / "bake/cpu/Dockerfile").read_bytes()
        assert (tmp_path / context.file("bake/docker-bake.hcl")).is_file()
        found = modes(copy)
        assert not {"other.txt", "app/recipe.yaml"} & found.keys()
        assert found["app/run.sh"] == 0o755
        assert found["app/data/a.txt"] == 0o644
        assert {found[name] for name in ("app", "app/data", "bake", "bake/cpu")} == {0o755}
    assert not copy.exists()


def test_an_edit_does_not_reach_the_copy(pipeline: Pipeline, tmp_path: Path) -> None:
    with frozen_context(pipeline.plan(), pipeline.compiled.tree.files) as context:
        with (tmp_path / "app/data/a.txt").open("r+") as file:  # in place: no link of any kind would be enough
            file.write("BAD!")
        (tmp_path / "bake/cpu/Dockerfile").write_text("FROM scratch\n")
        assert (tmp_path / context.folder / "app/data/a.txt").read_text() == "GOOD"
        assert "FROM scratch" not in (tmp_path / context.folder / "bake/cpu/Dockerfile").read_text()


def test_a_file_that_has_changed_since_it_was_fingerprinted_is_refused(pipeline: Pipeline, tmp_path: Path) -> None:
    plan = pipeline.plan()
    times = (tmp_path / "app/data/a.txt").stat()
    (tmp_path / "app/data/a.txt").write_text("BAD!")
    os.utime(tmp_path / "app/data/a.txt", ns=(times.st_atime_ns, times.st_mtime_ns))
    with pytest.raises(EdgebakeError) as raised, frozen_context(plan, pipeline.compiled.tree.files):
        pass
    assert raised.value.message == "app/data/a.txt was changed while the bake was being prepared"


@pytest.mark.parametrize("change", ["gone", "link"])
def test_what_is_gone_or_points_elsewhere_is_refused(pipeline: Pipeline, tmp_path: Path, change: str) -> None:
    plan = pipeline.plan()
    if change == "gone":
        (tmp_path / "app/run.sh").unlink()
    else:
        (tmp_path / "app/data/link").unlink()
        (tmp_path / "app/data/link").symlink_to("/etc/passwd")
    with pytest.raises(EdgebakeError), frozen_context(plan, pipeline.compiled.tree.files):
        pass
    assert not list(tmp_path.glob(".edgebake/context/*/app/data/link"))


def test_fingerprints_do_not_depend_on_the_umask(pipeline: Pipeline, tmp_path: Path) -> None:
    before = [target.fingerprints for target in pipeline.plan().targets]
    for path, mode in (("app/data", 0o755), ("app/data/a.txt", 0o644), ("app/run.sh", 0o755)):
        (tmp_path / path).chmod(mode)
    assert [target.fingerprints for target in Pipeline(tmp_path, Request()).plan().targets] == before


def test_the_copys_digest_is_that_of_the_original(pipeline: Pipeline, tmp_path: Path) -> None:
    from edgebake.load.ignore import IgnoreRules
    from edgebake.load.tree import list_files

    with frozen_context(pipeline.plan(), pipeline.compiled.tree.files) as context:
        original, copy = (
            list_files(root, ["app/data"], IgnoreRules()) for root in (tmp_path, tmp_path / context.folder)
        )
        assert tree_digest(original) == tree_digest(copy)
