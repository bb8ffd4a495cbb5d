"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Names = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[IMAGE|RECIPE]...",
        help="Images of the project (all, if none is named), or recipes for an ad-hoc image: 'pytorch>=2.6'.",
        show_default=False,
    ),
]
Targets = Annotated[
    list[str] | None,
    typer.Option("--target", "-t", metavar="TARGET", help="Only this target, or pattern of targets; repeatable."),
]
Platforms = Annotated[
    list[str] | None,
    typer.Option("--platform", "-p", metavar="OS/ARCH", help="Only this platform; repeatable."),
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

Root = Annotated[
    Path | None,
    typer.Option("--root", metavar="DIR", help="Look at the machine whose files lie here, not at this one."),
]


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
