"""What changed between two runs of `edgebake bench`, and what of it is noise."""

from __future__ import annotations

from collections.abc import Iterator

from edgebake.dataclasses import dataclass
from edgebake.model.bench import ImageBench, Result
from edgebake.model.output.build import ChangedMetric, Comparison, Verdict
from edgebake.text.statistics import SIGNIFICANT, can_differ, chance, median

Key = tuple[str, str, str, str, str, str]
"""Image, target, platform, recipe, measurement and metric; the recipe and the measurement may be ""."""
_BUSY = 0.5  # waiting programs for each core, more in one run than in the other, that are worth a word


@dataclass(frozen=True)
class Values:
    """The values of one metric, one for each run, and under which conditions they were taken."""

    values: tuple[float, ...]
    unit: str
    more_is_better: bool
    measured: bool
    """Whether it varies from run to run, unlike a size."""
    emulated: bool


def compare(before: Result, now: Result) -> Comparison:
    """Return what changed. Emulated and native runs are never judged by each other, nor are two machines."""
    old, new = dict(_metrics(before)), dict(_metrics(now))
    facts = ("cpu", "cores", "architecture", "model", "gpus")
    same_machine = all(getattr(before.machine, name) == getattr(now.machine, name) for name in facts)
    changes = [_change(key, old.get(key), new.get(key), same_machine=same_machine) for key in {**new, **old}]
    return Comparison(changes=changes, notes=list(_notes(before, now, changes, same_machine=same_machine)))


def _metrics(result: Result) -> Iterator[tuple[Key, Values]]:
    for image in result.images:
        place, emulated = _place(image), image.emulated
        for bench in image.benches:
            for one in bench.measurements:
                key = (*place, bench.recipe, one.name)
                rates = tuple(run.throughput for run in one.runs)
                yield (*key, "throughput"), Values(rates, f"{one.unit}/s", True, True, emulated)
                for name in ("p50", "p99"):
                    times = tuple(run.latency[name] for run in one.runs)
                    yield (*key, name), Values(times, "s", False, True, emulated)
            if bench.memory:
                peaks = tuple(float(peak) for peak in bench.memory)
                yield (*place, bench.recipe, "", "peak memory"), Values(peaks, "bytes", False, True, emulated)
        yield (*place, "", "", "size"), Values((float(image.size),), "bytes", False, False, emulated)


def _change(key: Key, old: Values | None, new: Values | None, *, same_machine: bool) -> ChangedMetric:
    any_of = new or old
    assert any_of is not None
    before, now = (median(one.values) if one else None for one in (old, new))
    verdict, probable = _verdict(old, new, same_machine=same_machine)
    image, target, platform, recipe, measurement, metric = key
    return ChangedMetric(
        image=image,
        target=target,
        platform=platform,
        recipe=recipe,
        measurement=measurement,
        metric=metric,
        unit=any_of.unit,
        before=before,
        now=now,
        ratio=now / before if before and now is not None else None,
        verdict=verdict,
        chance=probable,
        more_is_better=any_of.more_is_better,
    )


def _verdict(old: Values | None, new: Values | None, *, same_machine: bool) -> tuple[Verdict, float | None]:
    """Return what a metric's values say, and how probable their difference is by chance, if it can be chance."""
    if old is None or new is None:
        return ("only now" if old is None else "only then"), None
    before, now = median(old.values), median(new.values)
    better: Verdict = "better" if (now > before) == new.more_is_better else "worse"
    if not new.measured:
        return ("same" if before == now else better), None
    if not same_machine or old.emulated != new.emulated:
        return "not comparable", None
    probable = chance(old.values, new.values)
    if not can_differ(len(old.values), len(new.values)):
        return "too few runs", probable
    return ("within noise" if probable >= SIGNIFICANT or before == now else better), probable


def _notes(before: Result, now: Result, changes: list[ChangedMetric], *, same_machine: bool) -> Iterator[str]:
    if not same_machine:
        yield (
            f"the machines differ, so no difference says anything about the image: then {before.machine.name};"
            f" now {now.machine.name}"
        )
    earlier = {_place(image): image.emulated for image in before.images}
    for image in now.images:
        if earlier.get(_place(image), image.emulated) != image.emulated:
            then, today = ("native", "emulated") if image.emulated else ("emulated", "native")
            yield f"{image.image} on {image.target} ({image.platform}) was {then} then, and is {today} now"
    if before.machine.load and now.machine.load:
        then_load, load = before.machine.load[0], now.machine.load[0]
        if abs(then_load - load) > _BUSY * now.machine.cores:
            yield f"the machine was not equally busy: its load was {then_load:.1f} then, and {load:.1f} now"
    if any(change.verdict == "too few runs" for change in changes):
        yield "too few runs to distinguish a difference from noise: use --runs 4 or more, both times"
    if before.seconds != now.seconds:
        yield f"each measurement took {before.seconds:g} s then, and takes {now.seconds:g} s now"


def _place(image: ImageBench) -> tuple[str, str, str]:
    return image.image, image.target, image.platform
