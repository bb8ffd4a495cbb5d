"""Selectors from the command line, on the example."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from shutil import copytree, ignore_patterns

import pytest

REPOSITORY = Path(__file__).parents[2]
EXAMPLE = REPOSITORY / "examples" / "detection-service"


def run(folder: Path, *args: str, seed: str = "0") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "edgebake", *args]
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, env=environment)


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example without what was built in it."""
    return Path(copytree(EXAMPLE, tmp_path_factory.mktemp("example") / "it", ignore=ignore_patterns(".edgebake")))


def test_a_plan_of_what_is_selected_says_the_command_that_builds_it(example: Path) -> None:
    words = ["--select", "opencv+1 nms", "--exclude", "target:cuda-*"]
    done = run(example, "plan", *words)
    assert (done.returncode, done.stderr) == (0, "")
    assert "detector · cpu" in done.stdout
    assert "cuda-12.8" not in done.stdout
    command = done.stdout.splitlines()[-1].removeprefix("Run: edgebake bake ")
    assert shlex.split(command) == words
    data = json.loads(run(example, "plan", *words, "--json").stdout)
    assert [image["bake_target"] for image in data["images"]] == ["detector-cpu", "detector-jetpack-6-2"]


def test_a_selected_platform_makes_a_plan_partial(example: Path) -> None:
    data = json.loads(run(example, "plan", "-s", "detector,target:cpu,platform:linux/arm64", "--json").stdout)
    (image,) = data["images"]
    assert (image["platforms"], image["complete"]) == (["linux/arm64"], False)
    (bake,) = [step for step in data["steps"] if step["step"] == "bake"]
    assert list(bake["tags"]) == ["detector-cpu"]  # under its key, not under the declared tag


def test_selectors_work_on_an_ad_hoc_image(tmp_path: Path) -> None:
    done = run(tmp_path, "plan", "numpy", "opencv", "-t", "cpu", "-s", "platform:linux/arm64", "--json")
    assert [image["platforms"] for image in json.loads(done.stdout)["images"]] == [["linux/arm64"]]


def test_what_changes_by_itself_may_select_nothing(example: Path) -> None:
    for command in ("plan", "graph"):
        done = run(example, command, "--select", "state:unmodified")
        assert done.returncode == 0, done.stderr
    done = run(example, "plan", "--select", "state:unmodified")
    assert done.stderr == "note: --select 'state:unmodified': no image is in that state\n"
    assert done.stdout.startswith("Plan: no image is selected.\n")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["plan", "+nms"], "hint: selectors are given by an option: --select +nms"),
        (["plan", "group:llm"], "hint: selectors are given by an option: --select group:llm"),
        (["plan", "-s", "a,,b"], "error: --select: '' in 'a,,b' is not a selector"),
        (["plan", "--exclude", "x:y"], "error: --exclude: 'x:y': there is no method 'x'"),
        (["bake", "-s", "detectr"], "hint: did you mean 'detector'?"),
        (["test", "-s", "group:lllm"], "hint: did you mean 'llm'?"),
        (
            ["graph", "-s", "target:cuda-12.9"],
            "error: unknown target 'cuda-12.9' in the selector 'target:cuda-12.9'",
        ),
        (["list", "-s", "numppy"], "hint: did you mean 'numpy'?"),
        (["list", "targets", "-s", "platform:arm64"], "hint: did you mean 'linux/arm64'?"),
        (["plan", "--exclude", "image:*"], "error: --exclude 'image:*' matches no image"),
    ],
)
def test_a_wrong_selector_is_one_clear_message(words: list[str], message: str) -> None:
    done = run(EXAMPLE, *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_lists(tmp_path: Path) -> None:
    def names(*words: str) -> list[str]:
        data = json.loads(run(tmp_path, "list", *words, "--json").stdout)
        return [one["name"] for one in data[next(key for key, value in data.items() if isinstance(value, list))]]

    assert names("-s", "recipe:pytorch+1,group:llm", "--exclude", "vllm sglang")[:2] == ["accelerate", "exllama"]
    assert names("targets", "-s", "jetpack-6.*") == ["jetpack-6.0", "jetpack-6.1", "jetpack-6.2"]
    done = run(tmp_path, "list", "-s", "group:llm,group:cv")
    assert (done.returncode, done.stderr) == (0, "note: no recipe is selected\n")
    done = run(tmp_path, "list", "-s", "state:modified")
    assert (done.returncode, "no project was found" in done.stderr) == (2, True)


def test_the_same_bytes_whatever_the_hash_seed() -> None:
    words = ["graph", "-s", "@nms", "--exclude", "target:cpu", "--format", "json"]
    assert run(EXAMPLE, *words, seed="1").stdout == run(EXAMPLE, *words, seed="2").stdout
    words = ["list", "targets", "-s", "+opencv,target:*", "--json"]
    assert run(EXAMPLE, *words, seed="1").stdout == run(EXAMPLE, *words, seed="2").stdout
