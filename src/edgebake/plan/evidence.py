"""What says that a bake target is up to date, or what is missing for that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Evidence:
    """What was found about a bake target before a bake."""

    inputs: str = ""  # digest of all that its result follows from; empty if something of it is not known
    tests: str = ""  # digest of its tests; empty if it has none, or if none are to run
    current: bool = False  # whether there is nothing to do
    text: str = ""  # what was taken as proof, or what is missing
    reference: str = ""  # under which the result is there
    pushed: str = ""  # its digest there: that of an index, if it has several platforms
    digests: Mapping[str, str] = field(default_factory=dict)  # by platform


UNKNOWN = Evidence()
"""Nobody has looked."""
