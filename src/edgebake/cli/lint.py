"""`edgebake lint`."""

from __future__ import annotations

import os
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgebake.cli import complete
from edgebake.cli.command import command, command_options
from edgebake.cli.options import Targets
from edgebake.cli.waiting import Waiting
from edgebake.errors import EXIT_CHECK, EdgebakeError

if TYPE_CHECKING:
    from edgebake.lint.finding import Report


class Format(str, Enum):
    """What a report can be printed as."""

    text = "text"
    json = "json"
    sarif = "sarif"
    github = "github"


@command_options
class LintOptions:
    """What is linted, and how the findings are printed.

    Raises:
        EdgebakeError: two options contradict each other.
    """

    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[IMAGE|RECIPE]...",
            help="Images of the project (all, if none is named), or recipes on all their targets.",
            show_default=False,
            autocompletion=complete.subjects,
        ),
    ] = None
    target: Targets = None
    catalogue: Annotated[
        bool, typer.Option("--catalogue", help="Lint the built-in catalogue, as outside of a project.")
    ] = False
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 3 for warnings too.")] = False
    check_buildkit: Annotated[
        bool, typer.Option("--check-buildkit", help="Also run the checks of BuildKit; needs Docker.")
    ] = False
    builder: Annotated[
        str | None,
        typer.Option(
            "--builder",
            metavar="NAME",
            help="Buildx builder for --check-buildkit.",
            autocompletion=complete.builders,
        ),
    ] = None
    output_format: Annotated[
        Format | None,
        typer.Option(
            "--format",
            metavar="text|json|sarif|github",
            help="How to print the findings; text by default.",
            show_default=False,
        ),
    ] = None
    json_output: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False
    rules: Annotated[bool, typer.Option("--rules", help="Print the rules, and how to fix what they find.")] = False

    def __post_init__(self) -> None:
        if self.json_output and self.output_format not in (None, Format.json):
            raise EdgebakeError("--json and --format cannot be combined", hints=("--json is --format json",))
        if self.builder and not self.check_buildkit:
            raise EdgebakeError("--builder is for --check-buildkit", hints=("add --check-buildkit",))

    @property
    def format(self) -> Format:
        """How the findings are printed."""
        return Format.json if self.json_output else self.output_format or Format.text


@command(LintOptions)
def lint_command(options: LintOptions) -> None:
    """Check the project against rules: secrets, pins, health checks, CUDA, and more.

    Builds and writes nothing. Exits with 3 if there is an error (with --strict, or a warning). To accept a finding,
    name its rule and a reason in the file: lint: {ignore: {root-user: "it manages the host's network"}}.

    Example: edgebake lint --format github --strict
    """
    from edgebake.cli.console import print_error, print_text

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
    from edgebake.cli.console import print_json, print_text

    if language is Format.text:
        from edgebake.cli.format.lint import text

        print_text(*text(report))
    elif language is Format.json:
        from edgebake.cli.format.lint import data

        print_json(data(report))
    elif language is Format.github:
        from edgebake.lint.formats import as_github

        print_text(as_github(_in_checkout(report, root)))
    else:
        from edgebake.lint.formats import as_sarif
        from edgebake.lint.rules import RULES

        print_text(as_sarif(_in_checkout(report, root), RULES))


def _in_checkout(report: Report, root: Path) -> Report:
    """Return the report with paths relative to the checkout, as GitHub needs them, if the project is in it."""
    from edgebake.lint.finding import with_prefix

    checkout = os.environ.get("GITHUB_WORKSPACE")
    if not checkout or not root.is_relative_to(Path(checkout).resolve()):
        return report
    return with_prefix(report, root.relative_to(Path(checkout).resolve()).as_posix())
