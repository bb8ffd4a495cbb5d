"""What a commit has: the fingerprints of the images as git has the project there.

Nothing is guessed by paths. The committed state is compiled as this one is, and an image that comes out
with another fingerprint has changed, whatever the reason is (a file, a recipe, a base image).
"""

from __future__ import annotations

from pathlib import Path

from edgebake.errors import EdgebakeError
from edgebake.graph.compile import Compilation, compile_workspace
from edgebake.load.workspace import open_workspace
from edgebake.model.project import PROJECT_FILE
from edgebake.model.request import Request
from edgebake.plan.builder import build_plan
from edgebake.plan.changed import Before, Known
from edgebake.plan.fingerprint import Fingerprints
from edgebake.plan.record import BuildRecord
from edgebake.plan.scope import Scope
from edgebake.select.request import scope_of
from edgebake.system.git import folder_at


def fingerprints_at(root: Path, ref: str) -> Before:
    """Return the fingerprints of a project at a commit. Arguments and errors: see `system.git.folder_at`."""
    with folder_at(root, ref) as folder:
        if not (folder / PROJECT_FILE).is_file():
            return Before({}, f"there was no {PROJECT_FILE}")
        try:
            return Before(_fingerprints(compile_workspace(open_workspace(folder))))
        except EdgebakeError as error:
            return Before({}, f"it does not compile: {error.message}")


def record_of(compilation: Compilation) -> BuildRecord:
    """Return what all stages of a compilation follow from, as if they had been built."""
    record = BuildRecord()
    plan = build_plan(compilation, everything(compilation), BuildRecord())
    for target in plan.targets:
        for platform in target.platforms:
            name = target.bake_target.name
            record.put(name, platform, plan.stage_records(name, platform))
    return record


def everything(compilation: Compilation) -> Scope:
    """Return the scope of all images of a compilation."""
    return scope_of(compilation.graph.bake_targets, compilation.workspace, Request())


def _fingerprints(compilation: Compilation) -> Known:
    fingerprints, graph = Fingerprints(compilation), compilation.graph
    images = ((one, graph.node(one.target, one.stage)) for one in graph.bake_targets if not one.is_test)
    return {(one.name, p): fingerprints.of(node, p).digest for one, node in images for p in one.platforms}
