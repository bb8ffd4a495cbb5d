#!/usr/bin/env python3
"""What a change costs: each recipe is changed in turn, and everything is built again.

    python benchmarks/rebuild.py [--quick] [--shapes diamond] [--every 1] [--chain-every 4] [--keep]

What ran is read from BuildKit's raw events (tests/e2e/events_oracle.py), never from what edgebake tells of a change. It is
compared with the workload's own truth: the build halves of the recipe and of all that need it, directly or not, and the
install stages from its place in the line to the end. The peer is a chain of `docker buildx build` with warm caches,
in which the same recipe is changed. The benchmark fails if one build half more ran than has to. Needs a Docker Engine.
"""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from pathlib import Path

import harness
from events_oracle import steps_that_ran
from harness import median, tell
from workload import Stack, shapes, write_chain, write_project, write_recipe

SECONDS = 0.25
"""What each shape's costs are multiplied by: what is counted does not depend on them."""


def main() -> None:
    """Measure and print; the exit code is 1 if too much was built."""
    command_line = harness.parser(__doc__)
    command_line.add_argument("--shapes", default="diamond,llm")
    command_line.add_argument("--every", type=int, help="change every n-th recipe only")
    command_line.add_argument("--chain-every", type=int, help="of these, change every n-th in the chain as well")
    arguments = command_line.parse_args()
    every, chain_every = arguments.every or (6 if arguments.quick else 1), arguments.chain_every or 4
    chosen = [shape for shape in shapes() if shape.name in arguments.shapes.split(",")]
    before = harness.load()
    rows = [measure(replace(shape.scaled(SECONDS), commands=True), every, chain_every) for shape in chosen]
    harness.write_result("rebuild", arguments, rows, [before, harness.load()])
    sys.exit(any(row["wrong"] for row in rows))


def measure(stack: Stack, every: int, chain_every: int) -> dict[str, object]:
    """Return the figures of a shape: its recipes are changed in turn, in the order of their names."""
    salt, changes = harness.new_salt(), []
    with harness.folder() as place, harness.folder() as chain:
        write_project(place, stack, salt)
        write_chain(chain, stack, salt)
        harness.edgebake(place, "bake", "--load", "--quiet", "--builder", "default")
        harness.build_chain(chain, stack, salt)
        order = line(place)
        for index, part in enumerate(stack.parts[::every]):
            changes.append(
                change(place, chain if index % chain_every == 0 else None, stack, part.name, order, salt)
            )
            tell(str(changes[-1]))
    harness.remove_images(salt)
    pairs = [one for one in changes if "chain" in one]
    return {
        "shape": stack.name,
        "recipes": len(stack.parts),
        "changes": changes,
        "wrong": sum(not one["exact"] for one in changes),
        "bake": median([float(str(one["seconds"])) for one in changes]),
        "faster": median([float(str(one["chain"])) / float(str(one["seconds"])) for one in pairs]),
    }


def change(
    place: Path, chain: Path | None, stack: Stack, name: str, order: list[str], salt: str
) -> dict[str, object]:
    """Change one recipe's build script, build again, and compare what ran with what had to."""
    part = next(part for part in stack.parts if part.name == name)
    new = harness.new_salt()
    write_recipe(place, stack, part, new)
    ran = harness.edgebake(place, "bake", "--load", "--quiet", "--builder", "default")
    stages = {step.stage for step in steps_that_ran(ran.events) if step.instruction == "RUN"}
    builds = {stage.removeprefix("eb-").removesuffix("-build") for stage in stages if stage.endswith("-build")}
    installs = {stage.removeprefix("eb-") for stage in stages if not stage.endswith("-build")}
    expected = set(order[order.index(name) :])
    found: dict[str, object] = {
        "recipe": name,
        "dependents": len(stack.dependents(name)),
        "builds": len(builds),
        "from_place": len(expected),
        "installs": len(installs),
        "exact": builds == stack.dependents(name) and installs == expected,
        "seconds": round(ran.seconds, 2),
    }
    if chain is not None:
        write_chain(chain, replace(stack, parts=(part,)), new)
        slow = harness.build_chain(chain, stack, salt)
        found |= {"chain": round(slow.seconds, 2), "chain_builds": chain_builds(slow.events)}
    return found


def chain_builds(events: str) -> int:
    """Return how many recipes a chain built again."""
    return sum(step.instruction == "RUN" for step in steps_that_ran(events))


def line(place: Path) -> list[str]:
    """Return the recipes in the order of the Dockerfile's install line, read from the file as text."""
    text = (place / "bake/cpu/Dockerfile").read_text(encoding="utf-8")
    after = {}
    for parent, stage in re.findall(r"^FROM eb-(\S+) AS eb-(\S+)$", text, re.MULTILINE):
        if not stage.endswith(("-build", "-artifact")):
            after[parent] = stage
    order = [after["base"]]
    while order[-1] in after:
        order.append(after[order[-1]])
    return order


if __name__ == "__main__":
    main()
