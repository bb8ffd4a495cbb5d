"""From a request to a plan: each step is computed once, and this is the only place where plans are made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from edgebake.dataclasses import dataclass
from edgebake.errors import EdgebakeError
from edgebake.graph.compile import Compilation, compile_workspace
from edgebake.load.workspace import Workspace
from edgebake.lock.stale import refuse_stale_lock
from edgebake.model.request import Request
from edgebake.plan.builder import Plan, build_plan
from edgebake.plan.fingerprint import Fingerprints
from edgebake.plan.history import History, read_history
from edgebake.plan.reuse import Snapshot
from edgebake.plan.scope import Scope
from edgebake.plan.stacks import Keyed
from edgebake.plan.steps import Output
from edgebake.render.checkout import refuse_unfit_files
from edgebake.render.files import GeneratedFile, generated_files
from edgebake.render.shared_paths import refuse_shared_paths
from edgebake.render.writer import Change, OutputTree
from edgebake.select.request import open_request, scope_of
from edgebake.templating.templates import project_templates

if TYPE_CHECKING:
    from edgebake.plan.settings import Settings
    from edgebake.select.project import ProjectItems
    from edgebake.state.current import Wish

Look = Callable[[Compilation, Sequence[Keyed]], Snapshot]
"""Asks a project's repository of shared stages which of some stages it has."""


@dataclass(frozen=True)
class Compiled:
    """A compilation with its generated files, not written yet."""

    compilation: Compilation
    tree: OutputTree

    def changes(self) -> list[Change]:
        """Return what writing would change."""
        return self.tree.changes()


@dataclass(frozen=True)
class Observed:
    """A plan without what is up to date, and how it is executed.

    `settings` have what is injected when executing (the commit, the day).
    """

    plan: Plan
    settings: Settings


def compile_files(workspace: Workspace, *, locked: bool = False) -> Compiled:
    """Compile a workspace and render its files.

    Args:
        workspace: the project.
        locked: refuse a lock that is stale.

    Raises:
        EdgebakeError: whatever is wrong in the project.
    """
    compilation = compile_workspace(workspace)
    refuse_shared_paths(compilation)
    if locked:
        refuse_stale_lock(compilation)
    refuse_unfit_files(compilation)
    files = generated_files(compilation, project_templates(workspace.root))
    if workspace.project.services:
        from edgebake.compose.file import committed_files
        from edgebake.compose.placed import left_out_of

        left_out = left_out_of(workspace, compilation.graph.bake_targets)
        compilation = replace(compilation, left_out=(*compilation.left_out, *left_out))
        files += [GeneratedFile(path, text.encode(), "the services") for path, text in committed_files(compilation)]
    output = workspace.project.output
    tree = OutputTree(workspace.root, output)
    for file in files:
        tree.add(f"{output}/{file.path}", file.content, owner=file.owner, executable=file.executable)
    return Compiled(compilation, tree)


class Pipeline:
    """A request on its way to a plan. Properties are computed when they are first read, each once.

    Args:
        start: where to look for a project: this folder and those above it.
        request: what the user asked for.
        locked: refuse a lock that is stale.
        opened: opens the workspace.
    """

    def __init__(
        self,
        start: Path,
        request: Request,
        *,
        locked: bool = False,
        opened: Callable[[Path, Request], Workspace] = open_request,
    ) -> None:
        self._start = start
        self._locked = locked
        self._opened = opened
        self.request = request

    @cached_property
    def workspace(self) -> Workspace:
        """The project, or the ad-hoc image in one."""
        return self._opened(self._start, self.request)

    @cached_property
    def compiled(self) -> Compiled:
        """The compilation and its files."""
        return compile_files(self.workspace, locked=self._locked)

    @property
    def compilation(self) -> Compilation:
        """The compiled project."""
        return self.compiled.compilation

    @cached_property
    def fingerprints(self) -> Fingerprints:
        """The fingerprints of all stages, each computed when it is asked for."""
        return Fingerprints(self.compilation)

    @cached_property
    def history(self) -> History:
        """What the journal has of earlier bakes."""
        return read_history(self.workspace.root)

    @cached_property
    def _unselected(self) -> Plan:
        """The plan for what the request names, whatever its selectors say."""
        scope = scope_of(self.compilation.graph.bake_targets, self.workspace, self.request)
        return build_plan(
            self.compilation,
            scope,
            self.history.record,
            self.compiled.changes(),
            fingerprints=self.fingerprints,
            times=self.history.times,
        )

    @cached_property
    def items(self) -> ProjectItems:
        """What selectors choose from: images and the recipes in them, with their states."""
        from edgebake.select.images import states_of
        from edgebake.select.project import ProjectItems

        return ProjectItems(self.compilation, self._unselected.scope, lambda: states_of(self._unselected))

    @cached_property
    def scope(self) -> Scope:
        """The bake targets and platforms that the request comes to.

        Raises:
            EdgebakeError: a selector is wrong, or matches nothing.
        """
        if not self.request.has_selectors:
            return self._unselected.scope
        from edgebake.select.images import picked

        return picked(self.items, self._unselected.scope)

    def plan(self, *, output: Output = "cache", test: bool = False, look: Look | None = None) -> Plan:
        """Return the plan for the request.

        Args:
            output: where results go.
            test: whether the images' tests run first.
            look: asks the project's repository of shared stages, if it has one; None to reuse nothing.

        Raises:
            EdgebakeError: whatever is wrong in the project or the request.
        """
        plan = self._unselected if self.scope is self._unselected.scope else self._unselected.part(self.scope)
        return self._looked(replace(plan, output=output, test=test), look)

    def observed(
        self,
        settings: Settings,
        wish: Wish,
        *,
        look: Look | None = None,
        narrow: Callable[[Plan], Scope] | None = None,
    ) -> Observed:
        """Return the plan without what is up to date, as the registry, the engine and the journal show it.

        Args:
            settings: how it would be built.
            wish: where results go, and what of earlier ones counts.
            look: as for :meth:`plan`; it is asked only if something is not up to date.
            narrow: chooses a part of the scope.

        Raises:
            EdgebakeError: whatever is wrong in the project or the request.
        """
        from edgebake.state.current import find_evidence
        from edgebake.state.inject import prepared

        settings = prepared(self.compilation, settings)
        plan = self.plan(output=wish.output, test=wish.test)
        if narrow is not None:
            plan = plan.part(narrow(plan))
            if plan.scope.sharing is not None:  # no image is built, so none can be up to date
                return Observed(self._looked(plan, look), settings)
        evidence = find_evidence(plan, settings, self.history, wish)
        if not all(found.current for found in evidence.values()):
            plan = self._looked(plan, look)
        return Observed(plan.with_evidence(evidence), settings)

    def changed(self, plan: Plan, ref: str | None, settings: Settings) -> tuple[Plan, Sequence[str]]:
        """Return a plan without the images that are as they were, and lines that say what that leaves out.

        Args:
            plan: the plan for everything.
            ref: the git commit to compare with; None: what is published.
            settings: the registry and the tags to look at, if they are not the project's.

        Raises:
            EdgebakeError: there is no such commit.
        """
        from edgebake.plan.changed import Before, changed_notes, changed_scope

        if ref is None:
            from edgebake.state.published import published_fingerprints

            before, since = Before(published_fingerprints(plan, settings)), "published"
        else:
            from edgebake.state.committed import fingerprints_at

            before, since = fingerprints_at(self.workspace.root, ref), f"at {ref}"
        changed = plan.part(changed_scope(plan, before.known, since))
        return changed, changed_notes(plan, changed, since, before)

    def _looked(self, plan: Plan, look: Look | None) -> Plan:
        """Return a plan that reuses what the repository of shared stages has, if it is to be asked."""
        if look is None or self.workspace.project.stacks is None:
            return plan
        return plan.reusing(look(self.compilation, plan.reusable()))


def by_tags(plan: Plan) -> list[Plan]:
    """Return a plan in the smallest parts that can be published alone: what no tag holds together."""
    groups = {target.bake_target.name: {target.bake_target.name} for target in plan.targets}
    for index in plan.compilation.graph.indexes:
        joined = set().union(*(groups.get(name, set()) for _, name in index.parts))
        groups |= dict.fromkeys(joined, joined)
    unique = {min(group): group for group in groups.values()}
    whole = plan.scope
    parts = [{p for p in whole.parts if p.bake_target in group} for _, group in sorted(unique.items())]
    return [plan.part(whole.only(own, "its tags stand alone")) for own in parts]


def shard_of(shard: str | None, file: Path | None) -> Callable[[Plan], Scope] | None:
    """Return what chooses a shard of a plan; None if there is neither a shard nor a file.

    Raises:
        EdgebakeError: a file of shards without a shard.
    """
    if shard is None:
        if file is not None:
            raise EdgebakeError("--shards needs --shard", hints=("for example --shard 2/4",))
        return None
    from edgebake.plan.shards import shard_scope

    return lambda plan: shard_scope(plan, shard, file)
