"""The selected images, resolved for the selected targets and platforms."""

from __future__ import annotations

from edgebake.dataclasses import dataclass
from edgebake.graph.build_graph import BakeTarget
from edgebake.graph.compile import image_targets, plan_image
from edgebake.graph.image_plan import ImagePlan
from edgebake.graph.names import bake_target_name
from edgebake.graph.target_recipes import TargetRecipes
from edgebake.load.workspace import Workspace
from edgebake.model.request import Request
from edgebake.resolve.candidates import CandidatePool
from edgebake.select.request import scope_of


@dataclass(frozen=True)
class Selected:
    """An image on one target, the platforms that are looked at, and the candidates that it was resolved from."""

    plan: ImagePlan
    platforms: tuple[str, ...]
    workspace: Workspace
    recipes: TargetRecipes

    def pool(self, platform: str) -> CandidatePool:
        """Return the candidates on a platform, those first that the lock has."""
        lock = self.workspace.lock
        locked = lock.images.get(self.plan.name, {}).get(self.plan.target.name) if lock else None
        return self.recipes.pool(platform, locked.releases.get(platform) if locked else None)


def resolve_selected(workspace: Workspace, request: Request) -> list[Selected]:
    """Resolve the selected images, and no others; by target and image.

    Raises:
        EdgebakeError: an unknown target or platform; a conflict.
    """
    images = {}
    for loaded, name, image in image_targets(workspace):
        target = loaded.target
        platforms = tuple(p for p in target.platforms if not image.platforms or p in image.platforms)
        images[name, target.name] = (target, image, platforms)
    possible = [
        BakeTarget(bake_target_name(name, target), name, target, "", platforms)
        for (name, target), (_, _, platforms) in images.items()
    ]
    known: dict[str, TargetRecipes] = {}
    found = []
    for scoped in scope_of(possible, workspace, request).targets:
        bake_target = scoped.bake_target
        target, image, _ = images[bake_target.image, bake_target.target]
        recipes = known.setdefault(target.name, TargetRecipes(workspace.catalogue, target))
        plan = plan_image(workspace, bake_target.image, image, recipes)
        found.append(Selected(plan, scoped.platforms, workspace, recipes.on(plan.target)))
    return found
