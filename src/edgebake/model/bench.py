"""What benches measured: the file that `edgebake bench` writes, and reads to compare."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from edgebake.errors import EdgebakeError, Position
from edgebake.model.base import Model
from edgebake.text.statistics import median, quantile

SHARES = {"min": 0.0, "p10": 0.1, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p90": 0.9, "p99": 0.99, "max": 1.0}
Outcome = Literal["measured", "failed", "timed out", "skipped"]
Positive = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Run(Model):
    """One run of a measurement.

    `seconds` is all of its time, `throughput` in units per second, `latency` seconds of a call by quantile
    (:data:`SHARES`).
    """

    calls: int
    seconds: Positive
    throughput: Positive
    latency: dict[str, Positive]


def summarised(nanoseconds: Sequence[int], items: float, seconds: float) -> Run:
    """Return what is kept of one run.

    Args:
        nanoseconds: of each call; at least one.
        items: what one call does.
        seconds: of all calls.
    """
    ordered = sorted(nanoseconds)
    latency = {name: quantile(ordered, share) / 1e9 for name, share in SHARES.items()}
    count = len(ordered)
    return Run(calls=count, seconds=seconds, throughput=items * count / max(seconds, 1e-9), latency=latency)


class Measurement(Model):
    """What a bench measures under one name, run by run."""

    name: str
    unit: str
    runs: tuple[Run, ...]

    def middle(self, quantile_name: str) -> float:
        """Return the median of the runs' quantiles, in seconds."""
        return median([run.latency[quantile_name] for run in self.runs])


class RecipeBench(Model):
    """What came of one recipe's bench.

    `peak_memory` in bytes and `cpu_seconds` are those of each run's container; null where nobody counts them.
    `memory_from` says who counted: the control group (with what it keeps of files), or samples of `docker stats`.
    `output` is what a bench wrote that failed, or the reason why it was skipped.
    """

    recipe: str
    title: str
    outcome: Outcome
    output: str = ""
    seconds: tuple[Positive, ...] = ()
    cpu_seconds: tuple[Positive | None, ...] = ()
    peak_memory: tuple[int | None, ...] = ()
    memory_from: Literal["control group", "docker stats"] = "control group"
    measurements: tuple[Measurement, ...] = ()

    @property
    def memory(self) -> list[int]:
        """The peaks that are known."""
        return [one for one in self.peak_memory if one is not None]


class ImageBench(Model):
    """An image on one platform, and the benches of its recipes.

    `digest`: as the engine names it. `size` in bytes, as the engine tells it. `gpu`: whether it was given one.
    `releases`: the release of each recipe in it, "" for one without versions.
    """

    image: str
    target: str
    platform: str
    emulated: bool
    gpu: bool
    reference: str
    digest: str
    size: int
    releases: dict[str, str]
    benches: tuple[RecipeBench, ...]


class BenchMachine(Model):
    """Where it ran: what the engine says of its machine, and what is known of this one, if it is the same.

    `load` is the mean of waiting programs over the last minute, before and after.
    """

    cpu: str | None = None
    cores: int
    memory: int
    architecture: str
    os: str
    kernel: str
    engine: str
    model: str | None = None
    l4t: str | None = None
    driver: str | None = None
    gpus: tuple[str, ...] = ()
    load: tuple[float, float] | None = None

    @property
    def name(self) -> str:
        """What it is called in a comparison."""
        parts = [self.model or "", self.cpu or self.architecture, f"{self.cores} cores", *self.gpus]
        return ", ".join(part for part in parts if part)


class Result(Model):
    """All that one `edgebake bench` measured. `time`: its beginning, RFC 3339 in UTC."""

    version: Literal[1] = 1
    edgebake: str
    time: str
    runs: int
    seconds: float
    machine: BenchMachine
    images: tuple[ImageBench, ...]

    @property
    def ok(self) -> bool:
        """Whether no bench failed."""
        return all(bench.outcome in ("measured", "skipped") for image in self.images for bench in image.benches)


def render_result(result: Result) -> bytes:
    """Return a result's file."""
    return (json.dumps(result.model_dump(mode="json"), indent=1) + "\n").encode()


def read_result(path: Path) -> Result:
    """Return what an earlier run has written.

    Raises:
        EdgebakeError: the file cannot be read, or is none of `edgebake bench`.
    """
    at = Position(str(path))
    try:
        return Result.model_validate_json(path.read_bytes())
    except OSError as error:
        raise EdgebakeError(f"the earlier run cannot be read: {error.strerror}", at=at) from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise EdgebakeError(
            "the file is no result of edgebake bench",
            at=at,
            reason=f"{where}: {first['msg']}" if where else first["msg"],
            hints=("write one with: edgebake bench IMAGE -o FILE",),
        ) from None
