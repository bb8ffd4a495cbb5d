#!/usr/bin/env python3
"""How long a stack of recipes takes: edgebake's bake, a chain of `docker buildx build`, and the critical-path bound.

    python benchmarks/makespan.py [--quick] [--rounds 3] [--shapes wide,llm] [--chain llm] [--own] [--keep]

Scripts hold a salt, so that nothing of a run is in any build cache; the base image is warm. Both load their result into
the engine. With --own, bakes run on a buildkitd of their own, without a chain: nobody else's builds are in the way of its
locks, and `nice -n -10 python …` puts it before other work of a busy machine. Bound: the seconds along the longest path of build halves, and for computing ones no less than all of their
seconds over the machine's cores; nothing that edgebake, Buildx or BuildKit cost by themselves is in it. Needs a Docker
Engine: `scripts/engine up`, and `eval "$(scripts/engine env)"`.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import harness
from buildkit import empty_builder
from events_oracle import steps_that_ran
from harness import Ran, median, tell
from workload import ROUNDS_PER_SECOND, Stack, shapes, write_chain, write_project

QUICK = 0.25


def main() -> None:
    """Measure and print."""
    command_line = harness.parser(__doc__)
    command_line.add_argument("--shapes", help="some of them, by name")
    command_line.add_argument(
        "--chain", default="all", help="the shapes that are built as a chain, too: names, all or none"
    )
    command_line.add_argument("--own", action="store_true", help="on a buildkitd of its own; no chain")
    arguments = command_line.parse_args()
    chosen = [s for s in shapes() if not arguments.shapes or s.name in arguments.shapes.split(",")]
    stacks = [s.scaled(QUICK) for s in chosen] if arguments.quick else chosen
    before, rounds = harness.load(), arguments.rounds or (1 if arguments.quick else 3)
    with builder_of(arguments.own) as builder:
        bake(Stack("warm", stacks[0].scaled(0.01).parts[:1]), builder)  # fetches the base image
        chains = "none" if arguments.own else arguments.chain
        rows = [measure(stack, rounds, chained(stack, chains), builder) for stack in stacks]
    name = "makespan-own" if arguments.own else "makespan"
    harness.write_result(name, arguments, rows, [before, harness.load()], nice=os.nice(0))


@contextmanager
def builder_of(own: bool) -> Iterator[str]:
    """Yield the name of the engine's builder, or of one that nobody else has."""
    if not own:
        yield "default"
        return
    with harness.folder() as place, empty_builder(place / "b") as builder:
        yield builder


def chained(stack: Stack, chains: str) -> bool:
    """Tell whether a shape is built as a chain as well."""
    return chains == "all" or stack.name in chains.split(",")


def measure(stack: Stack, rounds: int, with_chain: bool, builder: str) -> dict[str, object]:
    """Return the figures of one shape; bake and chain take turns."""
    bakes, chains, costs = [], [], []
    for _ in range(rounds):
        costs.append(second_of_work() if stack.cost == "cpu" else 1.0)
        bakes.append(bake(stack, builder))
        tell(f"{stack.name}: bake {bakes[-1].seconds:.1f} s, bound {bound(stack, costs):.1f} s")
        if with_chain:
            chains.append(chain(stack))
            tell(f"{stack.name}: chain {chains[-1].seconds:.1f} s; load {harness.load():.1f}")
    made = median([one.seconds for one in bakes])
    row: dict[str, object] = {
        "shape": stack.name,
        "cost": stack.cost,
        "recipes": len(stack.parts),
        "longest_path": stack.longest,
        "work": round(stack.total * median(costs), 2),
        "bound": bound(stack, costs),
        "bake": made,
        "bakes": [round(one.seconds, 2) for one in bakes],
        "over_bound": round(made / bound(stack, costs), 3),
    }
    if chains:
        slow = median([one.seconds for one in chains])
        row |= {"chain": slow, "chains": [round(one.seconds, 2) for one in chains], "faster": round(slow / made, 2)}
    row["timeline"] = timeline(bakes[-1])
    return row


def bound(stack: Stack, costs: list[float]) -> float:
    """Return the bound in seconds; those of computing ones as this machine is today."""
    return round(stack.bound(os.cpu_count() or 1) * median(costs), 2)


def bake(stack: Stack, builder: str) -> Ran:
    """Bake a stack that was never built."""
    salt = harness.new_salt()
    with harness.folder() as place:
        write_project(place, stack, salt)
        output = ["--load"] if builder == "default" else []
        ran = harness.edgebake(place, "bake", *output, "--quiet", "--builder", builder)
    harness.remove_images(salt)
    return ran


def chain(stack: Stack) -> Ran:
    """Build a stack as a chain that was never built."""
    salt = harness.new_salt()
    with harness.folder() as place:
        write_chain(place, stack, salt)
        ran = harness.build_chain(place, stack, salt)
    harness.remove_images(salt)
    return ran


def second_of_work() -> float:
    """Return how long this machine takes for what counts as a second of computing."""
    begin = time.perf_counter()
    script = f"for ((i = 0; i < {ROUNDS_PER_SECOND}; i++)); do :; done"
    subprocess.run(["bash", "-c", script], check=True)
    return time.perf_counter() - begin


def timeline(ran: Ran) -> list[list[object]]:
    """Return [stage, start, end] of each build half, in seconds from the first event of the bake."""
    steps = [step for step in steps_that_ran(ran.events) if step.instruction == "RUN"]
    first = min((step.started for step in steps), default=0.0)
    return [
        [step.stage, round(step.started - first, 2), round(step.completed - first, 2)]
        for step in sorted(steps, key=lambda step: (step.started, step.stage))
    ]


if __name__ == "__main__":
    main()
