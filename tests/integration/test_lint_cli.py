"""`edgebake lint` from the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]


def linted(folder: Path, *args: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "edgebake", "lint", *args]
    plain = {name: value for name, value in os.environ.items() if name != "GITHUB_WORKSPACE"}
    env = {**plain, **environment}
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, env=env)


def service(folder: Path) -> Path:
    """Write a project with a service that has no health check, and a secret."""
    files = {
        "edgebake.yaml": "images:\n  web: {recipes: [./web], targets: [cpu]}\n  job: {recipes: [./job], targets: [cpu]}\n",
        "web/recipe.yaml": "name: web\nsummary: s\nlicense: MIT\nruntime: {expose: [80]}\nenv: {API_KEY: abcdef}\n",
        "job/recipe.yaml": "name: job\nsummary: s\nlicense: MIT\n",
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True, parents=True)
        (folder / name).write_text(text)
    return folder


def rules(done: subprocess.CompletedProcess[str]) -> list[str]:
    return [finding["rule"] for finding in json.loads(done.stdout)["findings"]]


def test_an_error_exits_with_3_and_nothing_is_written(tmp_path: Path) -> None:
    done = linted(service(tmp_path))
    assert (done.returncode, done.stderr) == (3, "")
    assert "web/recipe.yaml\n" in done.stdout
    assert "  5:16  error    API_KEY holds a secret, by its name  [secret-variable]\n" in done.stdout
    assert "abcdef" not in done.stdout
    assert done.stdout.splitlines()[-1] == "1 error, 4 warnings."
    assert sorted(path.name for path in tmp_path.iterdir()) == ["edgebake.yaml", "job", "web"]


def test_warnings_fail_only_when_strict(tmp_path: Path) -> None:
    service(tmp_path)
    assert linted(tmp_path, "job").returncode == 0
    assert linted(tmp_path, "job", "--strict").returncode == 3


def test_a_selection_is_of_images_or_of_recipes(tmp_path: Path) -> None:
    service(tmp_path)
    assert rules(linted(tmp_path, "job", "--format", "json")) == ["unpinned-base", "missing-test"]
    done = linted(tmp_path, "numpy", "--target", "cpu", "--format", "json")
    assert (done.returncode, rules(done)) == (0, [])
    done = linted(tmp_path, "job", "numpy")
    assert (done.returncode, done.stderr.splitlines()[0]) == (
        2,
        "error: 'job' is an image of the project; images and recipes cannot be mixed",
    )


def test_mistakes_are_told(tmp_path: Path) -> None:
    done = linted(tmp_path, "nunpy")
    assert (done.returncode, done.stderr) == (
        2,
        "error: unknown image or recipe 'nunpy'\n\nhint: did you mean 'numpy'?\n",
    )
    done = linted(tmp_path, "numpy", "--target", "cpuu")
    assert (done.returncode, done.stderr.splitlines()[0]) == (2, "error: unknown target 'cpuu'")
    done = linted(service(tmp_path), "--target", "jetpack-6.2")
    assert (done.returncode, done.stderr.splitlines()[0]) == (2, "error: no image is for the target 'jetpack-6.2'")
    done = linted(tmp_path, "tensorrt", "--target", "cpu")
    assert done.returncode == 2
    assert "cpu" in done.stderr


def test_github_paths_are_those_of_the_checkout(tmp_path: Path) -> None:
    service(tmp_path / "apps")
    done = linted(tmp_path / "apps", "web", "--format", "github", GITHUB_WORKSPACE=str(tmp_path))
    assert "::error file=apps/web/recipe.yaml,line=5,col=16,title=secret-variable::" in done.stdout
    log = json.loads(linted(tmp_path / "apps", "--format", "sarif", GITHUB_WORKSPACE=str(tmp_path)).stdout)
    places = [r["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for r in log["runs"][0]["results"]]
    assert "apps/edgebake.yaml" in places


def test_the_rules_are_listed(tmp_path: Path) -> None:
    done = linted(tmp_path, "--rules")
    assert done.returncode == 0
    assert "root-user (warning)\n  an image runs as root\n  fix: " in done.stdout


def test_the_catalogue_is_linted_without_a_project_and_on_request(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    plain = linted(tmp_path / "empty", "--format", "json")
    service(tmp_path / "project")
    asked = linted(tmp_path / "project", "--catalogue", "--format", "json")
    assert rules(plain) == rules(asked)
    found = {(one["rule"], one["recipe"]) for one in json.loads(plain.stdout)["findings"]}
    assert not found, f"fix these recipes, or let them say why not: {sorted(found)}"
    assert plain.returncode == asked.returncode == 0


def test_the_example_has_no_error(tmp_path: Path) -> None:
    done = linted(REPOSITORY / "examples" / "detection-service", "--format", "json")
    assert done.returncode == 0, done.stdout
    # The rest waits for a network that reaches the registries.
    assert set(rules(done)) <= {"unpinned-base", "unpinned-python", "missing-licence"}
