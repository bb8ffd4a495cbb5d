"""What benches measured, for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from edgebake.bench.compare import Change, Comparison
from edgebake.model.bench import ImageBench, Measurement, RecipeBench, Result
from edgebake.text.statistics import median, spread
from edgebake.text.table import padded

_HEAD = ("MEASUREMENT", "THROUGHPUT", "P50", "P90", "P99", "NOISE")
_COMPARED = ("MEASUREMENT", "METRIC", "THEN", "NOW", "NOW/THEN", "VERDICT")


def as_text(result: Result) -> str:
    """Return a block for each image: its recipes, and what was measured, each value the median of all runs."""
    return "\n\n".join("\n".join(_image_lines(image)) for image in result.images)


def _image_lines(image: ImageBench) -> Iterator[str]:
    emulated = ", EMULATED: says nothing about real hardware" if image.emulated else ""
    gpu = ", with the GPU" if image.gpu else ""
    yield f"{image.image} on {image.target} ({image.platform}{gpu}{emulated}) · {size(image.size)}"
    for bench in image.benches:
        yield f"  {bench.title}: {_told(bench)}"
        yield from (f"      {line}" for line in bench.output.splitlines())
        rows = [_row(one) for one in bench.measurements]
        yield from (f"    {line}".rstrip() for line in padded([_HEAD, *rows] if rows else []))


def _told(bench: RecipeBench) -> str:
    if bench.outcome != "measured":
        return bench.outcome
    parts = [f"{len(bench.seconds)} run{'s' if len(bench.seconds) > 1 else ''}"]
    if bench.memory:
        source = "" if bench.memory_from == "control group" else ", sampled"
        parts.append(f"peak memory {size(median(bench.memory))}{source}")
    cpu = [one for one in bench.cpu_seconds if one is not None]
    if cpu:
        parts.append(f"{median(cpu):.1f} s of CPU in {median(bench.seconds):.1f} s")
    return ", ".join(parts)


def _row(one: Measurement) -> tuple[str, ...]:
    rates = [run.throughput for run in one.runs]
    times = (duration(one.middle(name)) for name in ("p50", "p90", "p99"))
    noise = f"±{spread(rates) * 100:.1f} %" if len(rates) > 1 else "one run"
    return (one.name, f"{number(median(rates))} {one.unit}/s", *times, noise)


# ── compared


def comparison_text(comparison: Comparison, before: Result) -> str:
    """Return what changed as a table, and the notes."""
    rows = [_changed(change) for change in comparison.changes]
    notes = [f"note: {note}" for note in comparison.notes]
    table = [line.rstrip() for line in padded([_COMPARED, *rows])]
    return "\n".join([f"compared with the run of {before.time}", *notes, *table])


def _changed(change: Change) -> tuple[str, ...]:
    image, _, platform, recipe, measurement, metric = change.key
    name = ": ".join(part for part in (recipe or f"{image} ({platform})", measurement) if part)
    values = (value(change.before, change.unit), value(change.now, change.unit))
    ratio = f"{change.ratio:.2f}" if change.ratio is not None else ""
    chance = f" (p={change.chance:.3f})" if change.chance is not None else ""
    return (name, metric, *values, ratio, f"{change.verdict}{chance}")


def failure_lines(failures: Sequence[Change], limit: float) -> list[str]:
    """Return a line for each metric that is worse by more than a share."""
    return [
        f"worse by {change.loss * 100:.0f} %, and {limit * 100:g} % are allowed: "
        + " · ".join(part for part in (change.key[0], *change.key[2:]) if part)
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
