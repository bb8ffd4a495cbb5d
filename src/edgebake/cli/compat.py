"""`edgebake compat`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from edgebake.cli.options import JsonOutput, Targets

if TYPE_CHECKING:
    from edgebake.load.catalogue import Catalogue


@dataclass(frozen=True)
class CompatOptions:
    """What is shown, and how.

    Raises:
        EdgebakeError: more than one way is asked for, or the check of a part.
    """

    frameworks: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    json_output: bool = False
    markdown: bool = False
    check: bool = False

    def __post_init__(self) -> None:
        from edgebake.errors import EdgebakeError

        if [self.json_output, self.markdown, self.check].count(True) > 1:
            raise EdgebakeError("--json, --markdown and --check cannot be combined")
        if self.check and (self.frameworks or self.targets):
            raise EdgebakeError("--check checks all frameworks and targets", hints=("omit the filters",))


Frameworks = Annotated[
    list[str] | None,
    typer.Argument(metavar="[FRAMEWORK]...", help="Only these frameworks.", show_default=False),
]
Check = Annotated[bool, typer.Option("--check", help="Find gaps and contradictions in the data and the recipes.")]
Markdown = Annotated[bool, typer.Option("--markdown", help="Print the page docs/compatibility.md.")]


def compat(
    frameworks: Frameworks = None,
    target: Targets = None,
    check: Check = False,
    markdown: Markdown = False,
    json_output: JsonOutput = False,
) -> None:
    """Show which releases of the frameworks run on which targets, with sources.

    Use it before you choose a JetPack or a CUDA. The data of a project takes precedence over the built-in data.

    Example: edgebake compat pytorch --target 'jetpack-*'
    """
    from pathlib import Path

    from edgebake.cli.console import print_json, print_text
    from edgebake.compatibility.data import entries, load_frameworks, select_frameworks, select_targets
    from edgebake.load.workspace import find_root, open_workspace

    options = CompatOptions(tuple(frameworks or ()), tuple(target or ()), json_output, markdown, check)
    catalogue = open_workspace(find_root(Path.cwd()) or Path.cwd(), need_project=False).catalogue
    if check:
        _check(catalogue)
        print_text("The compatibility data has no gaps and no contradictions.")
        return
    selected = select_frameworks(load_frameworks(catalogue), options.frameworks)
    targets = select_targets(catalogue, options.targets)
    found = entries(selected, targets)
    if markdown:
        from edgebake.compatibility.page import page

        print_text(page(selected, targets, found).removesuffix("\n"))
        return
    from edgebake.cli.format.compat import data, text

    if json_output:
        print_json(data(found))
    else:
        print_text(text(found))


def _check(catalogue: Catalogue) -> None:
    """Check the compatibility data.

    Raises:
        EdgebakeError: there are gaps or contradictions.
    """
    from edgebake.compatibility.check import check
    from edgebake.errors import ErrorGroup

    wrong = check(catalogue)
    if wrong:
        raise ErrorGroup(wrong)
