"""Keys, the choice of what is published, and what a plan takes from the registry: without any registry."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from edgebake.cli.format.plan import text as explain
from edgebake.model.request import Request
from edgebake.plan.builder import Plan, build_plan
from edgebake.plan.record import BuildRecord
from edgebake.plan.reuse import Snapshot
from edgebake.plan.settings import Settings, cache_variables
from edgebake.plan.stacks import Keyed, published_stages, stage_key
from edgebake.plan.steps import Bake, CheckBuilder, Output, PublishStages
from edgebake.state.stacks import context_overrides, publish_overlay, why_off
from integration.projects import (
    ALL,
    AMD64,
    ARM64,
    Project,
    line_of_five,
    make_project,
    needs,
    nodes_by_name,
    recipe,
)

REPOSITORY = "registry.test/stacks"
DIGEST = "sha256:" + "d" * 64
Wanted = Callable[[Keyed], bool]


def everything(stage: Keyed) -> bool:
    return True


def with_stacks(project: Project, **images: object) -> Project:
    file = project.root / "edgebake.yaml"
    data = {**json.loads(file.read_text()), "stacks": REPOSITORY}
    if images:
        data["images"] = {n: {"recipes": r, "targets": ["cpu"]} for n, r in images.items()}
    file.write_text(json.dumps(data))
    return project


@pytest.fixture
def line(tmp_path: Path) -> Project:
    """base → python → a → b → c → d → app; a has a build half, b a Python package; d is an application."""
    project = with_stacks(line_of_five(tmp_path))
    project.compiled().tree.write()
    return project


def plan(
    project: Project,
    found: Wanted = everything,
    request: Request = ALL,
    *,
    output: Output = "cache",
    snapshot: Snapshot | None = None,
) -> Plan:
    """Return the plan if the registry has the stages that `found` says."""
    pipeline = project.pipeline(request)
    changes = pipeline.compiled.changes()
    plain = build_plan(pipeline.compilation, pipeline.scope, BuildRecord(), changes, output=output)
    keys = {one.key: DIGEST for one in plain.reusable() if found(one)}
    return plain.reusing(snapshot or Snapshot(REPOSITORY, keys))


def given(plan: Plan) -> list[str]:
    (target,) = plan.targets
    return [one.stage.name for one in target.reuse.given]


def built(plan: Plan, platform: str = AMD64) -> set[str]:
    (target,) = plan.targets
    return {change.name for change in target.built if change.platform == platform}


def named(*names: str) -> Wanted:
    return lambda stage: stage.name in names


def without(*names: str) -> Wanted:
    return lambda stage: stage.name not in names


class TestKeys:
    def test_a_key_names_target_platforms_and_fingerprint_and_fits_a_tag(self) -> None:
        digest = "0123456789abcdef" * 4
        assert stage_key("cpu", {AMD64: digest}) == "cpu-amd64-0123456789abcdef0123456789abcdef"
        both = stage_key("cpu", {AMD64: digest, ARM64: digest})
        assert both.startswith("cpu-amd64-arm64-")
        assert both != stage_key("cpu", {AMD64: digest, ARM64: digest[::-1]})
        assert len(stage_key("t" * 64, {AMD64: digest, ARM64: digest})) <= 128

    def test_what_enters_a_build_changes_the_key(self, line: Project) -> None:
        def keys() -> dict[str, str]:
            return {one.name: one.key for one in line.plan().reusable()}

        before = keys()
        line.write({"recipes/c/install.sh": "false\n"})
        after = keys()
        assert {name for name in before if before[name] != after[name]} == {"eb-c", "eb-d"}
        line.lock({"b": {"b==1.0": []}}, refresh=1)  # unversioned system packages are installed anew
        assert {"eb-python", "eb-c", "eb-d"} <= {name for name in after if after[name] != keys()[name]}

    def test_wheels_of_the_users_own_change_the_keys_of_what_is_not_locked(self, line: Project) -> None:
        file = line.root / "edgebake.yaml"
        file.write_text(json.dumps({**json.loads(file.read_text()), "wheelhouse": "wheels"}))
        line.write({"wheels/x-1-py3-none-any.whl": "one"})

        def changed() -> set[str]:
            before = line.fingerprints()
            line.write({"wheels/x-1-py3-none-any.whl": "two"})
            after = line.fingerprints()
            line.write({"wheels/x-1-py3-none-any.whl": "one"})
            return {name for (name, platform), one in before.items() if after[name, platform].own != one.own}

        assert changed() == set()  # the lock has the digest of each file
        (line.root / "edgebake.lock").unlink()
        assert changed() == {"install b"}


class TestChoice:
    def test_artifacts_ends_of_lines_and_what_stands_before_them(self, line: Project) -> None:
        compilation = line.compile()
        chosen = {
            name
            for name, n in nodes_by_name(compilation).items()
            if (n.target, n.id) in published_stages(compilation.graph)
        }
        assert chosen == {"eb-python", "eb-c", "eb-d", "eb-a-artifact", "eb-b-wheels"}

    def test_where_lines_part(self, tmp_path: Path) -> None:
        project = make_project(tmp_path)
        for name in "abcde":
            project.recipe(**recipe(name))
        for name in "xyz":
            project.recipe(**needs(f"o{name}", "a", "b"))
        project.images(one=["a", "b", "ox", "oy", "oz"], two=["a", "b", "oy", "oz"])
        compilation = project.compile()
        names = nodes_by_name(compilation)
        chosen = published_stages(compilation.graph)
        assert ("cpu", names["eb-b"].id) in chosen
        assert ("cpu", names["eb-a"].id) not in chosen

    def test_a_selection_changes_no_key(self, line: Project) -> None:
        with_stacks(line, app=["a", "b", "c", "d"], other=["a", "b"])
        every = {one.key for one in line.plan().reusable()}
        assert {one.key for one in line.plan(Request(("other",))).reusable()} < every


class TestWalk:
    def test_the_nearest_stage_is_taken_and_nothing_below_it(self, line: Project) -> None:
        found = plan(line)
        assert given(found) == ["eb-d"]
        assert built(found) == {"app"}

    def test_a_leaf_that_is_not_there_is_built_on_the_stack(self, line: Project) -> None:
        found = plan(line, without("eb-d"))
        assert given(found) == ["eb-c"]
        assert built(found) == {"app", "eb-d"}

    def test_artifacts_spare_build_halves_and_their_tools(self, line: Project) -> None:
        found = plan(line, named("eb-a-artifact", "eb-b-wheels"))
        assert given(found) == ["eb-a-artifact", "eb-b-wheels"]
        assert built(found) == {"eb-base", "eb-python", "eb-a", "eb-b", "eb-c", "eb-d", "app"}

    def test_a_stage_for_both_platforms_is_no_use_as_one_of_them(self, line: Project) -> None:
        """A key is for just its platforms: what is published for one is not what a build of two asks for."""
        one = plan(line, request=Request(platforms=(ARM64,)))
        assert all(g.stage.platforms == (ARM64,) for g in one.targets[0].reuse.given)
        keys = one.snapshot.found if one.snapshot else {}
        assert given(plan(line, snapshot=Snapshot(REPOSITORY, keys))) == []

    def test_platforms_that_differ_are_taken_each_for_itself(self, tmp_path: Path) -> None:
        project = make_project(tmp_path)
        variants = [{"when": {"platform": ARM64}, "apt": ["libboard"]}, {"when": {"platform": AMD64}}]
        project.recipe(
            **recipe("lib", install={"apt": ["libany"]}, releases=[{"version": "1", "variants": variants}])
        )
        project.recipe(**needs("tail", "lib", layer="application"))
        with_stacks(project.images(app=["lib", "tail"]))
        found = plan(project, named("eb-lib-arm64"))
        assert given(found) == ["eb-lib-arm64"]
        assert built(found, ARM64) == {"eb-tail", "app"}
        assert built(found, AMD64) == {"eb-base", "eb-lib", "eb-tail", "app"}

    def test_tests_run_in_the_image_that_is_built(self, line: Project) -> None:
        (target,) = plan(line).targets
        assert context_overrides("app-cpu-test", target.reuse.given) == {
            "app-cpu-test.contexts.eb-d": f"docker-image://{REPOSITORY}@{DIGEST}",
        }


class TestSteps:
    def test_what_is_built_is_published_first_and_only_by_a_push(self, line: Project) -> None:
        assert not any(isinstance(step, PublishStages) for step in plan(line, without("eb-d")).steps)
        steps = plan(line, without("eb-d"), output="push").steps
        (publish,) = [step for step in steps if isinstance(step, PublishStages)]
        assert steps.index(publish) < next(i for i, step in enumerate(steps) if isinstance(step, Bake))
        (one,) = publish.stages
        assert one.stage.name == "eb-d"
        assert [g.stage.name for g in one.given] == ["eb-c"]
        assert one.joined == one.stage.key
        assert [platform for platform, _ in one.parts] == [AMD64, ARM64]

    def test_a_build_of_one_platform_knows_the_key_of_all(self, line: Project) -> None:
        whole = plan(line, without("eb-d"), output="push")
        part = plan(line, without("eb-d"), Request(platforms=(ARM64,)), output="push")
        stages = [step.stages[0] for one in (whole, part) for step in one.steps if isinstance(step, PublishStages)]
        assert stages[0].joined == stages[1].joined != stages[1].stage.key
        assert dict(stages[0].parts)[ARM64] == stages[1].stage.key

    def test_everything_is_published_if_nothing_could_be_seen(self, line: Project) -> None:
        unseen = plan(line, output="push", snapshot=Snapshot(REPOSITORY, failure="no answer"))
        (publish,) = [step for step in unseen.steps if isinstance(step, PublishStages)]
        assert len(publish.stages) == 5
        assert "  nothing is reused: no answer" in explain(unseen)

    def test_nothing_is_published_if_keys_mean_nothing(self, line: Project) -> None:
        off = plan(line, output="push", snapshot=Snapshot(REPOSITORY, off="--no-cache builds everything again"))
        assert not any(isinstance(step, PublishStages) for step in off.steps)
        assert built(off) > {"eb-base", "eb-a-build"}

    def test_the_overlay_builds_on_what_is_given_and_keeps_nothing_in_the_engine(self, line: Project) -> None:
        whole = plan(line, without("eb-d"), output="push")
        (publish,) = [step for step in whole.steps if isinstance(step, PublishStages)]
        names, text = publish_overlay(publish)
        (block,) = json.loads(text)["target"].values()
        assert names == ["eb-stack-0"]
        assert block["inherits"] == ["app-cpu"]
        assert block["target"] == "eb-d"
        assert block["tags"] == [f"{REPOSITORY}:{publish.stages[0].stage.key}"]
        assert block["contexts"] == {"eb-c": f"docker-image://{REPOSITORY}@{DIGEST}"}
        assert "store=false" in block["output"][0]
        assert "annotation" not in block["output"][0]

    def test_one_step_publishes_all(self, tmp_path: Path) -> None:
        project = make_project(tmp_path)
        for number in range(40):
            project.recipe(**recipe(f"r{number}"))
        project.images(**{f"i{number}": [f"r{number}", f"r{(number + 7) % 40}"] for number in range(40)})
        with_stacks(project)
        steps = plan(project, named(), output="push").steps
        published = [
            [stage.stage.key for stage in step.stages] for step in steps if isinstance(step, PublishStages)
        ]
        assert len(published) == 1
        assert len(published[0]) == len(set(published[0])) > 50

    def test_nothing_has_to_be_emulated_for_what_is_taken(self, tmp_path: Path) -> None:
        project = with_stacks(make_project(tmp_path).recipe(**recipe("x")).images(app=["x"]))
        checks = [step for one in (plan(project), plan(project, named())) for step in one.steps]
        taken, own = [step.emulated for step in checks if isinstance(step, CheckBuilder)]
        assert (taken, own) == ((), (AMD64, ARM64))


def test_the_plan_says_what_is_taken_from_where(line: Project) -> None:
    text = explain(plan(line, without("eb-d")))
    assert (
        "  = a            reused  as a part of another shared stage" in text
        or "  = a          reused  as a part of another shared stage" in text
    )
    assert f"reused  {REPOSITORY}:cpu-amd64-arm64-" in text
    assert "Plan: 1 install stage, 1 image; 1 shared stage reused; 0 stages up to date." in text
    late = explain(plan(line, named("eb-a-artifact", "eb-b-wheels")))
    assert "install  new; artifact reused" in late
    assert "install  new; wheels reused" in late


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        (Settings(environment={}), ""),
        (Settings(environment={}, overrides=("*.tags=x", "app-cpu.cache-from=type=gha", "*.output=a")), ""),
        (Settings(environment={}, overrides=("*.args.A=1",)), "--set *.args.A changes what is built"),
        (Settings(environment={}, overrides=("app-cpu.contexts.eb-a=./x",)), "--set app-cpu.contexts.eb-a"),
        (Settings(environment={}, variables={"BASE_CPU": "other"}), "--var BASE_CPU changes"),
        (Settings(environment={}, variables={"WHEELHOUSE": "w"}), "--var WHEELHOUSE changes"),
        (Settings(environment={"WHEELHOUSE": "w"}), "the environment's WHEELHOUSE changes"),
        (Settings(environment={}, no_cache=True), "--no-cache"),
        (Settings(environment={}, variables={"TAG": "1", "REGISTRY": "r"}), ""),
    ],
)
def test_what_no_fingerprint_knows_switches_reuse_off(line: Project, settings: Settings, reason: str) -> None:
    found = why_off(line.compile(), settings)
    assert found.startswith(reason)
    assert bool(found) == bool(reason)


class TestCache:
    def project(self, folder: Path, cache: object) -> Project:
        project = make_project(folder).images(app=["python"])
        file = project.root / "edgebake.yaml"
        file.write_text(json.dumps({**json.loads(file.read_text()), "cache": cache}))
        return project

    def test_it_is_scoped_by_bake_target_platform_and_branch(self, tmp_path: Path) -> None:
        text = self.project(tmp_path, "registry").files()["docker-bake.hcl"]
        place = "type=registry,ref=${REGISTRY}/cache:app-cpu${CACHE_PLATFORM}-${regex_replace(%s, "
        assert place % "CACHE_SCOPE" in text
        assert place % "CACHE_DEFAULT" in text
        assert 'CACHE_TO == "" ? [] : [' in text

    @pytest.mark.parametrize(
        ("cache", "entry"),
        [
            ({"type": "local", "folder": "kept"}, "type=local,dest=kept/app-cpu"),
            ("gha", "type=gha,scope=app-cpu"),
            ({"type": "registry", "repository": "ghcr.io/a/b", "mode": "min"}, "ref=ghcr.io/a/b:app-cpu"),
        ],
    )
    def test_its_types(self, tmp_path: Path, cache: object, entry: str) -> None:
        assert entry in self.project(tmp_path, cache).files()["docker-bake.hcl"]

    def test_without_the_key_the_bake_file_says_nothing_of_a_cache(self, tmp_path: Path) -> None:
        text = make_project(tmp_path).images(app=["python"]).files()["docker-bake.hcl"]
        assert "cache" not in text.lower()

    def test_only_a_push_writes_to_a_registry(self, tmp_path: Path) -> None:
        compilation = self.project(tmp_path, "registry").compile()
        settings = Settings(environment={})
        read = cache_variables(compilation, settings, (ARM64,), writes=False)
        assert read == {"CACHE_PLATFORM": "-arm64"}
        push = cache_variables(compilation, settings, (AMD64, ARM64), writes=True)
        assert push == {"CACHE_PLATFORM": "", "CACHE_TO": "1"}
        said = Settings(environment={"CACHE_TO": ""})
        assert cache_variables(compilation, said, (ARM64,), writes=True) == {"CACHE_PLATFORM": "-arm64"}


def test_the_names_of_keyed_stages_are_unique(line: Project) -> None:
    names = [one.name for one in line.plan().reusable()]
    assert len(names) == len(set(names))
