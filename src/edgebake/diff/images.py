"""What differs between the images of two compilations, or between two targets of one, and what is built again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, replace
from difflib import unified_diff
from pathlib import Path

from edgebake.dataclasses import dataclass
from edgebake.diff.facts import Change, Where, by_platforms, changes_of, facts_of
from edgebake.graph.build_graph import BakeTarget
from edgebake.graph.compile import Compilation
from edgebake.plan.builder import Plan, build_plan
from edgebake.plan.changes import StageChange
from edgebake.plan.record import BuildRecord
from edgebake.plan.target_plan import TargetPlan
from edgebake.state.committed import everything, record_of

_MOST_BYTES = 1 << 20  # of a file whose lines are compared


@dataclass(frozen=True)
class Side:
    """One of two states. `label` is what it is called; `compilation` is None where there was no project."""

    label: str
    compilation: Compilation | None

    @property
    def images(self) -> dict[tuple[str, str], BakeTarget]:
        """The images, by name and target."""
        if self.compilation is None:
            return {}
        return {(t.image, t.target): t for t in self.compilation.graph.bake_targets if not t.is_test}

    @property
    def root(self) -> Path | None:
        """The project's folder."""
        return self.compilation.workspace.root if self.compilation else None


@dataclass(frozen=True)
class ImageDiff:
    """An image on one target, and how it differs.

    Attributes:
        target: its target; before, if `other_target` is set.
        platforms: where it is compared; where it was or is, if one side has it alone. Empty for locks.
        before: whether it was there.
        after: whether it is there.
        other_target: the other target of two that are compared.
        old_platforms: then, those of the first target that `platforms` are compared with.
        plan: what would be built again of it, if anything is known of it before; `stages`: those not the same.
        old: fingerprints before, by platform and stage key.
    """

    image: str
    target: str
    platforms: tuple[str, ...]
    before: bool
    after: bool
    other_target: str = ""
    old_platforms: tuple[str, ...] = ()
    changes: tuple[Where, ...] = ()
    plan: TargetPlan | None = None
    stages: tuple[StageChange, ...] = ()
    old: Mapping[tuple[str, str], str] = field(default_factory=dict)

    @property
    def differs(self) -> bool:
        """Whether anything is not as it was."""
        return not (self.before and self.after) or bool(self.changes or self.stages)


@dataclass(frozen=True)
class Difference:
    """Two states of the images, and how they differ. `plan` is of the second one, compared with the first."""

    before: str
    after: str
    images: tuple[ImageDiff, ...]
    plan: Plan | None
    files: Mapping[str, str] = field(default_factory=dict)
    """How many lines of a text file were added and removed, by path."""

    @property
    def changed(self) -> list[ImageDiff]:
        """The images that differ."""
        return [image for image in self.images if image.differs]

    @property
    def differs(self) -> bool:
        """Whether any image differs."""
        return bool(self.changed)


def compare(before: Side, after: Side) -> Difference:
    """Return how the images of two states differ. Both projects' files have to be there still.

    Raises:
        EdgebakeError: a file that a stage reads is missing.
    """
    record = record_of(before.compilation) if before.compilation else BuildRecord()
    plan = build_plan(after.compilation, everything(after.compilation), record) if after.compilation else None
    old, new = before.images, after.images
    images = []
    for image, target in sorted({*old, *new}):
        first, second = old.get((image, target)), new.get((image, target))
        if before.compilation is None or after.compilation is None or plan is None or not (first and second):
            platforms = first.platforms if first else second.platforms if second else ()
            images.append(ImageDiff(image, target, platforms, first is not None, second is not None))
            continue
        pairs = [(p, p) for p in second.platforms if p in first.platforms]
        found = _compare(before.compilation, after.compilation, first, second, pairs)
        images.append(_with_stages(found, plan, record, second.name))
    return Difference(before.label, after.label, tuple(images), plan, _line_counts(images, before, after))


def compare_targets(compilation: Compilation, first: str, second: str, names: Iterable[str]) -> Difference:
    """Return how images differ on two targets. Platforms that both have are compared, else the first of each.

    Raises:
        EdgebakeError: a file that a stage reads is missing.
    """
    images = Side("", compilation).images
    record, renamed = record_of(compilation), BuildRecord()
    compared: dict[str, tuple[BakeTarget, BakeTarget, list[tuple[str, str]]]] = {}
    for name in sorted(names):
        one, other = images[name, first], images[name, second]
        pairs = [(p, p) for p in other.platforms if p in one.platforms] or [(one.platforms[0], other.platforms[0])]
        for old, new in pairs:
            renamed.put(other.name, new, dict(record.stages(one.name, old)))
        compared[name] = one, other, pairs
    chosen = {(other.name, new) for _, other, pairs in compared.values() for _, new in pairs}
    plan = build_plan(compilation, everything(compilation).only(chosen, "compared"), renamed)
    found = []
    for one, other, pairs in compared.values():
        diff = _with_stages(_compare(compilation, compilation, one, other, pairs), plan, renamed, other.name)
        old_platforms = tuple(old for old, _ in pairs)
        found.append(replace(diff, target=first, other_target=second, old_platforms=old_platforms))
    return Difference(first, second, tuple(found), plan)


def _compare(
    before: Compilation, after: Compilation, first: BakeTarget, second: BakeTarget, pairs: Sequence[tuple[str, str]]
) -> ImageDiff:
    """Return how an image differs, on pairs of a platform before and one after."""
    found = by_platforms(
        (new, _without_args_of_others(changes_of(facts_of(before, first, old), facts_of(after, second, new))))
        for old, new in pairs
    )
    if before is not after and first.platforms != second.platforms:
        change = Change("setting", "platforms", ", ".join(first.platforms), ", ".join(second.platforms))
        found.append(Where(change, second.platforms))
    platforms = second.platforms if before is not after else tuple(new for _, new in pairs)
    return ImageDiff(second.image, second.target, platforms, before=True, after=True, changes=tuple(found))


def _without_args_of_others(changes: Sequence[Change]) -> list[Change]:
    """Return changes without the args of recipes that one side has alone: they say nothing that these do not."""
    alone = {c.name for c in changes if c.kind == "recipe" and (c.before is None or c.after is None)}
    return [c for c in changes if not (c.name.startswith("arg ") and c.name.rpartition(" of ")[2] in alone)]


def _with_stages(found: ImageDiff, plan: Plan, record: BuildRecord, name: str) -> ImageDiff:
    own = plan.target(name)
    stages = tuple(c for c in own.changes if c.state != "same" and c.platform in found.platforms)
    old = {(p, key): stage.digest for p in found.platforms for key, stage in record.stages(name, p).items()}
    return replace(found, plan=own, stages=stages, old=old)


# ── files


def _line_counts(images: Iterable[ImageDiff], before: Side, after: Side) -> dict[str, str]:
    """Return how many lines of the changed text files of the project were added and removed, by path."""
    if before.root is None or after.root is None:
        return {}
    causes = {cause for image in images for stage in image.stages for cause in stage.causes}
    paths = sorted(cause.removeprefix("file ") for cause in causes if cause.startswith("file "))
    counts = {path: _line_count(before.root / path, after.root / path) for path in paths}
    return {path: count for path, count in counts.items() if count}


def _line_count(before: Path, after: Path) -> str:
    old, new = _text(before), _text(after)
    if old is None or new is None:
        return ""
    lines = [line[:1] for line in unified_diff(old.splitlines(), new.splitlines(), n=0)][2:]
    added, removed = lines.count("+"), lines.count("-")
    return " ".join(text for text, number in ((f"+{added}", added), (f"−{removed}", removed)) if number)


def _text(path: Path) -> str | None:
    """Return a file's text, "" if there is none; None if it is large, or no text."""
    if not path.is_file():
        return ""
    if path.stat().st_size > _MOST_BYTES:
        return None
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None
