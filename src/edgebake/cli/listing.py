"""`edgebake list`."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgebake.cli import complete
from edgebake.cli.command import command, command_options
from edgebake.cli.options import Exclude, JsonOutput, Select, target_option
from edgebake.cli.waiting import Waiting
from edgebake.errors import EdgebakeError, did_you_mean

if TYPE_CHECKING:
    from edgebake.inspect.listing import RecipeReleases
    from edgebake.load.workspace import Workspace
    from edgebake.model.output.explore import BuiltOn, List
    from edgebake.model.request import Request
    from edgebake.select.project import ProjectItems


class Kind(str, Enum):
    """What can be listed."""

    recipes = "recipes"
    targets = "targets"
    images = "images"


@command_options
class ListOptions:
    """What is listed, and which of it. Four options are about recipes only.

    Raises:
        EdgebakeError: one of these is given for something else.
    """

    kind: Annotated[Kind, typer.Argument(metavar="[recipes|targets|images]", help="What to list.")] = Kind.recipes
    target: Annotated[str | None, target_option("Only recipes that exist on this target.")] = None
    group: Annotated[
        str | None,
        typer.Option(
            "--group", metavar="GROUP", help="Only recipes of this group.", autocompletion=complete.groups
        ),
    ] = None
    built: Annotated[
        bool, typer.Option("--built", help="Only recipes that were built and tested as they are now.")
    ] = False
    select: Select = None
    exclude: Exclude = None
    uncited: Annotated[
        bool,
        typer.Option("--uncited", help="Versions, URLs and commits that no source of their recipe gives."),
    ] = False
    json_output: JsonOutput = False

    def __post_init__(self) -> None:
        for option in ("target", "group", "built", "uncited"):
            if getattr(self, option) and self.kind is not Kind.recipes:
                raise EdgebakeError(
                    f"--{option} applies to recipes, not to {self.kind.value}", hints=("edgebake list recipes",)
                )

    @property
    def request(self) -> Request:
        """The selectors."""
        from edgebake.model.request import Request

        return Request(select=tuple(self.select or ()), exclude=tuple(self.exclude or ()))


@command(ListOptions)
def list_command(options: ListOptions) -> None:
    """List recipes, targets, or the images of the project.

    For each built-in recipe, PROOF shows where it was built and tested, and whether it has changed since. A recipe
    that was not built yet is as good as its sources; --uncited lists what these do not give.

    Example: edgebake list --target jetpack-6.2 --group ml

    Example: edgebake list --select pytorch+1,group:llm
    """
    from edgebake.cli.console import print_json, print_text
    from edgebake.load.workspace import find_root, open_workspace

    folder = find_root(Path.cwd()) or Path.cwd()
    workspace = open_workspace(folder, need_project=options.kind is Kind.images)
    with Waiting("reading the catalogue"):
        output = _uncited(workspace, options) if options.uncited else _listed(workspace, options)
    if options.json_output:
        print_json(output)
        return
    from edgebake.cli.format.list import text

    print_text(text(output))


def _listed(workspace: Workspace, options: ListOptions) -> List:
    from edgebake.inspect.listing import Proofs
    from edgebake.model.output.explore import List, ListedImage, ListedTarget

    if options.kind is Kind.targets:
        names = _selected(workspace, options, workspace.catalogue.target_names())
        targets = [workspace.catalogue.target(name).target for name in names]
        return List(version=1, targets=[ListedTarget.taken_from(target) for target in targets])
    if options.kind is Kind.images:
        images = workspace.project.images
        names = _selected(workspace, options, sorted(images))
        return List(version=1, images=[ListedImage.taken_from(images[name], name=name) for name in names])
    proofs = Proofs(target=options.target)
    recipes = [proofs.listed(found) for found in _recipes(workspace, options)]
    return List(version=1, recipes=[r for r in recipes if not options.built or _is_built(r.built)])


def _is_built(built: Iterable[BuiltOn]) -> bool:
    return any(where.state == "verified" for where in built)


def _recipes(workspace: Workspace, options: ListOptions) -> list[RecipeReleases]:
    """Return the recipes that are selected, built or not.

    Raises:
        EdgebakeError: an unknown group or target; a selector is wrong.
    """
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
    from edgebake.cli.console import print_note
    from edgebake.select.listed import selected_names

    selected = selected_names(
        workspace, options.kind.value, options.request, names, partial(_items, workspace, options)
    )
    if not selected:
        print_note(f"no {options.kind.value.removesuffix('s')} is selected")
    return selected


def _items(workspace: Workspace, options: ListOptions) -> ProjectItems:
    """Return the images that selectors choose from.

    Raises:
        EdgebakeError: there is no project, or it does not compile.
    """
    from edgebake.pipeline import Pipeline

    if workspace.document is None:
        raise EdgebakeError("the selector is about images, and no project was found", hints=("edgebake init",))
    return Pipeline(workspace.root, options.request, opened=lambda *_: workspace).items


def _uncited(workspace: Workspace, options: ListOptions) -> List:
    """Return the facts of the recipes that none of their sources gives, and print how many of how many they are."""
    from edgebake.cli.console import print_error
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
