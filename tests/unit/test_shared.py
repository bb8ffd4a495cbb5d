"""Shard 0: which stages several shards need, and that nothing else is done for them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from edgebake.ci.matrix import outputs
from edgebake.cli.format.shards import data
from edgebake.cli.format.shards import text as shards_text
from edgebake.errors import EdgebakeError
from edgebake.model.request import Request
from edgebake.plan.builder import Plan
from edgebake.plan.reuse import Snapshot
from edgebake.plan.scope import Scope
from edgebake.plan.shards import (
    Shard,
    WeighedPart,
    cut,
    read_shards,
    shard_scope,
    shared_by,
)
from edgebake.plan.shared import why_nothing_to_publish
from edgebake.plan.stacks import Keyed
from edgebake.plan.steps import CheckBuilder, PublishStages, WriteFiles
from integration.projects import ALL, AMD64, ARM64, Project, compiled_recipe, make_project, needs, recipe

REPOSITORY = "registry.test/stacks"
DIGEST = "sha256:" + "d" * 64
FIRST, SECOND, THIRD = "first-cpu", "second-cpu", "third-cpu"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """`first` and `second` need `heavy`, which compiles; `third` does not."""
    made = make_project(tmp_path)
    made.recipe(**compiled_recipe("heavy"))
    made.write({"recipes/heavy/build.sh": "make\n"})
    made.recipe(**needs("one", "heavy"))
    made.recipe(**needs("two", "heavy"))
    made.recipe(**recipe("light"))
    return with_stacks(made.images(first=["one"], second=["two"], third=["light"]))


def with_stacks(project: Project, **more: object) -> Project:
    data = json.loads((project.root / "edgebake.yaml").read_text())
    return project.write({"edgebake.yaml": json.dumps({**data, "stacks": REPOSITORY, **more})})


def plan_with(
    project: Project,
    scope: Callable[[Plan], Scope] | None = None,
    found: Callable[[Keyed], bool] | None = None,
    *,
    request: Request = ALL,
) -> Plan:
    """Return the plan of a push if the registry has the stages that `found` says; None: nobody looked."""
    plan = project.plan(request, output="push", test=True)
    if scope is not None:
        plan = plan.part(scope(plan))
    if found is None:
        return plan
    return plan.reusing(Snapshot(REPOSITORY, {one.key: DIGEST for one in plan.reusable() if found(one)}))


def shard(name: str, file: Path | None) -> Callable[[Plan], Scope]:
    return lambda plan: shard_scope(plan, name, file)


def why_nothing(plan: Plan) -> str:
    return why_nothing_to_publish(plan.compilation, plan.targets, plan.scope.sharing or ())


def nothing(stage: Keyed) -> bool:
    return False


def everything(stage: Keyed) -> bool:
    return True


def shards_of(plan: Plan, *groups: Sequence[tuple[str, str]]) -> list[Shard]:
    """Return a cut with the parts that are given for each shard."""
    parts: dict[tuple[str, str], WeighedPart] = {part.key: part for shard in cut(plan, 1) for part in shard.parts}
    return [Shard(i, len(groups), tuple(parts[key] for key in group)) for i, group in enumerate(groups, 1)]


def shared(project: Project, *groups: Sequence[tuple[str, str]]) -> set[tuple[str, str, tuple[int, ...]]]:
    plan = plan_with(project)
    found = shared_by(plan, shards_of(plan, *groups))
    assert found is not None
    return {(one.name, one.platform, one.shards) for one in found}


def file_of(project: Project, folder: Path, *groups: Sequence[tuple[str, str]]) -> Path:
    file = folder / "shards.json"
    file.write_text(data(shards_of(plan_with(project), *groups)).model_dump_json())
    return file


def shard_0(
    project: Project, file: Path, of: int, found: Callable[[Keyed], bool] = nothing, request: Request = ALL
) -> Plan:
    return plan_with(project, shard(f"0/{of}", file), found, request=request)


def published(plan: Plan) -> set[tuple[str, tuple[str, ...]]]:
    return {
        (one.stage.name, one.stage.platforms)
        for step in plan.steps
        if isinstance(step, PublishStages)
        for one in step.stages
    }


APART = ([(FIRST, AMD64), (THIRD, AMD64)], [(SECOND, AMD64)], [(FIRST, ARM64), (SECOND, ARM64), (THIRD, ARM64)])
"""What `first` and `second` have in common is shared on amd64; on arm64 one shard has all."""


def test_shared_is_what_two_shards_need_on_the_same_platform(project: Project) -> None:
    assert shared(project, *APART) == {("eb-heavy", AMD64, (1, 2)), ("eb-heavy-artifact", AMD64, (1, 2))}


def test_the_same_stage_on_two_platforms_is_not_shared(project: Project) -> None:
    assert shared(project, [(FIRST, AMD64), (SECOND, AMD64)], [(FIRST, ARM64), (SECOND, ARM64)]) == set()


def test_one_shard_with_everything_shares_nothing(project: Project) -> None:
    assert shared(project, [(name, p) for name in (FIRST, SECOND, THIRD) for p in (AMD64, ARM64)]) == set()


def test_shard_0_publishes_only_what_is_shared_and_builds_no_image(project: Project, tmp_path: Path) -> None:
    file = file_of(project, tmp_path, *APART)
    plan = shard_0(project, file, 3)
    assert [type(step) for step in plan.steps] == [WriteFiles, CheckBuilder, PublishStages]
    assert published(plan) == {(name, (AMD64,)) for name, _, _ in shared(project, *APART)}
    (check,) = [step for step in plan.steps if isinstance(step, CheckBuilder)]
    assert check.platforms == (AMD64,)
    assert plan.with_evidence({}).steps == plan.steps


def test_what_the_shards_would_push_has_the_same_keys(project: Project, tmp_path: Path) -> None:
    file = file_of(project, tmp_path, *APART)
    keys = [
        {one.stage.key for target in plan_with(project, scope, nothing).targets for one in target.to_publish}
        for scope in (shard(f"{i}/3", file) for i in (1, 2))
    ]
    plan = shard_0(project, file, 3)
    assert {one.stage.key for target in plan.targets for one in target.to_publish} == keys[0] & keys[1]


def test_what_is_published_is_not_built_again(project: Project, tmp_path: Path) -> None:
    plan = shard_0(project, file_of(project, tmp_path, *APART), 3, everything)
    assert [type(step) for step in plan.steps] == [WriteFiles]
    assert why_nothing(plan) == "what several shards need is already published"


def test_what_only_one_shard_still_needs_is_left_to_it(project: Project, tmp_path: Path) -> None:
    """The artifact is below a stage that both take from the registry."""
    plan = shard_0(project, file_of(project, tmp_path, *APART), 3, lambda stage: stage.name == "eb-heavy")
    assert published(plan) == set()


def test_nothing_is_shared(project: Project, tmp_path: Path) -> None:
    file = file_of(project, tmp_path, [(FIRST, AMD64)], [(THIRD, ARM64)])
    plan = shard_0(project, file, 2)
    assert published(plan) == set()
    assert why_nothing(plan) == "no two shards share a stage that is worth publishing"


def test_a_platforms_part_of_shard_0(project: Project, tmp_path: Path) -> None:
    """Also where an image is not for that platform at all."""
    data = json.loads((project.root / "edgebake.yaml").read_text())
    data["images"]["third"]["targets"] = ["board-1.0"]
    project.write({"edgebake.yaml": json.dumps(data)})
    groups = [[(FIRST, AMD64), (FIRST, ARM64)], [(SECOND, AMD64), (SECOND, ARM64), ("third-board-1-0", ARM64)]]
    file = file_of(project, tmp_path, *groups)
    both = {platform for _, platform, _ in shared(project, *groups)}
    assert both == {AMD64, ARM64}
    assert {platforms for _, platforms in published(shard_0(project, file, 2))} == {(AMD64, ARM64)}
    for platform in both:
        plan = shard_0(project, file, 2, request=Request(platforms=(platform,)))
        assert {platforms for _, platforms in published(plan)} == {(platform,)}


def test_the_cut_is_made_here_without_a_file(project: Project) -> None:
    """Many images on one light stage: more shards than one save time."""
    project.recipe(**recipe("base-files", install={"files": {"x": "/x"}}))
    project.write({"recipes/base-files/x": "x\n"})
    project.recipe(**needs("p", "base-files"))
    project.recipe(**needs("q", "base-files"))
    with_stacks(project.images(first=["p"], second=["q"]))
    plan = plan_with(project, shard("0/4", None), nothing)
    assert plan.scope.sharing is not None
    assert len(plan.scope.sharing) == 4
    assert {name for name, _ in published(plan)} == {"eb-base-files"}


def test_without_a_repository_of_stacks_there_is_no_shard_0(project: Project, tmp_path: Path) -> None:
    plan = plan_with(project.images(first=["one"], second=["two"]))
    assert shared_by(plan, cut(plan, 2)) is None
    with pytest.raises(EdgebakeError, match="the project has no `stacks`"):
        shard_scope(plan, "0/2", None)


def test_a_file_that_is_cut_otherwise(project: Project, tmp_path: Path) -> None:
    file = file_of(project, tmp_path, *APART)
    with pytest.raises(EdgebakeError, match="there is no shard 0/2"):
        shard_scope(plan_with(project), "0/2", file)
    project.write({"recipes/heavy/build.sh": "make more\n"})
    with pytest.raises(EdgebakeError, match="not of this state of the project"):
        shard_scope(plan_with(project), "0/3", file)


# ── shown


def test_a_cut_shows_shard_0_beside_the_others(project: Project, tmp_path: Path) -> None:
    plan = plan_with(project)
    shards = shards_of(plan, *APART)
    found = shared_by(plan, shards)
    before, after = data(shards), data(shards, found)
    assert after.shared is not None
    assert after.shared.shard == "0/3"
    assert after.shared.platforms == [AMD64]
    heavy = {"target": "cpu", "stage": "eb-heavy", "platform": AMD64, "shards": ["1/3", "2/3"]}
    assert heavy in [stage.model_dump() for stage in after.shared.stages]
    assert after.model_copy(update={"shared": None}) == before
    for name, content in (("with", after), ("without", before)):
        (tmp_path / name).write_text(content.model_dump_json())
    assert read_shards(tmp_path / "with") == read_shards(tmp_path / "without")
    text = shards_text(shards, found)
    assert text.startswith(f"shard 0/3: {AMD64}, stages that several shards need\n")
    assert "  eb-heavy (cpu; for 1, 2)" in text.splitlines()
    assert text.endswith(shards_text(shards))
    assert shards_text(shards, []).startswith("shard 0/3: nothing to publish")


def test_the_matrix_has_a_job_for_each_platform_with_something_shared(project: Project) -> None:
    plan = plan_with(project)
    shards = shards_of(plan, *APART)
    lines = dict(line.split("=", 1) for line in outputs(plan, shards, shared_by(plan, shards)).splitlines())
    (job,) = json.loads(lines["stacks"])["include"]
    assert lines["shared"] == "1"
    assert job == {
        "shard": "0/3",
        "platform": AMD64,
        "name": "amd64",
        "runner": ["ubuntu-24.04"],
        "qemu": "",
        "cache": "-amd64",
    }
    alone = dict(line.split("=", 1) for line in outputs(plan, shards).splitlines())
    assert alone == {key: value for key, value in lines.items() if key not in ("stacks", "shared")}
    assert "shared=0" in outputs(plan, shards, []).splitlines()


def test_a_job_for_an_emulated_platform(project: Project) -> None:
    with_stacks(project, ci={"runners": {ARM64: "emulated"}})
    plan = plan_with(project)
    shards = shards_of(plan, [(FIRST, AMD64), (FIRST, ARM64)], [(SECOND, AMD64), (SECOND, ARM64)])
    text = outputs(plan, shards, shared_by(plan, shards)).splitlines()[2].partition("=")[2]
    jobs = json.loads(text)["include"]
    assert [(job["platform"], job["runner"], job["qemu"]) for job in jobs] == [
        (AMD64, ["ubuntu-24.04"], ""),
        (ARM64, ["ubuntu-24.04"], ARM64),
    ]
