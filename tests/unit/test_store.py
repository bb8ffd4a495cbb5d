"""The folder of answers: whole values or none, bounded, the user's own, and never a reason to fail."""

from __future__ import annotations

import multiprocessing
import os
import resource
import time
from pathlib import Path

import pytest

from edgebake.system.store import Store


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "not/yet/there"


def test_a_value_is_found_again(folder: Path) -> None:
    store = Store(folder)
    assert store.get("one") is None
    store.put("one", {"text": "ünï\udc80", "list": [1, None]})
    assert Store(folder).get("one") == {"text": "ünï\udc80", "list": [1, None]}
    assert store.get("two") is None
    assert folder.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("damage", [b"", b"\n", b"no digest", b"0" * 64 + b"\n{}"])
def test_a_damaged_value_is_not_there_and_is_replaced(folder: Path, damage: bytes) -> None:
    store = Store(folder)
    store.put("one", 1)
    (folder / "one").write_bytes(damage)
    assert store.get("one") is None
    store.put("one", 2)
    assert store.get("one") == 2


def test_every_changed_byte_is_noticed(folder: Path) -> None:
    store = Store(folder)
    store.put("one", {"text": "abc"})
    good = (folder / "one").read_bytes()
    for place in range(len(good)):
        (folder / "one").write_bytes(good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :])
        assert store.get("one") is None


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777, 0o1777])
def test_a_folder_that_others_can_write_to_is_not_used(folder: Path, mode: int) -> None:
    store = Store(folder)
    store.put("one", 1)
    folder.chmod(mode)
    assert store.get("one") is None
    store.put("two", 2)
    assert not (folder / "two").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_folder_of_somebody_elses_is_not_used(folder: Path) -> None:
    store = Store(folder)
    store.put("one", 1)
    os.chown(folder, 12345, -1)
    assert store.get("one") is None


def test_a_link_in_the_folders_place_is_not_used(folder: Path, tmp_path: Path) -> None:
    Store(tmp_path / "real").put("one", 1)
    (tmp_path / "alias").symlink_to("real")
    assert Store(tmp_path / "alias").get("one") is None


def test_a_place_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for store in (Store(tmp_path / "file"), Store(tmp_path / "file/below"), Store(Path("/proc/edgebake"))):
        store.put("one", 1)
        assert store.get("one") is None


def _put_with_little_room(folder: Path) -> None:
    import signal

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))  # writing on fails as on a full disk
    Store(folder).put("large", "x" * 5000)


def test_what_does_not_fit_on_the_disk_leaves_nothing_behind(folder: Path) -> None:
    Store(folder).put("one", 1)
    process = multiprocessing.get_context("spawn").Process(target=_put_with_little_room, args=(folder,))
    process.start()
    process.join()
    assert process.exitcode == 0
    assert [path.name for path in folder.iterdir()] == ["one"]
    assert Store(folder).get("one") == 1


def test_what_was_not_used_for_longest_makes_room(folder: Path) -> None:
    store = Store(folder, max_bytes=1000, max_files=3)
    for name in ("a", "b", "c"):
        store.put(name, name)
        time.sleep(0.02)
    assert store.get("a") == "a"
    store.put("d", "d")
    assert sorted(path.name for path in folder.iterdir()) == ["a", "c", "d"]
    time.sleep(0.02)
    store.put("e", "x" * 450)
    time.sleep(0.02)
    store.put("f", "x" * 450)
    assert [path.name for path in folder.iterdir()] == ["f"]
    store.put("g", "x" * 600)  # more than half of all that there may be
    assert store.get("g") is None


def _put_often(folder: Path, number: int) -> None:
    store = Store(folder)
    for _ in range(200):
        store.put("one", [number] * 500)
        found = store.get("one")
        assert found is None or (len(found) == 500 and len(set(found)) == 1)


def test_processes_see_whole_values_only(folder: Path) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_put_often, args=(folder, number)) for number in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert len(Store(folder).get("one")) == 500
