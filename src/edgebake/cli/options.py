"""Options that several commands share."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgebake.cli import complete
from edgebake.cli.command import Words, argument, command_options, flag, option
from edgebake.errors import EdgebakeError
from edgebake.model.request import Request
from edgebake.text.printable import printable
from edgebake.text.words import listed

if TYPE_CHECKING:
    from edgebake.plan.settings import Settings
    from edgebake.system.checkout import CheckoutLock


def target_option(text: str, default: str | None = None) -> Any:
    """Return the option `--target` with a help text of its own."""
    return option(text, "--target", "-t", metavar="TARGET", default=default, complete=complete.targets)


TARGETS = target_option("Only this target, or pattern of targets; repeatable.")
SELECT = option(
    "Only what a selector picks: 'group:llm', '+app', 'pytorch+2', 'state:modified'; repeatable.",
    "-s",
    metavar="SELECTOR",
    complete=complete.selectors,
)
EXCLUDE = option("Without what a selector picks; repeatable.", metavar="SELECTOR", complete=complete.selectors)
LOCKED = flag("Fail if edgebake.lock does not fit the project.")
MIRRORS = option(
    "Fetch a repository from elsewhere, over the project's `mirrors`; repeatable.",
    metavar="REPOSITORY=MIRROR",
    envvar="EDGEBAKE_MIRRORS",
)
CA_BUNDLE = option(
    "Certificates that builds trust, over the project's `ca_bundle`.", metavar="FILE", envvar="EDGEBAKE_CA_BUNDLE"
)
SECRETS = option(
    "Take a secret of the project from that variable, or from a file (id=NAME,src=FILE); repeatable.",
    "--secret",
    metavar="id=NAME,env=VARIABLE",
)
SSH_KEYS = option(
    "Take an SSH key from the agent, or from that file; repeatable. Git uses the name `default`.",
    "--ssh",
    metavar="NAME[=FILE]",
)
CHANGED_SINCE = option(
    "Only images that were different at this git commit.", metavar="REF", complete=complete.commits
)
LOCK_TIMEOUT = option(
    "Wait that long for another edgebake in this checkout: 0s, 90s, 2h. Without it, 10 minutes.", metavar="DURATION"
)
UNPUBLISHED = flag("Only images whose current version is not in the registry.")
BUILDER = option("Buildx builder.", metavar="NAME", complete=complete.builders)
QUIET = flag("Show no progress.", "-q")
JSON = flag("Print the result as JSON.", "--json")
ROOT = option("Look at the machine whose files lie here, not at this one.", metavar="DIR")
NO_CACHE = flag("Ask the registry again; its answers are kept for ten minutes.")


def check_repository(text: str | None) -> str | None:
    """Return the value of `--registry`.

    Raises:
        EdgebakeError: it is no repository.
    """
    if text is None:
        return None
    from edgebake.model.base import Repository
    from edgebake.model.decoding import decode_value

    try:
        return str(decode_value(Repository, text))
    except ValueError as error:
        raise EdgebakeError(f"--registry: {error}") from None


IMAGE_REGISTRY = option(
    "Look there, not in the project's registry.", "--registry", metavar="REPOSITORY", callback=check_repository
)


@command_options
class ImagesOptions:
    """The images that a command is about, on some targets."""

    names: Words = argument(
        "Images of the project (all, if none is named).", metavar="[IMAGE]...", complete=complete.images
    )
    target: Words = TARGETS

    @property
    def request(self) -> Request:
        """What is asked for."""
        return Request(self.names, self.target)


@command_options
class AdHocOptions:
    """Images of the project, or recipes for an ad-hoc image, on some targets and platforms."""

    names: Words = argument(
        "Images of the project (all, if none is named), or recipes for an ad-hoc image: 'pytorch>=2.6'.",
        metavar="[IMAGE|RECIPE]...",
        complete=complete.subjects,
    )
    target: Words = TARGETS
    platform: Words = option(
        "Only this platform; repeatable.", "-p", metavar="OS/ARCH", complete=complete.platforms
    )
    name: str | None = option("Name of the ad-hoc image.", metavar="NAME")

    @property
    def request(self) -> Request:
        """What is asked for."""
        return Request(self.names, self.target, self.platform, self.name)


@command_options
class SelectOptions(AdHocOptions):
    """The same, narrowed by selectors."""

    select: Words = SELECT
    exclude: Words = EXCLUDE

    @property
    def request(self) -> Request:
        """What is asked for."""
        return replace(super().request, select=self.select, exclude=self.exclude)


@command_options
class BakeFileOptions:
    """Values of the bake file's variables, for commands that build nothing.

    `settings` raises EdgebakeError if a variable is not NAME=VALUE.
    """

    variable: Words = option("Set a variable of the bake file.", "--var", metavar="NAME=VALUE")
    registry: str | None = option(
        "Use that one, not the project's.", metavar="REPOSITORY", callback=check_repository
    )
    tag: str | None = option("Value of the bake file's TAG.", metavar="TAG")
    ca_bundle: str | None = CA_BUNDLE

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

    builder: str | None = BUILDER
    mirror: Words = MIRRORS
    ca_bundle: str | None = CA_BUNDLE
    secret: Words = SECRETS
    ssh: Words = SSH_KEYS
    quiet: bool = QUIET
    json_output: bool = JSON
    locked: bool = LOCKED
    lock_timeout: str | None = LOCK_TIMEOUT

    @property
    def settings(self) -> Settings:
        """The settings that these make."""
        from edgebake.plan.settings import Settings

        variables = {"CA_BUNDLE": self.ca_bundle} if self.ca_bundle else {}
        return Settings(
            self.builder,
            variables,
            (),
            pairs(self.mirror, "--mirror"),
            secret_places(self.secret),
            key_places(self.ssh),
        )


def checkout_lock(command: str, timeout: str | None) -> CheckoutLock:
    """Return how a command waits for others in the same checkout.

    Args:
        command: its name.
        timeout: the value of `--lock-timeout`.

    Raises:
        EdgebakeError: the value is not a duration.
    """
    from edgebake.system.checkout import DEFAULT_WAIT, CheckoutLock
    from edgebake.text.duration import parse_duration

    def report(text: str) -> None:
        print(f"edgebake: {printable(text)}", file=sys.__stderr__, flush=True)

    at_once = timeout in ("0", "0s")
    seconds = 0.0 if at_once else parse_duration(timeout, "--lock-timeout") if timeout else DEFAULT_WAIT
    return CheckoutLock(f"edgebake {command}", seconds, report)


def pairs(values: Iterable[str], option: str) -> dict[str, str]:
    """Return KEY=VALUE options as a mapping.

    Raises:
        EdgebakeError: one has no '='.
    """
    result = {}
    for text in values:
        key, separator, value = text.partition("=")
        if not (key and separator and value):
            raise EdgebakeError(f"{option} {text!r} is not of the form NAME=VALUE")
        result[key] = value
    return result


def secret_places(values: Iterable[str]) -> dict[str, str]:
    """Return where secrets are, by name, as Buildx's --secret is written: `env=VARIABLE` or `src=FILE`.

    Raises:
        EdgebakeError: one is not of that form.
    """
    places = {}
    for text in values:
        fields = dict(part.partition("=")[::2] for part in text.split(","))
        fields.pop("type", None)
        if "source" in fields:
            fields["src"] = fields.pop("source")
        if not fields.get("id") or len(fields) != 2 or not (fields.get("env") or fields.get("src")):
            hints = ("write --secret id=NAME,env=VARIABLE, or --secret id=NAME,src=FILE",)
            raise EdgebakeError("--secret does not name a secret and where it is", hints=hints)
        env, file = fields.get("env"), fields.get("src", "")
        places[fields["id"]] = f"env={env}" if env else f"src={Path(file).expanduser().absolute()}"
    return places


def key_places(values: Iterable[str]) -> dict[str, str]:
    """Return the files of SSH keys by name; "" for the agent."""
    pieces = (text.partition("=")[::2] for text in values)
    return {name: str(Path(file).expanduser().absolute()) if file else "" for name, file in pieces}


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
