"""Images that could be meant, and the choice among them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import field

from edgebake.dataclasses import dataclass
from edgebake.host.built import Built
from edgebake.host.fit import Verdict, judge, rank
from edgebake.host.machine import Machine

_KEY = re.compile(r"(amd64|arm64)-[0-9a-f]{16}")


@dataclass(frozen=True)
class Candidate:
    """An image: its reference, what it was built for, and when (RFC 3339). `local`: the engine has it."""

    reference: str
    built: Built
    local: bool
    created: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    environment: tuple[str, ...] = ()
    """NAME=VALUE."""

    def variable(self, name: str) -> str | None:
        """Return a variable of its environment, or None."""
        return next((one.partition("=")[2] for one in self.environment if one.startswith(f"{name}=")), None)

    @property
    def tag(self) -> str:
        name = self.reference.partition("@")[0].rpartition("/")[2]
        return name.partition(":")[2]


@dataclass(frozen=True)
class Judged:
    """A candidate with the results of the rules."""

    candidate: Candidate
    verdict: Verdict


def is_key(tag: str) -> bool:
    """Tell whether a tag is none that somebody declared: a part of an image's fingerprint, or a signature."""
    return bool(_KEY.search(tag)) or tag.startswith("sha256-")


def judged(candidates: Iterable[Candidate], machine: Machine, board: str | None) -> list[Judged]:
    """Return candidates with their verdicts, the best first, those that do not fit last.

    Of equals the newest comes first, then the greater tag.
    """
    found = [Judged(candidate, judge(candidate.built, machine)) for candidate in candidates]

    def key(one: Judged) -> tuple[object, ...]:
        candidate = one.candidate
        made_for = candidate.variable("BOARD")  # the board whose runtime defaults it has
        own = 0 if made_for is None else 1 if made_for == board else -1
        place = rank(one.verdict, candidate.built, machine, local=candidate.local)
        return one.verdict.fits, *place, own, candidate.created, _natural(candidate.tag), candidate.reference

    return sorted(found, key=key, reverse=True)


def _natural(text: str) -> list[tuple[int, int, str]]:
    """Return a text's parts so that v10 comes behind v9."""
    parts = re.findall(r"\d+|\D+", text)
    return [(1, int(part), "") if part.isdigit() else (0, 0, part) for part in parts]
