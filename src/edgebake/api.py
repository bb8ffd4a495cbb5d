"""What the commands do, without the command line: open, compile, compare with what is written, plan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from edgebake.compile import Compilation, compile_workspace, stage_templates
from edgebake.errors import EdgebakeError
from edgebake.load.workspace import Workspace
from edgebake.model.lock import LockedPython
from edgebake.plan.builder import Plan, build_plan
from edgebake.plan.record import read_record
from edgebake.plan.selection import Selection, open_selection
from edgebake.plan.shards import cut, parse_shard, parts_of_shard, read_shards, refuse_other_fingerprints
from edgebake.plan.steps import Output
from edgebake.render.files import generated_files
from edgebake.render.writer import Change, OutputTree

if TYPE_CHECKING:
    from edgebake.execute.settings import Settings


@dataclass(frozen=True)
class Compiled:
    """A compilation with its generated files, not written yet."""

    compilation: Compilation
    tree: OutputTree

    def changes(self) -> list[Change]:
        """Return what writing would change."""
        return self.tree.changes()


def compile_files(workspace: Workspace, *, locked: bool = False) -> Compiled:
    """Compile a workspace and render its files.

    Args:
        workspace: the project.
        locked: refuse a lock that is stale.

    Raises:
        EdgebakeError: whatever the user has to mend.
    """
    compilation = compile_workspace(workspace)
    if locked:
        refuse_stale_lock(compilation)
    output = workspace.project.output
    tree = OutputTree(workspace.root, output)
    for file in generated_files(compilation, stage_templates(workspace.root)):
        tree.add(f"{output}/{file.path}", file.content, owner=file.owner, executable=file.executable)
    return Compiled(compilation, tree)


def make_plan(
    start: Path, selection: Selection, *, output: Output = "cache", test: bool = False, locked: bool = False
) -> tuple[Plan, Compiled]:
    """Return the plan for a selection, and the compilation behind it.

    Args:
        start: where to look for a project: this folder and those above it.
        selection: what is built.
        output: where results go.
        test: whether the images' tests run first.
        locked: refuse a lock that is stale.

    Raises:
        EdgebakeError: whatever the user has to mend.
    """
    workspace = open_selection(start, selection)
    compiled = compile_files(workspace, locked=locked)
    record = read_record(workspace.root)
    plan = build_plan(compiled.compilation, selection, record, compiled.changes(), output=output, test=test)
    return plan, compiled


def narrow_plan(plan: Plan, compiled: Compiled, selection: Selection) -> Plan:
    """Return the plan for a part of what another plan is for (what changed, a shard): nothing is compiled again."""
    output, test = plan.output, plan.test
    record = read_record(compiled.compilation.workspace.root)
    return build_plan(compiled.compilation, selection, record, compiled.changes(), output=output, test=test)


def only_changed(
    plan: Plan, compiled: Compiled, ref: str | None, settings: Settings | None = None
) -> tuple[Plan, Sequence[str]]:
    """Return a plan without the images that are as they were, and lines that say what that left out.

    Args:
        plan: the plan for everything.
        compiled: what it was made from.
        ref: the git commit to compare with; None: what is published.
        settings: the registry and the tags to look at, if they are not the project's.

    Raises:
        EdgebakeError: there is no such commit.
    """
    from edgebake.plan.changed import Before, changed_selection, told

    if ref is None:
        from edgebake.execute.settings import Settings
        from edgebake.observe.published import published_fingerprints

        before, since = Before(published_fingerprints(plan, settings or Settings())), "published"
    else:
        from edgebake.observe.committed import fingerprints_at

        before, since = fingerprints_at(compiled.compilation.workspace.root, ref), f"at {ref}"
    narrowed = narrow_plan(plan, compiled, changed_selection(plan, before.known))
    return narrowed, told(plan, narrowed, since, before)


def shard_plan(plan: Plan, compiled: Compiled, shard: str | None, file: Path | None) -> Plan:
    """Return the plan for one shard.

    Args:
        plan: the plan for everything.
        compiled: what it was made from.
        shard: `I/N`.
        file: the shards, if they were cut elsewhere; they must be of this state of the project.

    Raises:
        EdgebakeError: there is no such shard.
    """
    if shard is None:
        raise EdgebakeError("--shards needs --shard", hints=("for example --shard 2/4",))
    number, of = parse_shard(shard)
    if file is not None:
        parts = parts_of_shard(read_shards(file), shard, file)
        refuse_other_fingerprints(plan, parts)
        keys = frozenset((part.bake_target, part.platform) for part in parts)
    else:
        found = cut(plan, of)
        keys = frozenset(part.key for one in found if one.number == number for part in one.parts)
    return narrow_plan(plan, compiled, replace(plan.selection, parts=keys, shard=shard))


def planned_parts(plan: Plan, compiled: Compiled, file: Path) -> Plan:
    """Return the plan for what a file of shards holds, all of them together.

    Raises:
        EdgebakeError: the file is of another state of the project.
    """
    parts = read_shards(file)
    refuse_other_fingerprints(plan, parts)
    keys = frozenset((part.bake_target, part.platform) for part in parts)
    return narrow_plan(plan, compiled, replace(plan.selection, parts=keys))


def by_tags(plan: Plan, compiled: Compiled) -> list[Plan]:
    """Return a plan in the smallest parts that can be published alone: what no tag holds together."""
    groups = {target.bake_target.name: {target.bake_target.name} for target in plan.targets}
    for index in compiled.compilation.graph.indexes:
        joined = set().union(*(groups.get(name, set()) for _, name in index.parts))
        groups |= dict.fromkeys(joined, joined)
    found = {min(group): group for group in groups.values()}
    selections = [
        replace(
            plan.selection,
            parts=frozenset(
                (t.bake_target.name, p) for t in plan.targets for p in t.platforms if t.bake_target.name in group
            ),
        )
        for _, group in sorted(found.items())
    ]
    return [narrow_plan(plan, compiled, selection) for selection in selections]


def refuse_stale_lock(compilation: Compilation) -> None:
    """Refuse a project whose lock does not fit it.

    Raises:
        EdgebakeError: naming what is stale.
    """
    stale = list(dict.fromkeys(_stale(compilation)))
    if stale:
        raise EdgebakeError(
            "the lock is stale", reason="\n".join(stale[:10]), hints=("bring it up to date: edgebake lock",)
        )


def _stale(compilation: Compilation) -> list[str]:
    lock = compilation.workspace.lock
    if lock is None:
        return ["there is no edgebake.lock"]
    found = []
    for target in compilation.targets.values():
        if "@" not in target.base.image and target.base.image not in lock.bases:
            found.append(f"the base image {target.base.image} is not in it")
    for plan in compilation.plans:
        where = f"{plan.name} on {plan.target.name}"
        refs = (f"{url} {ref} is not in it" for url, ref in plan.git_sources() if lock.commit(url, ref) is None)
        found.extend(refs)
        locked = lock.images.get(plan.name, {}).get(plan.target.name)
        if locked is None:
            found.append(f"{where} is not in it")
            continue
        for platform, resolution in plan.resolutions.items():
            now = {name: pin.release.version for name, pin in resolution.pins.items()}
            if now != locked.releases.get(platform):
                found.append(f"{where} ({platform}): other recipe releases than locked")
            reason = plan.python[platform].reason
            python = locked.python.get(platform, LockedPython(inputs=""))
            if reason and reason != python.reason:
                found.append(f"{where} ({platform}): other Python requirements than locked")
    return found
