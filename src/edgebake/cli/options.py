"""Options that several commands share."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgebake.cli import complete
from edgebake.cli.command import command_options
from edgebake.errors import EdgebakeError
from edgebake.text.words import listed

if TYPE_CHECKING:
    from edgebake.model.request import Request
    from edgebake.plan.scope import Scope
    from edgebake.plan.settings import Settings


def target_option(text: str) -> Any:
    """Return the option `--target` with a help text of its own."""
    return typer.Option("--target", "-t", metavar="TARGET", help=text, autocompletion=complete.targets)


Names = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[IMAGE|RECIPE]...",
        help="Images of the project (all, if none is named), or recipes for an ad-hoc image: 'pytorch>=2.6'.",
        show_default=False,
        autocompletion=complete.subjects,
    ),
]
Targets = Annotated[list[str] | None, target_option("Only this target, or pattern of targets; repeatable.")]
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
NoCache = Annotated[
    bool, typer.Option("--no-cache", help="Ask the registry again; its answers are kept for ten minutes.")
]
ImageRegistry = Annotated[
    str | None,
    typer.Option("--registry", metavar="REPOSITORY", help="Look there, not in the project's registry."),
]


@command_options
class ImagesOptions:
    """The images that a command is about, on some targets."""

    names: Images = None
    target: Targets = None

    @property
    def request(self) -> Request:
        """What is asked for."""
        from edgebake.model.request import Request

        return Request(tuple(self.names or ()), tuple(self.target or ()))


@command_options
class AdHocOptions:
    """Images of the project, or recipes for an ad-hoc image, on some targets and platforms."""

    names: Names = None
    target: Targets = None
    platform: Platforms = None
    name: ImageName = None

    @property
    def request(self) -> Request:
        """What is asked for."""
        from edgebake.model.request import Request

        return Request(tuple(self.names or ()), tuple(self.target or ()), tuple(self.platform or ()), self.name)


@command_options
class SelectOptions(AdHocOptions):
    """The same, narrowed by selectors."""

    select: Select = None
    exclude: Exclude = None

    @property
    def request(self) -> Request:
        """What is asked for."""
        return replace(super().request, select=tuple(self.select or ()), exclude=tuple(self.exclude or ()))


@command_options
class BakeFileOptions:
    """Values of the bake file's variables, for commands that build nothing.

    `settings` raises EdgebakeError if a variable is not NAME=VALUE.
    """

    variable: Variables = None
    registry: Registry = None
    tag: Tag = None
    ca_bundle: CaBundle = None

    @property
    def settings(self) -> Settings:
        """The settings that these make."""
        from edgebake.plan.settings import Settings

        given = (("REGISTRY", self.registry), ("TAG", self.tag), ("CA_BUNDLE", self.ca_bundle))
        variables = {**pairs(self.variable, "--var"), **{name: value for name, value in given if value}}
        return Settings(variables=variables, environment=dict(os.environ))


@command_options
class LocalBuildOptions:
    """How images are built for the local engine; `settings` raises EdgebakeError for a mirror without '='."""

    builder: Builder = None
    mirror: Mirrors = None
    ca_bundle: CaBundle = None
    quiet: Quiet = False
    json_output: JsonOutput = False
    locked: Locked = False

    @property
    def settings(self) -> Settings:
        """The settings that these make."""
        from edgebake.plan.settings import Settings

        variables = {"CA_BUNDLE": self.ca_bundle} if self.ca_bundle else {}
        return Settings(self.builder, variables, (), pairs(self.mirror, "--mirror"))


def print_scope_notes(scope: Scope) -> None:
    """Print what the user should know about what selectors match."""
    for note in scope.notes:
        typer.echo(f"note: {note}", err=True)


def pairs(values: list[str] | None, option: str) -> dict[str, str]:
    """Return KEY=VALUE options as a mapping.

    Raises:
        EdgebakeError: one has no '='.
    """
    result = {}
    for text in values or []:
        key, separator, value = text.partition("=")
        if not (key and separator and value):
            raise EdgebakeError(f"{option} {text!r} is not of the form NAME=VALUE")
        result[key] = value
    return result


def absolute(path: Path | None) -> Path | None:
    """Return a path that stays right when the working folder changes; None for none."""
    return path.absolute() if path else None


def refuse_together(**given: object) -> None:
    """Refuse options that cannot be combined.

    Args:
        given: by option, with `_` for `-`: its value; two of them are set if they are true.

    Raises:
        EdgebakeError: naming the options.
    """
    if sum(map(bool, given.values())) > 1:
        names = [f"--{name.replace('_', '-')}" for name in given]
        raise EdgebakeError(f"{listed(names)} cannot be combined")
