"""`--json` of the commands that build, push and ask a registry: as the schemas in docs/schema/output say."""

from __future__ import annotations

import shutil

from conftest import Project
from documentation.blocks import ROOT
from documentation.outputs import check_output


def test_outputs_from_bake_to_prune(project: Project) -> None:
    shutil.copytree(ROOT / "tests/documentation/projects/acme", project.root, dirs_exist_ok=True)
    own = ("--registry", project.registry)
    planned = check_output("plan", project.edgebake("plan", "--push", *own, "--json").out)
    assert planned["images"][0]["observed"]["current"] is False

    for platform in ("linux/amd64", "linux/arm64"):
        args = ("--platform", platform, "--push", "--no-test", "--digests", "digests", "--json")
        baked = check_output("bake", project.bake(*args).out)
        assert [one["result"] for one in baked["results"]] == ["built"]
    assert [
        one["refused"] for one in check_output("prune", project.edgebake("prune", *own, "--json").out)["tags"]
    ] == []

    published = check_output("publish", project.edgebake("publish", "--digests", "digests", *own, "--json").out)
    assert {one["state"] for one in published["published"]} == {"published"}
    assert check_output("verify", project.edgebake("verify", *own, "--json").out)["ok"] is True
    old = ("prune", "--keep", "0", "--older-than", "0", *own, "--json")
    check_output("prune", project.edgebake(*old).out)

    found = check_output("autotag", project.edgebake("autotag", f"{project.registry}/detector", "--json").out)
    assert found["reference"] == f"{project.registry}/detector:1.4.2-cpu"


def test_outputs_of_a_test_and_a_failed_bake(project: Project) -> None:
    project.write(
        {
            "edgebake.yaml": "images: {app: {recipes: [./app, ./bad], targets: [cpu], platforms: [linux/amd64]}}\n",
            "app/recipe.yaml": "name: app\nsummary: x\ninstall: {files: {hi: /hi}}\ntest: {script: test.sh}\n",
            "app/hi": "hi\n",
            "app/test.sh": "grep -q hi /hi; echo tested\n",
            "bad/recipe.yaml": "name: bad\nsummary: x\ninstall: {script: install.sh}\n",
            "bad/install.sh": "exit 7\n",
        }
    )
    done = project.bake("--json", "--load", check=False)
    assert done.code == 2
    assert {one["result"] for one in check_output("bake", done.out)["results"]} == {"failed"}
    project.write({"bad/install.sh": "true\n"})
    (suite,) = check_output("test", project.edgebake("test", "--json").out)["suites"]
    assert [(one["recipe"], one["outcome"]) for one in suite["tests"]] == [("app", "passed")]
