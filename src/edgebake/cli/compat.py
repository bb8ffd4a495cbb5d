"""`edgebake compat`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from edgebake.cli.options import Targets

if TYPE_CHECKING:
    from edgebake.load.catalogue import Catalogue


def compat(
    frameworks: Annotated[
        list[str] | None,
        typer.Argument(metavar="[FRAMEWORK]...", help="Only these frameworks.", show_default=False),
    ] = None,
    target: Targets = None,
    json_output: Annotated[bool, typer.Option("--json", help="Print the rows as JSON.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the page docs/compatibility.md.")] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Find holes and contradictions in the data and the recipes.")
    ] = False,
) -> None:
    """Show which releases of the frameworks run on which targets, and where that is known from.

    Ask it before you choose a JetPack or a CUDA. A project's own data goes before the built-in.

    Example: edgebake compat pytorch --target 'jetpack-*'
    """
    from pathlib import Path

    from edgebake.compatibility.data import entries, load_frameworks, select_frameworks, select_targets
    from edgebake.compatibility.show import as_data, page, table
    from edgebake.load.workspace import find_root, open_workspace

    catalogue = open_workspace(find_root(Path.cwd()) or Path.cwd(), need_project=False).catalogue
    if check:
        _check(catalogue, narrowed=bool(frameworks or target))
        return
    selected = select_frameworks(load_frameworks(catalogue), frameworks or ())
    targets = select_targets(catalogue, target or ())
    found = entries(selected, targets)
    if json_output:
        import json

        typer.echo(json.dumps(as_data(found), indent=2, ensure_ascii=False))
    else:
        typer.echo(page(selected, targets, found) if markdown else table(found), nl=not markdown)


def _check(catalogue: Catalogue, *, narrowed: bool) -> None:
    """Tell that the data is sound.

    Raises:
        EdgebakeError: it is not, or the check is asked for a part of it.
    """
    from edgebake.compatibility.check import check
    from edgebake.errors import EdgebakeError, ErrorGroup

    if narrowed:
        raise EdgebakeError("--check looks at all frameworks and targets", hints=("leave out the filters",))
    wrong = check(catalogue)
    if wrong:
        raise ErrorGroup(wrong)
    typer.echo("The compatibility data has no holes and no contradictions.")
