"""`edgebake list` from the command line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest


def listed(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "edgebake", "list", *args]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)


def test_recipes_are_listed_without_a_project(tmp_path: Path) -> None:
    done = listed(tmp_path, "--group", "ml")
    head, *rows = done.stdout.splitlines()
    assert head.split() == ["GROUP", "RECIPE", "RELEASES", "SUMMARY", "PROOF"]
    assert {row.split()[0] for row in rows} == {"ml"}
    assert any(row.split()[1] == "numpy" for row in rows)
    assert list(tmp_path.iterdir()) == []


def test_only_what_was_built(tmp_path: Path) -> None:
    data = json.loads(listed(tmp_path, "--built", "--json").stdout)["recipes"]
    assert data
    assert all("verified" in [one["state"] for one in row["built"]] for row in data)


def test_targets_and_images(tmp_path: Path) -> None:
    assert listed(tmp_path, "targets").stdout.splitlines()[1].startswith("cpu  ")
    project = {"images": {"app": {"recipes": ["numpy"], "targets": ["cpu"], "summary": "A service"}}}
    (tmp_path / "edgebake.yaml").write_text(json.dumps(project))
    assert listed(tmp_path, "images").stdout.splitlines()[1].split() == ["app", "numpy", "cpu", "A", "service"]


def test_uncited_facts_are_shown_and_counted(tmp_path: Path) -> None:
    project = {"recipes": ["."], "images": {"app": {"recipes": ["app"], "targets": ["cpu"]}}}
    recipe = {"name": "app", "summary": "One", "group": "own", "sources": ["https://example.org/app-1.0"]}
    recipe["releases"] = [{"version": "1.0"}, {"version": "1.1"}]
    (tmp_path / "edgebake.yaml").write_text(json.dumps(project))
    (tmp_path / "app").mkdir()
    (tmp_path / "app/recipe.json").write_text(json.dumps(recipe))
    done = listed(tmp_path, "--uncited", "--group", "own")
    assert done.stderr == "1 of 2 facts of 1 recipe is uncited\n"
    column = json.dumps(recipe).index('"1.1') + 1
    position = f"app/recipe.json:1:{column}"
    assert done.stdout.splitlines()[1].split() == ["app", "version", position, "1.1"]
    data = json.loads(listed(tmp_path, "--uncited", "--group", "own", "--json").stdout)
    assert data["uncited"] == [{"recipe": "app", "kind": "version", "at": position, "fact": "1.1"}]


def test_mistakes_are_told(tmp_path: Path) -> None:
    done = listed(tmp_path, "--group", "mll")
    assert (done.returncode, done.stderr) == (2, "error: unknown group 'mll'\n\nhint: did you mean 'ml'?\n")
    done = listed(tmp_path, "--target", "cpuu")
    assert (done.returncode, done.stderr.splitlines()[0]) == (2, "error: unknown target 'cpuu'")
    assert listed(tmp_path, "images").returncode == 2


@pytest.mark.parametrize("option", ["--uncited", "--built", "--group=ml", "--target=cpu"])
def test_options_about_recipes_are_refused_for_targets(tmp_path: Path, option: str) -> None:
    done = listed(tmp_path, "targets", option)
    name = option.partition("=")[0]
    message = f"error: {name} applies to recipes, not to targets\n\nhint: edgebake list recipes\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", message)
