"""The matrix of the workflow's jobs: one for each shard, on a runner of its platform."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TypedDict

from edgebake.graph.names import arch
from edgebake.model.ci import EMULATED, Ci
from edgebake.plan.builder import Plan
from edgebake.plan.shards import Shard
from edgebake.plan.shared import SharedStage

HOSTED: Mapping[str, tuple[str, ...]] = {"linux/amd64": ("ubuntu-24.04",), "linux/arm64": ("ubuntu-24.04-arm",)}
"""GitHub's own runners by platform (docs.github.com, "GitHub-hosted runners reference")."""


class Job(TypedDict):
    """A job in the matrix.

    `shard` is for `edgebake bake --shard`, `runner` has the runner's labels, `qemu` the platforms to emulate, and
    `cache` is the bake file's CACHE_PLATFORM.
    """

    shard: str
    name: str
    runner: list[str]
    qemu: str
    cache: str


class BakeJob(Job):
    """A job that bakes a shard. `targets` and `set` are for docker/bake-action."""

    targets: str
    set: str


class StacksJob(Job):
    """A job that publishes the shared stages of a platform."""

    platform: str


def runner_labels(ci: Ci) -> dict[str, tuple[str, ...]]:
    """Return the labels of the native runners by platform, without the platforms that have none."""
    labels = {**HOSTED, **ci.runners}
    return {platform: words for platform, words in labels.items() if EMULATED not in words}


def matrix(plan: Plan, shards: Sequence[Shard]) -> dict[str, list[BakeJob]]:
    """Return the matrix of the jobs that bake, for `strategy.matrix`."""
    return {"include": [_bake_job(plan, shard) for shard in shards]}


def _job(ci: Ci, shard: str, name: str, platforms: Sequence[str]) -> Job:
    """Return a job on the runner of its first platform with a runner, otherwise on any."""
    labels = runner_labels(ci)
    native = next((platform for platform in platforms if platform in labels), min(labels))
    return {
        "shard": shard,
        "name": name,
        "runner": list(labels[native]),
        "qemu": ",".join(platform for platform in platforms if platform != native),
        "cache": f"-{arch(platforms[0])}" if len(platforms) == 1 else "",
    }


def _stacks_job(ci: Ci, shards: int, platform: str) -> StacksJob:
    shard = f"0/{shards}"
    return {"shard": shard, "platform": platform, **_job(ci, shard, arch(platform), [platform])}


def _bake_job(plan: Plan, shard: Shard) -> BakeJob:
    ci = plan.compilation.workspace.project.ci
    names = list(shard.bake_targets)
    tests = _tests(plan, names) if ci.test else {}
    platforms = {name: [part.platform for part in shard.parts if part.bake_target == name] for name in names}
    wanted = {**platforms, **{test: platforms[name] for name, test in tests.items()}}
    overrides = [f"{name}.platform={','.join(on)}" for name, on in wanted.items()]
    overrides += [f"{name}.output=type=cacheonly" for name in names]
    title = f"{' and '.join(arch(platform) for platform in shard.platforms)} {shard.name}"
    job = _job(ci, shard.name, title, shard.platforms)
    return {**job, "targets": ",".join(wanted), "set": "\n".join(overrides)}


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
        ci, platforms = plan.compilation.workspace.project.ci, sorted({stage.platform for stage in shared})
        stacks = [_stacks_job(ci, len(shards), platform) for platform in platforms]
        lines += [f"stacks={_compact({'include': stacks})}", f"shared={len(stacks)}"]
    return "\n".join(lines)


def _compact(data: object) -> str:
    return json.dumps(data, separators=(",", ":"))
