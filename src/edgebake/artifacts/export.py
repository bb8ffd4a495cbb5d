"""Puts what build halves left into a folder of artifacts: exported by BuildKit, as it has it in its cache."""

from __future__ import annotations

import tempfile
from collections import deque
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from edgebake.artifacts.facts import facts_of
from edgebake.artifacts.layout import Layout
from edgebake.artifacts.make import join, store
from edgebake.execute.invocation import Invocation
from edgebake.execute.pool import Job, Pool
from edgebake.plan.builder import Plan
from edgebake.plan.reuse import PublishedStage
from edgebake.plan.settings import Settings, bake_variables
from edgebake.plan.stacks import is_built
from edgebake.plan.waves import MAX_BAKE_TARGETS
from edgebake.render.bake_file import BakeFile, Block, Value, render_json


@dataclass(frozen=True)
class _Part:
    """A stage on one platform: what is exported, and the key that it gets."""

    stage: PublishedStage
    platform: str
    key: str


def export_artifacts(plan: Plan, settings: Settings, layout: Layout) -> list[str]:
    """Put the artifacts of build halves that a plan builds into a folder; return the keys that are new.

    To be called after the plan was executed: then BuildKit has them, and nothing is built again.

    Args:
        plan: made with a look at the folder, so that it has none of what the folder has.
        settings: as for the bake.
        layout: the folder.

    Raises:
        EdgebakeError: Buildx fails, or the folder cannot be written.
    """
    _touch_given(plan, layout)
    pending = [target for target in plan.targets if not target.evidence.current]
    stages = {one.stage.key: one for target in pending for one in target.to_publish if is_built(one.stage.node)}
    wanted = [part for one in stages.values() for part in _parts(plan, one)]
    wanted = [part for part in wanted if not _is_there(layout, part.key)]
    for start in range(0, len(wanted), MAX_BAKE_TARGETS):
        _export(plan, settings, layout, wanted[start : start + MAX_BAKE_TARGETS])
    joined = [one for one in stages.values() if one.joined and join(layout, one.joined, dict(one.parts))]
    return [*(part.key for part in wanted), *(one.joined for one in joined)]


def _touch_given(plan: Plan, layout: Layout) -> None:
    """Remember that what the plan takes from the folder was used now."""
    given = {one.context for target in plan.targets for one in target.reuse.given}
    for context in given:
        place, _, digest = context.rpartition("@")
        if place == f"oci-layout://{layout.folder}":
            layout.touch(digest)


def _is_there(layout: Layout, key: str) -> bool:
    """Tell whether a folder has what a key names, whole: what is damaged is put there anew."""
    entry = layout.find(key)
    return entry is not None and not layout.check(entry)


def _parts(plan: Plan, one: PublishedStage) -> list[_Part]:
    known = dict(one.parts)
    if not known:  # it is for one platform
        return [_Part(one, platform, one.stage.key) for platform in one.stage.platforms]
    return [_Part(one, platform, known[platform]) for platform in one.stage.platforms]


def _export(plan: Plan, settings: Settings, layout: Layout, parts: Sequence[_Part]) -> None:
    project = plan.compilation.workspace.project
    with tempfile.TemporaryDirectory(prefix="edgebake-") as name:
        folder = Path(name)
        blocks = [
            Block("target", f"eb-artifact-{i}", _attributes(part, folder / str(i))) for i, part in enumerate(parts)
        ]
        overlay = folder / "artifacts.json"
        overlay.write_text(render_json(BakeFile(blocks)), encoding="utf-8")
        variables = {**bake_variables(plan.compilation, settings), "CACHE_TO": ""}
        files = [project.bake_file, str(overlay)]
        invocation = Invocation([block.name for block in blocks], files, {}, variables, settings.builder)
        pool = Pool(1, lambda job, events, ended: None)
        with closing(pool.run(deque([Job(invocation)]))) as ends:
            for ended in ends:
                if ended.failure is not None:
                    raise ended.failure.error()
        for number, part in enumerate(parts):
            _store(plan, layout, part, folder / str(number))


def _attributes(part: _Part, archive: Path) -> dict[str, Value]:
    attributes: dict[str, Value] = {
        "inherits": [part.stage.bake_target],
        "target": part.stage.stage.name,
        "platforms": [part.platform],
        "attest": ["type=provenance,disabled=true"],
        "output": [f"type=tar,dest={archive}"],
    }
    if part.stage.given:
        attributes["contexts"] = {given.stage.name: given.context for given in part.stage.given}
    return attributes


def _store(plan: Plan, layout: Layout, part: _Part, archive: Path) -> None:
    node = part.stage.stage.node
    if node.bodies[part.platform].empty:
        return
    target = plan.compilation.plan_of(plan.target(part.stage.bake_target).bake_target).target
    fingerprint = part.key.rpartition("-")[2]
    store(layout, part.key, archive, facts_of(node, part.platform, target, fingerprint))
