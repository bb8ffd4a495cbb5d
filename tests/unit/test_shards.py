"""Cutting a plan into shards, for machines that have no store in common."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edgebake.ci.matrix import matrix, outputs
from edgebake.cli.format.shards import data
from edgebake.errors import EdgebakeError
from edgebake.pipeline import by_tags
from edgebake.plan.changed import changed_scope
from edgebake.plan.shards import (
    Shard,
    cut,
    file_scope,
    parse_shard,
    read_shards,
    shard_scope,
)
from edgebake.plan.steps import Bake, MergeIndex, VerifyIndexes
from edgebake.plan.weights import Timings, read_timings
from integration.projects import AMD64, ARM64, Project, compiled_recipe, make_project, needs, recipe


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Three images on the target cpu (both platforms), one of them also on a board (arm64).

    `heavy` compiles; `one` and `two` need it, and `light` does not.
    """
    made = make_project(tmp_path)
    made.recipe(**compiled_recipe("heavy"))
    made.write({"recipes/heavy/build.sh": "make\n", "recipes/light/file": "one\n"})
    made.recipe(**needs("one", "heavy"))
    made.recipe(**needs("two", "heavy"))
    made.recipe(**recipe("light", install={"files": {"file": "/file"}}))
    return made.images(first=["one"], second=["two"], third={"recipes": ["light"], "targets": ["cpu", "board-1.0"]})


def shown(shards: list[Shard]) -> list[str]:
    return [f"{' '.join(shard.platforms)}: {' '.join(shard.bake_targets)}" for shard in shards]


def test_a_shard_has_one_platform_and_images_that_share_work_stay_together(project: Project) -> None:
    assert shown(cut(project.plan(), 4)) == [
        f"{AMD64}: first-cpu second-cpu",
        f"{AMD64}: third-cpu",
        f"{ARM64}: first-cpu second-cpu",
        f"{ARM64}: third-board-1-0 third-cpu",
    ]


def test_fewer_shards_than_platforms(project: Project) -> None:
    (only,) = cut(project.plan(), 1)
    assert only.platforms == (AMD64, ARM64)
    assert len(only.parts) == 7


def test_more_shards_than_work(project: Project) -> None:
    shards = cut(project.plan(), 100)
    assert all(shard.parts for shard in shards)
    assert [shard.name for shard in shards] == [f"{i}/{len(shards)}" for i in range(1, len(shards) + 1)]


def test_a_stack_is_built_twice_when_that_saves_more_than_it_costs(project: Project) -> None:
    few, many = 2, 28
    for count in (few, many):
        for number in range(count):
            project.recipe(**needs(f"leaf-{number}", "heavy"))
        project.images(**{f"leaf-{n}": {"recipes": [f"leaf-{n}"], "targets": ["board-1.0"]} for n in range(count)})
        assert len(cut(project.plan(), 2)) == (1 if count == few else 2)


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5, 7, None])
def test_every_part_is_in_exactly_one_shard(project: Project, number: int | None) -> None:
    plan = project.plan()
    parts = [part.key for shard in cut(plan, number) for part in shard.parts]
    wanted = [(t.bake_target.name, platform) for t in plan.targets for platform in t.platforms]
    assert sorted(parts) == sorted(wanted)


def test_the_cut_does_not_depend_on_the_order_of_images(project: Project) -> None:
    before = data(cut(project.plan(), 4))
    settings = json.loads((project.root / "edgebake.yaml").read_text())
    settings["images"] = dict(reversed(settings["images"].items()))
    project.write({"edgebake.yaml": json.dumps(settings)})
    assert data(cut(project.plan(), 4)) == before


def test_seconds_that_were_measured_go_before_the_estimate(project: Project, tmp_path: Path) -> None:
    rows = [
        {"bake_target": "third-cpu", "platform": AMD64, "seconds": 5000, "steps_built": 3},
        {"bake_target": "first-cpu", "platform": AMD64, "seconds": 9, "steps_built": 3},
        {"bake_target": "second-cpu", "platform": AMD64, "seconds": 9, "steps_built": 0},
    ]
    file = tmp_path / "timings.json"
    file.write_text(json.dumps({"results": rows}))
    timings = read_timings([file])
    assert timings == Timings({("third-cpu", AMD64): 5000.0, ("first-cpu", AMD64): 9.0})
    shards = cut(project.plan(), 3, timings)
    assert [shard.platforms for shard in shards] == [(AMD64,), (AMD64,), (ARM64,)]
    assert sorted(shards[0].bake_targets + shards[1].bake_targets) == ["first-cpu", "second-cpu", "third-cpu"]
    assert max(shard.seconds for shard in shards) == pytest.approx(5000)
    file.write_text("{}")
    with pytest.raises(EdgebakeError, match="no summary of a bake"):
        read_timings([file])


@pytest.mark.parametrize("text", ["0/0", "3/2", "1", "a/b", "1/", "-1/2", "1/2/3", "99999/99999"])
def test_a_shard_that_is_none(text: str) -> None:
    with pytest.raises(EdgebakeError, match="is not I/N"):
        parse_shard(text)


# ── building one


def test_a_shard_leaves_the_declared_tags_to_the_one_that_merges(project: Project) -> None:
    plan = project.plan(output="push")
    shard = plan.part(shard_scope(plan, "4/4", None))
    assert [t.bake_target.name for t in shard.targets] == ["third-board-1-0", "third-cpu"]
    bakes = [step for step in shard.steps if isinstance(step, Bake)]
    assert {item.platforms for step in bakes for item in step.items} == {(ARM64,)}
    assert {item.bake_target.name for step in bakes for item in step.images} == {"third-board-1-0", "third-cpu"}
    assert not any(isinstance(step, (VerifyIndexes, MergeIndex)) for step in shard.steps)


def test_a_shard_of_a_file_is_the_one_that_was_planned(project: Project, tmp_path: Path) -> None:
    plan = project.plan()
    part = plan.part(plan.scope.only({("first-cpu", ARM64)}, "a test"))
    file = tmp_path / "shards.json"
    file.write_text(data(cut(part, 1)).model_dump_json())
    shard = plan.part(shard_scope(plan, "1/1", file))
    assert [(t.bake_target.name, t.platforms) for t in shard.targets] == [("first-cpu", (ARM64,))]
    with pytest.raises(EdgebakeError, match="there is no shard 1/2"):
        shard_scope(plan, "1/2", file)


def test_a_file_of_another_state_is_refused(project: Project, tmp_path: Path) -> None:
    file = tmp_path / "shards.json"
    file.write_text(data(cut(project.plan(), 2)).model_dump_json())
    project.write({"recipes/light/file": "two\n"})
    with pytest.raises(EdgebakeError, match=r"not of this state of the project: third-\S+ \(linux/a"):
        file_scope(project.plan(), file)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"version": 2, "shards": []}', '{"version": 1, "shards": [{}]}'])
def test_a_file_that_holds_no_shards(tmp_path: Path, text: str) -> None:
    (tmp_path / "shards.json").write_text(text)
    with pytest.raises(EdgebakeError, match="this is not a file of shards"):
        read_shards(tmp_path / "shards.json")


# ── what changed


def known(project: Project) -> dict[tuple[str, str], str]:
    plan = project.plan()
    return {(t.bake_target.name, p): digest for t in plan.targets for p, digest in t.fingerprints}


def test_only_what_has_another_fingerprint(project: Project) -> None:
    before = known(project)
    assert changed_scope(project.plan(), before, "then").parts == frozenset()
    project.write({"recipes/light/file": "two\n"})
    plan = project.plan()
    scope = changed_scope(plan, before, "then")
    assert scope.parts == {("third-board-1-0", ARM64), ("third-cpu", AMD64), ("third-cpu", ARM64)}
    assert cut(plan.part(scope), None)


def test_all_platforms_of_a_tag_are_built_together(project: Project) -> None:
    before = known(project)
    del before["first-cpu", ARM64]
    assert changed_scope(project.plan(), before, "then").parts == {("first-cpu", AMD64), ("first-cpu", ARM64)}


def test_all_of_a_tag_over_several_targets_is_built_together(project: Project) -> None:
    data = json.loads((project.root / "edgebake.yaml").read_text())
    data["images"]["third"]["indexes"] = {"all": {AMD64: "cpu", ARM64: "board-1.0"}}
    project.write({"edgebake.yaml": json.dumps(data)})
    before = known(project)
    del before["third-board-1-0", ARM64]
    plan = project.plan()
    scope = changed_scope(plan, before, "then")
    assert {name for name, _ in scope.parts} == {"third-board-1-0", "third-cpu"}
    groups = [[t.bake_target.name for t in one.targets] for one in by_tags(plan)]
    assert groups == [["first-cpu"], ["second-cpu"], ["third-board-1-0", "third-cpu"]]


# ── the matrix


def test_the_matrix_has_a_job_for_each_shard_on_a_runner_of_its_platform(project: Project) -> None:
    plan = project.plan()
    jobs = matrix(plan, cut(plan, 2))["include"]
    assert [(job["shard"], job["runner"], job["qemu"]) for job in jobs] == [
        ("1/2", ["ubuntu-24.04"], ""),
        ("2/2", ["ubuntu-24.04-arm"], ""),
    ]
    assert jobs[0]["targets"] == "first-cpu,second-cpu,third-cpu"
    assert "third-cpu.platform=linux/amd64" in jobs[0]["set"].splitlines()
    assert "third-cpu.output=type=cacheonly" in jobs[0]["set"].splitlines()
    lines = outputs(plan, cut(plan, 2)).splitlines()
    assert [line.partition("=")[0] for line in lines] == ["matrix", "count"]
    assert json.loads(lines[0].partition("=")[2]) == {"include": jobs}


def test_a_platform_without_a_runner_is_emulated(project: Project) -> None:
    data = json.loads((project.root / "edgebake.yaml").read_text())
    project.write({"edgebake.yaml": json.dumps({**data, "ci": {"runners": {ARM64: "emulated"}}})})
    plan = project.plan()
    jobs = matrix(plan, cut(plan, 2))["include"]
    assert [(job["runner"], job["qemu"]) for job in jobs] == [(["ubuntu-24.04"], ""), (["ubuntu-24.04"], ARM64)]
    (job,) = matrix(plan, cut(plan, 1))["include"]
    assert (job["runner"], job["qemu"]) == (["ubuntu-24.04"], ARM64)
