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

HOSTED: Mapping[str, tuple[str, ...]] = {
    "linux/amd64": ("ubuntu-24.04",),
    "linux/arm64": ("ubuntu-24.04-arm",),
}
"""GitHub's own runners by platform (docs.github.com, "GitHub-hosted runners reference")."""


@dataclass(frozen=True)
class Runner:
    """Where a job runs, and the platforms that have to be emulated there."""

    labels: tuple[str, ...]
    emulated: tuple[str, ...]


def runner_labels(ci: Ci) -> dict[str, tuple[str, ...]]:
    """Return the labels of the native runners by platform; a platform without one is not among them."""
    labels = {**HOSTED, **ci.runners}
    return {platform: words for platform, words in labels.items() if EMULATED not in words}


def runner_for(ci: Ci, platforms: Sequence[str]) -> Runner:
    """Return the runner for a job: of its first platform that has one, else of any."""
    labels = runner_labels(ci)
    native = next((platform for platform in platforms if platform in labels), min(labels))
    return Runner(labels[native], tuple(platform for platform in platforms if platform != native))


def matrix(plan: Plan, shards: Sequence[Shard]) -> dict[str, Any]:
    """Return the matrix, as `strategy.matrix` takes it.

    Each job has: `shard` (for `edgebake bake --shard`), `name`, `runner` (labels), `qemu` (platforms to emulate),
    `cache` (the bake file's CACHE_PLATFORM), and for docker/bake-action `targets` and `set`.
    """
    return {"include": [_job(plan, shard) for shard in shards]}


def stacks_matrix(plan: Plan, shards: Sequence[Shard], shared: Sequence[SharedStage]) -> dict[str, Any]:
    """Return the matrix of the jobs that publish what shards share: one for each platform that has any of it.

    Each has `shard`, `name`, `runner`, `qemu` and `cache` as the jobs of :func:`matrix`, and its `platform`.
    """
    ci = plan.compilation.workspace.project.ci
    jobs = []
    for platform in sorted({one.platform for one in shared}):
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
    """Return the bake targets of the tests, by the one that they test."""
    bake_targets = plan.compilation.graph.bake_targets
    known = {(one.image, one.target): one.name for one in bake_targets if one.is_test}
    images = {one.name: (one.image, one.target) for one in bake_targets if not one.is_test}
    return {name: known[images[name]] for name in names if images[name] in known}


def outputs(plan: Plan, shards: Sequence[Shard], shared: Sequence[SharedStage] | None = None) -> str:
    """Return the lines for `$GITHUB_OUTPUT`: `matrix` and `count`.

    If the project publishes stages, also `stacks`, the matrix for what shards share, and `shared`, on how many
    platforms there is any.
    """
    lines = [f"matrix={_compact(matrix(plan, shards))}", f"count={len(shards)}"]
    if shared is not None:
        stacks = stacks_matrix(plan, shards, shared)
        lines += [f"stacks={_compact(stacks)}", f"shared={len(stacks['include'])}"]
    return "\n".join(lines)


def _compact(data: Mapping[str, Any]) -> str:
    return json.dumps(data, separators=(",", ":"))
