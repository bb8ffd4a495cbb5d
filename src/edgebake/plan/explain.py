"""A plan as a person reads it, and as JSON."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, cast

from edgebake.graph.node import Kind, Node
from edgebake.graph.notes import summarised
from edgebake.plan.builder import Plan, is_complete, runs_on_target
from edgebake.plan.changes import SEVERITY, StageChange, State
from edgebake.plan.reuse import Given
from edgebake.plan.steps import Bake, CheckBuilder, MergeIndex, PublishStages, Step, VerifyIndexes, WriteFiles
from edgebake.plan.target_plan import TargetPlan
from edgebake.render.dockerfile import base_reference

MAX_CAUSES = 4
MAX_FILES = 3

Row = tuple[str, str, str]

_MARK: dict[State, str] = {"new": "+", "direct": "~", "indirect": "~", "moved": "~", "same": "="}
_WORDS: dict[State, str] = {
    "new": "new",
    "direct": "directly modified: ",
    "indirect": "indirectly modified: by ",
    "moved": "moved: behind ",
    "same": "up to date",
}
_HALVES: dict[Kind, str] = {"build": "build", "fetch": "fetch wheels"}
_LEFT: dict[Kind, str] = {"build": "artifact", "fetch": "wheels"}
_COUNTED: dict[Kind, str] = {
    "build": "build half",
    "fetch": "wheel fetch",
    "install": "install stage",
    "image": "image",
}
_REUSED: dict[Kind, str] = {"install": "stack", "artifact": "artifact"}
_TOLD = {
    "wheelhouse": "your own wheels",
    "base image": "another image or digest",
    "image": "runtime settings",
    "python packages": "Python packages",
    "python constraints": "Python constraints",
    "variables": "variables of its script",
}
"""How inputs that are named after code are told."""


def explain(plan: Plan) -> str:
    """Return the plan as text."""
    blocks = ["\n".join(_target_lines(plan, target)) for target in plan.targets]
    notes = stack_notes(plan)
    if notes:
        blocks.append("\n".join(["Stacks:", *(f"  {note}" for note in notes)]))
    if plan.compilation.left_out:
        blocks.append("\n".join(["Left out:", *(f"  {o.what}: {o.reason}" for o in plan.compilation.left_out)]))
    evidence = list(_evidence_lines(plan))
    if evidence:
        blocks.append("\n".join(evidence))
    indexes = list(_index_lines(plan))
    if indexes:
        blocks.append("\n".join(["Indexes, made by a bake with --push:", *indexes]))
    notes = _notes(plan)
    if notes:
        blocks.append("\n".join(["Notes:", *(f"  {note}" for note in notes)]))
    time = _time_lines(plan)
    if time:
        blocks.append("\n".join(["Time, as earlier bakes took it:", *(f"  {line}" for line in time)]))
    blocks.append("\n".join(_summary(plan)))
    return "\n\n".join(blocks)


_WHERE = {"push": "in the registry", "load": "in the engine", "cache": "in the build cache"}


def _evidence_lines(plan: Plan) -> Iterator[str]:
    """Yield what was found about each bake target, where somebody has looked."""
    known = [(target.bake_target.name, target.evidence) for target in plan.targets if target.evidence.text]
    for title, current in (("Up to date", True), ("To do", False)):
        lines = [f"  {name}: {one.text}" for name, one in known if one.current == current]
        if lines:
            yield f"{title} {_WHERE[plan.output]}:"
            yield from lines


def _time_lines(plan: Plan) -> list[str]:
    """Return how long it will take; none if no bake has told."""
    if not plan.times:
        return []
    from edgebake.plan.forecast import forecast, forecast_as_text

    found = forecast(plan, plan.times)
    return forecast_as_text(found) if found is not None else []


def _time_data(plan: Plan) -> dict[str, Any] | None:
    if not plan.times:
        return None
    from edgebake.plan.forecast import forecast, forecast_as_data

    return forecast_as_data(forecast(plan, plan.times))


def stack_notes(plan: Plan) -> list[str]:
    """Return what has to be said of the repository of stacks: why something in it, or nothing, is used."""
    snapshot = plan.snapshot
    if snapshot is None:
        return []
    if snapshot.off:
        return [f"nothing is reused or published: {snapshot.off}"]
    failure = [f"nothing is reused: {snapshot.failure}"] if snapshot.failure else []
    refused = [f"{snapshot.repository}:{key} is not used: {why}" for key, why in sorted(snapshot.refused.items())]
    return [*failure, *refused]


def _index_lines(plan: Plan) -> Iterator[str]:
    """Yield the tags over several targets, of the selected images."""
    selected = {target.bake_target.image for target in plan.targets}
    for index in plan.compilation.graph.indexes:
        if index.image in selected:
            parts = ", ".join(f"{platform} from {name}" for platform, name in index.parts)
            left = "" if is_complete(index, plan.targets) else "; left out: not all of these are selected"
            yield f"  {index.repository}:{index.tag}  {parts}{left}"


def _notes(plan: Plan) -> list[str]:
    """Return the notes about what is selected."""
    shown = {(target.bake_target.target, target.bake_target.image) for target in plan.targets}
    shown |= {(target, "") for target, _ in shown}
    return summarised(note for note in plan.compilation.notes if (note.target, note.image) in shown)


def _target_lines(plan: Plan, target: TargetPlan) -> Iterator[str]:
    bake_target = target.bake_target
    missing = [p for p in bake_target.platforms if p not in target.platforms]
    without = f", without {', '.join(missing)}" if missing else ""
    yield f"{bake_target.image} · {bake_target.target} ({', '.join(target.platforms)}{without})"
    rows = [*_rows(plan, target), _image_row(plan, target)]
    width = min(max(len(name) for _, name, _ in rows), 32)
    yield from (f"  {mark} {name:<{width}}  {text}".rstrip() for mark, name, text in rows)
    yield from (f"  {line}" for line in _platform_lines(target))


def _rows(plan: Plan, target: TargetPlan) -> list[Row]:
    """Return what an image is made of and what is done with it, in the order of building."""
    line = _line(plan, target)
    return [
        _base_row(plan, target),
        *_provided_rows(plan, target),
        *_tool_rows(target, line),
        *_library_rows(target, line),
        *(_recipe_row(target, node) for node in line),
    ]


def changed_rows(plan: Plan, target: TargetPlan) -> list[Row]:
    """Return the rows of an image that are not up to date, as a plan tells them: mark, name and reason."""
    return [row for row in _rows(plan, target) if row[0] != "="]


def _line(plan: Plan, target: TargetPlan) -> list[Node]:
    """Return the install stages of the image's own line, in order."""
    shown = {change.node.id for change in target.changes}
    graph, stage = plan.compilation.graph, target.bake_target.stage
    line: list[Node] = []
    while stage:
        node = graph.node(target.bake_target.target, stage)
        if node.kind == "install" and node.id in shown:
            line.append(node)
        stage = next(iter(node.bodies.values())).parent
    return line[::-1]


def _of_kind(target: TargetPlan, *kinds: Kind) -> list[StageChange]:
    """Return the changes of stages of some kinds, without those that are taken from the registry."""
    return [change for change in target.built if change.node.kind in kinds]


# ── rows: a mark, a name, and what is done with it


def _base_row(plan: Plan, target: TargetPlan) -> Row:
    changes = _of_kind(target, "base")
    profile = plan.compilation.targets[target.bake_target.target]
    reference = re.sub(r"(@sha256:.{12}).*", r"\1…", base_reference(plan.compilation, profile.base.image))
    state = _worst(changes)
    return _MARK[state], "base", reference + ("" if state in ("same", "new") else f"  {_why(changes)}")


def _provided_rows(plan: Plan, target: TargetPlan) -> Iterator[Row]:
    provided = plan.compilation.plan_of(target.bake_target).resolutions[target.platforms[0]].provided
    for name, text in provided.items():
        version, note = text.split(", ", 1)
        yield "=", f"{name} {version}", note


def _tool_rows(target: TargetPlan, line: Sequence[Node]) -> Iterator[Row]:
    tools = [c for c in _of_kind(target, "native", "tool", "sysroot", "install") if c.node not in line]
    if tools:
        names = dict.fromkeys(change.node.title for change in tools if change.node.kind in ("tool", "install"))
        state, text = _worst(tools), ", ".join(names) or "none"
        yield _MARK[state], "build tools", text + ("" if state == "same" else f"  {_why(tools, of=True)}")


def _library_rows(target: TargetPlan, line: Sequence[Node]) -> Iterator[Row]:
    """Yield rows of recipes that others are compiled against, and that are not in the image."""
    installed = {node.recipe for node in line}
    for node in dict.fromkeys(c.node for c in _of_kind(target, "build") if c.node.recipe not in installed):
        changes = [change for change in target.changes if change.node == node]
        state, title = _worst(changes), next(iter(node.pins.values())).title
        text = "up to date" if state == "same" else f"build  {_why(changes)}"
        yield _MARK[state], title, f"{text}; only compiled against"


def _recipe_row(target: TargetPlan, node: Node) -> Row:
    install = [change for change in target.built if change.node.id == node.id]
    if not install:
        return "=", node.title, _taken_row(target, node)
    halves = [change for change in _of_kind(target, *_HALVES) if change.node.recipe == node.recipe]
    changes = [*halves, *install]
    state = _worst(changes)
    reused = _reused_parts(target, node)
    if state == "same":
        return "=", node.title, "; ".join(["up to date", *reused])
    work = [word for kind, word in _HALVES.items() if _worst([c for c in halves if c.node.kind == kind]) != "same"]
    same = [f"{_LEFT[kind]} up to date" for kind in _kinds(halves) if _HALVES[kind] not in work]
    text = f"{', '.join([*work, 'install'])}  {_why(changes)}"
    return _MARK[state], node.title, "; ".join([text, *same, *reused])


def _taken_row(target: TargetPlan, node: Node) -> str:
    """Return from where an install stage is taken, that is not built on any platform."""
    given = [one for (stage, _), one in target.reuse.taken.items() if stage == node.id]
    if not given:
        return "reuse  (in the same stack)"
    return f"reuse  {', '.join(dict.fromkeys(_short(one) for one in given))}"


def _short(given: Given) -> str:
    """Return a reference for people: the key's beginning says what it is of, a digest's beginning is enough."""
    repository, _, digest = given.reference.partition("@")
    key, _, fingerprint = given.stage.key.rpartition("-")
    return f"{repository}:{key}-{fingerprint[:8]}…@{digest[:19]}…"


def _reused_parts(target: TargetPlan, node: Node) -> list[str]:
    """Return which parts of a recipe that is installed anew are taken from the registry, and on which platforms."""
    reuse = target.reuse
    if not reuse.taken and not reuse.covered:
        return []
    spared: dict[str, list[str]] = {"build": [], "fetch": [], "install": []}
    for change in target.changes:
        own = change.node.recipe == node.recipe and change.node.kind in _HALVES
        if (own or change.node.id == node.id) and reuse.spares(change.node.id, change.platform):
            spared[change.node.kind].append(change.platform)
    told = []
    for kind, platforms in spared.items():
        word = _LEFT.get(cast("Kind", kind), "stage")
        every = all(platform in platforms for platform in target.platforms)
        if platforms:
            told.append(f"{word} reused" + ("" if every else f" ({', '.join(platforms)})"))
    return told


def _kinds(changes: Sequence[StageChange]) -> list[Kind]:
    return [kind for kind in _HALVES if any(change.node.kind == kind for change in changes)]


def _image_row(plan: Plan, target: TargetPlan) -> Row:
    changes, bake_target = _of_kind(target, "image"), target.bake_target
    state = _worst(changes)
    registry = plan.compilation.workspace.project.registry
    names = ", ".join(f"{registry}/{bake_target.repository}:{tag}" for tag in bake_target.tags)
    return _MARK[state], "image", "up to date" if state == "same" else names


# ── reasons


def told_change(change: StageChange) -> tuple[str, str]:
    """Return a stage's mark (`=`, `~`, `+`), and why it is built or not, as prose."""
    return _MARK[change.state], _reason([change], of=False)


def _worst(changes: Sequence[StageChange]) -> State:
    return max((change.state for change in changes), key=SEVERITY.index, default="same")


def _why(changes: Sequence[StageChange], *, of: bool = False) -> str:
    """Return the strongest reason on each platform; with its platforms where they differ.

    Args:
        changes: changes that are told as one.
        of: whether they are of several recipes, so that inputs need to say whose they are.
    """
    reasons: dict[str, list[str]] = {}
    for platform in dict.fromkeys(change.platform for change in changes):
        here = [change for change in changes if change.platform == platform]
        strongest = [change for change in here if change.state == _worst(here)]
        reasons.setdefault(_reason(strongest, of), []).append(platform)
    if len(reasons) == 1:
        return next(iter(reasons))
    return "; ".join(f"{text} ({', '.join(where)})" for text, where in reasons.items() if text != "up to date")


def _reason(changes: Sequence[StageChange], of: bool) -> str:
    """Return why stages of one state are built, as prose."""
    causes: dict[str, None] = {}
    for change in changes:
        whose = f" of {change.node.recipe}" if of and change.state == "direct" and change.node.recipe else ""
        causes |= dict.fromkeys(f"{_told(cause)}{whose}" for cause in change.causes)
    names = list(causes)
    if changes[0].state == "moved" and not names:
        return "moved: what was in front of it is gone"
    # What follows from another recipe needs no word of what that did to this one's own parts.
    others = [name for name in names if not name.startswith("its ")] or names
    shown = ", ".join(others[:MAX_CAUSES]) + (
        f" and {len(others) - MAX_CAUSES} more" if others[MAX_CAUSES:] else ""
    )
    return f"{_WORDS[changes[0].state]}{shown}"


def _told(cause: str) -> str:
    return _TOLD.get(cause, cause)


# ── the end


def _platform_lines(target: TargetPlan) -> Iterator[str]:
    lines: dict[str, list[str]] = {}
    for platform in target.platforms:
        changes = [c for c in target.built if c.platform == platform and c.state != "same"]
        on_target = sum(runs_on_target(c.node, platform) for c in changes)
        native = sum(c.node.native and c.node.bodies[platform].runs for c in changes)
        parts = []
        if on_target:
            parts.append(f"{_count(on_target, 'stage')} on the platform or emulated")
        if native:
            parts.append(f"{native if on_target else _count(native, 'stage')} on the machine that builds")
        if parts:
            lines.setdefault(", ".join(parts), []).append(platform)
    yield from (f"{', '.join(platforms)}: {text}" for text, platforms in lines.items())


def _count(number: int, word: str) -> str:
    plural = f"{word[:-1]}ves" if word.endswith("f") else f"{word}es" if word.endswith("ch") else f"{word}s"
    return f"{number} {word if number == 1 else plural}"


def _summary(plan: Plan) -> Iterator[str]:
    states: dict[tuple[str, str], StageChange] = {}
    for target in plan.targets:
        for change in target.built:
            key = (change.node.target, change.node.id)
            states[key] = max(change, states.get(key, change), key=lambda c: SEVERITY.index(c.state))
    same = sum(change.state == "same" for change in states.values())
    if not plan.targets:
        yield "Plan: no image is selected."
    else:
        parts = [counted_work(states.values()), *_reused(plan), f"{_count(same, 'stage')} up to date"]
        yield f"Plan: {'; '.join(parts)}."
    yield _files_line(plan)
    if same < len(states):
        yield f"Run: {bake_command(plan)}"


def counted_work(changes: Iterable[StageChange]) -> str:
    """Return how many build halves, wheel fetches, install stages and images are built, as prose."""
    built = Counter(change.node.kind for change in changes if change.state != "same")
    told = [_count(built[kind], word) for kind, word in _COUNTED.items() if built[kind]]
    return ", ".join(told) or "nothing to build"


def _reused(plan: Plan) -> Iterator[str]:
    """Yield what is taken from the registry, counted."""
    given = {(one.reference, one.stage.node) for target in plan.targets for one in target.reuse.given}
    kinds = Counter(kind for _, kind in {(node.id, node.kind) for _, node in given})
    words = [_count(kinds[kind], word) for kind, word in _REUSED.items() if kinds[kind]]
    if words:
        yield f"{' and '.join(words)} reused"


def _files_line(plan: Plan) -> str:
    workspace = plan.compilation.workspace
    if workspace.document is None:  # an ad-hoc image: nothing of it is committed
        return f"Generated files: below {workspace.project.output}."
    if not plan.files:
        return "Committed files: up to date."
    edited = [change.path for change in plan.files if change.kind == "hand-edited"]
    if edited:
        return f"Committed files: {_some(edited, MAX_FILES)} edited by hand; edgebake compile --force writes anew."
    # The manifest changes whenever anything does; what people read comes first.
    paths = [c.path for c in plan.files if not c.path.endswith("/manifest.json")] or [c.path for c in plan.files]
    paths.sort(key=lambda path: not path.endswith(("/Dockerfile", ".hcl")))
    return f"Committed files: {len(paths)} to write ({_some(paths, MAX_FILES)}); edgebake compile writes them."


def _some(names: Sequence[str], limit: int) -> str:
    more = f" and {len(names) - limit} more" if names[limit:] else ""
    return ", ".join(names[:limit]) + more


def bake_command(plan: Plan) -> str:
    """Return the command that does what the plan shows."""
    request, narrowed = plan.scope.request, plan.scope.narrowed
    names, targets = request.names, request.targets
    if narrowed:  # a part of what was asked for: named by what is left of it
        names = tuple(sorted({target.bake_target.image for target in plan.targets}))
        targets = tuple(sorted({target.bake_target.target for target in plan.targets}))
    words = ["edgebake", "bake", *names]
    words += [word for target in targets for word in ("--target", target)]
    words += [word for platform in request.platforms for word in ("--platform", platform)]
    words += ["--name", request.name] if request.name else []
    if not narrowed:
        words += [word for text in request.select for word in ("--select", text)]
        words += [word for text in request.exclude for word in ("--exclude", text)]
    words += [] if plan.output == "cache" else [f"--{plan.output}"]
    return shlex.join(words)


# ── JSON


def plan_as_data(plan: Plan) -> dict[str, Any]:
    """Return the plan as data for `--json`."""
    return {
        "version": 1,
        "images": [_target_data(target) for target in plan.targets],
        "left_out": [{"what": out.what, "reason": out.reason} for out in plan.compilation.left_out],
        "notes": [str(note) for note in plan.compilation.notes],
        "files": [{"path": change.path, "change": change.kind} for change in plan.files],
        "stacks": _stacks_data(plan),
        "steps": [_step_data(step) for step in plan.steps],
        "time": _time_data(plan),
    }


def _stacks_data(plan: Plan) -> dict[str, Any] | None:
    """Return what the repository of stacks was seen to hold; None if nobody looked."""
    snapshot = plan.snapshot
    if snapshot is None:
        return None
    publish = [one.stage.key for target in plan.targets for one in target.to_publish]
    return {
        "repository": snapshot.repository,
        "failure": snapshot.failure or snapshot.off,
        "refused": dict(sorted(snapshot.refused.items())),
        "unpublished": list(dict.fromkeys(publish)),
    }


def _target_data(target: TargetPlan) -> dict[str, Any]:
    evidence = target.evidence
    seen = {"current": evidence.current, "proof" if evidence.current else "reason": evidence.text}
    return {
        "bake_target": target.bake_target.name,
        **({"observed": seen} if evidence.text else {}),
        "image": target.bake_target.image,
        "target": target.bake_target.target,
        "platforms": list(target.platforms),
        "complete": target.complete,
        "fingerprints": dict(target.fingerprints),
        "given": {one.stage.name: one.reference for one in target.reuse.given},
        "stages": [
            {
                "name": change.name,
                "kind": change.node.kind,
                "recipe": change.node.recipe,
                "title": change.node.title,
                "platform": change.platform,
                "native": change.node.native,
                "state": change.state,
                "causes": list(change.causes),
                "fingerprint": change.fingerprint.digest,
                "own": change.fingerprint.own,
                "reused": target.reuse.spares(change.node.id, change.platform),
            }
            for change in target.changes
        ],
    }


def _step_data(step: Step) -> dict[str, Any]:
    match step:
        case WriteFiles(changes):
            return {"step": "write-files", "files": [change.path for change in changes]}
        case CheckBuilder(platforms, emulated):
            return {"step": "check-builder", "platforms": list(platforms), "emulated": list(emulated)}
        case PublishStages():
            keys = [one.stage.key for one in step.stages]
            return {"step": "publish-stages", "repository": step.repository, "keys": keys}
        case Bake():
            return {
                "step": "bake",
                "bake_targets": [one.name for one in step.bake_targets],
                "platforms": list(step.platforms),
                "output": step.output,
                "tags": dict(step.tags),
            }
        case VerifyIndexes(bake_targets):
            return {"step": "verify-indexes", "bake_targets": [one.name for one in bake_targets]}
        case MergeIndex(index):
            return {"step": "merge-index", "tag": f"{index.repository}:{index.tag}", "parts": dict(index.parts)}
