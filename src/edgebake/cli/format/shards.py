"""`edgebake plan --shards N`: a plan cut for several machines, for people and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from edgebake.model.output import plan as output
from edgebake.plan.shards import Shard
from edgebake.plan.shared import SharedStage


def text(shards: Sequence[Shard], shared: Sequence[SharedStage] | None = None) -> str:
    """Return a cut as text.

    Args:
        shards: the cut.
        shared: shard 0; None if the project publishes no stages.
    """
    if not shards:
        return "Nothing to build: no shards."
    return "\n".join([*(() if shared is None else _shared_lines(f"0/{len(shards)}", shared)), *_lines(shards)])


def _lines(shards: Sequence[Shard]) -> Iterator[str]:
    for shard in shards:
        yield f"shard {shard.name}: {', '.join(shard.platforms)}, about {shard.seconds:.0f} s"
        for part in shard.parts:
            yield f"  {part.bake_target}{f' ({part.platform})' if len(shard.platforms) > 1 else ''}"


def _shared_lines(name: str, shared: Sequence[SharedStage]) -> Iterator[str]:
    if not shared:
        yield f"shard {name}: nothing to publish; no stage is needed by several shards"
        return
    platforms = sorted({stage.platform for stage in shared})
    yield f"shard {name}: {', '.join(platforms)}, stages that several shards need"
    for stage in shared:
        where = f", {stage.platform}" if len(platforms) > 1 else ""
        yield f"  {stage.name} ({stage.target}{where}; for {', '.join(map(str, stage.shards))})"


def data(shards: Sequence[Shard], shared: Sequence[SharedStage] | None = None) -> output.Shards:
    """Return what `plan --shards N --json` prints, and `bake --shard I/N --shards FILE` reads.

    Args:
        shards: the cut.
        shared: shard 0; None if the project publishes no stages.
    """
    return output.Shards(
        version=1,
        shared=None if shared is None else _shared_data(len(shards), shared),
        shards=[output.Shard.of(shard, shard=shard.name, seconds=round(shard.seconds, 1)) for shard in shards],
    )


def _shared_data(count: int, shared: Sequence[SharedStage]) -> output.Shared:
    return output.Shared(
        shard=f"0/{count}",
        platforms=sorted({stage.platform for stage in shared}),
        stages=[
            output.SharedStage.of(stage, stage=stage.name, shards=[f"{number}/{count}" for number in stage.shards])
            for stage in shared
        ],
    )
