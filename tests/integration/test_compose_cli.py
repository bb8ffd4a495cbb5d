"""`edgebake compose` at the command line; its files read by Compose itself, and held against the specification's schema."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from edgebake.templating.quote import compose_string, compose_template
from integration.engine import needs_compose

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((ROOT / "tests/compose-spec/compose-spec.json").read_text())
COMMITTED = sorted(ROOT.glob("examples/*/bake/*/compose.yaml"))
PROJECT = """\
registry: ghcr.io/acme/robot
images:
  app: {recipes: ./app, targets: [cpu, jetpack-6.2, cuda-12.8]}
services:
  app:
    ports: "127.0.0.1:8080:8000"
    volumes: ["state:/state", "/sys:/host/sys:ro,rslave"]
    files: {conf/app.conf: /etc/app.conf}
    secrets: token
    limits: {memory: 512M, cpus: 1.5, pids: 64}
    tmpfs: /tmp
    gpu: true
  store:
    reference: redis:7.4.2@sha256:%s
    command: [redis-server, --save, ""]
    depends_on: [app]
secrets: {token: {env: API_TOKEN}}
""" % ("1" * 64)
RECIPE = """\
name: app
summary: An application
layer: application
install: {files: {file: /app}}
runtime: {cmd: [/app], expose: 8000, healthcheck: {cmd: [sh, -c, "test $HOME = ${X}"]}}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for path, text in {
        "edgebake.yaml": PROJECT,
        "app/recipe.yaml": RECIPE,
        "app/file": "1\n",
        "conf/app.conf": "a = 1\n",
    }.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    (tmp_path / "app/file").chmod(0o755)
    return tmp_path


def edgebake(root: Path, *args: str, **env: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "edgebake", *args]
    return subprocess.run(
        command, cwd=root, env={**os.environ, **env}, capture_output=True, text=True, check=False, timeout=120
    )


def config(file: Path, **env: str) -> dict[str, Any]:
    """Return what Compose makes of a file."""
    plain = {k: v for k, v in os.environ.items() if k not in ("REGISTRY", "TAG")}
    command = ["docker", "compose", "-f", str(file), "config", "--format", "json"]
    done = subprocess.run(command, env={**plain, **env}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "level=warning" not in done.stderr, done.stderr
    loaded: dict[str, Any] = json.loads(done.stdout)
    return loaded


@lru_cache
def validator() -> jsonschema.Draft7Validator:
    return jsonschema.Draft7Validator(SCHEMA)


def valid(text: str) -> None:
    errors = sorted(
        f"{error.json_path}: {error.message}" for error in validator().iter_errors(yaml.safe_load(text))
    )
    assert not errors, errors


# ── the committed files, and what Compose makes of them


@pytest.mark.parametrize("file", COMMITTED, ids=lambda path: f"{path.parents[2].name}-{path.parent.name}")
def test_a_committed_file_fits_the_specification(file: Path) -> None:
    valid(file.read_text())


@needs_compose
@pytest.mark.parametrize("file", COMMITTED, ids=lambda path: f"{path.parents[2].name}-{path.parent.name}")
def test_compose_reads_a_committed_file_and_finds_its_mounts(file: Path) -> None:
    read = config(file, TAG="1.2")
    for service in read["services"].values():
        assert ":1.2-" in service["image"]
        for mount in service.get("volumes", []):
            if mount["type"] == "bind":
                assert Path(mount["source"]).exists()


@needs_compose
@pytest.mark.parametrize("target", ["cpu", "jetpack-6.2", "cuda-12.8"])
def test_compose_reads_what_is_written_for_each_target(project: Path, target: str) -> None:
    assert edgebake(project, "compile").returncode == 0
    file = project / f"bake/{target}/compose.yaml"
    valid(file.read_text())
    read = config(file, API_TOKEN="x")
    app = read["services"]["app"]
    assert read["name"] == "robot"
    assert app["image"].startswith("ghcr.io/acme/robot/app:dev-")
    assert app["healthcheck"]["test"] == ["CMD", "sh", "-c", "test $$HOME = $${X}"]  # as it prints text
    assert app["deploy"]["resources"]["limits"] == {"cpus": 1.5, "memory": str(512 << 20), "pids": 64}
    assert app["ports"][0]["host_ip"] == "127.0.0.1"
    assert read["services"]["store"]["depends_on"]["app"]["condition"] == "service_healthy"
    assert [mount["source"] for mount in app["volumes"] if mount["target"] == "/etc/app.conf"] == [
        str(project / "conf/app.conf")
    ]
    reserved = app["deploy"]["resources"].get("reservations", {}).get("devices", [])
    assert [one["count"] for one in reserved] == ([-1] if target == "cuda-12.8" else [])  # -1: all
    assert app.get("runtime") == ("nvidia" if target == "jetpack-6.2" else None)


TEXTS = [
    "$",
    "$$",
    "${HOME}",
    "$HOME",
    "${",
    "a$",
    "$1",
    "${TAG}",
    "$${TAG}",
    "x\ny",
    "é\u2028",
    "'\"\\",
    "#",
    "{{ x }}",
    "%{x}",
    "-",
]


@needs_compose
def test_a_text_reaches_compose_as_it_is_meant(tmp_path: Path) -> None:
    lines = [f"      V{index}: {compose_string(text)}" for index, text in enumerate(TEXTS)]
    lines.append(f"      LIVE: {compose_template('$${TAG}-$x-${TAG}', {'TAG': 'dev'})}")
    text = "\n".join(["services:", "  a:", "    image: x", "    environment:", *lines]) + "\n"
    (tmp_path / "compose.yaml").write_text(text)
    read = config(tmp_path / "compose.yaml", HOME="/nowhere")["services"]["a"]["environment"]
    # Its own output doubles the dollar signs again, so that it could be read as a Compose file.
    found = {name: value.replace("$$", "$") for name, value in read.items()}
    assert found == {**{f"V{index}": text for index, text in enumerate(TEXTS)}, "LIVE": "$dev-$x-dev"}


# ── the command


def test_it_prints_the_same_bytes_whatever_the_hash_seed(project: Path) -> None:
    told = [edgebake(project, "compose", "-t", "cpu", PYTHONHASHSEED=seed) for seed in ("1", "2")]
    assert told[0].stdout == told[1].stdout
    assert told[0].stdout.startswith("# Generated by edgebake for cpu: edgebake compose --target cpu.")
    assert not (project / "bake").exists()


def test_a_file_is_written_checked_and_not_overwritten_once_edited(project: Path) -> None:
    write = ("compose", "-t", "cpu", "-o", "deploy/compose.yaml")
    (project / "deploy").mkdir()
    assert "added    deploy/compose.yaml" in edgebake(project, *write).stdout
    assert edgebake(project, *write, "--check").returncode == 0
    file = project / "deploy/compose.yaml"
    assert "source: ../conf/app.conf" in file.read_text()

    file.write_text(file.read_text().replace("512M", "1G"))
    checked = edgebake(project, *write, "--check")
    assert (checked.returncode, checked.stdout) == (3, "")
    assert "deploy/compose.yaml is stale" in checked.stderr
    refused = edgebake(project, *write)
    assert refused.returncode == 2
    assert "1G" in file.read_text()
    assert edgebake(project, *write, "--force").returncode == 0
    assert "512M" in file.read_text()


def test_compile_writes_it_and_check_finds_a_stale_one(project: Path) -> None:
    assert edgebake(project, "compile").returncode == 0
    assert edgebake(project, "compose", "--check").returncode == 0
    text = (project / "edgebake.yaml").read_text().replace("512M", "1G")
    (project / "edgebake.yaml").write_text(text)
    checked = edgebake(project, "compose", "--check", "-t", "jetpack-6.2")
    assert checked.returncode == 3
    assert checked.stderr == (
        "error: bake/jetpack-6.2/compose.yaml is stale\n\nhint: write it again: edgebake compile\n"
    )
    assert edgebake(project, "compile", "--check").returncode == 3
    assert edgebake(project, "compile").returncode == 0
    shutil.rmtree(project / "conf")
    gone = edgebake(project, "compile")
    assert gone.returncode == 2
    assert "edgebake.yaml:8:28: " in gone.stderr
    assert "Traceback" not in gone.stderr


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["compose"], "the target is missing: add --target"),
        (["compose", "-t", "cpuu"], "did you mean 'cpu'?"),
        (["compose", "-t", "cpu", "stor"], "did you mean 'store'?"),
        (["compose", "-t", "cpu", "-o", "../x.yaml"], "x.yaml"),
        (["compose", "--check", "-t", "x"], "there is no Compose file to check"),
    ],
)
def test_a_wrong_call_is_told_and_writes_nothing(project: Path, args: list[str], says: str) -> None:
    done = edgebake(project, *args)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert not (project / "bake").exists()


def test_services_whose_image_is_named_come_with_what_they_need(project: Path) -> None:
    done = edgebake(project, "compose", "store", "-t", "cpu")
    assert list(yaml.safe_load(done.stdout)["services"]) == ["app", "store"]
    done = edgebake(project, "compose", "app", "-t", "cpu")
    assert list(yaml.safe_load(done.stdout)["services"]) == ["app"]
