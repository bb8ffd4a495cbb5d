"""`edgebake list`."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from edgebake.cli import complete
from edgebake.cli.command import Words, argument, command, command_options, flag, option
from edgebake.cli.console import Waiting, print_error, print_notes, print_result
from edgebake.cli.options import EXCLUDE, JSON, SELECT, target_option
from edgebake.errors import EdgebakeError, did_you_mean
from edgebake.model.request import Request

if TYPE_CHECKING:
    from edgebake.inspect.listing import RecipeReleases
    from edgebake.load.workspace import Workspace
    from edgebake.model.output.explore import BuiltOn, List
    from edgebake.select.project import ProjectItems


Kind = Literal["recipes", "targets", "images"]


@command_options
class ListOptions:
    """What is listed, and which of it. Four options are about recipes only.

    Raises:
        EdgebakeError: one of these is given for something else.
    """

    kind: Kind = argument("What to list.", metavar="[recipes|targets|images]", default="recipes")
    target: str | None = target_option("Only recipes that exist on this target.")
    group: str | None = option("Only recipes of this group.", metavar="GROUP", complete=complete.groups)
    built: bool = flag("Only recipes that were built and tested as they are now.")
    select: Words = SELECT
    exclude: Words = EXCLUDE
    uncited: bool = flag("Versions, URLs and commits that no source of their recipe gives.")
    json_output: bool = JSON

    def __post_init__(self) -> None:
        for name in ("target", "group", "built", "uncited"):
            if getattr(self, name) and self.kind != "recipes":
                raise EdgebakeError(
                    f"--{name} applies to recipes, not to {self.kind}", hints=("edgebake list recipes",)
                )

    @property
    def request(self) -> Request:
        """The selectors."""
        return Request(select=tuple(self.select or ()), exclude=tuple(self.exclude or ()))


@command(ListOptions)
def list_command(options: ListOptions) -> None:
    """List recipes, targets, or the images of the project.

    For each built-in recipe, PROOF shows where it was built and tested, and whether it has changed since. A recipe
    that was not built yet is as good as its sources; --uncited lists what these do not give.

    Example: edgebake list --target jetpack-6.2 --group ml

    Example: edgebake list --select pytorch+1,group:llm
    """
    from edgebake.load.workspace import find_root, open_workspace

    folder = find_root(Path.cwd()) or Path.cwd()
    workspace = open_workspace(folder, need_project=options.kind == "images")
    with Waiting("reading the catalogue"):
        output = _uncited(workspace, options) if options.uncited else _listed(workspace, options)
    from edgebake.cli.format.list import text

    print_result(as_json=options.json_output, data=lambda: output, text=lambda: text(output))


def _listed(workspace: Workspace, options: ListOptions) -> List:
    from edgebake.inspect.listing import Proofs
    from edgebake.model.output.explore import List, ListedImage, ListedTarget

    if options.kind == "targets":
        names = _selected(workspace, options, workspace.catalogue.target_names())
        targets = [workspace.catalogue.target(name).target for name in names]
        return List(version=1, targets=[ListedTarget.of(target) for target in targets])
    if options.kind == "images":
        images = workspace.project.images
        names = _selected(workspace, options, sorted(images))
        return List(version=1, images=[ListedImage.of(images[name], name=name) for name in names])
    proofs = Proofs(target=options.target)
    recipes = [proofs.listed(found) for found in _recipes(workspace, options)]
    return List(version=1, recipes=[r for r in recipes if not options.built or _is_built(r.built)])


def _is_built(built: Iterable[BuiltOn]) -> bool:
    return any(where.state == "verified" for where in built)


def _recipes(workspace: Workspace, options: ListOptions) -> list[RecipeReleases]:
    """Return the recipes that are selected, built or not."""
    from edgebake.inspect.listing import find_recipes

    names = _selected(workspace, options, workspace.catalogue.recipe_names())
    recipes = find_recipes(workspace, target=options.target, group=options.group, names=names)
    if options.group and not recipes:
        groups = {loaded.recipe.group for loaded in workspace.catalogue.all_recipes()}
        if options.group not in groups:
            hints = did_you_mean(options.group, groups, kind="group")
            raise EdgebakeError(f"unknown group {options.group!r}", hints=hints)
    return recipes


def _selected(workspace: Workspace, options: ListOptions, names: list[str]) -> list[str]:
    """Return the names that the selectors select; all if there are none."""
    if not options.request.has_selectors:
        return names
    from edgebake.select.listed import selected_names

    selected = selected_names(workspace, options.kind, options.request, names, partial(_items, workspace, options))
    if not selected:
        print_notes(f"no {options.kind.removesuffix('s')} is selected")
    return selected


def _items(workspace: Workspace, options: ListOptions) -> ProjectItems:
    """Return the images that selectors choose from."""
    from edgebake.pipeline import Pipeline

    if workspace.document is None:
        raise EdgebakeError("the selector is about images, and no project was found", hints=("edgebake init",))
    return Pipeline(workspace.root, options.request, opened=lambda *_: workspace).items


def _uncited(workspace: Workspace, options: ListOptions) -> List:
    """Return the facts of the recipes that none of their sources gives, and print how many of how many they are."""
    from edgebake.cli.format.list import uncited_count, uncited_data
    from edgebake.inspect.listing import Proofs
    from edgebake.lint.citations import facts_of, uncited

    recipes = [found.loaded for found in _recipes(workspace, options)]
    if options.built:
        proofs = Proofs(target=options.target)
        recipes = [loaded for loaded in recipes if _is_built(proofs.of(loaded.name).built)]
    facts = {loaded.name: facts_of(loaded, workspace.root) for loaded in recipes}
    missing = [(loaded.name, fact) for loaded in recipes for fact in uncited(loaded, facts[loaded.name])]
    print_error(uncited_count(len(missing), sum(map(len, facts.values())), len(recipes)))
    return uncited_data(missing)
