"""The best image for a machine: from the engine, else from the registry, else what to build."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edgebake.errors import EdgebakeError
from edgebake.host.candidate import Candidate, Judged, judged
from edgebake.host.machine import Machine
from edgebake.host.match import machine_board
from edgebake.host.remote import MOST_TAGS, Cache, remote_candidates, remote_reference
from edgebake.host.wanted import Wanted, known_targets, target_to_build
from edgebake.load.workspace import Workspace
from edgebake.model.target import Target
from edgebake.registry.client import RegistryClient
from edgebake.registry.errors import RegistryError
from edgebake.text.words import counted

_SHOWN = 10  # refusals in a message


@dataclass(frozen=True)
class Answer:
    """All candidates, the best first, and notes about the search."""

    judged: tuple[Judged, ...]
    notes: tuple[str, ...] = ()

    @property
    def best(self) -> Candidate | None:
        """The image to take, or None if none fits."""
        first = next(iter(self.judged), None)
        return first.candidate if first and first.verdict.fits else None

    @property
    def doubts(self) -> tuple[str, ...]:
        """Why the image to take is not proven to run."""
        if self.best is None:
            return ()
        unproven = [one for one in self.judged[0].verdict.reasons if one.grade == "unproven"]
        return tuple(f"not proven to run here: {one.text} ({one.source})" for one in unproven)


def find_image(
    this: Wanted,
    workspace: Workspace,
    machine: Machine,
    client: RegistryClient,
    cache: Cache,
    *,
    here: bool = True,
    all_of_them: bool = False,
) -> Answer:
    """Return the candidates for a machine.

    The registry is asked only if no image of the engine's fits, or the best one leaves the machine's GPU alone, or
    is not proven to run.

    Args:
        this: what is wanted.
        workspace: the project.
        machine: where it is to run.
        client: asks the registry.
        cache: its earlier answers.
        here: whether the machine is this one, whose engine's images count.
        all_of_them: ask the registry even if the engine has an image that fits.

    Raises:
        EdgebakeError: the registry is needed, and refuses or cannot be reached.
    """
    targets, board, notes = known_targets(workspace), machine_board(machine, workspace), []
    found: list[Candidate] = []
    if here:
        try:
            found = _local(this, targets)
        except EdgebakeError as error:
            notes.append(f"the engine's images are unknown: {error.message}")
    answer = Answer(tuple(judged(found, machine, board.name if board else None)), tuple(notes))
    if _is_enough(answer, machine) and not all_of_them:
        return answer
    try:
        more, left_out = _remote(this, machine, targets, client, cache)
        found = [*found, *more]
        if left_out:
            notes.append(f"{counted(left_out, 'tag')} of {this.repository} left out: it has more than {MOST_TAGS}")
    except RegistryError as error:
        if answer.best is None:
            raise
        notes.append(f"the registry's images are unknown: {error.message}")
    return Answer(tuple(judged(found, machine, board.name if board else None)), tuple(notes))


def _is_enough(answer: Answer, machine: Machine) -> bool:
    if answer.best is None:
        return False
    verdict = answer.judged[0].verdict
    return verdict.grade != "unproven" and (verdict.uses_gpu or machine.cuda is None)


def _local(this: Wanted, targets: Mapping[str, Target]) -> list[Candidate]:
    from edgebake.host.local import local_candidates, local_reference

    if this.tag:
        found = local_reference(f"{this.repository}{this.tag}", targets)
        return [found] if found else []
    return local_candidates(this.repository, targets)


def _remote(
    this: Wanted, machine: Machine, targets: Mapping[str, Target], client: RegistryClient, cache: Cache
) -> tuple[list[Candidate], int]:
    platform = machine.platform or ""
    if this.tag:
        found = remote_reference(client, f"{this.repository}{this.tag}", platform, targets)
        return ([found] if found else []), 0
    return remote_candidates(client, this.repository, platform, targets, cache)


def nothing_fits(this: Wanted, workspace: Workspace, machine: Machine, refused: Sequence[Judged]) -> EdgebakeError:
    """Return the error that says why no image fits, and what to build."""
    lines = [f"{one.candidate.reference}: {one.verdict.refusal}" for one in refused[:_SHOWN]]
    if len(refused) > _SHOWN:
        lines.append(f"… and {len(refused) - _SHOWN} more: edgebake autotag {this.name} --explain")
    reason = "\n".join(lines) or f"neither the engine nor {this.repository} has one"
    return EdgebakeError(
        f"no image of {this.name!r} runs on this machine", reason=reason, hints=_to_build(this, workspace, machine)
    )


def _to_build(this: Wanted, workspace: Workspace, machine: Machine) -> tuple[str, ...]:
    if not this.known:
        return ("edgebake detect shows what this machine is",)
    target = target_to_build(this, workspace, machine)
    if target is None:
        return ("no known target fits this machine: edgebake detect shows what it is",)
    return (f"build it: edgebake bake {this.name} --target {target} --load",)
