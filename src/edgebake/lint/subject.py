"""What is linted: a project with its images and recipes, or recipes, each as an image of its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, replace
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path

from edgebake.dataclasses import dataclass
from edgebake.errors import EdgebakeError, Position, did_you_mean, unknown
from edgebake.graph.compile import Compilation, compile_workspace, plan_image
from edgebake.graph.image_plan import ImagePlan
from edgebake.graph.target_recipes import TargetRecipes
from edgebake.graph.view import RecipeView
from edgebake.lint.finding import Finding, Rule
from edgebake.load.catalogue import Catalogue, LoadedRecipe, builtin_root
from edgebake.load.folders import is_path, recipes_below
from edgebake.load.workspace import Workspace, add_own_recipe, find_root, open_workspace
from edgebake.model.project import PROJECT_FILE, Image, Project
from edgebake.model.recipe import Release
from edgebake.model.requirement import parse_requirement
from edgebake.render.checkout import refuse_unfit_files
from edgebake.render.shared_paths import refuse_shared_paths
from edgebake.resolve.python_choice import PYTHON
from edgebake.select.request import mixed


@dataclass(frozen=True)
class Subject:
    """What rules look at.

    Attributes:
        workspace: the project, or an empty one around the catalogue.
        compilation: the images on their targets.
        recipes: those whose files are linted.
        stands_for: by name, the recipe that an image was made for; empty in a project.
        whole: nothing was left out by a selection, so that what is not found is not there.
        left_out: by recipe, the targets for which it has a release and cannot be resolved.
    """

    workspace: Workspace
    compilation: Compilation
    recipes: tuple[LoadedRecipe, ...]
    stands_for: Mapping[str, LoadedRecipe] = field(default_factory=dict)
    whole: bool = True
    left_out: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @property
    def plans(self) -> tuple[ImagePlan, ...]:
        """The images on their targets."""
        return self.compilation.plans

    def found(self, rule: Rule, plan: ImagePlan, message: str, *location: str | int, cause: str = "") -> Finding:
        """Return a finding about an image, or about the recipe that it was made for.

        Args:
            rule: the rule.
            plan: the image on a target.
            message: what is wrong.
            location: the value of the image, or of the recipe.
            cause: a recipe behind it, if the image is the project's.
        """
        loaded, targets = self.stands_for.get(plan.name), [plan.target.name]
        if loaded is not None:
            return rule.found(message, loaded.document.at(location), recipe=loaded.name, targets=targets)
        at = self.project_at("images", plan.name, *location)
        return rule.found(message, at, image=plan.name, recipe=cause, targets=targets)

    def project_at(self, *location: str | int) -> Position:
        """Return the position of a value of the project's file."""
        document = self.workspace.document
        return document.at(location) if document else Position(PROJECT_FILE)

    def releases(self, loaded: LoadedRecipe) -> tuple[Release, ...]:
        """Return a recipe's releases; of a function of the target, those that the images have."""
        declared = loaded.recipe.releases
        if not callable(declared):
            return declared
        return tuple({view.pin.release.version: view.pin.release for view in self.views(loaded.name)}.values())

    def views(self, recipe: str) -> list[RecipeView]:
        """Return a recipe's values in all images that have it, each once."""
        return self._views.get(recipe, [])

    @cached_property
    def _views(self) -> dict[str, list[RecipeView]]:
        found: dict[str, dict[RecipeView, None]] = {}
        for plan in self.plans:
            for (_, name), view in plan.views.items():
                found.setdefault(name, {})[view] = None
        return {name: list(views) for name, views in found.items()}


def open_subject(
    start: Path, names: Sequence[str] = (), targets: Sequence[str] = (), *, catalogue: bool = False
) -> Subject:
    """Return what a call of `edgebake lint` is about.

    Args:
        start: where to look for a project: this folder and those above it.
        names: images of the project, or recipes; everything if there are none.
        targets: names or patterns of the targets to keep; all if there are none.
        catalogue: the built-in catalogue alone, whatever project is there.

    Raises:
        EdgebakeError: what is wrong in the project; an unknown name.
    """
    root = find_root(start)
    if catalogue:
        shown = start.resolve()
        builtin = Catalogue(shown, (), (), builtin_root())
        return recipes_subject(Workspace(shown, Project(), None, builtin, None), names, targets)
    workspace = open_workspace(root or start, need_project=False)
    if root is None or (names and not _are_images(workspace, names)):
        return recipes_subject(workspace, names, targets)
    return project_subject(workspace, names, targets)


def _are_images(workspace: Workspace, names: Sequence[str]) -> bool:
    """Tell whether all names are images; that only some of them are is an error."""
    known = [name for name in names if name in workspace.project.images]
    if known and len(known) != len(names):
        raise mixed(known[0])
    return bool(known)


# ── a project


def project_subject(workspace: Workspace, names: Sequence[str] = (), targets: Sequence[str] = ()) -> Subject:
    """Return a project's images (all if `names` is empty), and its own recipes, as what is linted.

    Raises:
        EdgebakeError: the project does not compile; no image is for one of `targets`.
    """
    compilation = compile_workspace(workspace)
    refuse_shared_paths(compilation)
    refuse_unfit_files(compilation)
    _refuse_unknown_targets(targets, compilation.targets)
    plans = tuple(
        plan
        for plan in compilation.plans
        if (not names or plan.name in names)
        and (not targets or any(fnmatchcase(plan.target.name, pattern) for pattern in targets))
    )
    own = _own_recipes(workspace)
    if names or targets:
        used = {name for plan in plans for resolution in plan.resolutions.values() for name in resolution.pins}
        own = [recipe for recipe in own if recipe.name in used]
    selected = replace(compilation, plans=plans)
    return Subject(workspace, selected, tuple(own), whole=not names and not targets)


def _own_recipes(workspace: Workspace) -> list[LoadedRecipe]:
    """Return the project's own recipes by name, in images or not; the built-in ones are not read for this."""
    catalogue, root = workspace.catalogue, workspace.root
    texts = (text for image in workspace.project.images.values() for text in image.recipes)
    names = {add_own_recipe(workspace, text, None) for text in texts if is_path(text)}
    for folder in workspace.project.recipes:
        names |= recipes_below(root / folder, root).keys()
    found = [catalogue.recipe(name) for name in sorted(names) if catalogue.has_recipe(name)]
    return [loaded for loaded in found if not loaded.vendored]


def _refuse_unknown_targets(patterns: Sequence[str], known: Iterable[str]) -> None:
    names = sorted(known)
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in names):
            message = f"no image is for the target {pattern!r}"
            raise EdgebakeError(message, hints=did_you_mean(pattern, names, kind="target"))


# ── recipes


def recipes_subject(workspace: Workspace, names: Sequence[str] = (), targets: Sequence[str] = ()) -> Subject:
    """Return recipes (all if `names` is empty), each as an image of its own on all its targets, as what is linted.

    Raises:
        EdgebakeError: an unknown recipe or target; a recipe's file is wrong; a named recipe is for no target.
    """
    patterns = targets or ("*",)
    profiles = {one.target.name: one.target for p in patterns for one in workspace.catalogue.match_targets(p)}
    known = {name: TargetRecipes(workspace.catalogue, profiles[name]) for name in sorted(profiles)}
    images: dict[str, Image] = {}
    left_out: dict[str, list[str]] = {}
    recipes = _requested(workspace, names)
    for text, loaded in recipes.items():
        asked, found = _asked_for(text, loaded, known)
        good = [name for name in found if _resolves(workspace, asked, known[name])]
        if good:
            image = loaded.name if loaded.name not in images else f"{loaded.name}-{len(images)}"
            images[image] = Image(recipes=asked, targets=tuple(good))
        if names and not good:
            raise _nowhere(workspace, text, [known[name] for name in found or known])
        missing = [name for name in found if name not in good]
        if missing:
            left_out[loaded.name] = missing
    project = workspace.project.model_copy(update={"images": images})
    compilation = compile_workspace(replace(workspace, project=project, document=None, lock=None))
    by_text = {image.recipes[-1]: name for name, image in images.items()}
    return Subject(
        replace(compilation.workspace, document=workspace.document, lock=workspace.lock),
        compilation,
        tuple({loaded.name: loaded for loaded in recipes.values()}.values()),
        {by_text[text]: loaded for text, loaded in recipes.items() if text in by_text},
        whole=not targets,
        left_out=tuple((name, tuple(missing)) for name, missing in sorted(left_out.items())),
    )


def _requested(workspace: Workspace, names: Sequence[str]) -> dict[str, LoadedRecipe]:
    catalogue = workspace.catalogue
    if not names:
        return {loaded.name: loaded for loaded in catalogue.all_recipes()}
    found = {}
    for text in names:
        try:
            name = parse_requirement(text).name
        except ValueError as error:
            raise EdgebakeError(str(error)) from None
        canonical = catalogue.canonical(name)
        if canonical is None:
            known = [*workspace.project.images, *catalogue.recipe_names()]
            raise unknown("image or recipe", name, known)
        found[text] = catalogue.recipe(canonical)
    return found


def _asked_for(
    text: str, loaded: LoadedRecipe, known: Mapping[str, TargetRecipes]
) -> tuple[tuple[str, ...], list[str]]:
    """Return what an image of a recipe requires, and the targets that have it: alone, or with another Python."""
    found = [name for name in known if _has_release(known[name], loaded)]
    if found:
        return (text,), found
    for version in dict.fromkeys(v for recipes in known.values() for v in recipes.other_pythons()):
        python = parse_requirement(f"{PYTHON}:{version}")
        found = [name for name in known if _has_release(known[name].wanted_by([python]), loaded)]
        if found:
            return (str(python), text), found
    return (text,), []


def _has_release(recipes: TargetRecipes, loaded: LoadedRecipe) -> bool:
    return any(recipes.pool(platform).candidates(loaded.name) for platform in recipes.target.platforms)


def _resolves(workspace: Workspace, asked: tuple[str, ...], recipes: TargetRecipes) -> bool:
    """Tell whether a recipe can be had on a target: it may have a release there that lacks something else."""
    try:
        plan_image(workspace, asked[-1], Image(recipes=asked, targets=(recipes.target.name,)), recipes)
    except EdgebakeError as error:
        if error.at is not None and not error.reason:
            raise  # no conflict: a value of a recipe is wrong
        return False
    return True


def _nowhere(workspace: Workspace, text: str, known: Sequence[TargetRecipes]) -> EdgebakeError:
    """Return the error for a recipe that was asked for and is on no target; for a single one, its conflict."""
    if len(known) == 1:
        try:
            plan_image(workspace, text, Image(recipes=(text,), targets=(known[0].target.name,)), known[0])
        except EdgebakeError as error:
            return error
    message = f"{text!r} is available on none of the targets"
    return EdgebakeError(message, hints=(f"see why not: edgebake plan {text} --target {known[0].target.name}",))
