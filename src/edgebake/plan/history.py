"""What the journal records: what was finished when and from what, and which run was stopped before its end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, field
from pathlib import Path
from typing import Any

from edgebake.dataclasses import dataclass
from edgebake.plan.journal import Entry, read_entries
from edgebake.plan.record import BuildRecord, Stages, stages_as_data, stages_from_data
from edgebake.plan.times import StageTimes

KEPT_RUNS = 50
"""Runs whose times are kept, however large the journal grows."""

Subject = tuple[str, tuple[str, ...], str]
"""A bake target, the platforms that were built, and where the result went."""


@dataclass(frozen=True)
class Finished:
    """A bake target that was built, and the result."""

    bake_target: str  # its name
    platforms: tuple[str, ...]  # those that were built
    output: str  # where the result went: `cache`, `load`, `push`
    run: str  # the run that did it
    at: str  # when, as ISO 8601
    inputs: str = ""  # digest of all that the result follows from; empty if that was not known
    tests: str = ""  # digest of the tests that passed before; empty if none were run
    # digests by the references under which it was pushed or loaded
    references: Mapping[str, str] = field(default_factory=dict)
    ids: tuple[str, ...] = ()  # further digests by which an engine may know it
    seconds: float = 0.0  # how long its steps took, from the first one's begin to the last one's end
    steps: Mapping[str, float] = field(default_factory=dict)  # seconds of each step that ran, by stage and platform

    @property
    def subject(self) -> Subject:
        """What it is the latest of."""
        return self.bake_target, self.platforms, self.output

    def as_data(self, built: Stages) -> dict[str, Any]:
        """Return it as the facts of a journal's entry, with the stages that it was built from."""
        return {**asdict(self), "built": stages_as_data(built)}


@dataclass(frozen=True)
class History:
    """What is known of earlier bakes."""

    # the latest of each bake target, platforms and output
    finished: Mapping[Subject, Finished] = field(default_factory=dict)
    record: BuildRecord = field(default_factory=BuildRecord)  # what stages were built from
    # the runs that the last one consists of, if it did not end well: itself, and what it resumed
    resumable: tuple[str, ...] = ()
    times: StageTimes = field(default_factory=StageTimes)  # what stages took


def read_history(root: Path) -> History:
    """Return a project's history; an empty one if there is none, or if nothing of it can be used."""
    finished: dict[Subject, Finished] = {}
    record, times = BuildRecord(), StageTimes()
    runs: dict[str, tuple[str, ...]] = {}
    last: tuple[str, ...] = ()
    for entry in read_entries(root):
        match entry.get("event"):
            case "run":
                last = runs[str(entry.get("run"))] = (str(entry.get("run")), *entry.get("resumes", ()))
            case "end" if entry.get("outcome") == "done" and str(entry.get("run")) in last[:1]:
                last = ()
            case "finished":
                _read_finished(entry, finished, record)
            case "times":
                times.take(entry)
    return History(finished, record, last, times)


def _read_finished(entry: Entry, finished: dict[Subject, Finished], record: BuildRecord) -> None:
    facts = {name: entry[name] for name in Finished.__dataclass_fields__ if name in entry}
    try:
        facts |= {"platforms": tuple(facts["platforms"]), "ids": tuple(facts.get("ids", ()))}
        one = Finished(**facts)
        built = stages_from_data(entry.get("built", {}))
    except (KeyError, TypeError, AttributeError):
        return
    finished[one.subject] = one
    for platform, stages in built.items():
        record.put(one.bake_target, platform, stages)


def worth_keeping(entries: list[Entry]) -> Iterable[Entry]:
    """Yield the entries that are still of use: the latest results, and all of the last runs but stages."""
    runs = [entry["run"] for entry in entries if entry["event"] == "run"]
    recent = set(runs[-KEPT_RUNS:])
    latest: dict[object, int] = {}  # the places of what was last: of results, and of stages on each platform
    for place, entry in enumerate(entries):
        name = entry.get("bake_target")
        if entry["event"] == "finished":
            latest[name, tuple(entry.get("platforms", ())), entry.get("output")] = place
        latest |= dict.fromkeys([(name, platform) for platform in entry.get("built", {})], place)
    needed = set(latest.values())
    for place, entry in enumerate(entries):
        if entry["event"] != "finished":
            if entry.get("run") in recent:
                yield entry
        elif place in needed:
            yield entry
        elif entry.get("run") in recent:
            yield {name: value for name, value in entry.items() if name != "built"}
