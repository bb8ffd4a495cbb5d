"""`edgebake list`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgebake.cli import complete
from edgebake.cli.options import Exclude, Select

if TYPE_CHECKING:
    from edgebake.inspect.listing import RecipeRow
    from edgebake.load.workspace import Workspace
    from edgebake.model.request import Request
    from edgebake.select.project import ProjectItems

Listed = tuple[list[dict[str, Any]], list[tuple[str, ...]]]
Keep = Callable[[Iterable[str]], list[str]]
"""Keeps the names that selectors select."""
_SHOWN = 3  # releases of a recipe


class Kind(str, Enum):
    """What can be listed."""

    recipes = "recipes"
    targets = "targets"
    images = "images"


def list_command(
    kind: Annotated[Kind, typer.Argument(metavar="[recipes|targets|images]", help="What to list.")] = Kind.recipes,
    target: Annotated[
        str | None,
        typer.Option(
            "--target",
            "-t",
            metavar="TARGET",
            help="Only recipes that exist on this target.",
            autocompletion=complete.targets,
        ),
    ] = None,
    group: Annotated[
        str | None,
        typer.Option(
            "--group", metavar="GROUP", help="Only recipes of this group.", autocompletion=complete.groups
        ),
    ] = None,
    select: Select = None,
    exclude: Exclude = None,
    built: Annotated[bool, typer.Option("--built", help="Only recipes that were really built and tested.")] = False,
    uncited: Annotated[
        bool,
        typer.Option("--uncited", help="The recipes' versions, URLs and commits that none of their sources gives."),
    ] = False,
    json_output: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """List recipes, targets, or the project's images.

    Of each built-in recipe it says whether it was really built and tested, where, and whether that still holds.
    What was only checked is as good as the pages among its sources: --uncited shows what they do not give.

    Example: edgebake list --target jetpack-6.2 --group ml

    Example: edgebake list --select pytorch+1,group:llm
    """
    from pathlib import Path

    from edgebake.cli.options import request_of
    from edgebake.load.workspace import find_root, open_workspace

    start = Path.cwd()
    root = find_root(start)
    workspace = open_workspace(root or start, need_project=kind is Kind.images)
    keep = _keeper(workspace, kind, request_of(None, None, None, None, select, exclude))
    if kind is Kind.recipes and not uncited:
        _print_recipes(_found(workspace, target, group, built, keep), json_output)
        return
    if uncited:
        data, rows = _uncited(workspace, kind, target, group, built, keep)
    else:
        data, rows = _targets(workspace, keep) if kind is Kind.targets else _images(workspace, keep)
    if json_output:
        _print_json("uncited" if uncited else kind.value, data)
    else:
        from edgebake.text.table import as_table

        typer.echo(as_table(rows))


def _print_json(name: str, data: list[dict[str, Any]]) -> None:
    import json

    typer.echo(json.dumps({"version": 1, name: data}, indent=2))


def _keeper(workspace: Workspace, kind: Kind, request: Request) -> Keep:
    if not request.has_selectors:
        return list

    def items() -> ProjectItems:
        from pathlib import Path

        from edgebake.errors import EdgebakeError
        from edgebake.pipeline import Pipeline

        if workspace.document is None:
            raise EdgebakeError("the selector is about images, and no project was found", hints=("edgebake init",))
        return Pipeline(Path.cwd(), request, opened=lambda start, asked: workspace).items

    def keep(names: Iterable[str]) -> list[str]:
        from edgebake.select.listed import selected_names

        found = selected_names(workspace, kind.value, request, names, items)
        if not found:
            typer.echo(f"note: no {kind.value.rstrip('s')} is selected", err=True)
        return found

    return keep


def _found(workspace: Workspace, target: str | None, group: str | None, built: bool, keep: Keep) -> list[RecipeRow]:
    from edgebake.errors import EdgebakeError, did_you_mean
    from edgebake.inspect.listing import recipe_rows

    names = keep(workspace.catalogue.recipe_names())
    found = recipe_rows(workspace, target=target, group=group, names=names)
    if group and not found:
        groups = {row.group for row in recipe_rows(workspace)}
        if group not in groups:
            raise EdgebakeError(f"unknown group {group!r}", hints=did_you_mean(group, groups, kind="group"))
    return [row for row in found if not built or "verified" in row.states.values()]


def _print_recipes(found: list[RecipeRow], json_output: bool) -> None:
    if json_output:
        _print_json("recipes", [_recipe_data(row) for row in found])
        return
    from edgebake.text.table import padded

    head, *lines = padded(
        [
            ("GROUP", "RECIPE", "RELEASES", "SUMMARY"),
            *((row.group, row.name, _some(row.releases), row.summary) for row in found),
        ]
    )
    typer.echo(f"{head}  PROOF")
    for line, row in zip(lines, found, strict=True):
        typer.echo(f"{line}  {row.proof}")  # which takes its time: what is known is shown at once


def _recipe_data(row: RecipeRow) -> dict[str, Any]:
    return {
        "name": row.name,
        "group": row.group,
        "summary": row.summary,
        "releases": list(row.releases),
        "state": row.state,
        "built": [{"target": t, "platform": p, "state": state} for (t, p), state in sorted(row.states.items())],
    }


def _uncited(
    workspace: Workspace, kind: Kind, target: str | None, group: str | None, built: bool, keep: Keep
) -> Listed:
    from edgebake.errors import EdgebakeError
    from edgebake.lint.citations import facts_of, uncited

    if kind is not Kind.recipes:
        raise EdgebakeError("--uncited is about recipes", hints=("edgebake list recipes --uncited",))
    recipes = [workspace.catalogue.recipe(row.name) for row in _found(workspace, target, group, built, keep)]
    facts = {loaded.name: facts_of(loaded, workspace.root) for loaded in recipes}
    found = [(loaded.name, fact) for loaded in recipes for fact in uncited(loaded, facts[loaded.name])]
    count = sum(map(len, facts.values()))
    recipes_and_facts = f"{_counted(count, 'fact')} of {_counted(len(recipes), 'recipe')}"
    typer.echo(f"{len(found)} of {recipes_and_facts} {'is' if len(found) == 1 else 'are'} uncited", err=True)
    data = [{"recipe": name, "kind": f.kind, "at": str(f.at), "fact": f.text} for name, f in found]
    return data, [("RECIPE", "KIND", "AT", "FACT"), *(tuple(one.values()) for one in data)] if data else []


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _some(releases: tuple[str, ...]) -> str:
    more = f" +{len(releases) - _SHOWN}" if len(releases) > _SHOWN else ""
    return ", ".join(releases[:_SHOWN]) + more


def _targets(workspace: Workspace, keep: Keep) -> Listed:
    catalogue = workspace.catalogue
    targets = [catalogue.target(name).target for name in keep(catalogue.target_names())]
    shown = {"name", "summary", "platforms", "cuda", "python"}
    data = [target.model_dump(mode="json", include=shown) for target in targets]
    rows = [
        (t.name, ", ".join(p.split("/")[1] for p in t.platforms), t.cuda or "-", t.python or "-", t.summary)
        for t in targets
    ]
    return data, [("TARGET", "PLATFORMS", "CUDA", "PYTHON", "SUMMARY"), *rows]


def _images(workspace: Workspace, keep: Keep) -> Listed:
    images = [(name, workspace.project.images[name]) for name in sorted(keep(workspace.project.images))]
    data = [{"name": name, "recipes": list(i.recipes), "targets": list(i.targets)} for name, i in images]
    rows = [(name, ", ".join(i.recipes), ", ".join(i.targets), i.summary or "") for name, i in images]
    return data, [("IMAGE", "RECIPES", "TARGETS", "SUMMARY"), *rows]
