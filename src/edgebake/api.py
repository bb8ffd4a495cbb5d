"""What the commands do, without the command line: open, compile, compare with what is written, plan."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from edgebake.errors import EdgebakeError
from edgebake.graph.compile import Compilation, compile_workspace, stage_templates
from edgebake.load.workspace import Workspace
from edgebake.model.lock import LockedPython
from edgebake.plan.builder import Plan, build_plan, reusable
from edgebake.plan.fingerprint import Fingerprints
from edgebake.plan.history import History, read_history
from edgebake.plan.record import BuildRecord
from edgebake.plan.reuse import Snapshot
from edgebake.plan.selection import Selection, open_selection
from edgebake.plan.stacks import Keyed
from edgebake.plan.steps import Output
from edgebake.render.files import generated_files
from edgebake.render.writer import Change, OutputTree

if TYPE_CHECKING:
    from edgebake.plan.settings import Settings
    from edgebake.state.current import Wish


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


Look = Callable[[Compilation, Sequence[Keyed]], Snapshot]
"""Asks a project's repository of stacks what it has of stages that could be reused."""


def make_plan(
    start: Path,
    selection: Selection,
    *,
    output: Output = "cache",
    test: bool = False,
    locked: bool = False,
    look: Look | None = None,
    opened: Callable[[Path, Selection], Workspace] = open_selection,
) -> tuple[Plan, Compiled]:
    """Return the plan for a selection, and the compilation behind it.

    Args:
        start: where to look for a project: this folder and those above it.
        selection: what is built.
        output: where results go.
        test: whether the images' tests run first.
        locked: refuse a lock that is stale.
        look: asks the project's repository of stacks, if it has one; None to reuse nothing.
        opened: opens the workspace.

    Raises:
        EdgebakeError: whatever the user has to mend.
    """
    workspace = opened(start, selection)
    compiled = compile_files(workspace, locked=locked)
    history = read_history(workspace.root)
    fingerprints = Fingerprints(compiled.compilation)
    selection = picked_selection(compiled.compilation, selection, history.record, fingerprints)
    plan = _plan(compiled, selection, fingerprints, history=history, output=output, test=test, look=look)
    return plan, compiled


def picked_selection(
    compilation: Compilation,
    selection: Selection,
    record: BuildRecord | None = None,
    fingerprints: Fingerprints | None = None,
) -> Selection:
    """Return a selection with what its selectors pick; itself if it has none.

    Args:
        compilation: the project, compiled.
        selection: what was asked for.
        record: what was built last here, if that is known already.
        fingerprints: those of the compilation, if some are known already.

    Raises:
        EdgebakeError: a selector is wrong, or picks nothing; the commit to compare with is none.
    """
    if not selection.has_selectors:
        return selection
    from edgebake.select.images import picked

    return picked(compilation, selection, partial(state_record, compilation, selection, record), fingerprints)


def state_record(compilation: Compilation, selection: Selection, record: BuildRecord | None = None) -> BuildRecord:
    """Return what a selection's `state:` compares with: a commit, or what was built last here (`record`).

    Raises:
        EdgebakeError: there is no such commit, or it does not compile.
    """
    root = compilation.workspace.root
    if selection.state_ref is None:
        return record or read_history(root).record
    from edgebake.state.committed import record_at

    return record_at(root, selection.state_ref)


@dataclass(frozen=True)
class Observed:
    """A plan without what is up to date, and what it was made from.

    `settings` have what is injected when executing (the commit, the day).
    """

    plan: Plan
    compiled: Compiled
    history: History
    settings: Settings


def observed_plan(
    start: Path,
    selection: Selection,
    settings: Settings,
    wish: Wish,
    *,
    locked: bool = False,
    look: Look | None = None,
    narrow: Callable[[Plan], Selection] | None = None,
) -> Observed:
    """Return the plan for a selection without what is up to date, as the registry, the engine and the journal tell.

    Args:
        start: as for :func:`make_plan`.
        selection: what is built.
        settings: how it would be built.
        wish: where results go, and what of earlier ones counts.
        locked: refuse a lock that is stale.
        look: as for :func:`make_plan`; it is asked only if something is not up to date.
        narrow: selects a part of what the plan for the whole selection has.

    Raises:
        EdgebakeError: whatever the user has to mend.
    """
    from edgebake.state.current import find_evidence
    from edgebake.state.inject import prepared

    workspace = open_selection(start, selection)
    compiled = compile_files(workspace, locked=locked)
    settings = prepared(compiled.compilation, settings)
    history = read_history(workspace.root)
    fingerprints = Fingerprints(compiled.compilation)
    selection = picked_selection(compiled.compilation, selection, history.record, fingerprints)
    planned = partial(
        _plan, compiled, fingerprints=fingerprints, history=history, output=wish.output, test=wish.test
    )
    plan = planned(selection)
    if narrow is not None:
        selection = narrow(plan)
        if selection.sharing is not None:  # no image is built, so none can be up to date
            return Observed(planned(selection, look=look), compiled, history, settings)
        plan = planned(selection)
    evidence = find_evidence(plan, settings, history, wish)
    if look is not None and not all(one.current for one in evidence.values()):
        plan = planned(selection, look=look)
    return Observed(plan.with_evidence(evidence), compiled, history, settings)


def _plan(
    compiled: Compiled,
    selection: Selection,
    fingerprints: Fingerprints,
    *,
    history: History,
    output: Output,
    test: bool,
    look: Look | None = None,
) -> Plan:
    compilation = compiled.compilation
    snapshot = None
    if look is not None and compilation.workspace.project.stacks is not None:
        snapshot = look(compilation, reusable(compilation, selection, fingerprints))
    plan = build_plan(
        compilation,
        selection,
        history.record,
        compiled.changes(),
        output=output,
        test=test,
        fingerprints=fingerprints,
        snapshot=snapshot,
    )
    return replace(plan, times=history.times)


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
