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
from edgebake.plan.changed import Before
from edgebake.plan.fingerprint import Fingerprints
from edgebake.plan.record import BuildRecord
from edgebake.plan.scope import Scope
from edgebake.select.request import scope_of
from edgebake.system.git import folder_at


def fingerprints_at(root: Path, ref: str) -> Before:
    """Return the fingerprints of a project at a commit. Arguments and errors: see `system.git.folder_at`."""
    with folder_at(root, ref) as folder:
        return _compiled(folder)


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


def _compiled(root: Path) -> Before:
    if not (root / PROJECT_FILE).is_file():
        return Before({}, f"there was no {PROJECT_FILE}")
    try:
        compilation = compile_workspace(open_workspace(root))
        fingerprints = Fingerprints(compilation)
        graph = compilation.graph
        return Before(
            {
                (one.name, platform): fingerprints.of(graph.node(one.target, one.stage), platform).digest
                for one in graph.bake_targets
                if not one.is_test
                for platform in one.platforms
            }
        )
    except EdgebakeError as error:
        return Before({}, f"it does not compile: {error.message}")
