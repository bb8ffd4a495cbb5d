"""Measures how long calls take. Lies beside a recipe's bench in the container, under the image's Python (3.6 on).

from edgebake_bench import measure

measure("matrix product, 512 x 512", lambda: a @ b)
"""

import json
import os
import threading
import time
from typing import Callable, List, Optional

_SECONDS = float(os.environ.get("EDGEBAKE_BENCH_SECONDS", "1"))
_WARM_UP = 0.2  # of the time that is measured
_LEAST, _MOST = 10, 20000  # calls of a measurement
_SLOW = 10  # times the time: then it ends, however few calls there were


def measure(
    name: str, call: Callable[[], object], *, items: float = 1, unit: str = "calls", threads: int = 1
) -> None:
    """Call a function again and again, for about a second, and print how long each call took.

    A call should take 20 microseconds or more: the clock itself takes a part of one.

    Args:
        name: what is measured, one line; the same in every run.
        call: what is measured. It is called a few times first, which does not count.
        items: how much of `unit` one call does; the throughput is told in units per second.
        unit: frames, tokens, queries, ...
        threads: how many threads call it side by side.
    """
    _calls(call, _SECONDS * _WARM_UP, 3)
    begin = time.perf_counter()
    taken = _side_by_side(call, threads)
    line = {
        "measurement": name,
        "unit": unit,
        "items": items,
        "nanoseconds": taken,
        "seconds": time.perf_counter() - begin,
    }
    print("\n" + json.dumps(line), flush=True)


def _side_by_side(call: Callable[[], object], threads: int) -> List[int]:
    if threads == 1:
        return _calls(call, _SECONDS, _LEAST)
    found = [None] * threads  # type: List[Optional[List[int]]]

    def run(place: int) -> None:
        found[place] = _calls(call, _SECONDS, _LEAST)

    running = [threading.Thread(target=run, args=(place,)) for place in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    if any(one is None for one in found):
        raise RuntimeError("a thread ended with an error")
    return [one for part in found for one in part or []]


def _calls(call: Callable[[], object], seconds: float, least: int) -> List[int]:
    """Return the nanoseconds of each call, of as many as the time allows. perf_counter is a monotonic clock."""
    clock, taken = time.perf_counter, []  # type: Callable[[], float], List[int]
    begin = clock()
    done = begin
    while len(taken) < _MOST:
        before = clock()
        call()
        done = clock()
        taken.append(int((done - before) * 1e9))
        passed = done - begin
        if passed >= seconds * _SLOW or (passed >= seconds and len(taken) >= least):
            break
    return taken
