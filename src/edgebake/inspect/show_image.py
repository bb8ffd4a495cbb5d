"""What an image of the project is."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from edgebake.inspect.selected import Selected, resolve_selected
from edgebake.load.workspace import Workspace
from edgebake.model.output.explore import InstalledRecipe, ShownImage, ShownOnTarget
from edgebake.model.request import Request
from edgebake.templating.values import render_value


def show_image(workspace: Workspace, name: str, target: str | None) -> ShownImage:
    """Return an image of the project, resolved for its targets.

    Args:
        workspace: the project.
        name: the image.
        target: only this target, or pattern of targets.

    Raises:
        EdgebakeError: a conflict; the image is not for the target.
    """
    image = workspace.project.images[name]
    selected = resolve_selected(workspace, Request(names=(name,), targets=(target,) if target else ()))
    at = workspace.at("images", name)
    return ShownImage.of(
        image,
        name=name,
        file=f"{at.path}:{at.line}" if at else None,
        repository=f"{workspace.project.registry}/{image.repository or name}",
        targets=[
            ShownOnTarget(
                target=resolved.plan.target.name,
                platforms=list(resolved.platforms),
                tags=list(_tags(resolved)),
                recipes=list(_recipes(resolved)),
            )
            for resolved in selected
        ],
    )


def _tags(resolved: Selected) -> Iterator[str]:
    """Yield the tags; variables of the bake file stay as they are."""
    name, workspace = resolved.plan.name, resolved.workspace
    scope = {**resolved.recipes.scope(resolved.plan.platforms[0]), "image": name}
    for index, tag in enumerate(resolved.plan.image.tags):
        yield render_value(tag, scope, partial(workspace.at, "images", name, "tags", index), "tags")


def _recipes(resolved: Selected) -> Iterator[InstalledRecipe]:
    """Yield the recipes in the order in which they are installed, once for each release."""
    for name in resolved.plan.line:
        by_title: dict[str, InstalledRecipe] = {}
        for platform in resolved.platforms:
            pin = resolved.plan.installed(platform, name)
            if pin is not None:
                version, flavours = pin.version or None, list(pin.flavours)
                recipe = InstalledRecipe(name=name, version=version, flavours=flavours, platforms=[])
                by_title.setdefault(pin.title, recipe).platforms.append(platform)
        yield from by_title.values()
