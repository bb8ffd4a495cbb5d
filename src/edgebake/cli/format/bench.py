"""`edgebake bench`: what benches measured, for people and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from edgebake.cli.console import Renderable, table
from edgebake.model.bench import ImageBench, Measurement, RecipeBench, Result
from edgebake.model.output.build import Bench, ChangedMetric, Comparison
from edgebake.text.statistics import median, spread
from edgebake.text.words import counted

_HEAD = ("MEASUREMENT", "THROUGHPUT", "P50", "P90", "P99", "NOISE")
_COMPARED = ("MEASUREMENT", "METRIC", "THEN", "NOW", "NOW/THEN", "VERDICT")


def text(result: Result) -> Iterator[Renderable]:
    """Yield a block for each image: its recipes, and what was measured, each value the median of all runs."""
    for number, image in enumerate(result.images):
        if number:
            yield ""
        yield from _image(image)


def data(result: Result, comparison: Comparison | None) -> Bench:
    """Return what `--json` prints."""
    return Bench(**dict(result), comparison=comparison)


def _image(image: ImageBench) -> Iterator[Renderable]:
    from rich.padding import Padding

    emulated = ", EMULATED: says nothing about real hardware" if image.emulated else ""
    gpu = ", with the GPU" if image.gpu else ""
    yield f"{image.image} on {image.target} ({image.platform}{gpu}{emulated}) · {size(image.size)}"
    for bench in image.benches:
        yield f"  {bench.title}: {_outcome(bench)}"
        yield from (f"      {line}" for line in bench.output.splitlines())
        if bench.measurements:
            rows = [_row(measurement) for measurement in bench.measurements]
            yield Padding(table(_HEAD, rows, wrap=_HEAD[:1]), (0, 0, 0, 4))


def _outcome(bench: RecipeBench) -> str:
    if bench.outcome != "measured":
        return bench.outcome
    parts = [counted(len(bench.seconds), "run")]
    if bench.memory:
        source = "" if bench.memory_from == "control group" else ", sampled"
        parts.append(f"peak memory {size(median(bench.memory))}{source}")
    cpu = [seconds for seconds in bench.cpu_seconds if seconds is not None]
    if cpu:
        parts.append(f"{median(cpu):.1f} s of CPU in {median(bench.seconds):.1f} s")
    return ", ".join(parts)


def _row(measurement: Measurement) -> tuple[str, ...]:
    rates = [run.throughput for run in measurement.runs]
    times = (duration(measurement.middle(name)) for name in ("p50", "p90", "p99"))
    noise = f"±{spread(rates) * 100:.1f} %" if len(rates) > 1 else "one run"
    return (measurement.name, f"{number(median(rates))} {measurement.unit}/s", *times, noise)


# ── compared


def comparison_text(comparison: Comparison, before: Result) -> Iterator[Renderable]:
    """Yield what changed as a table, and the notes.

    Args:
        comparison: what changed.
        before: the earlier run.
    """
    yield f"compared with the run of {before.time}"
    yield from (f"note: {note}" for note in comparison.notes)
    yield table(_COMPARED, [_changed(change) for change in comparison.changes], wrap=("MEASUREMENT", "VERDICT"))


def _changed(change: ChangedMetric) -> tuple[str, ...]:
    subject = change.recipe or f"{change.image} ({change.platform})"
    name = ": ".join(part for part in (subject, change.measurement) if part)
    values = (value(change.before, change.unit), value(change.now, change.unit))
    ratio = f"{change.ratio:.2f}" if change.ratio is not None else ""
    chance = f" (p={change.chance:.3f})" if change.chance is not None else ""
    return (name, change.metric, *values, ratio, f"{change.verdict}{chance}")


def failure_lines(failures: Sequence[ChangedMetric], limit: float) -> list[str]:
    """Return a line for each metric that is worse by more than a share."""
    return [
        f"worse by {change.loss * 100:.0f} %, more than {limit * 100:g} %: "
        + " · ".join(
            filter(None, (change.image, change.platform, change.recipe, change.measurement, change.metric))
        )
        for change in failures
    ]


# ── values


def value(amount: float | None, unit: str) -> str:
    """Return a value with its unit; "–" for none."""
    if amount is None:
        return "–"
    if unit == "s":
        return duration(amount)
    return size(amount) if unit == "bytes" else f"{number(amount)} {unit}"


def number(amount: float) -> str:
    """Return a number with three digits that count."""
    if amount >= 100:
        return f"{amount:,.0f}"
    return f"{amount:.3g}"


def duration(seconds: float) -> str:
    """Return a time in the unit that suits it."""
    for factor, unit in ((1, "s"), (1e3, "ms"), (1e6, "µs")):
        if seconds * factor >= 1:
            return f"{number(seconds * factor)} {unit}"
    return f"{number(seconds * 1e9)} ns"


def size(count: float) -> str:
    """Return a size in bytes for people."""
    return f"{count / 2**30:.2f} GiB" if count >= 2**30 else f"{count / 2**20:.1f} MiB"
