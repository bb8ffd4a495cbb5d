"""`edgebake test`: recipes' tests, in the built image."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from xml.etree import ElementTree

import pytest

from conftest import MIRROR, Project, run

TESTS = {
    "good": "test -e /opt/good/data\ntest $(id -un) = app\ntouch '/var/lib/the data/x'\n! timeout 2 bash -c 'echo >/dev/tcp/192.0.2.1/80' 2>/dev/null\n",
    "wrong": 'grep 43 /opt/wrong/data || { echo "found $(cat /opt/wrong/data)" >&2; exit 7; }\n',
    "slow": "sleep 60\n",
    "board": "exit 0\n",
}


@pytest.fixture
def tested(project: Project) -> Project:
    project.write(
        {
            "edgebake.yaml": """
                images:
                  demo: {recipes: [good, wrong, slow, board], targets: [cpu], platforms: [linux/amd64]}
                  fine: {recipes: [good], targets: [cpu]}
                """
        }
    )
    for name, script in TESTS.items():
        more = {"slow": ", timeout: 2", "board": ", gpu: true"}.get(name, "")
        runtime = "{volumes: /var/lib/the data}" if name == "good" else "{}"
        project.write(
            {
                f"recipes/{name}/recipe.yaml": f"""
                    name: {name}
                    summary: Has a test
                    install: {{files: {{data: /opt/{name}/data}}}}
                    runtime: {runtime}
                    test: {{script: test.sh{more}}}
                    """,
                f"recipes/{name}/data": "42\n",
                f"recipes/{name}/test.sh": script,
            }
        )
    return project


def test_each_test_runs_in_the_image_and_a_failure_is_the_exit_code(tested: Project) -> None:
    done = tested.edgebake("test", "demo", "--json", "--junit", "out/tests.xml", "-q", check=False)
    assert done.code == 3, done.err
    (suite,) = done.json()["suites"]
    found = {test["recipe"]: (test["outcome"], test["output"]) for test in suite["tests"]}
    assert found == {
        "good": ("passed", ""),
        "wrong": ("failed", "found 42"),
        "slow": ("timed out", "it was still running after 2 s"),
        "board": ("skipped", "it needs a GPU: --gpus all"),
    }
    assert suite["reference"].startswith("localhost:5000/demo:")
    root = ElementTree.parse(tested.root / "out/tests.xml").getroot()
    assert root[0].get("failures") == "2"
    left = run("docker", "ps", "--all", "--quiet", "--filter", "name=edgebake-test-").out
    assert left == ""


def test_both_platforms_are_tested_each_on_its_own(tested: Project) -> None:
    (tested.root / "recipes/good/test.sh").write_text("uname -m\n")
    suites = tested.edgebake("test", "fine", "--json", "-q").json()["suites"]
    found = {suite["platform"]: suite["tests"][0]["output"] for suite in suites}
    assert found == {"linux/amd64": "x86_64", "linux/arm64": "aarch64"}


def test_an_image_that_is_there_is_tested_as_it_is(tested: Project) -> None:
    tested.bake("fine", "--push", "--tag", "v1")
    reference = tested.image("fine", "v1-cpu")
    run("docker", "image", "rm", "--force", reference, check=False)
    (tested.root / "recipes/good/data").write_text("not in the image\n")
    (tested.root / "recipes/good/test.sh").write_text("cat /opt/good/data\n")
    one = ("test", "fine", "--image", reference, "--platform", "linux/amd64", "--json")
    assert tested.edgebake(*one).json()["suites"][0]["tests"][0]["output"] == "42"

    refused = tested.edgebake("test", "fine", "--image", reference, check=False)
    assert refused.code == 2
    assert "choose with --target and --platform" in refused.err
    absent = tested.edgebake("test", "fine", "--image", f"{reference}-no", "-p", "linux/amd64", check=False)
    assert absent.code == 2
    assert absent.err.startswith(f"error: the image {reference}-no cannot be pulled")


def test_ctrl_c_leaves_no_container(tested: Project) -> None:
    (tested.root / "recipes/good/test.sh").write_text("trap '' TERM INT\nsleep 100\n")
    tested.bake("fine", "--load", "-p", "linux/amd64")
    command = [sys.executable, "-m", "edgebake", "test", "fine", "-p", "linux/amd64"]
    env = {**os.environ, "EDGEBAKE_MIRRORS": MIRROR}
    process = subprocess.Popen(command, cwd=tested.root, env=env, stderr=subprocess.PIPE, text=True)
    names = ("docker", "ps", "--all", "--quiet", "--filter", "name=edgebake-test-")
    deadline = time.monotonic() + 120
    while not run(*names).out:
        assert time.monotonic() < deadline
        time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert stderr.splitlines()[-1] == "interrupted"
    assert run(*names).out == ""
