"""What says that a bake target is up to date, or what is missing for that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Evidence:
    """What was found about a bake target before a bake.

    Attributes:
        inputs: digest of all that its result follows from; empty if something of it is not known.
        tests: digest of its tests; empty if it has none, or if none are to run.
        current: whether there is nothing to do.
        text: what was taken as proof, or what is missing.
        reference: under which the result is there.
        pushed: its digest there: that of an index, if it has several platforms.
        digests: by platform.
    """

    inputs: str = ""
    tests: str = ""
    current: bool = False
    text: str = ""
    reference: str = ""
    pushed: str = ""
    digests: Mapping[str, str] = field(default_factory=dict)


UNKNOWN = Evidence()
"""Nobody has looked."""
