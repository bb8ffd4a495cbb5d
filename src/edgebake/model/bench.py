"""Results of benchmarks: the file that `edgebake bench` writes, and reads for a comparison."""

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

    `seconds` is the time of all calls. `throughput` is in units per second. `latency` is in seconds per call, by
    quantile (:data:`SHARES`).
    """

    calls: int
    seconds: Positive
    throughput: Positive
    latency: dict[str, Positive]


def summarised(nanoseconds: Sequence[int], items: float, seconds: float) -> Run:
    """Return the summary of one run.

    Args:
        nanoseconds: the time of each call; at least one.
        items: the number of units that one call processes.
        seconds: the time of all calls.
    """
    ordered = sorted(nanoseconds)
    latency = {name: quantile(ordered, share) / 1e9 for name, share in SHARES.items()}
    count = len(ordered)
    return Run(calls=count, seconds=seconds, throughput=items * count / max(seconds, 1e-9), latency=latency)


class Measurement(Model):
    """One measurement of a benchmark, run by run."""

    name: str
    unit: str
    runs: tuple[Run, ...]

    def middle(self, quantile_name: str) -> float:
        """Return the median of the runs' quantiles, in seconds."""
        return median([run.latency[quantile_name] for run in self.runs])


class RecipeBench(Model):
    """The result of one recipe's benchmark.

    `peak_memory` (bytes) and `cpu_seconds` are those of each run's container; null if they are unknown.
    `memory_from` is the source of the memory: the control group (page cache included), or samples of
    `docker stats`. `output` is the output of a failed benchmark, or the reason why it was skipped.
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
        """The known peaks, in bytes."""
        return [peak for peak in self.peak_memory if peak is not None]


class ImageBench(Model):
    """An image on one platform, and the benchmarks of its recipes.

    `digest` and `size` (bytes) are the engine's. `gpu`: whether the container had a GPU. `releases`: the release of
    each recipe in the image; "" for a recipe without versions.
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
    """The machine that ran the benchmarks: facts from the engine, and from this machine if the engine runs on it.

    `load` is the load average over one minute, before and after.
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
        """The machine's name in a comparison."""
        parts = [self.model or "", self.cpu or self.architecture, f"{self.cores} cores", *self.gpus]
        return ", ".join(part for part in parts if part)


class Result(Model):
    """The results of one `edgebake bench`. `time`: when it started, RFC 3339 in UTC."""

    version: Literal[1] = 1
    edgebake: str
    time: str
    runs: int
    seconds: float
    machine: BenchMachine
    images: tuple[ImageBench, ...]

    @property
    def ok(self) -> bool:
        """Whether no benchmark failed."""
        return all(bench.outcome in ("measured", "skipped") for image in self.images for bench in image.benches)


def render_result(result: Result) -> bytes:
    """Return the bytes of a result's file."""
    return (json.dumps(result.model_dump(mode="json"), indent=1) + "\n").encode()


def read_result(path: Path) -> Result:
    """Return the result that an earlier run wrote.

    Raises:
        EdgebakeError: the file cannot be read, or is not a result of `edgebake bench`.
    """
    at = Position(str(path))
    try:
        return Result.model_validate_json(path.read_bytes())
    except OSError as error:
        raise EdgebakeError(f"cannot read the earlier result: {error.strerror}", at=at) from None
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise EdgebakeError(
            "the file is not a result of edgebake bench",
            at=at,
            reason=f"{key}: {first['msg']}" if key else first["msg"],
            hints=("write one with: edgebake bench IMAGE -o FILE",),
        ) from None
