"""Looks at a folder of artifacts before a plan: what is there, and whole, is not built."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from edgebake.artifacts.layout import OCI_INDEX, DamagedError, Entry, Layout
from edgebake.graph.compile import Compilation
from edgebake.plan.reuse import LooksAnyway, Snapshot
from edgebake.plan.stacks import Keyed, is_built

if TYPE_CHECKING:
    from edgebake.plan.settings import Settings

Ask = Callable[[Compilation, Sequence[Keyed]], Snapshot]


@dataclass(frozen=True)
class FolderLook(LooksAnyway):
    """Looks at a folder of artifacts, behind a repository of stacks if there is one: what that has is taken there.

    Attributes:
        folder: the folder.
        stacks: looks at the repository.
        off: why keys mean nothing for this bake; "" if they do.
    """

    folder: Path
    stacks: Ask | None = None
    off: Callable[[Compilation], str] = lambda compilation: ""

    def __call__(self, compilation: Compilation, stages: Sequence[Keyed]) -> Snapshot:
        """Return what there is of stages that could be reused; what is damaged is not, and told. Writes nothing."""
        project = compilation.workspace.project
        place = f"oci-layout://{self.folder.absolute()}"
        off = self.off(compilation)
        if off:
            return Snapshot(project.stacks or place, off=off)
        asked = self.stacks if project.stacks is not None else None
        snapshot = asked(compilation, stages) if asked else Snapshot(place)
        layout, wanted = Layout(self.folder), {stage.key: stage for stage in stages if is_built(stage.node)}
        found: dict[str, str] = {}
        refused: dict[str, str] = {}
        for entry in layout.entries():
            if entry.key in wanted and entry.key not in snapshot.found:
                why = layout.check(entry) or _other_platforms(layout, entry, wanted[entry.key].platforms)
                if why:
                    refused[entry.key] = f"{why} (in {self.folder})"
                else:
                    found[entry.key] = f"{place}@{entry.digest}"
        return replace(snapshot, elsewhere=found, refused={**snapshot.refused, **refused})


def folder_look(folder: Path, settings: Settings, stacks: Ask | None) -> FolderLook:
    """Return what looks at a folder of artifacts, and at a repository of stacks before it.

    Args:
        folder: the folder; it need not be there.
        settings: how it is built: something may be given that no key knows.
        stacks: looks at the repository; None not to.
    """
    from edgebake.state.stacks import why_off

    return FolderLook(folder, stacks, lambda compilation: why_off(compilation, settings))


def _other_platforms(layout: Layout, entry: Entry, platforms: Sequence[str]) -> str:
    """Return for which platforms an entry is, if these are others than its key says."""
    try:
        found = sorted(_platforms(layout, entry))
    except (DamagedError, KeyError, TypeError, ValueError):
        return "it is damaged"
    return "" if found == sorted(platforms) else f"it is for {', '.join(found) or 'no platform'}"


def _platforms(layout: Layout, entry: Entry) -> list[str]:
    if entry.media_type == OCI_INDEX:
        children = layout.read(entry.digest)["manifests"]
        return [f"{one['platform']['os']}/{one['platform']['architecture']}" for one in children]
    config = layout.read(layout.read(entry.digest)["config"]["digest"])
    return [f"{config['os']}/{config['architecture']}"]
