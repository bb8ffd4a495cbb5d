"""A lock never loses a pin: whatever goes wrong, the result is the old lock or the complete new one."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.locking import EDGEBAKE, asking, locking_project, packages, run, write_images
from integration.projects import CPU, compiled_recipe, needs, write_files
from integration.wheel_index import Index, serving

ALPHA = {"alpha": "1.0", "beta": "1.0", "gamma": "1.0"}


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    with serving(Index(tmp_path / "index")) as index:
        for name in ALPHA:
            index.add(name, "1.0")
        yield index


@pytest.fixture
def root(tmp_path: Path, index: Index) -> Path:
    """A locked project, whose index has newer packages since."""
    root = locking_project(tmp_path, asking("a", "alpha", "beta"), asking("b", "gamma"))
    run(root, "lock", index=index)
    for name in ALPHA:
        index.add(name, "2.0")
    shutil.rmtree(tmp_path / "uv-cache")
    return root


def lock_bytes(root: Path) -> bytes:
    return (root / "edgebake.lock").read_bytes()


@pytest.mark.parametrize("upgrade", ["alpha", "*"])
def test_an_upgrade_without_a_network_keeps_every_pin_and_says_so(root: Path, upgrade: str) -> None:
    before = lock_bytes(root)
    done = run(root, "lock", "--upgrade", upgrade, code=3)
    assert "error: not everything can be pinned, and the lock stays as it is" in done.stderr
    assert "app on here (linux/amd64): Python packages: keeps its pin, and is not resolved again" in done.stderr
    assert "the default index cannot be reached" in done.stderr
    assert lock_bytes(root) == before
    run(root, "lock", "--upgrade", upgrade, "--allow-unpinned")
    assert lock_bytes(root) == before
    run(root, "compile", "--locked")


def test_an_upgrade_that_succeeds_replaces_what_it_names(root: Path, index: Index) -> None:
    run(root, "lock", "--upgrade", "alpha", index=index)
    assert packages(root) == {**ALPHA, "alpha": "2.0"}


def test_an_upgrade_that_conflicts_keeps_every_pin(root: Path, index: Index) -> None:
    before = lock_bytes(root)
    index.add("alpha", "3.0", "gamma<1")
    (index.folder / "alpha/alpha-1.0-py3-none-any.whl").unlink()
    (index.folder / "alpha/alpha-2.0-py3-none-any.whl").unlink()
    done = run(root, "lock", "--upgrade", "alpha", code=2, index=index)
    assert "alpha==3.0 depends on gamma<1" in done.stderr.replace(
        "all versions of alpha depend", "alpha==3.0 depends"
    )
    assert lock_bytes(root) == before


def test_a_new_requirement_without_a_network_keeps_the_pins_and_is_refused_by_locked(root: Path) -> None:
    before = lock_bytes(root)
    write_files(root, {"recipes/a/recipe.json": json.dumps(asking("a", "alpha", "beta", "delta"))})
    run(root, "lock", code=3)
    assert lock_bytes(root) == before
    run(root, "lock", "--allow-unpinned")
    assert packages(root) == ALPHA
    assert "the Python requirements differ from the lock" in run(root, "compile", "--locked", code=2).stderr


def test_another_image_of_which_nothing_is_pinned_leaves_the_lock_as_it_is(root: Path) -> None:
    before = lock_bytes(root)
    write_images(root, app=["a", "b"], more=["a"])
    done = run(root, "lock", code=3)
    assert "more on here (linux/amd64): Python packages: not pinned" in done.stderr
    assert "app on here" not in done.stderr
    assert lock_bytes(root) == before
    run(root, "lock", "--allow-unpinned")
    assert packages(root) == ALPHA
    assert "Python packages of more on here" in run(root, "compile", "--locked", code=2).stderr


def test_a_git_ref_that_cannot_be_read_keeps_its_commit(root: Path, index: Index, tmp_path: Path) -> None:
    repository = tmp_path / "upstream"
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@example.org", "-C", str(repository)]
    subprocess.run(["git", "init", "-q", str(repository)], check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "one"], check=True)
    subprocess.run([*git, "tag", "v1"], check=True)
    source = {"git": f"file://{repository}", "ref": "v1"}
    files = {"recipes/x/recipe.json": json.dumps(compiled_recipe("x", build={"sources": [source]}))}
    write_files(root, {**files, "recipes/x/build.sh": "make\n"})
    write_images(root, app=["a", "b"], built=["x"])
    run(root, "lock", index=index)
    before = lock_bytes(root)
    repository.rename(tmp_path / "gone")
    done = run(root, "lock", "--upgrade", source["git"], code=3, index=index)
    assert f"{source['git']} v1: keeps its pin, and is not resolved again" in done.stderr
    assert lock_bytes(root) == before
    (tmp_path / "gone").rename(repository)
    write_files(root, {"recipes/x/recipe.json": files["recipes/x/recipe.json"].replace('"v1"', '"v9"')})
    assert "has no tag or branch 'v9'" in run(root, "lock", code=2, index=index).stderr


def test_a_requirement_from_git_leaves_no_path_of_this_machine_in_the_lock(tmp_path: Path, index: Index) -> None:
    root = locking_project(tmp_path, asking("a", "alpha @ git+https://127.0.0.1:1/x/alpha.git@main"))
    done = run(root, "lock", "--allow-unpinned", index=index)
    assert "alpha is built from its source, there is no wheel at its address" in done.stderr
    text = lock_bytes(root).decode()
    assert str(tmp_path) not in text
    assert ".cache" not in text


def test_a_base_image_without_a_digest_is_refused_by_locked(tmp_path: Path, index: Index) -> None:
    root = locking_project(tmp_path, asking("a", "alpha"))
    target = {**CPU, "name": "here", "tag_suffix": "here", "base": {"image": "localhost:1/nothing:1"}}
    write_files(root, {"targets/here.json": json.dumps(target)})
    run(root, "lock", code=3, index=index)
    run(root, "lock", "--allow-unpinned", index=index)
    refused = run(root, "compile", "--locked", code=2).stderr
    assert "error: the lock does not pin everything" in refused
    assert "the base image localhost:1/nothing:1: its registry could not be reached" in refused


@pytest.mark.parametrize("kind", ["folder", "pipe"])
def test_something_else_in_the_locks_place_is_an_error(root: Path, index: Index, kind: str) -> None:
    (root / "edgebake.lock").unlink()
    if kind == "folder":
        (root / "edgebake.lock").mkdir()
    else:
        os.mkfifo(root / "edgebake.lock")
    for command in ("lock", "plan"):
        assert "error: edgebake.lock: the lock is not a file" in run(root, command, code=2, index=index).stderr


# ── killed, cut off, and a full disk


@pytest.mark.parametrize("requests", [0, 1, 2, 3])
def test_a_network_that_is_cut_while_locking_leaves_the_old_lock(root: Path, index: Index, requests: int) -> None:
    before = lock_bytes(root)
    index.requests = len(index.asked) + requests
    run(root, "lock", "--upgrade", "*", code=3, index=index)
    assert lock_bytes(root) == before
    index.requests = None
    run(root, "lock", "--upgrade", "*", index=index)
    assert packages(root) == dict.fromkeys(ALPHA, "2.0")


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_lock_that_is_ended_leaves_the_old_one(root: Path, index: Index, sent: signal.Signals) -> None:
    before, asked = lock_bytes(root), len(index.asked)
    index.delay = 1.5
    variables = {"UV_DEFAULT_INDEX": index.url, "UV_CACHE_DIR": str(root.parent / "uv-cache")}
    command = [EDGEBAKE, "lock", "--upgrade", "*"]
    with subprocess.Popen(command, cwd=root, env={**os.environ, **variables}, stderr=subprocess.PIPE) as process:
        deadline = time.monotonic() + 120
        while len(index.asked) == asked and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(sent)
        process.communicate(timeout=60)
    assert process.returncode != 0
    assert lock_bytes(root) == before
    assert sorted(path.name for path in root.iterdir()) == ["edgebake.lock", "edgebake.yaml", "recipes", "targets"]


def test_a_full_disk_leaves_the_old_lock(root: Path, index: Index, tmp_path: Path) -> None:
    place = tmp_path / "small"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(place)], check=True)
    try:
        small = Path(shutil.copytree(root, place / "project"))
        before = lock_bytes(small)
        filled = subprocess.run(["dd", "if=/dev/zero", f"of={place}/filler"], capture_output=True, check=False)
        assert b"No space left" in filled.stderr
        variables = {"UV_CACHE_DIR": str(tmp_path / "uv-cache")}
        done = run(small, "lock", "--upgrade", "*", code=2, index=index, **variables)
        assert "cannot write the file: No space left on device" in done.stderr
        assert lock_bytes(small) == before
        assert not list(small.glob(".edgebake.lock-*"))
    finally:
        subprocess.run(["umount", str(place)], check=True)


def test_a_lock_that_cannot_be_written_is_an_error(tmp_path: Path, index: Index) -> None:
    root = locking_project(tmp_path, needs("a", "python"))
    (root / "edgebake.lock").symlink_to(tmp_path / "nowhere" / "lock")
    assert "edgebake.lock" in run(root, "lock", code=2, index=index).stderr
