"""`edgebake bench`: recipes measured in the built image, and compared."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from conftest import MIRROR, Project, run
from documentation.outputs import check_output

# A bench in bash, which prints its lines itself: so the image needs no Python.
BENCH = """
start=$(date +%s%N)
for _ in 1 2 3; do
    begin=$(date +%s%N)
    grep -q 42 /opt/data
    times="${times:+$times, }$(($(date +%s%N) - begin))"
done
echo "warming up is over" >&2
echo "{\\"measurement\\": \\"grep\\", \\"unit\\": \\"searches\\", \\"nanoseconds\\": [$times]}"
"""
CONTAINERS = ("docker", "ps", "--all", "--quiet", "--filter", "name=edgebake-bench-")


@pytest.fixture
def measured(project: Project) -> Project:
    project.write(
        {
            "edgebake.yaml": "images: {app: {recipes: [fast], targets: [cpu]}}",
            "recipes/fast/recipe.yaml": """
                name: fast
                summary: Has a bench
                install: {files: {data: /opt/data}}
                bench: {script: bench.sh, timeout: 60}
                """,
            "recipes/fast/data": "42\n",
            "recipes/fast/bench.sh": BENCH,
        }
    )
    return project


def test_a_bench_is_measured_and_compared(measured: Project) -> None:
    done = measured.edgebake("bench", "app", "--runs", "4", "--json", "-o", "out/one.json")
    first = check_output("bench", done.out)
    assert json.loads((measured.root / "out/one.json").read_text()) | {"comparison": None} == first
    assert "left out: app-cpu on linux/arm64, which is emulated here" in done.err
    (image,) = first["images"]
    assert (image["platform"], image["emulated"], image["releases"]) == ("linux/amd64", False, {"fast": ""})
    assert image["digest"].startswith("sha256:")
    (bench,) = image["benches"]
    assert (bench["outcome"], len(bench["cpu_seconds"])) == ("measured", 4)
    assert all(peak and peak > 100_000 for peak in bench["peak_memory"])
    assert [run["calls"] for run in bench["measurements"][0]["runs"]] == [3, 3, 3, 3]

    # Ten times as slow is no noise, and what changes in a bench alone makes no new image.
    slow = BENCH.replace("    grep -q", "    sleep 0.1\n    grep -q")
    (measured.root / "recipes/fast/bench.sh").write_text(slow)
    again = measured.edgebake(
        "bench",
        "app",
        "--runs",
        "4",
        "--compare",
        "out/one.json",
        "--fail-above",
        "50%",
        "--json",
        "-q",
        check=False,
    )
    assert again.code == 3
    assert check_output("bench", again.out)["images"][0]["digest"] == image["digest"]
    verdicts = {change["metric"]: change["verdict"] for change in again.json()["comparison"]["changes"]}
    assert (verdicts["throughput"], verdicts["p50"], verdicts["size"]) == ("worse", "worse", "same")
    assert "more than 50 %: app · linux/amd64 · fast · grep · p50" in again.err


def test_what_is_emulated_is_marked_and_not_compared_with_what_is_not(measured: Project) -> None:
    one = ("bench", "app", "--runs", "1", "-q", "-p", "linux/arm64")
    first = measured.edgebake(*one, "-o", "one.json")
    assert "EMULATED" in first.out
    data = json.loads((measured.root / "one.json").read_text())
    assert data["images"][0]["emulated"] is True
    data["images"][0]["emulated"] = False  # as a board would have written it
    (measured.root / "one.json").write_text(json.dumps(data))
    again = measured.edgebake(*one, "--compare", "one.json", "--fail-above", "0")
    assert "was native then, and is emulated now" in again.out
    assert again.out.count("not comparable") == 4


def test_what_fails_is_told_and_ctrl_c_leaves_no_container(measured: Project) -> None:
    script = measured.root / "recipes/fast/bench.sh"
    script.write_text("echo 'no data' >&2\nexit 7\n")
    failed = measured.edgebake("bench", "app", "-q", check=False)
    assert failed.code == 3
    assert "fast: failed\n      no data\n" in failed.out
    script.write_text("echo done\n")
    assert "it measured nothing" in measured.edgebake("bench", "app", "-q", check=False).out

    script.write_text("trap '' TERM INT\nsleep 100\n")
    env = {**os.environ, "EDGEBAKE_MIRRORS": MIRROR}
    command = [sys.executable, "-m", "edgebake", "bench", "app"]
    process = subprocess.Popen(command, cwd=measured.root, env=env, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while not run(*CONTAINERS).out:
        assert time.monotonic() < deadline
        time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, stderr
    assert stderr.splitlines()[-1] == "interrupted"
    assert run(*CONTAINERS).out == ""


def test_an_image_without_a_bench_is_a_mistake(measured: Project) -> None:
    for text, message in (
        (
            "name: fast\nsummary: None\ninstall: {files: {data: /opt/data}}\n",
            "none of the selected recipes has a bench",
        ),
        (
            "name: fast\nsummary: s\nbench: {script: gone.sh}\n",
            "recipes/fast/recipe.yaml:3:17: there is no 'gone.sh'",
        ),
    ):
        (measured.root / "recipes/fast/recipe.yaml").write_text(text)
        done = measured.edgebake("bench", "app", check=False)
        assert done.code == 2
        assert message in done.err
