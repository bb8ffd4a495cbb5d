"""From a name to what `docker run` is called with: the image, and the flags with their reasons."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edgebake.errors import EdgebakeError
from edgebake.host.autotag import Answer, nothing_fits
from edgebake.host.candidate import Candidate, Judged
from edgebake.host.files import Files
from edgebake.host.flags import Choice, Flag, machine_flags
from edgebake.host.launch import Mounted, Request, configuration, run_command, user_flags
from edgebake.host.machine import Machine
from edgebake.host.wanted import Wanted
from edgebake.load.workspace import Workspace


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
        return run_command(self.image.reference, self.flags, self.command)


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

    Args:
        image: the image.
        machine: where it runs.
        files: the machine's.
        choice: which groups of flags are wanted.
        request: what the user asks for.
        environment: of the user.
        config: another configuration.
        notes: shown to the user.

    Raises:
        EdgebakeError: the machine cannot give a GPU to containers, or the image has no place for a configuration.
    """
    mounted = configuration(image, config) if config else None
    flags = [
        *machine_flags(machine, files, choice, environment, gpu=uses_gpu(image, machine)),
        *(mounted.flags if mounted else ()),
        *user_flags(request),
    ]
    return Prepared(image, tuple(flags), request.command, mounted, notes)


def uses_gpu(image: Candidate, machine: Machine) -> bool:
    """Tell whether an image uses the GPU: it is for CUDA, or nobody knows and its environment speaks of one."""
    if image.built.source:
        return image.built.cuda is not None
    return bool(machine.gpus) and any(image.variable(one) for one in ("NVIDIA_VISIBLE_DEVICES", "CUDA_VERSION"))


def chosen(
    this: Wanted, workspace: Workspace, machine: Machine, answer: Answer, *, force: bool
) -> tuple[Candidate, tuple[str, ...]]:
    """Return the image to run, and notes about it.

    A reference (with a tag) is taken as it is, if nothing is known against it.

    Raises:
        EdgebakeError: no image fits.
    """
    if answer.best is not None:
        return answer.best, (*answer.notes, *answer.doubts)
    first = answer.judged[0] if answer.judged else None
    if first is None and this.tag:
        raise EdgebakeError(f"image {this.name} not found", reason="neither the engine nor its registry has it")
    if first is None or not this.tag:
        raise nothing_fits(this, workspace, machine, answer.judged)
    refusal = _refusal(first)
    if refusal and not force:
        raise EdgebakeError(
            f"{this.name} does not run on this machine",
            reason=refusal,
            hints=("the best image for this machine: edgebake autotag", "start it anyway: --force"),
        )
    word = refusal or "it is unknown what it was built for"
    return first.candidate, (*answer.notes, f"{this.name}: {word}")


def _refusal(one: Judged) -> str:
    """Return the first reason against an image, but that nothing is known of it."""
    return next((r.text for r in one.verdict.reasons if not r.ok and r.rule != "known"), "")
