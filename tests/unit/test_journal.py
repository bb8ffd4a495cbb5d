"""The journal survives whatever happens to the one that writes it, and stays small."""

from __future__ import annotations

import json
import multiprocessing
from pathlib import Path

import pytest

from edgebake.errors import EdgebakeError
from edgebake.plan.history import KEPT_RUNS, Finished, read_history, worth_keeping
from edgebake.plan.journal import JOURNAL_FILE, VERSION, Journal, read_entries
from edgebake.plan.record import StageRecord


def lines(root: Path) -> list[str]:
    return (root / JOURNAL_FILE).read_text().splitlines()


def finished(name: str, run: str, digest: str = "d", output: str = "push") -> dict[str, object]:
    stage = StageRecord("own", digest, {}, {"instructions": "i"})
    return Finished(name, ("linux/amd64",), output, run, "2026-11-21T09:00:00Z", inputs=digest).as_data(
        {"linux/amd64": {"eb-a": stage}}
    )


def test_a_torn_line_is_not_read_and_takes_no_other_with_it(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.add("run", run="1")
    journal.add("finished", **finished("a", "1"))
    path = tmp_path / JOURNAL_FILE
    for cut in range(1, len(lines(tmp_path)[1])):
        path.write_bytes(path.read_bytes()[:-cut] if cut == 1 else path.read_bytes()[:-1])
    assert [entry["event"] for entry in read_entries(tmp_path)] == ["run"]
    journal.add("finished", **finished("b", "1"))
    assert [entry.get("bake_target") for entry in read_entries(tmp_path)] == [None, "b"]


@pytest.mark.parametrize("junk", [b"\xff\xfe", b"null", b"[1]", b'{"v": 1, "event": "finished"}', b"{" * 5000])
def test_what_is_no_entry_is_left_out(tmp_path: Path, junk: bytes) -> None:
    Journal(tmp_path).add("run", run="1")
    with (tmp_path / JOURNAL_FILE).open("ab") as file:
        file.write(junk + b"\n")
    Journal(tmp_path).add("end", run="1", outcome="done")
    assert [entry["event"] for entry in read_entries(tmp_path)] == ["run", "end"]


def _add_many(root: str, name: str) -> None:
    for number in range(50):
        Journal(Path(root)).add("begin", run=f"{name}{number}", filler="x" * 500)


def test_two_that_write_at_once_lose_nothing(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_add_many, args=(str(tmp_path), name)) for name in "ab"]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert len(read_entries(tmp_path)) == 100


def test_the_latest_of_each_is_what_counts(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.add("run", run="1")
    journal.add("finished", **finished("a", "1", "old"))
    journal.add("finished", **finished("a", "1", "new"))
    journal.add("finished", **finished("a", "1", "loaded", output="load"))
    history = read_history(tmp_path)
    assert history.finished["a", ("linux/amd64",), "push"].inputs == "new"
    assert history.finished["a", ("linux/amd64",), "load"].inputs == "loaded"
    assert history.record.stages("a", "linux/amd64")["eb-a"].digest == "loaded"


@pytest.mark.parametrize(
    ("entries", "resumable"),
    [
        ([], ()),
        ([("run", "1"), ("end", "1", "done")], ()),
        ([("run", "1")], ("1",)),
        ([("run", "1"), ("end", "1", "failed")], ("1",)),
        ([("run", "1"), ("end", "1", "interrupted")], ("1",)),
        ([("run", "1"), ("run", "2", "1")], ("2", "1")),
        ([("run", "1"), ("run", "2")], ("2",)),
        ([("run", "1"), ("run", "2", "1"), ("end", "2", "done")], ()),
    ],
)
def test_a_run_that_did_not_end_well_can_be_resumed(
    tmp_path: Path, entries: list[tuple[str, ...]], resumable: tuple[str, ...]
) -> None:
    for event, run, *rest in entries:
        facts = {"resumes": rest} if event == "run" else {"outcome": rest[0]}
        Journal(tmp_path).add(event, run=run, **facts)
    assert read_history(tmp_path).resumable == resumable


def test_it_is_bounded_and_keeps_what_is_needed(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    for number in range(3 * KEPT_RUNS):
        journal.shrink(worth_keeping, limit=20_000)
        journal.add("run", run=f"r{number}")
        journal.add("finished", **finished("a", f"r{number}", f"d{number}"))
        journal.add("finished", **finished(f"only-{number % 7}", f"r{number}"))
        journal.add("end", run=f"r{number}", outcome="done")
    journal.shrink(worth_keeping, limit=0)
    assert (tmp_path / JOURNAL_FILE).stat().st_size < 120_000
    history = read_history(tmp_path)
    assert history.finished["a", ("linux/amd64",), "push"].inputs == f"d{3 * KEPT_RUNS - 1}"
    assert {name for name, _, _ in history.finished} == {"a", *(f"only-{n}" for n in range(7))}
    assert history.record.stages("only-3", "linux/amd64")
    kept = [entry["run"] for entry in read_entries(tmp_path) if entry["event"] == "run"]
    assert KEPT_RUNS <= len(kept) <= 2 * KEPT_RUNS
    assert kept[-1] == f"r{3 * KEPT_RUNS - 1}"
    assert all(json.loads(line)["v"] == VERSION for line in lines(tmp_path))


def test_a_journal_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / ".edgebake").write_text("in the way")
    with pytest.raises(EdgebakeError, match="cannot write the journal"):
        Journal(tmp_path).add("run", run="1")
