"""`edgebake lint`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import typer

from edgebake.cli import complete
from edgebake.cli.command import Words, argument, command, command_options, flag, option
from edgebake.cli.console import Waiting, print_error, print_result, print_text
from edgebake.cli.options import TARGETS
from edgebake.errors import EXIT_CHECK, EdgebakeError

if TYPE_CHECKING:
    from edgebake.lint.finding import Report


Format = Literal["text", "json", "sarif", "github"]


@command_options
class LintOptions:
    """What is linted, and how the findings are printed.

    Raises:
        EdgebakeError: two options contradict each other.
    """

    names: Words = argument(
        "Images of the project (all, if none is named), or recipes on all their targets.",
        metavar="[IMAGE|RECIPE]...",
        complete=complete.subjects,
    )
    target: Words = TARGETS
    catalogue: bool = flag("Lint the built-in catalogue, as outside of a project.")
    strict: bool = flag("Exit with 3 for warnings too.")
    check_buildkit: bool = flag("Also run the checks of BuildKit; needs Docker.")
    builder: str | None = option("Buildx builder for --check-buildkit.", metavar="NAME", complete=complete.builders)
    output_format: Format | None = option(
        "How to print the findings; text by default.", "--format", metavar="text|json|sarif|github"
    )
    json_output: bool = flag("The same as --format json.", "--json")
    rules: bool = flag("Print the rules, and how to fix what they find.")

    def __post_init__(self) -> None:
        if self.json_output and self.output_format not in (None, "json"):
            raise EdgebakeError("--json and --format cannot be combined", hints=("--json is --format json",))
        if self.builder and not self.check_buildkit:
            raise EdgebakeError("--builder is for --check-buildkit", hints=("add --check-buildkit",))

    @property
    def format(self) -> Format:
        """How the findings are printed."""
        return "json" if self.json_output else self.output_format or "text"


@command(LintOptions)
def lint_command(options: LintOptions) -> None:
    """Check the project against rules: secrets, pins, health checks, CUDA, and more.

    Builds and writes nothing. Exits with 3 if there is an error (with --strict, or a warning). To accept a finding,
    name its rule and a reason in the file: lint: {ignore: {root-user: "it manages the host's network"}}.

    Example: edgebake lint --format github --strict
    """
    if options.rules:
        from edgebake.cli.format.lint import rules_text
        from edgebake.lint.rules import RULES

        print_text(rules_text(sorted(RULES, key=lambda rule: rule.id)))
        return
    with Waiting("checking"):
        from edgebake.lint.run import lint
        from edgebake.lint.subject import open_subject

        names, targets = tuple(options.names or ()), tuple(options.target or ())
        subject = open_subject(Path.cwd(), names, targets, catalogue=options.catalogue)
        report = lint(subject, buildkit=options.check_buildkit, builder=options.builder)
    for recipe, without in report.left_out:
        print_error(f"left out: {recipe}: cannot be resolved on {', '.join(without)}")
    _print(report, options.format, subject.workspace.root)
    if report.fails(strict=options.strict):
        raise typer.Exit(EXIT_CHECK)


def _print(report: Report, language: Format, root: Path) -> None:
    if language == "github":
        from edgebake.lint.formats import as_github

        print_text(as_github(_in_checkout(report, root)))
    elif language == "sarif":
        from edgebake.lint.formats import as_sarif
        from edgebake.lint.rules import RULES

        print_text(as_sarif(_in_checkout(report, root), RULES))
    else:
        from edgebake.cli.format.lint import data, text

        print_result(as_json=language == "json", data=lambda: data(report), text=lambda: text(report))


def _in_checkout(report: Report, root: Path) -> Report:
    """Return the report with paths relative to the checkout, as GitHub needs them, if the project is in it."""
    from edgebake.lint.finding import with_prefix

    checkout = os.environ.get("GITHUB_WORKSPACE")
    if not checkout or not root.is_relative_to(Path(checkout).resolve()):
        return report
    return with_prefix(report, root.relative_to(Path(checkout).resolve()).as_posix())
