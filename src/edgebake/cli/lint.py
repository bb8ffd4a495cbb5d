"""`edgebake lint`."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Annotated

import typer

from edgebake.cli import complete
from edgebake.cli.waiting import Waiting

if TYPE_CHECKING:
    from pathlib import Path

    from edgebake.lint.report import Report


class Format(str, Enum):
    """What a report can be printed as."""

    text = "text"
    json = "json"
    sarif = "sarif"
    github = "github"


def lint_command(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[IMAGE|RECIPE]...",
            help="Images of the project (all, if none is named), or recipes, each for itself on all its targets.",
            show_default=False,
            autocompletion=complete.subjects,
        ),
    ] = None,
    target: Annotated[
        list[str] | None,
        typer.Option(
            "--target",
            "-t",
            metavar="TARGET",
            help="Only this target, or pattern; repeatable.",
            autocompletion=complete.targets,
        ),
    ] = None,
    catalogue: Annotated[
        bool, typer.Option("--catalogue", help="Lint the built-in catalogue, as without a project.")
    ] = False,
    output_format: Annotated[
        Format, typer.Option("--format", metavar="text|json|sarif|github", help="How to print the findings.")
    ] = Format.text,
    json_output: Annotated[bool, typer.Option("--json", help="As --format json.")] = False,
    check_buildkit: Annotated[
        bool, typer.Option("--check-buildkit", help="Also run BuildKit's own checks; needs Docker.")
    ] = False,
    builder: Annotated[
        str | None, typer.Option("--builder", metavar="NAME", help="Buildx builder for these.")
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Fail because of warnings too.")] = False,
    rules: Annotated[
        bool, typer.Option("--rules", help="Print the rules, and how to mend what they find.")
    ] = False,
) -> None:
    """Check the project, its images and its recipes against rules: secrets, pins, health checks, CUDA, and more.

    Builds and writes nothing. Exits with 3 if there is an error (with --strict: or a warning). What is accepted
    stands in the files, with its reason: lint: {ignore: {root-user: "it manages the host's network"}}.

    Example: edgebake lint --format github --strict
    """
    from pathlib import Path

    from edgebake.errors import EXIT_CHECK

    if rules:
        from edgebake.lint.formats.text import rules_as_text
        from edgebake.lint.registry import RULES

        typer.echo(rules_as_text(sorted(RULES, key=lambda rule: rule.id)))
        return
    with Waiting("checking"):
        from edgebake.lint.run import lint
        from edgebake.lint.subject import open_subject

        subject = open_subject(Path.cwd(), tuple(names or ()), tuple(target or ()), catalogue=catalogue)
        report = lint(subject, buildkit=check_buildkit, builder=builder)
    for recipe, targets in report.left_out:
        typer.echo(f"left out: {recipe}: cannot be resolved on {', '.join(targets)}", err=True)
    typer.echo(_printed(report, Format.json if json_output else output_format, subject.workspace.root))
    if report.fails(strict=strict):
        raise typer.Exit(EXIT_CHECK)


def _printed(report: Report, output_format: Format, root: Path) -> str:
    import json

    if output_format is Format.text:
        from edgebake.lint.formats.text import as_text

        return as_text(report)
    if output_format is Format.json:
        from edgebake.lint.formats.data import as_data

        return json.dumps(as_data(report), indent=2, ensure_ascii=False)
    report = _in_checkout(report, root)
    if output_format is Format.github:
        from edgebake.lint.formats.github import as_github

        return as_github(report)
    from edgebake.lint.formats.sarif import as_sarif
    from edgebake.lint.registry import RULES

    return json.dumps(as_sarif(report, RULES), indent=2, ensure_ascii=False)


def _in_checkout(report: Report, root: Path) -> Report:
    """Return the report with paths from the checkout's folder, as GitHub knows them, if the project is in it."""
    import os
    from pathlib import Path

    from edgebake.lint.report import with_prefix

    checkout = os.environ.get("GITHUB_WORKSPACE")
    if not checkout or not root.is_relative_to(Path(checkout).resolve()):
        return report
    return with_prefix(report, root.relative_to(Path(checkout).resolve()).as_posix())
