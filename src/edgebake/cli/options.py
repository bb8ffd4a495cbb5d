"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgebake.cli import complete

if TYPE_CHECKING:
    from edgebake.model.request import Request
    from edgebake.plan.scope import Scope
    from edgebake.plan.settings import Settings

Names = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[IMAGE|RECIPE]...",
        help="Images of the project (all, if none is named), or recipes for an ad-hoc image: 'pytorch>=2.6'.",
        show_default=False,
        autocompletion=complete.subjects,
    ),
]
Targets = Annotated[
    list[str] | None,
    typer.Option(
        "--target",
        "-t",
        metavar="TARGET",
        help="Only this target, or pattern of targets; repeatable.",
        autocompletion=complete.targets,
    ),
]
Platforms = Annotated[
    list[str] | None,
    typer.Option(
        "--platform",
        "-p",
        metavar="OS/ARCH",
        help="Only this platform; repeatable.",
        autocompletion=complete.platforms,
    ),
]
Select = Annotated[
    list[str] | None,
    typer.Option(
        "--select",
        "-s",
        metavar="SELECTOR",
        help="Only what a selector picks: 'group:llm', '+app', 'pytorch+2', 'state:modified'; repeatable.",
        autocompletion=complete.selectors,
    ),
]
Exclude = Annotated[
    list[str] | None,
    typer.Option(
        "--exclude",
        metavar="SELECTOR",
        help="Without what a selector picks; repeatable.",
        autocompletion=complete.selectors,
    ),
]
ImageName = Annotated[
    str | None, typer.Option("--name", metavar="NAME", help="Name of the ad-hoc image.", show_default=False)
]
Locked = Annotated[bool, typer.Option("--locked", help="Fail if edgebake.lock does not fit the project.")]
Mirrors = Annotated[
    list[str] | None,
    typer.Option(
        "--mirror",
        metavar="REPOSITORY=MIRROR",
        envvar="EDGEBAKE_MIRRORS",
        help="Fetch a repository from elsewhere, over the project's `mirrors`; repeatable.",
    ),
]
CaBundle = Annotated[
    str | None,
    typer.Option(
        "--ca-bundle",
        metavar="FILE",
        envvar="EDGEBAKE_CA_BUNDLE",
        help="Certificates that builds trust, over the project's `ca_bundle`.",
    ),
]

Images = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[IMAGE]...",
        help="Images of the project (all, if none is named).",
        show_default=False,
        autocompletion=complete.images,
    ),
]
ChangedSince = Annotated[
    str | None,
    typer.Option(
        "--changed-since",
        metavar="REF",
        help="Only images that were different at this git commit.",
        autocompletion=complete.commits,
    ),
]
Unpublished = Annotated[
    bool, typer.Option("--unpublished", help="Only images whose current version is not in the registry.")
]
Variables = Annotated[
    list[str] | None, typer.Option("--var", metavar="NAME=VALUE", help="Set a variable of the bake file.")
]
Registry = Annotated[
    str | None, typer.Option("--registry", metavar="REPOSITORY", help="Use that one, not the project's.")
]
Builder = Annotated[
    str | None,
    typer.Option("--builder", metavar="NAME", help="Buildx builder.", autocompletion=complete.builders),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")]
JsonOutput = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Tag = Annotated[str | None, typer.Option("--tag", metavar="TAG", help="Value of the bake file's TAG.")]
Root = Annotated[
    Path | None,
    typer.Option("--root", metavar="DIR", help="Look at the machine whose files lie here, not at this one."),
]


def request_of(
    names: list[str] | None,
    target: list[str] | None,
    platform: list[str] | None,
    name: str | None,
    select: list[str] | None,
    exclude: list[str] | None,
) -> Request:
    """Return what a command line asks for."""
    from edgebake.model.request import Request

    return Request(
        tuple(names or ()),
        tuple(target or ()),
        tuple(platform or ()),
        name,
        tuple(select or ()),
        tuple(exclude or ()),
    )


def print_scope_notes(scope: Scope) -> None:
    """Print what the user should know about what selectors match."""
    for note in scope.notes:
        typer.echo(f"note: {note}", err=True)


def pairs(values: list[str] | None, option: str) -> dict[str, str]:
    """Return KEY=VALUE options as a mapping.

    Raises:
        EdgebakeError: one has no '='.
    """
    from edgebake.errors import EdgebakeError

    found = {}
    for text in values or []:
        key, separator, value = text.partition("=")
        if not (key and separator and value):
            raise EdgebakeError(f"{option} {text!r} is not of the form NAME=VALUE")
        found[key] = value
    return found


def build_settings(builder: str | None, mirror: list[str] | None, ca_bundle: str | None) -> Settings:
    """Return the settings of a command that builds for the local engine.

    Raises:
        EdgebakeError: a mirror is not REPOSITORY=MIRROR.
    """
    from edgebake.plan.settings import Settings

    return Settings(builder, {"CA_BUNDLE": ca_bundle} if ca_bundle else {}, (), pairs(mirror, "--mirror"))


def settings_of(
    variable: list[str] | None, registry: str | None, tag: str | None, ca_bundle: str | None
) -> Settings:
    """Return the settings of a command that builds nothing.

    Raises:
        EdgebakeError: a variable is not NAME=VALUE.
    """
    import os

    from edgebake.plan.settings import Settings

    variables = pairs(variable, "--var")
    variables |= {k: v for k, v in (("REGISTRY", registry), ("TAG", tag), ("CA_BUNDLE", ca_bundle)) if v}
    return Settings(variables=variables, environment=dict(os.environ))
