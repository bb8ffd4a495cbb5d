"""The matrix of the workflow's jobs: one for each shard, on a runner of its platform."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from edgebake.graph.names import arch
from edgebake.model.ci import EMULATED, Ci
from edgebake.plan.builder import Plan
from edgebake.plan.shards import Shard
from edgebake.plan.shared import SharedStage

HOSTED: Mapping[str, tuple[str, ...]] = {"linux/amd64": ("ubuntu-24.04",), "linux/arm64": ("ubuntu-24.04-arm",)}
"""GitHub's own runners by platform (docs.github.com, "GitHub-hosted runners reference")."""


@dataclass(frozen=True)
class Runner:
    """The labels of a job's runner, and the platforms that are emulated there."""

    labels: tuple[str, ...]
    emulated: tuple[str, ...]


def runner_labels(ci: Ci) -> dict[str, tuple[str, ...]]:
    """Return the labels of the native runners by platform, without the platforms that have none."""
    labels = {**HOSTED, **ci.runners}
    return {platform: words for platform, words in labels.items() if EMULATED not in words}


def runner_for(ci: Ci, platforms: Sequence[str]) -> Runner:
    """Return the runner for a job: that of its first platform with a runner, otherwise any."""
    labels = runner_labels(ci)
    native = next((platform for platform in platforms if platform in labels), min(labels))
    return Runner(labels[native], tuple(platform for platform in platforms if platform != native))


def matrix(plan: Plan, shards: Sequence[Shard]) -> dict[str, Any]:
    """Return the matrix of jobs for `strategy.matrix`.

    Each job has: `shard` (for `edgebake bake --shard`), `name`, `runner` (labels), `qemu` (platforms to emulate),
    `cache` (the bake file's CACHE_PLATFORM), and for docker/bake-action `targets` and `set`.
    """
    return {"include": [_job(plan, shard) for shard in shards]}


def stacks_matrix(plan: Plan, shards: Sequence[Shard], shared: Sequence[SharedStage]) -> dict[str, Any]:
    """Return the matrix of the jobs that publish shared stages: one for each platform with such stages.

    Each has `platform`, and `shard`, `name`, `runner`, `qemu` and `cache` like the jobs of :func:`matrix`.
    """
    ci = plan.compilation.workspace.project.ci
    jobs = []
    for platform in sorted({stage.platform for stage in shared}):
        runner = runner_for(ci, [platform])
        jobs.append(
            {
                "shard": f"0/{len(shards)}",
                "platform": platform,
                "name": arch(platform),
                "runner": list(runner.labels),
                "qemu": ",".join(runner.emulated),
                "cache": f"-{arch(platform)}",
            }
        )
    return {"include": jobs}


def _job(plan: Plan, shard: Shard) -> dict[str, Any]:
    ci = plan.compilation.workspace.project.ci
    runner = runner_for(ci, shard.platforms)
    names = list(shard.bake_targets)
    tests = _tests(plan, names) if ci.test else {}
    platforms = {name: [part.platform for part in shard.parts if part.bake_target == name] for name in names}
    wanted = {**platforms, **{test: platforms[name] for name, test in tests.items()}}
    overrides = [f"{name}.platform={','.join(on)}" for name, on in wanted.items()]
    overrides += [f"{name}.output=type=cacheonly" for name in names]
    return {
        "shard": shard.name,
        "name": f"{' and '.join(arch(p) for p in shard.platforms)} {shard.name}",
        "runner": list(runner.labels),
        "qemu": ",".join(runner.emulated),
        "cache": f"-{arch(shard.platforms[0])}" if len(shard.platforms) == 1 else "",
        "targets": ",".join(wanted),
        "set": "\n".join(overrides),
    }


def _tests(plan: Plan, names: Sequence[str]) -> dict[str, str]:
    """Return the bake targets of tests, by the bake target that they test."""
    bake_targets = plan.compilation.graph.bake_targets
    tests = {(test.image, test.target): test.name for test in bake_targets if test.is_test}
    images = {bake.name: (bake.image, bake.target) for bake in bake_targets if not bake.is_test}
    return {name: tests[images[name]] for name in names if images[name] in tests}


def outputs(plan: Plan, shards: Sequence[Shard], shared: Sequence[SharedStage] | None = None) -> str:
    """Return the lines for `$GITHUB_OUTPUT`: `matrix` and `count`.

    For a project with shared stages also `stacks`, their matrix, and `shared`, the number of jobs in it.
    """
    lines = [f"matrix={_compact(matrix(plan, shards))}", f"count={len(shards)}"]
    if shared is not None:
        stacks = stacks_matrix(plan, shards, shared)
        lines += [f"stacks={_compact(stacks)}", f"shared={len(stacks['include'])}"]
    return "\n".join(lines)


def _compact(data: Mapping[str, Any]) -> str:
    return json.dumps(data, separators=(",", ":"))
