"""Where a step runs: natively, across on the build platform for another one, or emulated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import TYPE_CHECKING, Literal

from edgebake.dataclasses import dataclass
from edgebake.execute.events import BuildStep
from edgebake.graph.names import platform_name

if TYPE_CHECKING:
    from edgebake.model.output.plan import PlatformWork, WorkMode
    from edgebake.plan.builder import Plan

StepMode = Literal["native", "cross", "emulated"]


@dataclass(frozen=True)
class Modes:
    """How the work of a plan is done."""

    platforms: Mapping[str, WorkMode] = field(default_factory=dict)  # how each platform's is
    native: frozenset[str] = frozenset()  # the stages that run on the build platform, by their names

    def of(self, step: BuildStep) -> StepMode:
        """Return where a step runs. Only commands are emulated: BuildKit copies files itself."""
        if not step.runs:
            return "native"
        modes = {self.platforms.get(platform, "native") for _, platform in step.rows} - {"native"}
        if step.is_cross or (modes and step.stage in self.native):
            return "cross"
        return "emulated" if "emulated" in modes else "native"


def modes_of(plan: Plan, work: Sequence[PlatformWork]) -> Modes:
    """Return how a builder does a plan's work."""
    names, compilation = set(), plan.compilation
    for target in {each.bake_target.target for each in plan.targets}:
        for node in (node for node in compilation.graph.of_target(target) if node.native):
            name = compilation.names[target][node.id]
            names |= {name, *(platform_name(name, platform) for platform in node.platforms)}
    return Modes({each.platform: each.mode for each in work}, frozenset(names))
