"""Many builders, one tag: shards pushed by digest or under staging tags, merged; `crane` is the witness."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import ROOT, Project, crane_manifest, crane_platforms, crane_tags, docker_run, run

AMD64, ARM64 = "linux/amd64", "linux/arm64"
TARGET = """
    name: {name}
    family: cpu
    summary: A machine
    platforms: [{platforms}]
    base: {{image: "debian:bookworm-slim"}}
    os: debian:12
    tag_suffix: {name}
    """
PROJECT = """
    provenance: {provenance}
    images:
      demo:
        summary: "A demo, with a comma"
        recipes: [./app]
        targets: [server, board]
        tags: ["${{TAG}}-{{{{ target.tag_suffix }}}}", "latest-{{{{ target.tag_suffix }}}}"]
        indexes:
          "${{TAG}}": {{linux/amd64: server, linux/arm64: board}}
    """
APP = """
    name: app
    summary: The application
    install:
      files: {greeting.txt: /app/}
    runtime:
      user: root
    """


def write(project: Project, provenance: str = "off") -> Project:
    project.write(
        {
            "edgebake.yaml": PROJECT.format(provenance=provenance),
            "targets/server.yaml": TARGET.format(name="server", platforms=f"{AMD64}, {ARM64}"),
            "targets/board.yaml": TARGET.format(name="board", platforms=ARM64),
            "app/recipe.yaml": APP,
            "app/greeting.txt": "hello\n",
        }
    )
    return project


@pytest.fixture
def demo(project: Project) -> Project:
    return write(project)


@pytest.fixture(scope="session")
def remote() -> str:
    """A builder that pushes by digest, as GitHub's setup-buildx makes them."""
    run(str(ROOT / "scripts/engine"), "buildkitd", "up")
    return "edgebake-remote"


def bake_shards(project: Project, *args: str) -> None:
    for platform in (AMD64, ARM64):
        project.bake("--push", "--platform", platform, "--digests", "digests", *args)


def publish(project: Project, *args: str, check: bool = True):
    return project.edgebake("publish", "--registry", project.registry, "--digests", "digests", *args, check=check)


def greeting(reference: str, platform: str) -> str:
    return docker_run(reference, "cat", "/app/greeting.txt", platform=platform)


@pytest.mark.parametrize("provenance", ["off", "min"])
def test_two_builders_push_by_digest_and_become_one_tag(project: Project, remote: str, provenance: str) -> None:
    demo = write(project, provenance)
    bake_shards(demo, "--builder", remote)
    assert sorted(path.name for path in (demo.root / "digests").iterdir()) == [
        "linux-amd64.json",
        "linux-arm64.json",
    ]
    # The board's image is whole on one machine. Of the server's, no tag tells yet.
    assert crane_tags(f"{demo.registry}/demo") == {"dev-board", "latest-board"}

    told = publish(demo, "--json").json()
    tags = {"dev-server", "latest-server", "dev-board", "latest-board", "dev"}
    assert crane_tags(f"{demo.registry}/demo") == tags
    assert {one["reference"] for one in told["published"]} == {demo.image("demo", tag) for tag in tags}
    assert told["removed"] == told["kept"] == []
    for tag in ("dev-server", "latest-server", "dev"):
        image = demo.image("demo", tag)
        manifest = crane_manifest(image)
        assert {f"{AMD64}", f"{ARM64}"} == {p for p in crane_platforms(image) if p != "unknown/unknown"}
        assert manifest["annotations"]["org.opencontainers.image.description"] == "A demo, with a comma"
        attested = [c for c in manifest["manifests"] if c["platform"]["os"] == "unknown"]
        assert len(attested) == (2 if provenance == "min" else 0)
        if provenance == "off":  # crane takes an attestation for an image
            run("crane", "validate", "--remote", "--fast", image)
    assert greeting(demo.image("demo", "dev"), AMD64) == greeting(demo.image("demo", "dev"), ARM64) == "hello"
    again = publish(demo, "--json").json()
    assert {one["state"] for one in again["published"]} == {"same"}
    assert [one["digest"] for one in again["published"]] == [one["digest"] for one in told["published"]]


def test_the_engines_own_driver_uses_staging_tags_that_are_gone_afterwards(demo: Project) -> None:
    bake_shards(demo)
    staging = crane_tags(f"{demo.registry}/demo") - {"dev-board", "latest-board"}
    assert sorted(tag.rpartition("-")[0] for tag in staging) == ["server-amd64", "server-arm64"]
    told = publish(demo, "--json").json()
    assert set(told["removed"]) == {demo.image("demo", tag) for tag in staging}
    assert crane_tags(f"{demo.registry}/demo") == {
        "dev-server",
        "latest-server",
        "dev-board",
        "latest-board",
        "dev",
    }
    # The index has the very manifests that the staging tags named.
    for tag in ("dev-server", "dev"):
        run("crane", "validate", "--remote", "--fast", demo.image("demo", tag))
        assert greeting(demo.image("demo", tag), ARM64) == "hello"


def digests_of(project: Project) -> dict[str, str]:
    repository = f"{project.registry}/demo"
    return {tag: run("crane", "digest", f"{repository}:{tag}").out for tag in crane_tags(repository)}


def test_an_incomplete_duplicate_or_foreign_set_is_refused_and_nothing_is_touched(
    demo: Project, remote: str
) -> None:
    bake_shards(demo, "--builder", remote)
    publish(demo)
    (demo.root / "app/greeting.txt").write_text("changed\n")
    old = (demo.root / "digests/linux-amd64.json").read_text()
    bake_shards(demo, "--builder", remote)
    before = digests_of(demo)
    folder = demo.root / "digests"

    # One file away.
    whole = (folder / "linux-arm64.json").read_text()
    (folder / "linux-arm64.json").unlink()
    done = publish(demo, check=False)
    assert done.code == 2
    assert "demo-server lacks linux/arm64: no digest file has it" in done.err
    assert "not given: linux-arm64.json" in done.err
    assert digests_of(demo) == before

    # Another commit's.
    (folder / "linux-arm64.json").write_text(whole)
    new = (folder / "linux-amd64.json").read_text()
    (folder / "linux-amd64.json").write_text(old)
    done = publish(demo, check=False)
    assert done.code == 2
    assert "digests/linux-amd64.json: demo-server (linux/amd64): built from something else" in done.err
    assert digests_of(demo) == before

    # One platform twice.
    (folder / "linux-amd64.json").write_text(new)
    (folder / "again.json").write_text(new)
    done = publish(demo, check=False)
    assert done.code == 2
    assert "digests/linux-amd64.json: demo-server has linux/amd64 twice" in done.err
    assert "again.json" in done.err
    (folder / "again.json").unlink()

    # One platform's digest where another's belongs.
    data = json.loads(new)
    data["parts"][0]["digest"] = next(
        part["digest"] for part in json.loads(whole)["parts"] if part["bake_target"] == "demo-server"
    )
    (folder / "linux-amd64.json").write_text(json.dumps(data))
    done = publish(demo, check=False)
    assert done.code == 2
    assert "digests/linux-amd64.json: demo-server (linux/amd64) is not what the digest file says" in done.err
    assert "is for linux/arm64" in done.err
    assert digests_of(demo) == before

    (folder / "linux-amd64.json").write_text(new)
    publish(demo)
    assert greeting(demo.image("demo", "dev"), ARM64) == "changed"


def test_concurrent_publishes_of_one_tag_leave_one_whole_index(demo: Project, remote: str) -> None:
    bake_shards(demo, "--builder", remote)
    (demo.root / "app/greeting.txt").write_text("other\n")
    for platform in (AMD64, ARM64):
        demo.bake("--push", "--platform", platform, "--digests", "others", "--builder", remote)
    other = demo.root.with_name(f"{demo.root.name}-other")
    run("cp", "-r", f"{demo.root}/.", str(other))
    (demo.root / "app/greeting.txt").write_text("hello\n")

    def start(root: Path, folder: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "edgebake", "publish", "--registry", demo.registry, "--digests", folder]
        return subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    for _ in range(3):
        processes = [start(demo.root, "digests"), start(other, "others"), start(demo.root, "digests")]
        for process in processes:
            _, err = process.communicate(timeout=120)
            assert process.returncode == 0, err
        image = demo.image("demo", "dev-server")
        assert crane_platforms(image) == [AMD64, ARM64]
        run("crane", "validate", "--remote", "--fast", image)
        assert greeting(image, AMD64) == greeting(image, ARM64)
