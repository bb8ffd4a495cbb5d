"""The `docker run` command for an image on a machine."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from edgebake.errors import EdgebakeError
from edgebake.host.candidate import Candidate
from edgebake.host.flags import Flag
from edgebake.model.labels import LABEL_PREFIX


@dataclass(frozen=True)
class Request:
    """What the user asks for, as options of `docker run`. `docker`: further arguments of `docker run`."""

    name: str
    command: tuple[str, ...] = ()
    publish: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    docker: tuple[str, ...] = ()
    detach: bool = False
    terminal: bool = False
    own_name: bool = field(default=False)
    """Whether the user gave the name."""


@dataclass(frozen=True)
class Mounted:
    """Another configuration: the file, where it is mounted, and the command that checks it, if there is one."""

    file: Path
    place: str
    env: str | None
    check: tuple[str, ...]

    @property
    def flags(self) -> list[Flag]:
        """The flags that give it to a container."""
        found = [Flag(("--volume", f"{self.file}:{self.place}:ro"), "the configuration, read-only")]
        if self.env:
            found.append(Flag(("--env", f"{self.env}={self.place}"), "names the configuration"))
        return found


def configuration(image: Candidate, file: Path) -> Mounted:
    """Return how an image is given another configuration.

    Raises:
        EdgebakeError: the file cannot be read, or the image says nothing of a configuration.
    """
    if not file.is_file():
        raise EdgebakeError(f"configuration file {str(file)!r} not found")
    path, env, check = (image.labels.get(f"{LABEL_PREFIX}config-{name}") for name in ("path", "env", "check"))
    default = path or (image.variable(env) if env else None)
    if default is None:
        raise EdgebakeError(
            f"{image.reference} does not say where its configuration is",
            reason="none of its recipes has a runtime.config",
            hints=(f"mount it where the program looks for it: --volume {file}:PATH:ro",),
        )
    place = posixpath.join(posixpath.dirname(default), file.name) if env else default
    return Mounted(file.resolve(), place, env, _check(check, place))


def _check(text: str | None, place: str) -> tuple[str, ...]:
    try:
        words = json.loads(text or "[]")
    except ValueError:
        return ()
    return tuple(str(word).replace("{config}", place) for word in words) if isinstance(words, list) else ()


def check_command(image: str, mounted: Mounted) -> list[str]:
    """Return the command that checks a configuration in the image: without a network, and without the GPU."""
    first, *rest = mounted.check
    volume = f"{mounted.file}:{mounted.place}:ro"
    return ["docker", "run", "--rm", "--network", "none", "--volume", volume, "--entrypoint", first, image, *rest]


def user_flags(request: Request) -> list[Flag]:
    """Return the flags that the user asked for, and those that follow."""
    flags = [Flag(("--name", request.name), "as asked" if request.own_name else "the container's name")]
    if request.detach:
        flags.append(Flag(("--detach",), "it runs in the background"))
    else:
        flags.append(Flag(("--rm",), "the container is removed when it ends"))
    if request.terminal:
        flags.append(Flag(("--interactive", "--tty"), "your terminal"))
    for option, values in (("--publish", request.publish), ("--volume", request.volumes), ("--env", request.env)):
        flags += [Flag((option, value), "as asked") for value in values]
    return flags + [Flag((word,), "as asked, for docker run") for word in request.docker]


def run_command(image: str, flags: Sequence[Flag], command: Sequence[str]) -> list[str]:
    """Return the words of `docker run`."""
    return ["docker", "run", *(word for flag in flags for word in flag.words), image, *command]
