"""The best image for a machine: from the engine, else from the registry, else what to build."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from edgebake.dataclasses import dataclass
from edgebake.errors import EdgebakeError
from edgebake.host.candidate import Candidate, Judged, judged
from edgebake.host.detect import machine_of
from edgebake.host.local import local_candidates, local_reference
from edgebake.host.machine import Machine
from edgebake.host.match import machine_board
from edgebake.host.remote import MOST_TAGS, Cache, cache_folder, remote_candidates, remote_reference
from edgebake.host.wanted import Wanted, known_targets, target_to_build, wanted
from edgebake.load.workspace import Workspace, find_root, open_workspace
from edgebake.model.target import Target
from edgebake.registry.client import RegistryClient
from edgebake.registry.errors import RegistryError
from edgebake.text.words import counted

_SHOWN = 10  # refusals in a message


@dataclass(frozen=True)
class Search:
    """What is looked for, and where: `name` is an image of the project, a recipe, a repository or a reference.

    `registry` takes the place of the project's. `root` is the folder with another machine's files; None for this
    machine. `no_cache`: ask the registry again, though its answers of the last minutes are kept. `ca_bundle` has
    further certificates to trust. `everything`: ask the registry even if the engine has an image that fits.
    """

    name: str
    registry: str | None = None
    root: Path | None = None
    no_cache: bool = False
    ca_bundle: Path | None = None
    everything: bool = False


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


@dataclass(frozen=True)
class Found:
    """The result of a search."""

    wanted: Wanted
    workspace: Workspace
    machine: Machine
    answer: Answer

    def nothing_fits(self) -> EdgebakeError:
        """Return the error that says why no image fits, and what to build."""
        name, refused = self.wanted.name, self.answer.judged
        lines = [f"{one.candidate.reference}: {one.verdict.refusal}" for one in refused[:_SHOWN]]
        if len(refused) > _SHOWN:
            lines.append(f"… and {len(refused) - _SHOWN} more: edgebake autotag {name} --explain")
        reason = "\n".join(lines) or f"neither the engine nor {self.wanted.repository} has one"
        return EdgebakeError(f"no image of {name!r} runs on this machine", reason=reason, hints=(self._to_build(),))

    def _to_build(self) -> str:
        if not self.wanted.known:
            return "edgebake detect shows what this machine is"
        target = target_to_build(self.wanted, self.workspace, self.machine)
        if target is None:
            return "no known target fits this machine: edgebake detect shows what it is"
        return f"build it: edgebake bake {self.wanted.name} --target {target} --load"


def search(what: Search, start: Path, environment: Mapping[str, str]) -> Found:
    """Return the images that a name may mean, judged for a machine.

    The registry is asked only if the engine has no image that fits, uses the machine's GPU and is proven to run.
    `start` is a folder of the project, if there is one; `environment` is the user's.

    Raises:
        EdgebakeError: the name is unknown, or the registry is needed, and refuses or cannot be reached.
    """
    workspace = open_workspace(find_root(start) or start, need_project=False)
    this = wanted(what.name, workspace, what.registry)
    machine = machine_of(what.root)
    client = RegistryClient(environment, what.ca_bundle, insecure=workspace.project.insecure_registries)
    cache = Cache(None if what.no_cache else cache_folder(environment))
    targets, board = known_targets(workspace), machine_board(machine, workspace)
    profile = board.name if board else None
    candidates, notes = _local(this, targets) if what.root is None else ([], [])
    answer = Answer(tuple(judged(candidates, machine, profile)), tuple(notes))
    uses_gpu = answer.best is not None and answer.judged[0].verdict.uses_gpu
    is_enough = answer.best is not None and not answer.doubts and (uses_gpu or machine.cuda is None)
    if what.everything or not is_enough:
        try:
            more, more_notes = _remote(this, machine, targets, client, cache)
            candidates, notes = [*candidates, *more], [*notes, *more_notes]
        except RegistryError as error:
            if answer.best is None:
                raise
            notes.append(f"the registry's images are unknown: {error.message}")
        answer = Answer(tuple(judged(candidates, machine, profile)), tuple(notes))
    return Found(this, workspace, machine, answer)


def _local(this: Wanted, targets: Mapping[str, Target]) -> tuple[list[Candidate], list[str]]:
    """Return the engine's images, or a note why they are unknown."""
    try:
        if not this.tag:
            return local_candidates(this.repository, targets), []
        candidate = local_reference(f"{this.repository}{this.tag}", targets)
    except EdgebakeError as error:
        return [], [f"the engine's images are unknown: {error.message}"]
    return ([candidate] if candidate else []), []


def _remote(
    this: Wanted, machine: Machine, targets: Mapping[str, Target], client: RegistryClient, cache: Cache
) -> tuple[list[Candidate], list[str]]:
    """Return the registry's images, and a note if it has too many tags."""
    platform = machine.platform or ""
    if this.tag:
        candidate = remote_reference(client, f"{this.repository}{this.tag}", platform, targets)
        return ([candidate] if candidate else []), []
    candidates, left_out = remote_candidates(client, this.repository, platform, targets, cache)
    note = f"{counted(left_out, 'tag')} of {this.repository} left out: it has more than {MOST_TAGS}"
    return candidates, [note] if left_out else []
