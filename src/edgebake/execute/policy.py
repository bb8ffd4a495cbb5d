"""What a bake does about failures: go on or not, retry or not, and how long anything may take."""

from __future__ import annotations

import random
from dataclasses import dataclass

RETRIES = 2
_FIRST, _FACTOR, _LONGEST = 2.0, 3.0, 60.0  # seconds


@dataclass(frozen=True)
class Policy:
    """What to do about failures."""

    keep_going: bool = False  # whether what does not depend on a failure goes on
    retries: int = RETRIES  # how often what failed for a transient reason is retried
    step_timeout: float = 0.0  # seconds that a step may take; 0 for any time
    timeout: float = 0.0  # seconds that all may take; 0 for any time
    resumes: tuple[str, ...] = ()  # the runs that this one goes on with


def delay(attempt: int) -> float:
    """Return the seconds to wait after the `attempt`-th try: 2, 6, 18, 54, 60, …, give or take a fifth.

    Many machines that were refused at once do not come back at once.
    """
    seconds = _FIRST * _FACTOR ** (attempt - 1)
    return min(seconds, _LONGEST) * random.uniform(0.8, 1.2)
