"""From a name on the command line to the images that it may mean, judged for a machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edgebake.errors import EdgebakeError
from edgebake.host.autotag import Answer, find_image, nothing_fits
from edgebake.host.here import machine_of
from edgebake.host.machine import Machine
from edgebake.host.remote import Cache
from edgebake.host.wanted import Wanted, wanted
from edgebake.load.workspace import Workspace, find_root, open_workspace
from edgebake.registry.client import RegistryClient


@dataclass(frozen=True)
class Search:
    """What is looked for, and where.

    Attributes:
        name: an image of the project, a recipe, a repository or a reference.
        registry: a registry in place of the project's.
        root: the folder with another machine's files; None for this machine.
        no_cache: ask the registry again, though its answers of the last minutes are kept.
        ca_bundle: further certificates to trust.
        everything: ask the registry even if the engine has an image that fits.
    """

    name: str
    registry: str | None = None
    root: Path | None = None
    no_cache: bool = False
    ca_bundle: Path | None = None
    everything: bool = False


@dataclass(frozen=True)
class Found:
    """The result of a search."""

    wanted: Wanted
    workspace: Workspace
    machine: Machine
    answer: Answer

    def nothing_fits(self) -> EdgebakeError:
        """Return the error that says why no image fits, and what to build."""
        return nothing_fits(self.wanted, self.workspace, self.machine, self.answer.judged)


def search(what: Search, start: Path, environment: Mapping[str, str]) -> Found:
    """Return the images that a name may mean, judged for a machine.

    Args:
        what: the name, and where to look.
        start: a folder of the project, if there is one.
        environment: the user's.

    Raises:
        EdgebakeError: the name is unknown, or the registry is needed and cannot be reached.
    """
    workspace = open_workspace(find_root(start) or start, need_project=False)
    this = wanted(what.name, workspace, what.registry)
    machine = machine_of(what.root)
    client = RegistryClient(environment, what.ca_bundle)
    cache = Cache(None if what.no_cache else cache_folder(environment))
    is_here = what.root is None
    answer = find_image(this, workspace, machine, client, cache, here=is_here, all_of_them=what.everything)
    return Found(this, workspace, machine, answer)


def cache_folder(environment: Mapping[str, str]) -> Path:
    """Return where answers of registries are kept: in the user's cache folder (XDG base directories)."""
    home = environment.get("XDG_CACHE_HOME") or ""
    folder = Path(home) if home.startswith("/") else Path.home() / ".cache"
    return folder / "edgebake" / "registry"
