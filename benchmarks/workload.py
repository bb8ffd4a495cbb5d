"""Stacks of recipes whose build halves cost a known time, and what follows from them alone: the oracles.

Nothing here is edgebake's: what a stack must take, and who depends on whom, is computed from the workload. The same stack
is written as an edgebake project and as a chain of Dockerfiles, one `docker buildx build` after the other.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

DATA = Path(__file__).parent / "data"
BASE = "debian:bookworm-slim"
ROUNDS_PER_SECOND = 400_000
"""Rounds of bash's loop that stand for a second of CPU time; how long they really take is measured in each run."""

Cost = Literal["wait", "cpu"]


@dataclass(frozen=True)
class Part:
    """A recipe of a stack: what it needs, directly, and the seconds that its build half costs."""

    name: str
    needs: tuple[str, ...]
    seconds: float


@dataclass(frozen=True)
class Stack:
    """Recipes, each after those that it needs.

    Attributes:
        name: of the shape.
        parts: the recipes.
        cost: whether build halves wait or burn CPU time.
        commands: whether a command runs in each install half, too; else they copy files and set a variable.
    """

    name: str
    parts: tuple[Part, ...]
    cost: Cost = "wait"
    commands: bool = False

    # ── the oracles

    @property
    def total(self) -> float:
        """The seconds of all build halves together: what a chain cannot be faster than."""
        return sum(part.seconds for part in self.parts)

    @property
    def critical_path(self) -> float:
        """The seconds along the longest path: what nothing can be faster than, however many cores there are."""
        ends: dict[str, float] = {}
        for part in self.parts:
            ends[part.name] = part.seconds + max((ends[need] for need in part.needs), default=0.0)
        return max(ends.values(), default=0.0)

    def bound(self, cores: int) -> float:
        """Return the least seconds that the stack can take: waiting costs no core, computing does."""
        return self.critical_path if self.cost == "wait" else max(self.critical_path, self.total / cores)

    @property
    def longest(self) -> int:
        """The recipes on the longest path, counted."""
        counted = replace(self, parts=tuple(replace(part, seconds=1.0) for part in self.parts))
        return int(counted.critical_path)

    def dependents(self, name: str) -> set[str]:
        """Return a recipe and all that need it, directly or not."""
        found = {name}
        for part in self.parts:
            if found & set(part.needs):
                found.add(part.name)
        return found

    def scaled(self, factor: float) -> Stack:
        """Return the stack with all costs multiplied."""
        return replace(self, parts=tuple(replace(part, seconds=part.seconds * factor) for part in self.parts))


# ── shapes


def shapes() -> list[Stack]:
    """Return the stacks that are measured."""
    waiting = [wide(), deep(), diamond(), layered(), llm(), replace(llm(), name="llm-commands", commands=True)]
    return [*waiting, as_cpu(layered()), as_cpu(llm())]


def wide() -> Stack:
    """24 recipes that need nothing of each other."""
    return Stack("wide", tuple(Part(_name(i), (), _spread(i, 15, 30)) for i in range(24)))


def deep() -> Stack:
    """24 recipes in a row: nothing can run at once."""
    return Stack("deep", tuple(Part(_name(i), (_name(i - 1),) if i else (), _spread(i, 2, 4)) for i in range(24)))


def diamond() -> Stack:
    """24 recipes: one, six that need it, one that needs those; three times."""
    parts: list[Part] = []
    for first in (0, 8, 16):
        top, middle, bottom = first, range(first + 1, first + 7), first + 7
        parts.append(Part(_name(top), (_name(top - 1),) if top else (), _spread(top, 4, 8)))
        parts += [Part(_name(i), (_name(top),), _spread(i, 4, 8)) for i in middle]
        parts.append(Part(_name(bottom), tuple(_name(i) for i in middle), _spread(bottom, 4, 8)))
    return Stack("diamond", tuple(parts))


def layered() -> Stack:
    """24 recipes in six layers of four; each needs two of the layer before it."""
    parts = []
    for i in range(24):
        layer, place = divmod(i, 4)
        before = [(layer - 1) * 4 + (place + step) % 4 for step in (0, 1)]
        needs = tuple(_name(j) for j in sorted(before)) if layer else ()
        parts.append(Part(_name(i), needs, _spread(i, 4, 8)))
    return Stack("layered", tuple(parts))


def llm() -> Stack:
    """The 39 packages of jetson-containers' vllm, with what each one's Dockerfile says that it depends on."""
    needs: Mapping[str, list[str]] = json.loads((DATA / "vllm.json").read_text(encoding="utf-8"))["needs"]
    parts = (
        Part(f"pkg-{name}", tuple(f"pkg-{need}" for need in some), _spread(place, 5, 10))
        for place, (name, some) in enumerate(needs.items())
    )
    return Stack("llm", tuple(parts))


def as_cpu(stack: Stack) -> Stack:
    """Return a stack whose build halves compute: a fifth of the seconds, as they share the cores."""
    return replace(stack.scaled(0.2), name=f"{stack.name}-cpu", cost="cpu")


def _name(index: int) -> str:
    return f"part-{index:02}"


def _spread(place: int, least: int, most: int) -> float:
    """Return whole seconds between two, different from place to place and always the same."""
    digest = hashlib.sha256(str(place).encode()).digest()
    return float(least + digest[0] % (most - least + 1))


# ── what is written


def write_project(folder: Path, stack: Stack, salt: str) -> None:
    """Write the stack as an edgebake project with one image, `stack`.

    Args:
        folder: where to.
        stack: the recipes.
        salt: of this run, so that no build cache knows its scripts.
    """
    for part in stack.parts:
        write_recipe(folder, stack, part, salt)
    image = {"recipes": [part.name for part in stack.parts], "targets": ["cpu"], "platforms": ["linux/amd64"]}
    project = {"registry": f"localhost:5000/benchmark/{salt}", "images": {"stack": image}}
    (folder / "edgebake.yaml").write_text(json.dumps(project, indent=1), encoding="utf-8")


def write_recipe(folder: Path, stack: Stack, part: Part, salt: str) -> None:
    """Write one recipe: it compiles against all that it needs, and its files are copied into the image."""
    recipe = {
        "name": part.name,
        "summary": f"Stands for software that takes {part.seconds:g} s to build",
        "layer": "library",
        "requires": list(part.needs),
        "build": {"runs_on": "target-platform", "libraries": list(part.needs), "script": "build.sh"},
        "install": {"artifacts": {"/": "/opt/stack"}, **({"script": "install.sh"} if stack.commands else {})},
        "env": {part.name.upper().replace("-", "_"): "1"},
    }
    place = folder / "recipes" / part.name
    place.mkdir(parents=True, exist_ok=True)
    (place / "recipe.yaml").write_text(json.dumps(recipe, indent=1), encoding="utf-8")
    (place / "build.sh").write_text(build_script(stack, part, salt), encoding="utf-8")
    (place / "install.sh").write_text(install_script(part), encoding="utf-8")


def build_script(stack: Stack, part: Part, salt: str) -> str:
    """Return what a build half does: look at what it needs, wait or compute, and leave a file."""
    looks = "".join(f"test -f /opt/stack/{need}\n" for need in part.needs)
    work = f"sleep {part.seconds:g}\n"
    if stack.cost == "cpu":
        work = f"for ((i = 0; i < {int(part.seconds * ROUNDS_PER_SECOND)}; i++)); do :; done\n"
    return f'{looks}{work}mkdir -p "$OUT"\necho "{part.name} {salt}" >"$OUT/{part.name}"\n'


def install_script(part: Part) -> str:
    """Return what an install half does: something light."""
    return f"grep -q '^{part.name} ' /opt/stack/{part.name}\n"


def write_chain(folder: Path, stack: Stack, salt: str) -> None:
    """Write the stack as Dockerfiles, each of which continues from the image before it."""
    for part in stack.parts:
        place = folder / part.name
        place.mkdir(parents=True, exist_ok=True)
        (place / "build.sh").write_text(build_script(stack, part, salt), encoding="utf-8")
        (place / "install.sh").write_text(install_script(part), encoding="utf-8")
        (place / "Dockerfile").write_text(
            f"ARG BASE={BASE}\n"
            "FROM ${BASE}\n"
            "COPY build.sh install.sh /tmp/stack/\n"
            "RUN OUT=/opt/stack bash -euo pipefail /tmp/stack/build.sh && bash -euo pipefail /tmp/stack/install.sh\n",
            encoding="utf-8",
        )
