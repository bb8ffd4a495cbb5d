"""A plan as a person reads it, and as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from edgebake.graph.node import Node
from edgebake.plan.builder import Plan, TargetPlan, runs_on_target
from edgebake.plan.changes import SEVERITY, StageChange, State
from edgebake.plan.steps import Bake, Step, VerifyIndexes, WriteFiles
from edgebake.render.dockerfile import base_reference

_MARK: dict[State, str] = {"new": "+", "direct": "~", "indirect": "~", "moved": "~", "same": "="}
_BUILD_KINDS = ("build", "fetch")


def explain(plan: Plan) -> str:
    """Return the plan as text."""
    blocks = ["\n".join(_target_lines(plan, target)) for target in plan.targets]
    if plan.compilation.left_out:
        blocks.append("\n".join(["Left out:", *(f"  {o.what}: {o.reason}" for o in plan.compilation.left_out)]))
    notes = _notes(plan)
    if notes:
        blocks.append("\n".join(["Notes:", *(f"  {note}" for note in notes)]))
    blocks.append("\n".join(_summary(plan)))
    return "\n\n".join(blocks)


def _notes(plan: Plan) -> list[str]:
    shown = {target.bake_target.target for target in plan.targets}
    images = {target.bake_target.image for target in plan.targets}
    return [n for n in plan.compilation.notes if n.split(":")[0] in shown or n.split(" on ")[0] in images]


def _target_lines(plan: Plan, target: TargetPlan) -> Iterator[str]:
    bake_target = target.bake_target
    missing = [p for p in bake_target.platforms if p not in target.platforms]
    without = f", without {', '.join(missing)}" if missing else ""
    yield f"{bake_target.image} · {bake_target.target} ({', '.join(target.platforms)}{without})"
    profile = plan.compilation.targets[bake_target.target]
    rows = [("=" if _base_same(target) else "+", "base", base_reference(plan.compilation, profile.base.image))]
    provided = plan.compilation.plan_of(bake_target).resolutions[target.platforms[0]].provided
    rows += [("=", f"{name} {text.split(', ')[0]}", text.split(", ", 1)[1]) for name, text in provided.items()]
    rows += list(_tool_rows(target))
    rows += [_recipe_row(target, node) for node in _line(target)]
    rows += [_image_row(target)]
    width = min(max(len(name) for _, name, _ in rows), 32)
    yield from (f"  {mark} {name:<{width}}  {text}".rstrip() for mark, name, text in rows)
    yield from (f"  {line}" for line in _platform_lines(target))


def _base_same(target: TargetPlan) -> bool:
    return all(change.state == "same" for change in target.changes if change.node.kind == "base")


def _line(target: TargetPlan) -> list[Node]:
    """Return the install stages of the image's own line."""
    nodes = {change.node.id: change.node for change in target.changes}
    line: list[Node] = []
    todo = [target.bake_target.stage]
    while todo:
        node = nodes.get(todo.pop())
        if node is None:
            continue
        if node.kind == "install":
            line.append(node)
        todo.extend(dict.fromkeys(b.parent for b in node.bodies.values() if b.parent))
    return list(dict.fromkeys(reversed(line)))


def _tool_rows(target: TargetPlan) -> Iterator[tuple[str, str, str]]:
    tools = [change for change in target.changes if change.node.kind in ("native", "tool", "sysroot")]
    if tools:
        state = _worst(tools)
        names = dict.fromkeys(change.node.title for change in tools if change.node.kind == "tool")
        text = ", ".join(names) or "none"
        yield _MARK[state], "build tools", text + ("" if state == "same" else f"  ({_why(tools)})")


def _recipe_row(target: TargetPlan, node: Node) -> tuple[str, str, str]:
    install = [change for change in target.changes if change.node.id == node.id]
    builds = [c for c in target.changes if c.node.kind in _BUILD_KINDS and c.node.recipe == node.recipe]
    state = _worst([*install, *builds])
    if state == "same":
        return "=", node.title, "up to date"
    if builds and _worst(builds) == "same":
        what = "wheels" if builds[0].node.kind == "fetch" else "artifact"
        return _MARK[state], node.title, f"install  {_why(install)}; {what} up to date"
    halves = _halves(builds)
    return _MARK[state], node.title, f"{halves}install  {_why([*builds, *install])}"


def _halves(builds: Sequence[StageChange]) -> str:
    kinds = {change.node.kind: change.node for change in builds if change.state != "same"}
    words = []
    if "build" in kinds:
        words.append("build" if kinds["build"].native else "build (on the target platform)")
    if "fetch" in kinds:
        words.append("fetch wheels")
    return "".join(f"{word}, " for word in words)


def _image_row(target: TargetPlan) -> tuple[str, str, str]:
    changes = [change for change in target.changes if change.node.kind == "image"]
    state = _worst(changes)
    text = "up to date" if state == "same" else "tag  " + ", ".join(target.bake_target.tags)
    return _MARK[state], "image", text


def _worst(changes: Sequence[StageChange]) -> State:
    return max((change.state for change in changes), key=SEVERITY.index, default="same")


def _why(changes: Sequence[StageChange]) -> str:
    """Return the reasons, each once; with its platform where platforms differ."""
    reasons: dict[str, list[str]] = {}
    for change in changes:
        if change.state != "same":
            reasons.setdefault(reason(change), []).append(change.platform)
    platforms = {change.platform for change in changes}
    strongest = _strongest(changes, reasons)
    return "; ".join(
        text if set(where) == platforms else f"{text} ({', '.join(dict.fromkeys(where))})"
        for text, where in strongest.items()
    )


def _strongest(changes: Sequence[StageChange], reasons: dict[str, list[str]]) -> dict[str, list[str]]:
    """Keep the reasons of the strongest kind: that a stage moved says nothing beside that it changed."""
    state = _worst(changes)
    kept = {reason(change) for change in changes if change.state == state}
    return {text: where for text, where in reasons.items() if text in kept}


def reason(change: StageChange) -> str:
    """Return why a stage is built, as prose."""
    causes = ", ".join(change.causes)
    return {
        "new": "new",
        "direct": f"directly modified: {causes}",
        "indirect": f"indirectly modified: by {causes}",
        "moved": f"moved: behind {causes}",
        "same": "up to date",
    }[change.state]


def _platform_lines(target: TargetPlan) -> Iterator[str]:
    for platform in target.platforms:
        changes = [c for c in target.changes if c.platform == platform and c.state != "same"]
        if not changes:
            continue
        on_target = sum(runs_on_target(c.node, platform) for c in changes)
        anywhere = sum(c.node.native and c.node.bodies[platform].runs for c in changes)
        yield (
            f"{platform}: {_count(on_target, 'stage')} with commands of that platform, "
            f"{anywhere} on whatever machine builds"
        )


def _count(number: int, word: str) -> str:
    return f"{number} {word}" + ("" if number == 1 else "s")


def _summary(plan: Plan) -> Iterator[str]:
    kinds = Counter[str]()
    states = Counter[State]()
    seen: set[tuple[str, str]] = set()
    for target in plan.targets:
        for change in target.changes:
            key = (change.node.target, change.name)
            if key not in seen:
                seen.add(key)
                states[change.state] += 1
                if change.state != "same":
                    kinds[change.node.kind] += 1
    if not plan.targets:
        yield "Plan: no image is selected."
    else:
        yield (
            f"Plan: {_count(kinds['build'] + kinds['fetch'], 'build half').replace('halfs', 'halves')}, "
            f"{_count(kinds['install'], 'install stage')}, {_count(kinds['image'], 'image')}; "
            f"{_count(states['same'], 'stage')} up to date."
        )
    yield _files_line(plan)


def _files_line(plan: Plan) -> str:
    if not plan.files:
        return "Committed files: up to date."
    names = ", ".join(change.path for change in plan.files[:4]) + (", …" if len(plan.files) > 4 else "")
    return f"Committed files: {len(plan.files)} to write ({names}); edgebake compile writes them."


# ── JSON


def plan_as_data(plan: Plan) -> dict[str, Any]:
    """Return the plan as data for `--json`."""
    return {
        "version": 1,
        "images": [_target_data(target) for target in plan.targets],
        "left_out": [{"what": out.what, "reason": out.reason} for out in plan.compilation.left_out],
        "notes": list(plan.compilation.notes),
        "files": [{"path": change.path, "change": change.kind} for change in plan.files],
        "steps": [_step_data(step) for step in plan.steps],
    }


def _target_data(target: TargetPlan) -> dict[str, Any]:
    return {
        "bake_target": target.bake_target.name,
        "image": target.bake_target.image,
        "target": target.bake_target.target,
        "platforms": list(target.platforms),
        "complete": target.complete,
        "fingerprints": dict(target.fingerprints),
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
            }
            for change in target.changes
        ],
    }


def _step_data(step: Step) -> dict[str, Any]:
    if isinstance(step, WriteFiles):
        return {"step": "write-files", "files": [change.path for change in step.changes]}
    if isinstance(step, Bake):
        return {
            "step": "bake",
            "bake_targets": [one.name for one in step.bake_targets],
            "platforms": list(step.platforms),
            "output": step.output,
            "tags": dict(step.tags),
        }
    if isinstance(step, VerifyIndexes):
        return {"step": "verify-indexes", "bake_targets": [one.name for one in step.bake_targets]}
    if hasattr(step, "emulated"):
        return {"step": "check-builder", "platforms": list(step.platforms), "emulated": list(step.emulated)}
    return {"step": "remember", "bake_targets": [one.name for one in step.bake_targets]}
