"""What an image of the project is, as data and as text."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from edgebake.inspect.selected import Selected, resolve_selected
from edgebake.inspect.show_recipe import fields
from edgebake.load.workspace import Workspace
from edgebake.model.request import Request
from edgebake.templating.values import render_value

Data = dict[str, Any]


def image_data(workspace: Workspace, name: str, target: str | None) -> Data:
    """Return an image of the project as `show --json` prints it.

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
    return {
        "name": name,
        "summary": image.summary,
        "file": f"{at.path}:{at.line}" if at else None,
        "repository": f"{workspace.project.registry}/{image.repository or name}",
        "recipes": list(image.recipes),
        "board": image.board,
        "targets": [_on_target(one) for one in selected],
        "indexes": {tag: dict(parts) for tag, parts in image.indexes.items()},
    }


def _on_target(one: Selected) -> Data:
    return {
        "target": one.plan.target.name,
        "platforms": list(one.platforms),
        "tags": list(_tags(one)),
        "recipes": list(_recipes(one)),
    }


def _tags(one: Selected) -> Iterator[str]:
    """Yield the tags; variables of the bake file stay as they are."""
    name, workspace = one.plan.name, one.workspace
    scope = {**one.recipes.scope(one.plan.platforms[0]), "image": name}
    for index, tag in enumerate(one.plan.image.tags):
        yield render_value(tag, scope, partial(workspace.at, "images", name, "tags", index), "tags")


def _recipes(one: Selected) -> Iterator[Data]:
    """Yield the recipes in the order in which they are installed, once for each release."""
    for name in one.plan.line:
        by_title: dict[str, Data] = {}
        for platform in one.platforms:
            pin = one.plan.installed(platform, name)
            if pin is not None:
                row: Data = {
                    "name": name,
                    "version": pin.version or None,
                    "flavours": list(pin.flavours),
                    "platforms": [],
                }
                by_title.setdefault(pin.title, row)["platforms"].append(platform)
        yield from by_title.values()


def image_text(data: Data) -> Iterator[str]:
    """Yield an image's lines for people."""
    yield f"{data['name']} (image)" + (f": {data['summary']}" if data["summary"] else "")
    yield from fields(
        [
            ("file", data["file"]),
            ("recipes", ", ".join(data["recipes"])),
            ("board", data["board"]),
            ("repository", data["repository"]),
        ]
    )
    for tag, parts in data["indexes"].items():
        yield f"  index {tag}: " + ", ".join(f"{platform} from {target}" for platform, target in parts.items())
    for one in data["targets"]:
        yield f"  on {one['target']} ({', '.join(one['platforms'])})"
        yield f"    tags     {', '.join(one['tags'])}"
        yield f"    recipes  {', '.join(_recipe(row, one['platforms']) for row in one['recipes'])}"


def _recipe(row: Data, platforms: list[str]) -> str:
    flavours = f"[{','.join(row['flavours'])}]" if row["flavours"] else ""
    only = "" if row["platforms"] == platforms else f" ({', '.join(row['platforms'])} only)"
    return f"{row['name']}{flavours} {row['version'] or ''}".rstrip() + only
