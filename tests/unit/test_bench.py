"""What a bench says, what is kept of it, and what is said of two runs."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest
from rich.console import RenderableType

from edgebake.bench.compare import compare
from edgebake.bench.machine import processor
from edgebake.bench.protocol import ProtocolError, parse
from edgebake.bench.runner import Collected, Outcome
from edgebake.cli.console import render
from edgebake.cli.format.bench import comparison_text, data, duration, failure_lines, number, text
from edgebake.errors import EdgebakeError
from edgebake.host.files import Files
from edgebake.model.bench import (
    BenchMachine,
    ImageBench,
    Measurement,
    RecipeBench,
    Result,
    Run,
    read_result,
    render_result,
    summarised,
)
from edgebake.model.output.build import ChangedMetric, Comparison
from edgebake.testing.cases import Case
from integration.projects import make_project, recipe

INSIDE = Path(__file__).parents[2] / "src/edgebake/bench/inside"
MACHINE = BenchMachine(
    cpu="Some CPU", cores=4, memory=2**33, architecture="amd64", os="Debian", kernel="6", engine="28"
)
CASE = Case("fast", "fast 1.0", Path(), "bench.py", (), 300, False)


def line(**fields: Any) -> str:
    return json.dumps({"measurement": "m", "nanoseconds": [2_000_000, 1_000_000], **fields})


# ── the protocol


def test_measurements_stand_among_words() -> None:
    output = f"warming up\n{line(unit='frames', items=3)}\n{{'no': json}}\n" + json.dumps(
        {"container": {"peak_memory": 5, "cpu_microseconds": 2_500_000}}
    )
    said = parse(output)
    ((name, unit, run),) = said.measurements
    assert (name, unit, run.calls) == ("m", "frames", 2)
    assert run.throughput == pytest.approx(3 * 2 / 0.003)
    assert run.latency["min"] == pytest.approx(0.001)
    assert run.latency["p50"] == pytest.approx(0.0015)
    assert (said.peak_memory, said.cpu_seconds) == (5, 2.5)
    assert said.words == "warming up\n{'no': json}"


def test_the_time_of_calls_side_by_side_is_not_their_sum() -> None:
    ((_, _, run),) = parse(line(seconds=0.001)).measurements
    assert run.throughput == pytest.approx(2000)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (line(nanoseconds=[]), "nanoseconds"),
        (line(nanoseconds=[-1]), "nanoseconds.0"),
        (line(nanoseconds=[1.5]), "nanoseconds.0"),
        (line(items=0), "items"),
        (line(seconds=0), "seconds"),
        (line(surprise=1), "surprise"),
        (line(measurement=""), "measurement"),
        (line(measurement="two\nlines"), "measurement"),
        (f"{line()}\n{line()}", "is listed twice"),
        (line().replace("[2000000, 1000000]", "[NaN]"), "nanoseconds"),
    ],
)
def test_a_measurement_that_is_written_wrong_is_a_failure(text: str, reason: str) -> None:
    with pytest.raises(ProtocolError, match=reason):
        parse(text)


@pytest.mark.parametrize("text", ["", "{", "{}", "[1]", "null", '{"container": 5}', '{"a": 1}', "{" * 5000])
def test_what_is_no_measurement_is_a_word(text: str) -> None:
    said = parse(text)
    assert said.measurements == ()
    assert (said.peak_memory, said.cpu_seconds) == (None, None)


def test_a_container_of_which_nobody_counts_anything() -> None:
    said = parse('{"container": {"peak_memory": null, "cpu_microseconds": null}}')
    assert (said.peak_memory, said.cpu_seconds) == (None, None)


# ── the helper and the account, as they run in a container


def helper(code: str, tmp_path: Path, seconds: str = "0.02") -> list[dict[str, Any]]:
    (tmp_path / "bench.py").write_text(f"from edgebake_bench import measure\n{code}\n")
    environment = {"EDGEBAKE_BENCH_SECONDS": seconds, "PYTHONPATH": str(INSIDE), "PYTHONDONTWRITEBYTECODE": "1"}
    command = ["sh", str(INSIDE / "account.sh"), sys.executable, str(tmp_path / "bench.py")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(text) for text in done.stdout.splitlines() if text]


def test_the_helper_measures_calls_and_the_account_follows(tmp_path: Path) -> None:
    first, account = helper(
        "import time\nmeasure('nap', lambda: time.sleep(0.002), items=4, unit='naps')", tmp_path
    )
    assert (first["measurement"], first["unit"], first["items"]) == ("nap", "naps", 4)
    assert len(first["nanoseconds"]) >= 10
    assert min(first["nanoseconds"]) >= 2_000_000
    assert first["seconds"] * 1e9 >= sum(first["nanoseconds"])
    assert set(account["container"]) == {"peak_memory", "cpu_microseconds"}
    parse(json.dumps(first))


def test_the_helper_ends_a_slow_call_soon(tmp_path: Path) -> None:
    code = "import time\nmeasure('slow', lambda: time.sleep(0.05))"
    (first, _) = helper(code, tmp_path, seconds="0.01")
    assert len(first["nanoseconds"]) < 10


def test_threads_call_side_by_side(tmp_path: Path) -> None:
    code = "import time\nmeasure('nap', lambda: time.sleep(0.01), threads=4)"
    (first, _) = helper(code, tmp_path, seconds="0.1")
    assert first["seconds"] * 1e9 < sum(first["nanoseconds"]) / 2


def test_an_error_in_a_thread_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "bench.py").write_text(
        "from edgebake_bench import measure\nfrom itertools import count\nn = count()\n"
        "def call():\n    if next(n) > 5:\n        raise ValueError('x')\nmeasure('m', call, threads=2)\n"
    )
    command = ["sh", str(INSIDE / "account.sh"), sys.executable, str(tmp_path / "bench.py")]
    environment = {"PYTHONPATH": str(INSIDE), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert '"measurement"' not in done.stdout


# ── what is kept


def outcome(*names: str, peak: int | None = 10, failure: str = "", sampled: int | None = None) -> Outcome:
    if failure:
        return Outcome(1.0, failure=failure)
    account = json.dumps({"container": {"peak_memory": peak, "cpu_microseconds": 1}})
    said = parse("\n".join([*(line(measurement=name) for name in names), account]))
    return Outcome(1.0, said, sampled=sampled)


def collected(*outcomes: Outcome) -> RecipeBench:
    found = Collected(CASE)
    for one in outcomes:
        assert found.is_open
        found.add(one)
    return found.result()


def test_runs_are_gathered_by_measurement() -> None:
    bench = collected(outcome("a", "b"), outcome("a", "b", peak=20))
    assert [(one.name, len(one.runs)) for one in bench.measurements] == [("a", 2), ("b", 2)]
    assert (bench.outcome, bench.peak_memory, bench.memory_from) == ("measured", (10, 20), "control group")


def test_a_run_that_fails_is_the_end() -> None:
    bench = collected(outcome("a"), outcome(failure="no luck"))
    assert (bench.outcome, bench.output, bench.measurements) == ("failed", "no luck", ())


def test_a_run_that_measures_other_things_is_a_failure() -> None:
    assert collected(outcome("a"), outcome("b")).output == "this run measured other things: b"


def test_memory_is_sampled_where_the_control_group_does_not_tell_its_peak() -> None:
    found = Collected(CASE)
    assert not found.wants_samples
    found.add(outcome("a", peak=None))
    assert found.wants_samples
    found.add(outcome("a", peak=None, sampled=7))
    bench = found.result()
    assert (bench.peak_memory, bench.memory, bench.memory_from) == ((None, 7), [7], "docker stats")


# ── what a bench leaves alone


def test_a_bench_changes_nothing_that_is_built(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    project.recipe(**recipe("fast", test={"script": "test.sh"}))
    project.write({"recipes/fast/test.sh": "true\n"}).images(app=["fast"])
    files, fingerprints = project.files(), project.fingerprints()
    project.recipe(**recipe("fast", test={"script": "test.sh"}, bench={"script": "bench.py"}))
    project.write({"recipes/fast/bench.py": "print(1)\n"})
    assert project.files() == files
    assert project.fingerprints() == fingerprints


# ── two runs


def run(milliseconds: float) -> Run:
    return summarised([int(milliseconds * 1e6)], 1, milliseconds / 1e3)


def result(
    times: Sequence[float],
    *,
    size: int = 1000,
    emulated: bool = False,
    machine: BenchMachine = MACHINE,
    **fields: Any,
) -> Result:
    bench = RecipeBench(
        recipe="fast",
        title="fast 1.0",
        outcome="measured",
        seconds=(1.0,) * len(times),
        cpu_seconds=(1.0,) * len(times),
        peak_memory=(2**20,) * len(times),
        measurements=(Measurement(name="m", unit="calls", runs=tuple(map(run, times))),),
    )
    image = ImageBench(
        image="app",
        target="cpu",
        platform="linux/amd64",
        emulated=emulated,
        gpu=False,
        reference="r",
        digest="sha256:0",
        size=size,
        releases={"fast": "1.0"},
        benches=(bench,),
    )
    given = {"edgebake": "0", "time": "2026-01-01T00:00:00Z", "runs": len(times), "seconds": 1.0, **fields}
    return Result(machine=machine, images=(image,), **given)


def of(comparison: Comparison, metric: str) -> ChangedMetric:
    (found,) = [change for change in comparison.changes if change.metric == metric]
    return found


QUIET = [10.0, 10.1, 10.2, 10.3, 10.4]


def test_what_differs_more_than_from_run_to_run_is_a_difference() -> None:
    found = compare(result(QUIET), result([time * 1.2 for time in QUIET]))
    assert {metric: of(found, metric).verdict for metric in ("throughput", "p50", "p99")} == dict.fromkeys(
        ("throughput", "p50", "p99"), "worse"
    )
    assert of(found, "p50").ratio == pytest.approx(1.2, rel=1e-6)
    assert of(found, "p50").loss == pytest.approx(0.2, rel=1e-6)
    assert of(found, "throughput").loss == pytest.approx(0.2, rel=1e-6)  # as much time more
    assert [change.metric for change in found.failures(0.1)] == ["throughput", "p50", "p99"]
    assert found.failures(0.25) == []
    back = compare(result([time * 1.2 for time in QUIET]), result(QUIET))
    assert of(back, "p50").verdict == of(back, "throughput").verdict == "better"
    assert back.failures(0) == []


def test_what_differs_as_from_run_to_run_is_noise_however_far_apart_the_medians_are() -> None:
    found = compare(result([10, 10, 10, 30, 30]), result([10, 10, 30, 30, 30]))
    assert of(found, "p50").ratio == pytest.approx(3)
    assert of(found, "p50").verdict == "within noise"
    assert found.failures(0) == []


def test_too_few_runs_prove_nothing() -> None:
    found = compare(result(QUIET[:3]), result([100.0, 101.0, 102.0]))
    assert of(found, "p50").verdict == "too few runs"
    assert found.notes == ["too few runs to distinguish a difference from noise: use --runs 4 or more, both times"]


def test_a_size_is_no_chance() -> None:
    found = compare(result(QUIET), result(QUIET, size=1500))
    assert (of(found, "size").verdict, of(found, "size").chance) == ("worse", None)
    assert [change.metric for change in found.failures(0.4)] == ["size"]
    assert of(compare(result(QUIET), result(QUIET)), "size").verdict == "same"


def test_emulated_is_never_judged_by_native() -> None:
    found = compare(result(QUIET, emulated=True), result([1.0] * 5))
    assert of(found, "p50").verdict == "not comparable"
    assert found.notes == ["app on cpu (linux/amd64) was emulated then, and is native now"]
    assert compare(result([1.0] * 5), result(QUIET, emulated=True)).failures(0) == []


def test_nor_is_one_machine_by_another() -> None:
    other = MACHINE.model_copy(update={"cpu": "Another CPU"})
    found = compare(result([1.0] * 5, machine=other), result(QUIET))
    assert of(found, "p50").verdict == "not comparable"
    assert "then Another CPU, 4 cores; now Some CPU, 4 cores" in found.notes[0]
    assert of(compare(result(QUIET, machine=other), result(QUIET, size=900)), "size").verdict == "better"


def test_a_busy_machine_and_other_settings_are_told() -> None:
    busy, idle = (MACHINE.model_copy(update={"load": (load, 0.0)}) for load in (9.0, 0.2))
    found = compare(result(QUIET, machine=idle), result(QUIET, machine=busy, seconds=2.0))
    assert found.notes == [
        "the machine was not equally busy: its load was 0.2 then, and 9.0 now",
        "each measurement took 1 s then, and takes 2 s now",
    ]


def test_what_is_missing_is_told() -> None:
    now = result(QUIET)
    empty = now.model_copy(update={"images": ()})
    assert {change.verdict for change in compare(empty, now).changes} == {"only now"}
    assert {change.verdict for change in compare(now, empty).changes} == {"only then"}
    assert "–" in printed(comparison_text(compare(now, empty), now))


# ── files and texts


def test_a_result_comes_back_from_its_file(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    path.write_bytes(render_result(result(QUIET)))
    assert read_result(path) == result(QUIET)
    assert json.loads(path.read_text())["version"] == 1


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"\xff", b'{"version": 2}', b'{"version": 1, "images": 3}'])
def test_a_file_that_is_no_result_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_bytes(content)
    with pytest.raises(EdgebakeError) as caught:
        read_result(tmp_path / "x.json")
    assert caught.value.message == "the file is not a result of edgebake bench"
    assert caught.value.reason


def test_a_file_that_is_not_there() -> None:
    with pytest.raises(EdgebakeError, match="cannot read"):
        read_result(Path("/nonexistent/x.json"))


def printed(parts: Iterable[RenderableType]) -> str:
    return "\n".join(render(part, io.StringIO()) for part in parts)


def test_texts() -> None:
    now = result(QUIET, emulated=True)
    assert printed(text(now)) == (
        "app on cpu (linux/amd64, EMULATED: says nothing about real hardware) · 0.0 MiB\n"
        "  fast 1.0: 5 runs, peak memory 1.0 MiB, 1.0 s of CPU in 1.0 s\n"
        "    MEASUREMENT  THROUGHPUT  P50      P90      P99      NOISE\n"
        "    m            98 calls/s  10.2 ms  10.2 ms  10.2 ms  ±2.0 %"
    )
    found = compare(result(QUIET), result([20.0] * 5))
    assert printed(comparison_text(found, result(QUIET))).splitlines()[:3] == [
        "compared with the run of 2026-01-01T00:00:00Z",
        "MEASUREMENT        METRIC       THEN        NOW         NOW/THEN  VERDICT",
        "fast: m            throughput   98 calls/s  50 calls/s  0.51      worse (p=0.008)",
    ]
    assert failure_lines(found.failures(0.5), 0.5)[0] == (
        "worse by 96 %, more than 50 %: app · linux/amd64 · fast · m · throughput"
    )
    comparison = data(now, found).comparison
    assert comparison is not None
    assert comparison.changes[0].verdict == "worse"


def test_values_for_people() -> None:
    assert [duration(one) for one in (2, 0.0123, 0.0000123, 5e-8)] == ["2 s", "12.3 ms", "12.3 µs", "50 ns"]
    assert [number(one) for one in (1234567.0, 99.94, 0.001234)] == ["1,234,567", "99.9", "0.00123"]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("model name\t: Some  CPU @ 2 GHz\nmodel name\t: Some  CPU @ 2 GHz\n", "Some CPU @ 2 GHz"),
        ("CPU implementer\t: 0x41\nCPU part\t: 0xd42\n", "Arm 0x41 0xd42"),
        ("nothing: here\n", None),
    ],
)
def test_the_processor_has_a_name(text: str, name: str | None, tmp_path: Path) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/cpuinfo").write_text(text)
    assert processor(Files(tmp_path)) == name
