"""`edgebake compat`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from edgebake.cli.command import Words, argument, command, command_options, flag
from edgebake.cli.console import print_result, print_text
from edgebake.cli.options import JSON, TARGETS, refuse_together
from edgebake.errors import EdgebakeError, ErrorGroup

if TYPE_CHECKING:
    pass


@command_options
class CompatOptions:
    """What is shown, and how.

    Raises:
        EdgebakeError: more than one way is asked for, or the check of a part.
    """

    frameworks: Words = argument("Only these frameworks.", metavar="[FRAMEWORK]...")
    target: Words = TARGETS
    check: bool = flag("Find gaps and contradictions in the data and the recipes.")
    markdown: bool = flag("Print the page docs/compatibility.md.")
    json_output: bool = JSON

    def __post_init__(self) -> None:
        refuse_together(json=self.json_output, markdown=self.markdown, check=self.check)
        if self.check and (self.frameworks or self.target):
            raise EdgebakeError("--check checks all frameworks and targets", hints=("omit the filters",))


@command(CompatOptions)
def compat(options: CompatOptions) -> None:
    """Show which releases of the frameworks run on which targets, with sources.

    Use it before you choose a JetPack or a CUDA. The data of a project takes precedence over the built-in data.

    Example: edgebake compat pytorch --target 'jetpack-*'
    """
    from edgebake.compatibility.data import entries, load_frameworks, select_frameworks, select_targets
    from edgebake.load.workspace import find_root, open_workspace

    catalogue = open_workspace(find_root(Path.cwd()) or Path.cwd(), need_project=False).catalogue
    if options.check:
        from edgebake.compatibility.check import check

        wrong = check(catalogue)
        if wrong:
            raise ErrorGroup(wrong)
        print_text("The compatibility data has no gaps and no contradictions.")
        return
    selected = select_frameworks(load_frameworks(catalogue), tuple(options.frameworks or ()))
    targets = select_targets(catalogue, tuple(options.target or ()))
    found = entries(selected, targets)
    if options.markdown:
        from edgebake.compatibility.page import page

        print_text(page(selected, targets, found).removesuffix("\n"))
        return
    from edgebake.cli.format.compat import data, text

    print_result(as_json=options.json_output, data=lambda: data(found), text=lambda: text(found))
