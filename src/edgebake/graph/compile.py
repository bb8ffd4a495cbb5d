"""From a workspace to the build graph: the pure middle of the compiler."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property, partial
from typing import Any

from edgebake.dataclasses import dataclass
from edgebake.errors import EdgebakeError, Mistakes, Position, did_you_mean
from edgebake.graph.apt_pins import refuse_apt_conflicts
from edgebake.graph.build_graph import BakeTarget, BuildGraph, Index
from edgebake.graph.collisions import refuse_all_collisions
from edgebake.graph.context import BuildContext
from edgebake.graph.image_plan import ImagePlan
from edgebake.graph.image_stage import TestSteps
from edgebake.graph.lower import TargetLowering
from edgebake.graph.names import bake_target_name, stage_names
from edgebake.graph.notes import Note, notes_of
from edgebake.graph.order import install_order
from edgebake.graph.other_builds import OtherBuild, OtherBuilds
from edgebake.graph.python_conflict import refuse_known_conflict
from edgebake.graph.python_env import PythonEnv, python_env
from edgebake.graph.secrets import Needs, build_needs, refuse_bad_secrets
from edgebake.graph.target_recipes import TargetRecipes
from edgebake.load.boards import board_environment
from edgebake.load.catalogue import LoadedTarget
from edgebake.load.document import position_of
from edgebake.load.folders import is_path
from edgebake.load.workspace import Workspace, add_own_recipe
from edgebake.model.lock import LockedImage
from edgebake.model.project import Image, check_tag
from edgebake.model.requirement import parse_requirement
from edgebake.model.target import Target
from edgebake.model.variables import names_in
from edgebake.resolve.resolution import Resolution, Root, resolve
from edgebake.templating.templates import project_templates
from edgebake.templating.values import render_value


@dataclass(frozen=True)
class LeftOut:
    """An image, target or platform that is not in the result, and why. Nothing vanishes without one."""

    what: str
    reason: str


@dataclass(frozen=True)
class Compilation:
    """The compiled project: the graph, the images by target, and what is left out.

    `notes` are things that a user should know and that are no errors (an unlocked image, …); `builds` are Python
    packages that are not the build for their target.
    """

    workspace: Workspace
    graph: BuildGraph
    targets: dict[str, Target]
    plans: tuple[ImagePlan, ...]
    left_out: tuple[LeftOut, ...] = ()
    notes: tuple[Note, ...] = ()
    builds: tuple[OtherBuild, ...] = ()

    def plan_of(self, bake_target: BakeTarget) -> ImagePlan:
        """Return the image plan that a bake target builds."""
        return self._by_image[bake_target.image, bake_target.target]

    @cached_property
    def names(self) -> dict[str, dict[str, str]]:
        """The names of the stages, by target and id."""
        return {target: stage_names(self.graph.of_target(target)) for target in self.targets}

    @cached_property
    def needs(self) -> dict[str, Needs]:
        """The secrets and SSH keys that each bake target is built with, by its name."""
        return build_needs(self.graph, self.workspace.project.secrets)

    @cached_property
    def _by_image(self) -> dict[tuple[str, str], ImagePlan]:
        return {(plan.name, plan.target.name): plan for plan in self.plans}


def compile_workspace(workspace: Workspace) -> Compilation:
    """Compile all images of a workspace for all their targets.

    Raises:
        EdgebakeError: anything that the user has to fix, for all images at once.
    """
    mistakes = Mistakes()
    left_out: list[LeftOut] = []
    graph, context = BuildGraph(), build_context(workspace)
    tests = TestSteps(context)
    plans: list[ImagePlan] = []
    known: dict[str, TargetRecipes] = {}
    lowerings: dict[tuple[str, str | None], TargetLowering] = {}
    for loaded, name, image in image_targets(workspace, left_out):
        target = loaded.target
        if target.name not in known:
            known[target.name] = TargetRecipes(workspace.catalogue, target)
        with mistakes.gathered():
            plan = plan_image(workspace, name, image, known[target.name])
            key = (target.name, plan.target.python)
            if key not in lowerings:
                recipes = known[target.name].on(plan.target)
                lowerings[key] = TargetLowering(graph, recipes, context, tests)
            stage, test = lowerings[key].image(plan)
            scope = lowerings[key].recipes.scope(plan.platforms[0])
            graph.bake_targets.extend(_bake_targets(workspace, plan, scope, stage.id, test.id if test else None))
            plans.append(plan)
    mistakes.raise_all()
    targets = {plan.target.name: plan.target.declared for plan in plans}
    graph.indexes.extend(_indexes(workspace, graph.bake_targets))
    _refuse_unknown_variables(workspace)
    refuse_apt_conflicts(plans)
    refuse_bad_secrets(workspace, graph)
    refuse_all_collisions(graph.bake_targets, graph.indexes, targets, workspace)
    graph.bake_targets.sort(key=lambda bake_target: bake_target.name)
    builds = _other_builds(workspace, plans, known)
    notes = notes_of(workspace, plans, targets.values(), builds)
    return Compilation(workspace, graph, targets, tuple(plans), tuple(left_out), notes, builds)


def _other_builds(
    workspace: Workspace, plans: Iterable[ImagePlan], known: Mapping[str, TargetRecipes]
) -> tuple[OtherBuild, ...]:
    finder = OtherBuilds(workspace.catalogue)
    return tuple(one for plan in plans for one in finder.of(plan, known[plan.target.name].on(plan.target)))


def build_context(workspace: Workspace) -> BuildContext:
    """Return what all stages of a project are made with."""
    project = workspace.project
    return BuildContext(
        workspace.root,
        project.output,
        project_templates(workspace.root),
        workspace.lock,
        certificates=project.ca_bundle is not None,
        wheelhouse=project.wheelhouse is not None,
        secrets=frozenset(project.secrets),
    )


# ── which image for which target


def image_targets(
    workspace: Workspace, left_out: list[LeftOut] | None = None
) -> list[tuple[LoadedTarget, str, Image]]:
    """Return all pairs of target and image, by target and then by image; add to `left_out` what is in none."""
    left_out = [] if left_out is None else left_out
    pairs = []
    for name, image in workspace.project.images.items():
        targets: dict[str, LoadedTarget] = {}
        for index, pattern in enumerate(image.targets):
            at = workspace.place("images", name, "targets", index)
            for target in workspace.catalogue.match_targets(pattern, at):
                targets[target.target.name] = target
        for target in targets.values():
            missing = [p for p in target.target.platforms if image.platforms and p not in image.platforms]
            if len(missing) == len(target.target.platforms):
                reason = f"the image is for {', '.join(image.platforms)} only"
                left_out.append(LeftOut(f"{name} on {target.target.name}", reason))
                continue
            for platform in missing:
                reason = "the image's platforms do not name it"
                left_out.append(LeftOut(f"{name} on {target.target.name} ({platform})", reason))
            pairs.append((target, name, image))
    return sorted(pairs, key=lambda pair: (pair[0].target.name, pair[1]))


# ── one image on one target


def plan_images(workspace: Workspace, mistakes: Mistakes | None = None) -> list[ImagePlan]:
    """Resolve all images of a workspace for all their targets.

    Args:
        workspace: the project.
        mistakes: gathers what is wrong with images, which are then left out; None to raise it.

    Raises:
        EdgebakeError: as :func:`plan_image`, for all images at once.
    """
    gathered = Mistakes() if mistakes is None else mistakes
    known: dict[str, TargetRecipes] = {}
    plans = []
    for loaded, name, image in image_targets(workspace):
        target = loaded.target
        recipes = known.setdefault(target.name, TargetRecipes(workspace.catalogue, target))
        with gathered.gathered():
            plans.append(plan_image(workspace, name, image, recipes))
    if mistakes is None:
        gathered.raise_all()
    return plans


def plan_image(workspace: Workspace, name: str, image: Image, recipes: TargetRecipes) -> ImagePlan:
    """Resolve an image for a target, on each of its platforms.

    Args:
        workspace: the project.
        name: the image's name.
        image: the image.
        recipes: the declared target's recipes; the same for all images on the target, as they share much.

    Raises:
        EdgebakeError: a conflict, an unknown recipe, a value that is wrong.
    """
    image = _for_board(workspace, name, image, recipes.target)
    roots = _roots(workspace, name, image)
    recipes = recipes.wanted_by(root.requirement for root in roots)
    target = recipes.target
    platforms = [p for p in target.platforms if not image.platforms or p in image.platforms]
    locked = _locked_image(workspace, name, target)
    resolutions: dict[str, Resolution] = {}
    for platform in platforms:
        preferred = locked.releases.get(platform) if locked else None
        resolutions[platform] = resolve(recipes.pool(platform, preferred), roots, what=f"image {name!r}")
    line = tuple(install_order(resolutions))
    views = recipes.views(resolutions)
    python: dict[str, PythonEnv] = {}
    for platform, resolution in resolutions.items():
        installed = [views[platform, recipe] for recipe in line if recipe in resolution.installed]
        python[platform] = python_env(installed, locked.python.get(platform) if locked else None)
        if not python[platform].locked:
            refuse_known_conflict(installed, workspace.conflicts)
    return ImagePlan(name, image, target, resolutions, python, line, views)


def _for_board(workspace: Workspace, name: str, image: Image, target: Target) -> Image:
    """Return an image with its board's environment below its own; the image itself if it names no board."""
    if image.board is None:
        return image
    at = workspace.place("images", name, "board")
    defaults = board_environment(workspace.catalogue, image.board, target, at)
    return image.model_copy(update={"env": {**defaults, **image.env}})


def _roots(workspace: Workspace, name: str, image: Image) -> list[Root]:
    roots = []
    for index, text in enumerate(image.recipes):
        at = workspace.place("images", name, "recipes", index)
        if is_path(text):
            roots.append(Root(parse_requirement(add_own_recipe(workspace, text, at)), at))
            continue
        try:
            roots.append(Root(parse_requirement(text), at))
        except ValueError as error:
            raise EdgebakeError(str(error), at=position_of(at)) from None
    return roots


def _locked_image(workspace: Workspace, name: str, target: Target) -> LockedImage | None:
    return workspace.lock.images.get(name, {}).get(target.name) if workspace.lock else None


# ── bake targets


def _bake_targets(
    workspace: Workspace, plan: ImagePlan, facts: Mapping[str, Any], stage: str, tests: str | None
) -> list[BakeTarget]:
    name = bake_target_name(plan.name, plan.target.name)
    scope = {**facts, "image": plan.name}
    tags = [
        _tag(tag, scope, partial(workspace.at, "images", plan.name, "tags", index))
        for index, tag in enumerate(plan.image.tags)
    ]
    made = [
        BakeTarget(
            name,
            plan.name,
            plan.target.name,
            stage,
            plan.platforms,
            plan.image.repository or plan.name,
            tuple(dict.fromkeys(tags)),
        )
    ]
    if tests is not None:
        made.append(BakeTarget(f"{name}-test", plan.name, plan.target.name, tests, plan.platforms, is_test=True))
    return made


def _tag(text: str, scope: Mapping[str, Any], at: Callable[[], Position | None]) -> str:
    tag = render_value(text, scope, at, "tags")
    try:
        return check_tag(tag)
    except ValueError as error:
        raise EdgebakeError(str(error), at=at()) from None


def _refuse_unknown_variables(workspace: Workspace) -> None:
    """Refuse tags with variables that the bake file does not have: they would stay there as they are written.

    Raises:
        EdgebakeError: naming the tag.
    """
    known = ["TAG", *workspace.project.variables]
    for name, image in workspace.project.images.items():
        places: list[tuple[str, tuple[str | int, ...]]]
        places = [(tag, ("tags", index)) for index, tag in enumerate(image.tags)]
        places += [(tag, ("indexes", tag)) for tag in image.indexes]
        for text, place in places:
            for variable in names_in(text):
                if variable not in known:
                    raise EdgebakeError(
                        f"the tag {text!r} has the variable {variable!r}, which there is not",
                        at=workspace.at("images", name, *place),
                        hints=(*did_you_mean(variable, known, kind="variable"), "declare it in `variables`"),
                    )


def _indexes(workspace: Workspace, bake_targets: Iterable[BakeTarget]) -> list[Index]:
    """Return the tags over several targets.

    Raises:
        EdgebakeError: a platform that the target named for it does not have.
    """
    platforms = {target.name: target.platforms for target in bake_targets}
    indexes = []
    for name, image in sorted(workspace.project.images.items()):
        for tag, parts in image.indexes.items():
            for platform, target in parts.items():
                if platform not in platforms.get(bake_target_name(name, target), ()):
                    raise EdgebakeError(
                        f"the image {name!r} is not built for {platform} on {target!r}",
                        at=workspace.at("images", name, "indexes", tag, platform),
                    )
            named = tuple((platform, bake_target_name(name, target)) for platform, target in sorted(parts.items()))
            indexes.append(Index(name, image.repository or name, tag, named))
    return indexes
