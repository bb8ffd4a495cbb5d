"""A plan for a part of what is selected: what changed, one shard, what one tag needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from edgebake.api import Compiled
from edgebake.errors import EdgebakeError
from edgebake.plan.builder import Plan, build_plan
from edgebake.plan.history import read_history
from edgebake.plan.selection import Selection
from edgebake.plan.shards import (
    cut,
    parse_shard,
    parts_of,
    parts_of_shard,
    read_shards,
    refuse_other_fingerprints,
    shards_of_file,
)
from edgebake.plan.shared import Parts

if TYPE_CHECKING:
    from edgebake.plan.settings import Settings


def narrowed(plan: Plan, compiled: Compiled, selection: Selection) -> Plan:
    """Return the plan for a part of what another plan is for: nothing is compiled or looked up again."""
    return build_plan(
        compiled.compilation,
        selection,
        read_history(compiled.compilation.workspace.root).record,
        compiled.changes(),
        output=plan.output,
        test=plan.test,
        snapshot=plan.snapshot,
    )


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
        from edgebake.plan.settings import Settings
        from edgebake.state.published import published_fingerprints

        before, since = Before(published_fingerprints(plan, settings or Settings())), "published"
    else:
        from edgebake.state.committed import fingerprints_at

        before, since = fingerprints_at(compiled.compilation.workspace.root, ref), f"at {ref}"
    changed = narrowed(plan, compiled, changed_selection(plan, before.known))
    return changed, told(plan, changed, since, before)


def shard_selection(plan: Plan, *, shard: str | None, file: Path | None) -> Selection:
    """Return what one shard is.

    Args:
        plan: the plan for everything.
        shard: `I/N`; of `0/N`, what these share on the selected platforms.
        file: the shards, if they were cut elsewhere; they must be of this state of the project.

    Raises:
        EdgebakeError: there is no such shard, or no place for what shards share.
    """
    if shard is None:
        raise EdgebakeError("--shards needs --shard", hints=("for example --shard 2/4",))
    number, of = parse_shard(shard)
    if number == 0:
        sharing = _shared_parts(plan, of, file)
        return replace(plan.selection, parts=frozenset().union(*sharing), shard=shard, sharing=tuple(sharing))
    if file is not None:
        parts = parts_of_shard(read_shards(file), shard, file)
        refuse_other_fingerprints(plan, parts)
        keys = frozenset((part.bake_target, part.platform) for part in parts)
    else:
        keys = next((parts_of(one) for one in cut(plan, of) if one.number == number), frozenset())
    return replace(plan.selection, parts=keys, shard=shard)


def _shared_parts(plan: Plan, of: int, file: Path | None) -> list[Parts]:
    """Return the parts of each shard, on the selected platforms."""
    if plan.compilation.workspace.project.stacks is None:
        raise EdgebakeError(
            "shard 0 publishes the stages that shards share, and the project has no `stacks` to publish them to",
            hints=("name a repository in edgebake.yaml, for example stacks: ghcr.io/acme/stacks",),
        )
    if file is None:
        return [parts_of(shard) for shard in cut(plan, of)]
    platforms = plan.selection.platforms
    found = []
    for planned in shards_of_file(read_shards(file), of, file).values():
        parts = [part for part in planned if not platforms or part.platform in platforms]
        refuse_other_fingerprints(plan, parts)
        found.append(frozenset((part.bake_target, part.platform) for part in parts))
    return found


def planned_parts(plan: Plan, compiled: Compiled, file: Path) -> Plan:
    """Return the plan for what a file of shards holds, all of them together.

    Raises:
        EdgebakeError: the file is of another state of the project.
    """
    parts = read_shards(file)
    refuse_other_fingerprints(plan, parts)
    keys = frozenset((part.bake_target, part.platform) for part in parts)
    return narrowed(plan, compiled, replace(plan.selection, parts=keys))


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
    return [narrowed(plan, compiled, selection) for selection in selections]
