"""Digest files, and what makes a set of them incomplete."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edgebake.errors import EdgebakeError
from edgebake.plan.settings import Settings
from edgebake.publishing.collect import Found, Parts, collect
from edgebake.publishing.merge import Publisher
from edgebake.registry.client import RegistryClient
from edgebake.registry.reference import parse_repository
from edgebake.state.digest_files import Part, missing_siblings, read_shards, subject_name, write_digest_file
from integration.projects import ALL, AMD64, ARM64, Project, make_project, recipe

PLATFORMS = (AMD64, ARM64)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return make_project(tmp_path).recipe(**recipe("app")).images(demo=["app"], other=["app"])


def part(project: Project, platform: str, bake_target: str = "demo-cpu", **changes: str) -> Part:
    fingerprint = dict(project.plan(ALL).target("demo-cpu").fingerprints)[AMD64 if platform == AMD64 else ARM64]
    fields = {
        "bake_target": bake_target,
        "image": "demo",
        "target": "cpu",
        "platform": platform,
        "repository": "localhost:5000/demo",
        "digest": "sha256:" + "1" * 64,
        "fingerprint": f"sha256:{fingerprint}",
    }
    return Part.model_validate({**fields, **changes})


def collected(project: Project, **files: list[Part]) -> Parts:
    from edgebake.model.request import Request

    folder = project.root / "digests"
    for name, parts in files.items():
        write_digest_file(folder, name.replace("_", "-"), parts)
    return collect(project.plan(Request(names=("demo",))), Settings(environment={}), read_shards([folder]))


def refused(project: Project, **files: list[Part]) -> str:
    with pytest.raises(EdgebakeError) as told:
        collected(project, **files)
    return str(told.value)


def test_each_platform_once_is_a_set_and_what_is_not_selected_is_left_out(project: Project) -> None:
    other = part(project, AMD64, "other-cpu", repository="localhost:5000/other")
    parts = collected(project, amd64=[part(project, AMD64), other], arm64=[part(project, ARM64)])
    assert {name: list(found) for name, found in parts.items()} == {"demo-cpu": [AMD64, ARM64]}


def test_a_missing_platform_names_the_files_that_are_there_and_the_one_that_is_not(project: Project) -> None:
    told = refused(project, shard_1_of_3=[part(project, AMD64)], shard_3_of_3=[])
    assert "demo-cpu lacks linux/arm64: no digest file has it" in told
    assert "linux/amd64 is in " in told
    assert "shard-1-of-3.json" in told
    assert "not given: shard-2-of-3.json" in told


def test_a_build_that_failed_in_part_is_told_so(project: Project) -> None:
    told = refused(project, linux_amd64=[part(project, AMD64)], linux_arm64=[])
    assert "digests/linux-arm64.json does not have it: did that build fail?" in told


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"fingerprint": "sha256:" + "0" * 64}, "demo-cpu (linux/arm64): built from another state"),
        (
            {"repository": "ghcr.io/x/demo"},
            "it was pushed to ghcr.io/x/demo, and is published in localhost:5000/demo",
        ),
        ({"bake_target": "none-cpu"}, "none-cpu (linux/arm64): the project has no such bake target"),
    ],
)
def test_a_foreign_part_is_refused_with_its_file(project: Project, changes: dict[str, str], says: str) -> None:
    told = refused(project, amd64=[part(project, AMD64)], arm64=[part(project, ARM64, **changes)])
    assert says in told
    assert "digests/arm64.json: " in told


def test_a_platform_that_is_not_declared_is_refused(project: Project) -> None:
    image = {"recipes": ["app"], "targets": ["cpu"], "platforms": [AMD64]}
    project.write({"edgebake.yaml": json.dumps({"images": {"demo": image}})})
    amd64 = part(project, AMD64)
    arm64 = amd64.model_copy(update={"platform": ARM64})
    told = refused(project, amd64=[amd64], arm64=[arm64])
    assert "digests/arm64.json: demo-cpu (linux/arm64): only linux/amd64 is declared" in told


def test_a_platform_that_is_there_twice_names_both_files(project: Project) -> None:
    told = refused(
        project, amd64=[part(project, AMD64)], arm64=[part(project, ARM64)], twice=[part(project, ARM64)]
    )
    assert "twice.json: demo-cpu has linux/arm64 twice" in told
    assert "it is also in " in told
    assert "arm64.json" in told


@pytest.mark.parametrize("text", ["", "{}", '{"version": 2, "parts": []}', '{"version": 1, "parts": [{}]}'])
def test_what_is_no_digest_file_is_told_with_its_name(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(EdgebakeError, match=r"a\.json: this is not a digest file"):
        read_shards([tmp_path])


@pytest.mark.parametrize(
    "tag", ["v1.0-release", "latest", "cpu", "cpu-amd64-0123456789abcdef", "x-amd64-0123456789abcdef"]
)
def test_a_digest_file_can_only_name_its_own_staging_tag(project: Project, tmp_path: Path, tag: str) -> None:
    """Whatever it names is removed after the merge."""
    data = {"version": 1, "parts": [{**part(project, AMD64).model_dump(), "staging_tag": tag}]}
    (tmp_path / "a.json").write_text(json.dumps(data))
    with pytest.raises(EdgebakeError, match="is no staging tag of demo-cpu"):
        read_shards([tmp_path / "a.json"])


def test_tags_are_only_removed_where_something_is_published(project: Project) -> None:
    plan = project.plan()
    one = part(project, AMD64)
    tag = f"cpu-amd64-{one.fingerprint.removeprefix('sha256:')[:16]}"
    forged = one.model_copy(update={"repository": "elsewhere.example/app", "staging_tag": tag})
    parts = {"demo-cpu": {AMD64: Found(forged, Path("a.json"))}}
    publisher = Publisher(plan, Settings(environment={}), RegistryClient({}))
    own = {parse_repository("registry.example/app")}
    removed, kept = publisher._remove_staging(parts, own, set())
    assert removed == []
    assert [one.reference for one in kept] == [f"elsewhere.example/app:{tag}"]


def test_a_file_that_is_named_twice_is_read_once(tmp_path: Path, project: Project) -> None:
    file = write_digest_file(tmp_path / "d", "x", [part(project, AMD64)])
    assert len(read_shards([file, file.parent])) == 1
    with pytest.raises(EdgebakeError, match="cannot read the digest file"):
        read_shards([tmp_path / "none.json"])


def test_names_of_digest_files() -> None:
    assert subject_name(["detector", "jetpack-6.*", ARM64]) == "detector-jetpack-6.--linux-arm64"
    assert subject_name([]) == "all"
    assert missing_siblings([Path("shard-1-of-2.json")]) == ["shard-2-of-2.json"]
    assert missing_siblings([Path("linux-amd64.json")]) == []
