"""What recipes' install stages weigh: seconds from the journal, bytes from pushed images, changes from git."""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from edgebake.graph.compile import Compilation
from edgebake.graph.node import Node
from edgebake.model.recipe import Layer
from edgebake.order.load import Load
from edgebake.order.sizes import Sizes
from edgebake.plan.times import StageTimes
from edgebake.plan.weights import stage_seconds

CHANGES: Mapping[Layer, float] = {
    "system": 0.1,
    "toolkit": 0.1,
    "language": 0.05,
    "framework": 0.25,
    "library": 0.25,
    "application": 4.0,
}
"""Changes in a month of a recipe of a layer, where git does not tell: a guess."""
SIZE = 20_000_000
"""Bytes of a stage that adds a layer, where no pushed image tells: a guess."""
DAYS = 180
"""Of git's history that are looked at, back from the checked-out commit."""
_MONTH = 30.44 * 86400  # seconds
TIMEOUT = 30  # seconds


@dataclass(frozen=True)
class Weigher:
    """Weighs the recipes of a compilation.

    Attributes:
        compilation: the graph.
        times: what stages took.
        sizes: what they added to images.
        changes: changes in a month of folders, from git.
    """

    compilation: Compilation
    times: StageTimes = field(default_factory=StageTimes)
    sizes: Mapping[tuple[str, str, str], int] = field(default_factory=Sizes)
    changes: Mapping[Path, float] = field(default_factory=dict)

    def load(self, target: str, recipe: str, platform: str) -> Load:
        """Return the weight of a recipe's install stage on one platform; the heaviest, if there are several."""
        nodes = [node for node in self._nodes.get((target, recipe), ()) if platform in node.bodies]
        nodes = [node for node in nodes if not node.bodies[platform].empty]
        if not nodes:
            return Load(0.0, 0.0, self._changes(target, recipe))
        seconds = max(self._seconds(node, platform) for node in nodes)
        adds = any(node.bodies[platform].layers for node in nodes)
        size = self.sizes.get((target, recipe, platform), SIZE if adds else 0)
        return Load(seconds, size, self._changes(target, recipe))

    def _seconds(self, node: Node, platform: str) -> float:
        measured = self.times.of(node.target, self.compilation.names[node.target][node.id], platform)
        if measured is not None:
            return measured.seconds
        return stage_seconds(node, platform) if node.bodies[platform].layers else 0.0

    def _changes(self, target: str, recipe: str) -> float:
        pin = next(iter(self._nodes[target, recipe][0].pins.values()))
        return self.changes.get(pin.loaded.folder.resolve(), CHANGES[pin.recipe.layer])

    @cached_property
    def _nodes(self) -> dict[tuple[str, str], list[Node]]:
        found: dict[tuple[str, str], list[Node]] = {}
        for node in self.compilation.graph:
            if node.kind == "install":
                found.setdefault((node.target, node.recipe), []).append(node)
        return found


def changes_in_git(root: Path, compilation: Compilation) -> dict[Path, float]:
    """Return how often in a month recipes' folders changed in the project's repository.

    A folder that it does not have, or a project that is in none, is not in the result.

    Args:
        root: the project's folder.
        compilation: the recipes in use.
    """
    head = _git(root, "show", "--no-patch", "--format=%ct", "HEAD")
    top = _git(root, "rev-parse", "--show-toplevel")
    if not head or not top:
        return {}
    folders = {node.pins[p].loaded.folder.resolve() for node in compilation.graph for p in node.pins}
    inside = sorted(folder for folder in folders if folder.is_relative_to(root.resolve()))
    if not inside:
        return {}
    begin = int(head) - DAYS * 86400
    log = _git(root, "log", f"--since=@{begin}", "--format=@%H %ct", "--name-only", "--", *map(str, inside))
    known = set(_git(root, "ls-files", "--full-name", "--", *map(str, inside)).splitlines())
    oldest = _git(root, "log", f"--since=@{begin}", "--format=%ct").splitlines()
    months = max(1.0, (int(head) - int(oldest[-1])) / _MONTH) if oldest else 1.0
    commits = _commits(log)
    found = {}
    for folder in inside:
        place = f"{folder.relative_to(Path(top).resolve()).as_posix()}/"
        if any(name.startswith(place) for name in known):
            found[folder] = (
                sum(n for names, n in commits.items() if any(f.startswith(place) for f in names)) / months
            )
    return found


def _commits(log: str) -> Counter[tuple[str, ...]]:
    """Return the sets of files that commits changed, counted."""
    blocks = [block.splitlines() for block in log.split("@")[1:]]
    return Counter(tuple(line for line in block[1:] if line) for block in blocks)


def _git(root: Path, *arguments: str) -> str:
    command = ["git", "-C", str(root), "-c", "core.quotePath=false", *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
