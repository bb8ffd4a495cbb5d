#!/usr/bin/env python3
"""What images share is built once: 50 images over 8 targets.

    python benchmarks/sharing.py [--quick] [--keep]

Each image is built for one to three of the targets: a hundred bake targets, more than one invocation takes. Some recipes
ask for their target's name, so that they differ from target to target; others do not. How many stages there are to run
is computed from the workload alone, with everything that is equal counted once; how many ran is read from BuildKit's raw
events, each vertex once. The peer is building every image by itself: all its stages. Needs a Docker Engine.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import harness
from events_oracle import Step, steps_that_ran
from harness import tell

TARGETS = 8
LAYERS = ("system", "toolkit", "language", "framework", "library", "application")


@dataclass(frozen=True)
class Recipe:
    """One recipe: its layer, what it needs, and whether it is another one on each target."""

    name: str
    layer: int
    needs: tuple[str, ...]
    differs: bool


Images = Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]
"""By name: recipes in the order of the line, and targets."""


def main() -> None:
    """Measure and print; the exit code is 1 if a stage ran twice."""
    command_line = harness.parser(__doc__)
    arguments = command_line.parse_args()
    recipes, images = workload(10 if arguments.quick else 50)
    before, salt = harness.load(), harness.new_salt()
    with harness.folder() as place:
        write(place, recipes, images, salt)
        ran = harness.edgebake(place, "bake", "--quiet", "--builder", "default")
    steps = steps_that_ran(ran.events)
    row = {
        "images": len(images),
        "targets": TARGETS,
        "bake_targets": sum(len(targets) for _, targets in images.values()),
        "distinct": distinct(recipes, images),
        "ran": count(steps),
        "by_themselves": by_themselves(images),
        "seconds": round(ran.seconds, 1),
    }
    tell(str(row))
    harness.write_result("sharing", arguments, [row], [before, harness.load()])
    sys.exit(row["ran"] != row["distinct"])


def workload(number: int) -> tuple[dict[str, Recipe], Images]:
    """Return recipes and images, always the same ones."""
    chance = random.Random(1)
    recipes: dict[str, Recipe] = {}
    for index in range(18):
        layer = index // 3
        below = [one.name for one in recipes.values() if one.layer < layer]
        needs = tuple(sorted(chance.sample(below, min(len(below), layer and 1))))
        recipes[f"r{index:02}"] = Recipe(f"r{index:02}", layer, needs, chance.random() < 0.4)
    images = {}
    for index in range(number):
        asked = chance.sample(sorted(recipes), 4)
        targets = chance.sample(range(TARGETS), 1 + index % 3)
        images[f"image-{index:02}"] = (line(recipes, asked), tuple(f"t{target}" for target in sorted(targets)))
    return recipes, images


def line(recipes: Mapping[str, Recipe], asked: list[str]) -> tuple[str, ...]:
    """Return what is asked for and all that it needs. Names are by layer, so their order is the line's."""
    found = set(asked)
    for name in sorted(recipes, reverse=True):
        if name in found:
            found.update(recipes[name].needs)
    return tuple(sorted(found))


# ── the oracle


def distinct(recipes: Mapping[str, Recipe], images: Images) -> int:
    """Return the number of different commands: build halves, and install halves after what lies below them."""
    builds, installs = set(), set()
    for names, targets in images.values():
        for target in targets:
            below: tuple[object, ...] = ()
            for name in names:
                key = content(recipes, name, target)
                below = (*below, key)
                builds.add(key)
                installs.add(below)
    return len(builds) + len(installs)


def content(recipes: Mapping[str, Recipe], name: str, target: str) -> tuple[object, ...]:
    """Return what a build half is made of: itself, its target if it asks for that, and what it needs."""
    recipe = recipes[name]
    return (name, target if recipe.differs else "", *(content(recipes, need, target) for need in recipe.needs))


def by_themselves(images: Images) -> int:
    """Return the commands of all images, each built by itself."""
    return sum(2 * len(names) * len(targets) for names, targets in images.values())


def count(steps: list[Step]) -> int:
    """Return how many commands of recipes ran; a vertex that several images share is one."""
    return len(
        {
            (step.digest, step.started)
            for step in steps
            if step.instruction == "RUN" and step.stage.startswith("eb-r")
        }
    )


# ── what is written


def write(place: Path, recipes: Mapping[str, Recipe], images: Images, salt: str) -> None:
    """Write the project."""
    for number in range(TARGETS):
        target = {
            "name": f"t{number}",
            "family": "cpu",
            "summary": "Stands for a platform",
            "platforms": ["linux/amd64"],
            "base": {"image": "debian:bookworm-slim"},
            "os": "debian:12",
            "python": "3.11",
            "tag_suffix": f"t{number}",
        }
        (place / "targets").mkdir(exist_ok=True)
        (place / f"targets/t{number}.yaml").write_text(json.dumps(target), encoding="utf-8")
    for recipe in recipes.values():
        write_recipe(place / "recipes" / recipe.name, recipe, salt)
    made = {
        name: {"recipes": list(names), "targets": list(targets), "tags": ["{{ target.name }}"]}
        for name, (names, targets) in images.items()
    }
    project = {"registry": f"localhost:5000/benchmark/{salt}", "images": made}
    (place / "edgebake.yaml").write_text(json.dumps(project), encoding="utf-8")


def write_recipe(folder: Path, recipe: Recipe, salt: str) -> None:
    """Write one recipe; its script leaves a file that says what it is."""
    data = {
        "name": recipe.name,
        "summary": "Stands for software",
        "layer": LAYERS[recipe.layer],
        "requires": list(recipe.needs),
        "build": {"runs_on": "target-platform", "libraries": list(recipe.needs), "script": "build.sh"},
        "install": {"artifacts": {"/": "/opt/stack"}, "script": "install.sh"},
    }
    folder.mkdir(parents=True, exist_ok=True)
    says = "$TARGET_NAME " if recipe.differs else ""
    (folder / "recipe.yaml").write_text(json.dumps(data), encoding="utf-8")
    (folder / "build.sh").write_text(f'echo "{recipe.name} {says}{salt}" >"$OUT/{recipe.name}"\n', encoding="utf-8")
    (folder / "install.sh").write_text(f"test -s /opt/stack/{recipe.name}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
