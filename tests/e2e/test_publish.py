"""Many builders, one tag: shards pushed by digest or under staging tags, merged; `crane` is the witness."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from conftest import REGISTRY, ROOT, Done, Project, crane_manifest, crane_platforms, crane_tags, docker_run, run

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


@pytest.fixture(scope="module")
def two_commits(remote: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, Project]:
    """Two checkouts of one project, both platforms of both pushed by digest."""
    registry = f"{REGISTRY}/e2e/{uuid.uuid4().hex[:12]}"
    projects = []
    for text in ("old", "new"):
        one = write(Project(tmp_path_factory.mktemp(text), registry))
        (one.root / "app/greeting.txt").write_text(f"{text}\n")
        bake_shards(one, "--builder", remote)
        projects.append(one)
    return projects[0], projects[1]


def digests_of(project: Project) -> dict[str, str]:
    """Return what each tag names."""
    repository = f"{project.registry}/demo"
    return {tag: run("crane", "digest", f"{repository}:{tag}").out for tag in crane_tags(repository)}


def greeting(reference: str, platform: str) -> str:
    return docker_run(reference, "cat", "/app/greeting.txt", platform=platform)


def test_two_builders_push_by_digest_and_become_one_tag(project: Project, remote: str) -> None:
    demo = write(project, "min")
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
        assert len(attested) == 2
    assert greeting(demo.image("demo", "dev"), AMD64) == greeting(demo.image("demo", "dev"), ARM64) == "hello"
    assert verify(demo).code == 0
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
        run("crane", "validate", "--fast", "--remote", demo.image("demo", tag))
        assert greeting(demo.image("demo", tag), ARM64) == "hello"
    # What is up to date in one registry is not in another.
    elsewhere = f"{demo.registry}/elsewhere"
    demo.edgebake("bake", "--push", "--platform", ARM64, "--target", "server", "--registry", elsewhere)
    assert crane_tags(f"{elsewhere}/demo") == {tag for tag in staging if "arm64" in tag}


def test_an_incomplete_duplicate_or_foreign_set_is_refused_and_nothing_is_touched(
    two_commits: tuple[Project, Project], tmp_path: Path
) -> None:
    old, new = two_commits
    publish(old)
    before = digests_of(old)
    shutil.copytree(new.root, tmp_path, dirs_exist_ok=True)
    demo, folder = Project(tmp_path, new.registry), tmp_path / "digests"
    amd64, arm64 = ((folder / f"linux-{arch}.json").read_text() for arch in ("amd64", "arm64"))

    def refused() -> str:
        done = publish(demo, check=False)
        assert done.code == 2
        assert "Traceback" not in done.err
        assert digests_of(demo) == before
        return done.err

    (folder / "linux-arm64.json").unlink()
    told = refused()
    assert "demo-server lacks linux/arm64: no digest file has it" in told
    assert "not given: linux-arm64.json" in told

    (folder / "linux-arm64.json").write_text((old.root / "digests/linux-arm64.json").read_text())
    assert "digests/linux-arm64.json: demo-server (linux/arm64): built from another state" in refused()

    (folder / "linux-arm64.json").write_text(arm64)
    (folder / "again.json").write_text(amd64)
    told = refused()
    assert "digests/linux-amd64.json: demo-server has linux/amd64 twice" in told
    assert "again.json" in told
    (folder / "again.json").unlink()

    wrong = json.loads(amd64)
    wrong["parts"][0]["digest"] = next(
        part["digest"] for part in json.loads(arm64)["parts"] if part["bake_target"] == "demo-server"
    )
    (folder / "linux-amd64.json").write_text(json.dumps(wrong))
    told = refused()
    assert "digests/linux-amd64.json: demo-server (linux/amd64) is not what the digest file says" in told
    assert "is for linux/arm64" in told

    (folder / "linux-amd64.json").write_text(amd64)
    publish(demo)
    assert greeting(demo.image("demo", "dev"), ARM64) == "new"


def test_concurrent_publishes_of_one_tag_leave_one_whole_index(two_commits: tuple[Project, Project]) -> None:
    def start(project: Project) -> subprocess.Popen[str]:
        options = ["--registry", project.registry, "--digests", "digests"]
        command = [sys.executable, "-m", "edgebake", "publish", *options]
        return subprocess.Popen(
            command, cwd=project.root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    old, new = two_commits
    processes = [start(project) for project in (old, new, old, new)]
    failed = [err for process in processes if (err := process.communicate(timeout=120)[1]) and process.returncode]
    assert failed == []
    for tag in ("dev-server", "dev"):
        image = old.image("demo", tag)
        assert crane_platforms(image) == [AMD64, ARM64]
        run("crane", "validate", "--fast", "--remote", image)
    image = old.image("demo", "dev-server")
    assert greeting(image, AMD64) == greeting(image, ARM64)


def verify(project: Project, *args: str, registry: str = "") -> Done:
    return project.edgebake("verify", "--registry", registry or project.registry, *args, check=False)


def test_verify_tells_what_is_not_as_declared(two_commits: tuple[Project, Project], tmp_path: Path) -> None:
    old, new = two_commits
    publish(new)
    image = new.image("demo", "dev-server")
    done = verify(new, "--digests", "digests", "--json")
    assert done.code == 0
    told = {one["reference"]: one for one in done.json()["references"]}
    assert set(told) == {new.image("demo", tag) for tag in crane_tags(f"{new.registry}/demo")}
    assert told[image]["digest"] == run("crane", "digest", image).out.strip()
    children = {c["platform"]["architecture"]: c["digest"] for c in crane_manifest(image)["manifests"]}
    assert told[image]["platforms"] == {AMD64: children["amd64"], ARM64: children["arm64"]}
    assert verify(new, image, f"{new.registry}/demo@{told[image]['digest']}").code == 0

    # Another commit's.
    done = verify(old, "--json")
    assert done.code == 3
    kinds = {d["kind"] for one in done.json()["references"] for d in one["differences"]}
    assert kinds == {"fingerprint"}
    assert "differs  " + old.image("demo", "dev") in verify(old, "demo", "--target", "*").out

    # Provenance that is declared and not there.
    attested = Project(tmp_path, new.registry)
    shutil.copytree(new.root, tmp_path, dirs_exist_ok=True)
    (tmp_path / "edgebake.yaml").write_text(PROJECT.format(provenance="min").replace("\n    ", "\n"))
    done = verify(attested, "--json")
    assert done.code == 3
    assert {d["kind"] for one in done.json()["references"] for d in one["differences"]} == {"attestations"}

    # Nothing there; a platform too few; a manifest that is gone.
    assert "missing: it is not in the registry" in verify(new, "--tag", "none").out
    copy = f"{new.registry}/copy"
    run("crane", "copy", "--platform", AMD64, image, f"{copy}/demo:dev-server")
    assert "linux/arm64: platforms: it is declared and missing" in verify(new, registry=copy).out
    run("crane", "copy", image, f"{copy}/demo:dev-server")
    run("crane", "delete", f"{copy}/demo@{children['arm64']}")
    done = verify(new, f"{copy}/demo:dev-server", registry=copy)
    assert done.code == 3
    assert f"linux/arm64: content: the index names {children['arm64']}, which is gone" in done.out


def test_prune_deletes_old_versions_and_staging_tags_and_harms_no_index(
    two_commits: tuple[Project, Project],
) -> None:
    old, new = two_commits
    repository = f"{new.registry}/demo"
    publish(new)
    publish(old, "--tag", "1.0")
    gone = run("crane", "digest", f"{repository}:1.0-server").out.strip()
    publish(new, "--tag", "1.1")
    run("crane", "tag", new.image("demo", "dev"), "nightly")
    # A staging tag that names a child of a kept index, as the engine's own driver leaves it.
    child = crane_manifest(new.image("demo", "dev-server"))["manifests"][1]["digest"]
    staging = "server-arm64-0123456789abcdef"
    run("crane", "tag", f"{repository}@{child}", staging)
    before = crane_tags(repository)

    def prune(*args: str) -> set[str]:
        told = new.edgebake("prune", "--registry", new.registry, *args, "--json").json()["tags"]
        return {one["reference"].rpartition(":")[2] for one in told}

    assert prune() == set()  # all is younger than a day
    assert prune("--older-than", "0") == {staging}
    chosen = {"1.0-server", "1.0-board", "1.0", staging}
    assert prune("--older-than", "0", "--keep", "1") == chosen
    assert crane_tags(repository) == before

    assert prune("--older-than", "0", "--keep", "1", "--delete") == chosen
    assert crane_tags(repository) == before - chosen
    assert run("crane", "manifest", f"{repository}@{gone}", check=False).code != 0
    for tag in ("dev-server", "latest-server", "dev", "1.1-server", "1.1", "nightly"):
        run("crane", "validate", "--fast", "--remote", f"{repository}:{tag}")
    assert greeting(new.image("demo", "1.1"), ARM64) == "new"
    assert verify(new).code == 0


def test_a_base_without_a_platform_of_its_target_is_found_before_the_build(project: Project) -> None:
    base = f"{project.registry}/base:1"
    run("crane", "copy", "--platform", AMD64, f"{REGISTRY}/debian:bookworm-slim", base)
    demo = write(project)
    path = demo.root / "targets/server.yaml"
    path.write_text(path.read_text().replace("debian:bookworm-slim", base))
    for command in (("bake",), ("lock",)):
        done = demo.edgebake(*command, check=False)
        assert done.code == 2
        assert f"targets/server.yaml:5:15: the base image {base} has no linux/arm64" in done.err
        assert "the image has linux/amd64" in done.err
    assert not (demo.root / "edgebake.lock").exists()
    assert demo.bake("--target", "server", "--platform", AMD64).code == 0
