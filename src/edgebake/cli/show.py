"""`edgebake show`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from edgebake.cli import complete
from edgebake.cli.command import argument, command, command_options
from edgebake.cli.console import Waiting, print_result
from edgebake.cli.options import JSON, target_option
from edgebake.errors import EdgebakeError, did_you_mean

if TYPE_CHECKING:
    from edgebake.load.workspace import Workspace
    from edgebake.model.output.explore import Show, ShownRecipe


@command_options
class ShowOptions:
    """What is shown, and for which target."""

    name: str = argument(
        "A recipe, a target, or an image of the project.", metavar="NAME", default=..., complete=complete.anything
    )
    target: str | None = target_option("Show a recipe or an image as it is on this target.")
    json_output: bool = JSON


@command(ShowOptions)
def show(options: ShowOptions) -> None:
    """Show what a recipe, a target or an image of the project is.

    If several of them have the name, all are shown. For a recipe: its releases and where they exist, what it is
    built from, and what needs it. Nothing is built, and no network is used.

    Example: edgebake show onnxruntime --target jetpack-6.2
    """
    from edgebake.load.workspace import find_root, open_workspace

    with Waiting("reading the catalogue"):
        workspace = open_workspace(find_root(Path.cwd()) or Path.cwd(), need_project=False)
        output = _shown(workspace, options.name, options.target)
    from edgebake.cli.format.show import text

    print_result(as_json=options.json_output, data=lambda: output, text=lambda: text(output))


def _shown(workspace: Workspace, name: str, target: str | None) -> Show:
    """Return all that has a name."""
    from edgebake.inspect.show_catalogue import show_target
    from edgebake.inspect.show_image import show_image
    from edgebake.model.output.explore import Show

    catalogue = workspace.catalogue
    is_image, is_target = name in workspace.project.images, name in catalogue.target_names()
    recipe = catalogue.canonical(name)
    if not (is_image or is_target or recipe):
        _refuse_unknown(workspace, name)
    return Show(
        version=1,
        image=show_image(workspace, name, target) if is_image else None,
        target=show_target(workspace, catalogue.target(name)) if is_target else None,
        recipe=_recipe(workspace, recipe, target) if recipe else None,
    )


def _recipe(workspace: Workspace, name: str, target: str | None) -> ShownRecipe:
    from edgebake.inspect.listing import Proofs
    from edgebake.inspect.show_catalogue import show_recipe

    loaded = workspace.catalogue.recipe(name)
    profile = workspace.catalogue.target(target).target if target else None
    return show_recipe(workspace, loaded, profile, Proofs().of(name) if loaded.vendored else None)


def _refuse_unknown(workspace: Workspace, name: str) -> None:
    catalogue = workspace.catalogue
    providers = [loaded.name for loaded in catalogue.providers(name)]
    if providers:
        hints = tuple(f"{provider!r} provides it" for provider in providers)
        raise EdgebakeError(f"{name!r} is not a recipe, but recipes provide it", hints=hints)
    known = [*workspace.project.images, *catalogue.target_names(), *catalogue.known_names()]
    hints = did_you_mean(name, known, kind="name")
    raise EdgebakeError(f"{name!r} is not a recipe, a target or an image", hints=hints)
