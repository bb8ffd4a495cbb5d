"""From an image to the `docker run` command that starts it on a machine, each flag with its reason."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Mapping
from pathlib import Path

from edgebake.dataclasses import dataclass
from edgebake.errors import EdgebakeError
from edgebake.host.autotag import Found
from edgebake.host.candidate import Candidate
from edgebake.host.files import Files
from edgebake.host.flags import Choice, Flag, machine_flags
from edgebake.host.machine import Machine
from edgebake.model.labels import LABEL_PREFIX


@dataclass(frozen=True)
class Request:
    """What the user asks for, as options of `docker run`.

    `docker`: further arguments of `docker run`. `own_name`: whether the user gave the name.
    """

    name: str
    command: tuple[str, ...] = ()
    publish: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    docker: tuple[str, ...] = ()
    detach: bool = False
    terminal: bool = False
    own_name: bool = False


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


@dataclass(frozen=True)
class Prepared:
    """A container that is ready to start."""

    image: Candidate
    flags: tuple[Flag, ...]
    command: tuple[str, ...]
    configuration: Mounted | None
    notes: tuple[str, ...]

    def words(self) -> list[str]:
        """Return the words of the command line."""
        flags = (word for flag in self.flags for word in flag.words)
        return ["docker", "run", *flags, self.image.reference, *self.command]


def chosen(found: Found, *, force: bool) -> tuple[Candidate, tuple[str, ...]]:
    """Return the image to run, and notes about it.

    A reference (with a tag) is taken as it is, if nothing is known against it.

    Raises:
        EdgebakeError: no image fits.
    """
    this, answer = found.wanted, found.answer
    if answer.best is not None:
        return answer.best, (*answer.notes, *answer.doubts)
    first = answer.judged[0] if answer.judged else None
    if first is None and this.tag:
        raise EdgebakeError(f"image {this.name} not found", reason="neither the engine nor its registry has it")
    if first is None or not this.tag:
        raise found.nothing_fits()
    # That nothing is known of an image is no reason against it.
    refusal = next((r.text for r in first.verdict.reasons if not r.ok and r.rule != "known"), "")
    if refusal and not force:
        raise EdgebakeError(
            f"{this.name} does not run on this machine",
            reason=refusal,
            hints=("the best image for this machine: edgebake autotag", "start it anyway: --force"),
        )
    word = refusal or "it is unknown what it was built for"
    return first.candidate, (*answer.notes, f"{this.name}: {word}")


def prepare(
    image: Candidate,
    machine: Machine,
    files: Files,
    choice: Choice,
    request: Request,
    environment: Mapping[str, str],
    *,
    config: Path | None,
    notes: tuple[str, ...] = (),
) -> Prepared:
    """Return how a container of an image starts on a machine.

    `choice` has the wanted groups of flags, `environment` is the user's, and `config` another configuration.
    `notes` are shown to the user.

    Raises:
        EdgebakeError: the machine cannot give a GPU to containers, or the image has no place for a configuration.
    """
    mounted = configuration(image, config) if config else None
    flags = machine_flags(machine, files, choice, environment, gpu=_uses_gpu(image, machine))
    flags += [*(mounted.flags if mounted else ()), *_user_flags(request)]
    return Prepared(image, tuple(flags), request.command, mounted, notes)


def _uses_gpu(image: Candidate, machine: Machine) -> bool:
    """Return whether an image uses the GPU: it is for CUDA, or nobody knows and its environment speaks of one."""
    if image.built.source:
        return image.built.cuda is not None
    return bool(machine.gpus) and any(image.variable(one) for one in ("NVIDIA_VISIBLE_DEVICES", "CUDA_VERSION"))


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
    """Return the arguments of docker that check a configuration in the image, without a network and the GPU."""
    first, *rest = mounted.check
    volume = f"{mounted.file}:{mounted.place}:ro"
    return ["run", "--rm", "--network", "none", "--volume", volume, "--entrypoint", first, image, *rest]


def _user_flags(request: Request) -> list[Flag]:
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
