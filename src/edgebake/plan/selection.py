"""What the user selected: images of the project, or recipes for an ad-hoc image."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from edgebake.errors import EdgebakeError, did_you_mean
from edgebake.graph.build_graph import BakeTarget
from edgebake.load.workspace import Workspace, find_root, open_workspace
from edgebake.model.requirement import parse_requirement


@dataclass(frozen=True)
class Selection:
    """Names on the command line, and the targets and platforms to keep. Empty means all.

    `parts`, if it is not None: only these bake targets, each on these of its platforms (a shard, or what changed).
    `shard`: the name of the shard that they are, `2/4`.
    `sharing`, if it is not None: only stages that several shards need are built, and published; the parts of each.
    `select`, `exclude`: selectors (docs/select.md).
    `picked`, if it is not None: what these pick, as in `parts`; `notes` say what a user should know of it.
    """

    names: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    name: str | None = None
    parts: frozenset[tuple[str, str]] | None = None
    shard: str = ""
    sharing: tuple[frozenset[tuple[str, str]], ...] | None = None
    select: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    picked: frozenset[tuple[str, str]] | None = None
    notes: tuple[str, ...] = ()

    @property
    def has_selectors(self) -> bool:
        """Whether selectors say which images it is about."""
        return bool(self.select or self.exclude)

    def platforms_of(self, bake_target: BakeTarget) -> tuple[str, ...]:
        """Return the platforms of a bake target that are built."""
        return tuple(
            platform
            for platform in bake_target.platforms
            if (not self.platforms or platform in self.platforms)
            and (self.parts is None or (bake_target.name, platform) in self.parts)
            and (self.picked is None or (bake_target.name, platform) in self.picked)
        )


def open_selection(start: Path, selection: Selection) -> Workspace:
    """Return the workspace that a selection is about.

    Image names mean the project's images; anything else is a list of recipes, which become one ad-hoc image.

    Raises:
        EdgebakeError: there is no project, an unknown name, or recipes without a target.
    """
    root = find_root(start)
    workspace = open_workspace(root or start, need_project=not selection.names)
    images = workspace.project.images
    known = [name for name in selection.names if name in images]
    if len(known) == len(selection.names) and selection.name is None:
        return workspace
    if known:
        raise EdgebakeError(
            f"{known[0]!r} is an image of the project; images and recipes cannot be mixed",
            hints=("name images only, or recipes only",),
        )
    for name in selection.names:
        _refuse_unknown(workspace, name)
    if not selection.targets:
        raise EdgebakeError(
            f"{', '.join(selection.names) or selection.name}: recipes need a target to be resolved for",
            hints=("add --target, for example --target cpu",),
        )
    name = selection.name or "-".join(parse_requirement(text).name for text in selection.names[:3])
    return workspace.with_image(name, selection.names, selection.targets)


def _refuse_unknown(workspace: Workspace, text: str) -> None:
    try:
        name = parse_requirement(text).name
    except ValueError as error:
        raise EdgebakeError(str(error), hints=_as_selector(text)) from None
    catalogue = workspace.catalogue
    if catalogue.canonical(name) is None and not catalogue.providers(name):
        known = [*workspace.project.images, *catalogue.recipe_names()]
        hints = _as_selector(text) or did_you_mean(name, known, kind="name")
        raise EdgebakeError(f"unknown image or recipe {name!r}", hints=hints)


def _as_selector(text: str) -> tuple[str, ...]:
    """Return the hint for a word that was meant as a selector; none if it cannot be one."""
    from edgebake.select.grammar import parse_selector

    try:
        parse_selector([text])
    except EdgebakeError:
        return ()
    plain = not any(mark in text for mark in "+@:*?,")
    return () if plain else (f"selectors are given by an option: --select {shlex.quote(text)}",)


def selected_bake_targets(
    bake_targets: Sequence[BakeTarget], workspace: Workspace, selection: Selection
) -> list[BakeTarget]:
    """Return the bake targets of the selected images on the selected targets, tests not among them.

    Raises:
        EdgebakeError: a target or platform that none of them has.
    """
    images = selection.names if workspace.document else ()
    found = [t for t in bake_targets if not t.is_test and (not images or t.image in images)]
    known = sorted({t.target for t in found})
    for pattern in selection.targets:
        if not any(fnmatchcase(name, pattern) for name in known):
            raise EdgebakeError(
                f"no selected image is for the target {pattern!r}",
                hints=did_you_mean(pattern, known, kind="target"),
            )
    if selection.targets:
        found = [t for t in found if any(fnmatchcase(t.target, pattern) for pattern in selection.targets)]
    _refuse_unknown_platforms(found, selection.platforms)
    return [target for target in found if selection.platforms_of(target)]


def _refuse_unknown_platforms(bake_targets: list[BakeTarget], platforms: Sequence[str]) -> None:
    known = sorted({platform for target in bake_targets for platform in target.platforms})
    for platform in platforms:
        if platform not in known:
            raise EdgebakeError(
                f"no selected image is for the platform {platform!r}",
                hints=did_you_mean(platform, known, kind="platform"),
            )
