"""`edgebake show`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgebake.cli import complete

if TYPE_CHECKING:
    from edgebake.load.workspace import Workspace

Data = dict[str, Any]


def show(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help="A recipe, a target, or an image of the project.", autocompletion=complete.anything
        ),
    ],
    target: Annotated[
        str | None,
        typer.Option(
            "--target",
            "-t",
            metavar="TARGET",
            help="Of a recipe or an image: how it is on this target.",
            autocompletion=complete.targets,
        ),
    ] = None,
    json_output: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Show what a recipe, a target or an image of the project is; each of them that has the name.

    Of a recipe: its releases and where they exist, what it is built from, who needs it. Builds and asks nothing.

    Example: edgebake show onnxruntime --target jetpack-6.2
    """
    from pathlib import Path

    from edgebake.load.workspace import find_root, open_workspace

    start = Path.cwd()
    workspace = open_workspace(find_root(start) or start, need_project=False)
    _refuse_unknown(workspace, name)
    data: Data = {}
    for kind, describe in (("image", _image), ("target", _target), ("recipe", _recipe)):
        found = describe(workspace, name, target, told=not json_output, first=not data)
        data |= {kind: found} if found is not None else {}
    if json_output:
        import json

        typer.echo(json.dumps({"version": 1, **data}, indent=2, ensure_ascii=False))


def _refuse_unknown(workspace: Workspace, name: str) -> None:
    from edgebake.errors import EdgebakeError, did_you_mean

    catalogue = workspace.catalogue
    images = workspace.project.images
    if name in images or name in catalogue.target_names() or catalogue.canonical(name):
        return
    providers = [loaded.name for loaded in catalogue.providers(name)]
    hints = tuple(f"{provider!r} provides it" for provider in providers)
    known = [*images, *catalogue.target_names(), *catalogue.known_names()]
    what = "is what recipes provide, and no recipe itself" if providers else "is no recipe, target or image"
    raise EdgebakeError(f"{name!r} {what}", hints=hints or did_you_mean(name, known, kind="name"))


def _image(workspace: Workspace, name: str, target: str | None, *, told: bool, first: bool) -> Data | None:
    if name not in workspace.project.images:
        return None
    from edgebake.inspect.show_image import image_data, image_text

    data = image_data(workspace, name, target)
    if told:
        typer.echo("\n".join(image_text(data)))
    return data


def _target(workspace: Workspace, name: str, _: str | None, *, told: bool, first: bool) -> Data | None:
    if name not in workspace.catalogue.target_names():
        return None
    from edgebake.inspect.show_target import target_data, target_text

    data = target_data(workspace, workspace.catalogue.target(name))
    if told:
        typer.echo("\n".join(["", *target_text(data)][first:]))
    return data


def _recipe(workspace: Workspace, name: str, target: str | None, *, told: bool, first: bool) -> Data | None:
    """Tell what is known at once, then what takes reading other recipes, then what takes compiling this one."""
    catalogue = workspace.catalogue
    canonical = catalogue.canonical(name)
    if canonical is None:
        return None
    from edgebake.inspect.show_recipe import needed_by, needed_by_text, recipe_data, recipe_text

    loaded = catalogue.recipe(canonical)
    data = recipe_data(workspace, loaded, catalogue.target(target).target if target else None)
    if told:
        typer.echo("\n".join(["", *recipe_text(data)][first:]))
    data["needed_by"] = needed_by(workspace, canonical)
    if told and data["needed_by"]:
        typer.echo(needed_by_text(data["needed_by"]))
    if loaded.vendored:
        from edgebake.inspect.listing import recipe_rows

        for row in recipe_rows(workspace, names=[canonical]):
            data["proof"] = {
                "state": row.state,
                "built": [{"target": t, "platform": p, "state": s} for (t, p), s in sorted(row.states.items())],
            }
            if told:
                typer.echo(f"  proof      {row.proof}")
    else:
        data["proof"] = None
    return data
