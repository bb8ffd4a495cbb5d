"""Chooses the order of all images' install lines, and tells what it is worth."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from edgebake.graph.build_half import made_of
from edgebake.graph.compile import Compilation, compile_workspace, what_stays_in_front
from edgebake.graph.image_plan import ImagePlan
from edgebake.graph.image_stage import image_user
from edgebake.graph.python_env import needed_packages, package_line
from edgebake.load.workspace import Workspace
from edgebake.model.lock import Lock, LockedImage
from edgebake.order.load import Load
from edgebake.order.problem import OrderedImage, Packages, Problem
from edgebake.order.search import best_order
from edgebake.order.weights import Weigher

Weigh = Callable[[Compilation], Weigher]
"""Finds out what recipes weigh."""


@dataclass(frozen=True)
class Measure:
    """What the install lines of a target are, counted in the graph itself.

    Attributes:
        stages: different install stages, on all platforms.
        size: bytes of these.
        apart: bytes that they would have if no image shared anything.
        cost: as :class:`~edgebake.order.problem.Problem` has it, in seconds a month.
    """

    stages: int
    size: float
    apart: float
    cost: float


@dataclass(frozen=True)
class Chosen:
    """What came of a target: how its lines were, how they are now, and what no order can go below."""

    target: str
    images: int
    before: Measure
    after: Measure
    bound: float

    @property
    def within(self) -> float:
        """The cost is at most so many times that of the best order."""
        return max(1.0, self.after.cost / self.bound) if self.bound > 0 else 1.0

    def __str__(self) -> str:
        one, two = self.before, self.after
        shared = f"{_megabytes(two.apart - two.size)} of {_megabytes(two.apart)} MB shared"
        stages = f"{one.stages} → {two.stages} install stages, {_megabytes(one.size)} → {_megabytes(two.size)} MB"
        cost = f"cost {one.cost:.0f} → {two.cost:.0f} s a month"
        best = "the best there is" if self.within < 1.005 else f"at most {self.within:.2f} × the best possible"
        return f"{self.target}: {self.images} images, {stages} ({shared}); {cost}, {best}"


def choose_order(workspace: Workspace, lock: Lock, weigh: Weigh) -> tuple[Lock, list[Chosen]]:
    """Return a lock with the order of each image's recipes, and what that is worth for each target.

    Orders are compared in the compiled graph: where the one that was found costs more there than the present one,
    that one stays.

    Args:
        workspace: the project.
        lock: its lock, with all that is resolved.
        weigh: finds out what recipes weigh.

    Raises:
        EdgebakeError: the project does not compile.
    """
    present = compile_workspace(replace(workspace, lock=lock))
    weigher = weigh(present)
    lines, bounds = _search(present, weigher)
    compiled = compile_workspace(replace(workspace, lock=_with_orders(lock, lines)))
    chosen = []
    for target in sorted(present.targets):
        before, after = _measure(present, weigher, target), _measure(compiled, weigher, target)
        plans = [plan for plan in present.plans if plan.target.name == target]
        if after.cost > before.cost:
            after = before
            lines |= {(plan.name, target): plan.line for plan in plans}
        chosen.append(Chosen(target, len(plans), before, after, min(bounds[target], after.cost)))
    return _with_orders(lock, lines), chosen


Lines = dict[tuple[str, str], tuple[str, ...]]
"""By image and target."""


def _search(compilation: Compilation, weigher: Weigher) -> tuple[Lines, dict[str, float]]:
    """Return the best lines that are found, and by target what no order can go below."""
    lines: Lines = {}
    bounds: dict[str, float] = {}
    for (target, *_), plans in _groups(compilation.plans).items():
        own, bound = _order_group(plans, weigher)
        bounds[target] = bounds.get(target, 0.0) + bound
        lines |= {(plan.name, target): line for plan, line in zip(plans, own, strict=True)}
    return lines, bounds


def without_order(lock: Lock) -> Lock:
    """Return a lock that has no order recorded."""
    return _each_image(lock, lambda name, target, image: image.model_copy(update={"order": ()}))


def _with_orders(lock: Lock, lines: Mapping[tuple[str, str], tuple[str, ...]]) -> Lock:
    return _each_image(lock, lambda name, target, image: image.model_copy(update={"order": lines[name, target]}))


def _each_image(lock: Lock, change: Callable[[str, str, LockedImage], LockedImage]) -> Lock:
    images = {
        name: {target: change(name, target, image) for target, image in targets.items()}
        for name, targets in lock.images.items()
    }
    return lock.model_copy(update={"images": images})


# ── the problem


Group = tuple[str, str | None, bool]
"""A target, the Python of an image on it, and whether the image runs as root."""


def _groups(plans: Iterable[ImagePlan]) -> dict[Group, list[ImagePlan]]:
    """Return the images that can share stages."""
    found: dict[Group, list[ImagePlan]] = {}
    for plan in plans:
        key = (plan.target.name, plan.target.python, image_user(plan) == "root")
        found.setdefault(key, []).append(plan)
    return found


def _order_group(plans: Sequence[ImagePlan], weigher: Weigher) -> tuple[list[tuple[str, ...]], float]:
    """Return the lines for images that can share stages, and what no order can go below.

    A line is one for all platforms. Images for other platforms are ordered apart; what they share with these then
    is a gain that nobody has looked for. The bound lets each platform have lines of its own, where they differ.
    """
    lines: dict[str, tuple[str, ...]] = {}
    bound = 0.0
    by_platforms: dict[tuple[str, ...], list[ImagePlan]] = {}
    for plan in plans:
        by_platforms.setdefault(plan.platforms, []).append(plan)
    for platforms, some in by_platforms.items():
        found = best_order(_problem(some, weigher, platforms))
        lines |= {plan.name: line for plan, line in zip(some, found.lines, strict=True)}
        bound = found.bound
    everywhere = all(plan.installed(p, name) for plan in plans for p in plan.platforms for name in plan.line)
    if len(by_platforms) > 1 or not everywhere:
        several = sorted({platform for plan in plans for platform in plan.platforms})
        bound = sum(best_order(_problem(plans, weigher, (platform,))).bound for platform in several)
    return [lines[plan.name] for plan in plans], bound


def _problem(plans: Sequence[ImagePlan], weigher: Weigher, platforms: Sequence[str]) -> Problem:
    """Return the problem of ordering what images have on some platforms, together."""
    numbers: dict[Hashable, int] = {}
    images = []
    loads = {}
    for plan in plans:
        here = [platform for platform in platforms if platform in plan.platforms]
        ranked = plan.ranked or plan.line
        line = tuple(name for name in ranked if any(plan.installed(platform, name) for platform in here))
        contents = {name: numbers.setdefault(_content(plan, name, here), len(numbers)) for name in line}
        before = frozenset(pair for pair in what_stays_in_front(plan) if set(pair) <= set(line))
        packages = tuple(found for platform in here if (found := _packages(plan, platform, weigher)).needs)
        images.append(OrderedImage(plan.name, line, before, contents, packages))
        for name in line:
            several = [weigher.load(plan.target.name, name, p) for p in here if plan.installed(p, name)]
            loads[name] = _together(several)
    return Problem(tuple(images), loads)


def _content(plan: ImagePlan, name: str, platforms: Sequence[str]) -> Hashable:
    """Return what a recipe's stage is made of, without Python packages that the lock has."""
    parts: list[Hashable] = [name, *made_of(plan, name)]
    for platform in platforms:
        pin = plan.installed(platform, name)
        parts.append(pin is not None)
        if pin is not None and not plan.python[platform].locked and plan.views[platform, name].pip:
            parts.append(plan.python[platform].constraints)
    return tuple(parts)


def _packages(plan: ImagePlan, platform: str, weigher: Weigher) -> Packages:
    """Return the Python packages that an image's recipes share out, if they are locked."""
    lock = weigher.compilation.workspace.lock
    image = lock.images.get(plan.name, {}).get(plan.target.name) if lock else None
    locked = image.python.get(platform) if image else None
    if locked is None or not plan.python[platform].requirements:
        return Packages()
    line = [view.pin.name for view in plan.views_on(platform)]
    needs = {recipe: frozenset(own) for recipe, own in needed_packages(line, locked.packages).items() if own}
    return Packages(needs, {name: package_line(package) for name, package in locked.packages.items()})


def _together(loads: Sequence[Load]) -> Load:
    """Return what a stage weighs on several platforms; it changes on all of them at once."""
    return Load(
        sum(load.seconds for load in loads),
        sum(load.size for load in loads),
        max((load.changes for load in loads), default=0.0),
    )


# ── what it is worth


def _measure(compilation: Compilation, weigher: Weigher, target: str) -> Measure:
    """Return what the install lines of a target are in the graph, each different stage once on each platform."""
    load = partial(weigher.load, target)
    seen: set[tuple[str, str]] = set()
    size = apart = cost = 0.0
    for bake_target in compilation.graph.bake_targets:
        if bake_target.target != target or bake_target.is_test:
            continue
        for platform in bake_target.platforms:
            changes = 0.0
            for stage in _line(compilation, target, bake_target.stage, platform):
                own = load(compilation.graph.node(target, stage).recipe, platform)
                changes += own.changes
                apart += own.size
                if (stage, platform) not in seen:
                    seen.add((stage, platform))
                    size += own.size
                    cost += own.once * (1 + changes)
    return Measure(len(seen), size, apart, cost)


def _line(compilation: Compilation, target: str, stage: str, platform: str) -> list[str]:
    """Return the install stages of a line on a platform, the first one first."""
    found = []
    while stage:
        node = compilation.graph.node(target, stage)
        if node.kind == "install" and not node.bodies[platform].empty:
            found.append(stage)
        stage = node.bodies[platform].parent
    return found[::-1]


def _megabytes(size: float) -> str:
    return f"{size / 1e6:.0f}"
