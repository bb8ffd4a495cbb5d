"""Plans: the exact steps for small projects, and why each stage of a line of five is built."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgebake.cli.format.plan import text as explain
from edgebake.cli.format.plan_data import data
from edgebake.errors import EdgebakeError
from edgebake.model.request import Request
from edgebake.plan.builder import Plan
from edgebake.plan.history import read_history
from edgebake.plan.journal import JOURNAL_FILE
from edgebake.plan.record import BuildRecord
from edgebake.plan.steps import Bake, BakeItem, CheckBuilder, MergeIndex, Output, Step, VerifyIndexes, WriteFiles
from edgebake.select.request import open_request
from integration.projects import (
    AMD64,
    ARM64,
    BOARD,
    CATALOGUE,
    CPU,
    DIGESTS,
    Project,
    line_of_five,
    make_project,
    needs,
    recipe,
    write_files,
)

BOTH = (AMD64, ARM64)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return make_project(tmp_path)


def told(step: Step) -> str:
    """Return a step in a few words."""
    match step:
        case WriteFiles(changes):
            return f"write {len(changes)}"
        case CheckBuilder(platforms, emulated):
            return f"check {archs(platforms)} emulated {archs(emulated)}"
        case Bake(images, output, tests):
            words = [
                f"{item.bake_target.name} {archs(item.platforms)}{' by key' * bool(item.tag)}" for item in images
            ]
            tested = f" after {' '.join(item.bake_target.name for item in tests)}" if tests else ""
            return f"{output} {', '.join(words)}{tested}"
        case VerifyIndexes(targets):
            return f"verify {' '.join(t.name for t in targets)}"
        case MergeIndex(index):
            return f"merge {index.tag} of {' '.join(name for _, name in index.parts)}"


def archs(platforms: tuple[str, ...]) -> str:
    return "+".join(platform.removeprefix("linux/") for platform in platforms)


def steps(plan: Plan) -> list[str]:
    return [told(step) for step in plan.steps]


class TestSteps:
    def test_files_are_written_and_the_builder_checked_before_anything_is_baked(self, project: Project) -> None:
        assert steps(project.images(app=["python"]).plan()) == [
            "write 4",
            "check amd64+arm64 emulated amd64+arm64",
            "cache app-cpu amd64+arm64",
        ]

    def test_files_that_are_as_they_should_be_are_not_written(self, project: Project) -> None:
        project.images(app=["python"]).compiled().tree.write()
        assert steps(project.plan())[0].startswith("check")

    def test_load(self, project: Project) -> None:
        project.images(app=["python"]).compiled().tree.write()
        assert steps(project.plan(Request(platforms=(AMD64,)), output="load")) == [
            "check amd64 emulated amd64",
            "load app-cpu amd64 by key",
        ]

    def test_a_push_is_verified(self, project: Project) -> None:
        project.images(app=["python"]).compiled().tree.write()
        assert steps(project.plan(output="push")) == [
            "check amd64+arm64 emulated amd64+arm64",
            "push app-cpu amd64+arm64",
            "verify app-cpu",
        ]

    def test_a_part_of_the_platforms_is_pushed_under_its_key_and_not_verified(self, project: Project) -> None:
        project.images(app=["python"]).compiled().tree.write()
        plan = project.plan(Request(platforms=(ARM64,)), output="push")
        assert steps(plan) == [
            "check arm64 emulated arm64",
            "push app-cpu arm64 by key",
        ]
        digest = dict(plan.targets[0].fingerprints)[ARM64]
        item = BakeItem(plan.targets[0].bake_target, (ARM64,), f"cpu-arm64-{digest[:16]}")
        assert plan.steps[1] == Bake((item,), "push")

    def test_a_target_of_one_platform_is_complete_on_it(self, project: Project) -> None:
        project.images(app={"recipes": ["python"], "targets": ["cpu", "board-1.0"]}).compiled().tree.write()
        assert steps(project.plan(Request(platforms=(ARM64,)), output="push")) == [
            "check arm64 emulated arm64",
            "push app-board-1-0 arm64, app-cpu arm64 by key",
            "verify app-board-1-0",
        ]

    def test_tests_run_before_anything_is_pushed(self, project: Project) -> None:
        project.recipe(**recipe("x", test={"script": "test.sh"})).write({"recipes/x/test.sh": "true\n"})
        project.images(one=["x"], two=["python"]).compiled().tree.write()
        assert steps(project.plan(output="push", test=True)) == [
            "check amd64+arm64 emulated amd64+arm64",
            "push one-cpu amd64+arm64, two-cpu amd64+arm64 after one-cpu-test",
            "verify one-cpu two-cpu",
        ]

    def test_each_bake_target_has_its_own_platforms(self, project: Project) -> None:
        project.images(app={"recipes": ["python"], "targets": ["cpu", "board-1.0"]}).compiled().tree.write()
        assert steps(project.plan()) == [
            "check amd64+arm64 emulated amd64+arm64",
            "cache app-board-1-0 arm64, app-cpu amd64+arm64",
        ]

    def test_all_bake_targets_are_one_step(self, project: Project) -> None:
        project.images(**{f"i{number:03}": ["python"] for number in range(120)}).compiled().tree.write()
        check, bake = project.plan().steps
        assert isinstance(check, CheckBuilder)
        assert isinstance(bake, Bake)
        assert [item.bake_target.name for item in bake.images] == [f"i{number:03}-cpu" for number in range(120)]

    def test_a_platform_on_which_nothing_runs_needs_no_emulation(self, project: Project) -> None:
        # Only the base stage, which makes the user, runs on the target; an image for root has no such command.
        project.recipe(**recipe("files", install={"files": {"f": "/f"}})).write({"recipes/files/f": ""})
        root = {"recipes": ["files"], "targets": ["cpu"], "runtime": {"user": "root"}}
        check = next(s for s in project.images(app=root).plan().steps if isinstance(s, CheckBuilder))
        assert check.platforms == BOTH
        assert "RUN" in project.dockerfile() or check.emulated == ()


class TestIndexes:
    @pytest.fixture
    def project(self, tmp_path: Path) -> Project:
        project = make_project(tmp_path, targets=[{**CPU, "platforms": [AMD64]}, BOARD])
        index = {"${TAG}": {AMD64: "cpu", ARM64: "board-1.0"}}
        project.images(app={"recipes": ["python"], "targets": ["cpu", "board-1.0"], "indexes": index})
        project.compiled().tree.write()
        return project

    def test_a_tag_over_several_targets_is_merged_when_all_are_pushed(self, project: Project) -> None:
        assert steps(project.plan(output="push"))[1:] == [
            "push app-board-1-0 arm64, app-cpu amd64",
            "verify app-board-1-0 app-cpu",
            "merge ${TAG} of app-cpu app-board-1-0",
        ]

    @pytest.mark.parametrize("output", ["cache", "load"])
    def test_without_a_push_there_is_nothing_to_merge(self, project: Project, output: Output) -> None:
        assert not any(isinstance(step, MergeIndex) for step in project.plan(output=output).steps)

    @pytest.mark.parametrize("selection", [Request(targets=("cpu",)), Request(platforms=(ARM64,))])
    def test_a_part_of_it_is_never_published_under_the_tag(self, project: Project, selection: Request) -> None:
        plan = project.plan(selection, output="push")
        assert not any(isinstance(step, MergeIndex) for step in plan.steps)
        assert "left out: not all of these are selected" in explain(plan)

    def test_a_plan_tells_of_it(self, project: Project) -> None:
        plan = project.plan(output="push")
        told = "app:${TAG}  linux/amd64 from app-cpu, linux/arm64 from app-board-1-0"
        assert told in explain(plan)
        assert data(plan).steps[-1].step == "merge-index"


class TestSelection:
    def test_names_targets_and_platforms_narrow_it(self, project: Project) -> None:
        project.images(
            one={"recipes": ["python"], "targets": ["cpu", "board-1.0"]},
            two={"recipes": ["zlib"], "targets": ["cpu"]},
        )

        def names(**selection: Any) -> list[str]:
            return [target.bake_target.name for target in project.plan(Request(**selection)).targets]

        assert names() == ["one-board-1-0", "one-cpu", "two-cpu"]
        assert names(names=("two",)) == ["two-cpu"]
        assert names(targets=("board*",)) == ["one-board-1-0"]
        assert names(platforms=(AMD64,)) == ["one-cpu", "two-cpu"]

    def test_a_target_that_no_image_is_for_is_told(self, project: Project) -> None:
        project.images(one=["python"])
        with pytest.raises(EdgebakeError, match="no selected image is for the target 'bord'"):
            project.plan(Request(targets=("bord",)))

    def test_a_platform_that_no_image_is_for_is_told(self, project: Project) -> None:
        project.images(one={"recipes": ["python"], "targets": ["board-1.0"]})
        with pytest.raises(EdgebakeError, match="no selected image is for the platform 'linux/amd64'"):
            project.plan(Request(platforms=(AMD64,)))

    @pytest.mark.parametrize(
        ("selection", "message"),
        [
            (Request(names=("one", "numpy")), "images and recipes cannot be mixed"),
            (Request(names=("numpy",)), "recipes need a target"),
            (Request(names=("nunpy",), targets=("cpu",)), "unknown image or recipe 'nunpy'"),
        ],
    )
    def test_what_cannot_be_meant_is_told(self, project: Project, selection: Request, message: str) -> None:
        project.images(one=["python"])
        with pytest.raises(EdgebakeError, match=message):
            open_request(project.root, selection)


# ── states, on the line of five


@pytest.fixture
def line(tmp_path: Path) -> Project:
    return line_of_five(tmp_path)


def states(project: Project, image: str = "app") -> dict[str, str]:
    """Return the state of every stage that is built, and its causes, by key; where platforms agree."""
    found: dict[str, dict[str, str]] = {}
    for change in project.plan().target(f"{image}-cpu").changes:
        text = f"{change.state}: {', '.join(change.causes)}".removesuffix(": ")
        found.setdefault(change.key.removeprefix("eb-"), {})[change.platform] = text
    assert all(len(set(by_platform.values())) == 1 for by_platform in found.values())
    return {key: texts[AMD64] for key, texts in found.items() if texts[AMD64] != "same"}


Edit = Callable[[Project], object]


def write(path: str, content: str) -> Edit:
    return lambda project: project.write({path: content})


def edited(path: str, change: Callable[[Any], object]) -> Edit:
    def edit(project: Project) -> None:
        data = json.loads((project.root / path).read_text())
        change(data)
        project.write({path: json.dumps(data)})

    return edit


def catalogue(one: dict[str, Any]) -> Edit:
    return lambda project: write_files(project.builtin / "recipes" / one["name"], {"recipe.json": json.dumps(one)})


A, D = "recipes/a/recipe.json", "recipes/d/recipe.json"
MOVED_BEHIND_A = {"b": "indirect: a", "c": "moved: b", "d": "indirect: a", "app": "indirect: d"}

STATES: dict[str, tuple[Edit, dict[str, str]]] = {
    "nothing": (lambda _: None, {}),
    "a file of the last recipe": (
        write("recipes/d/app/main.py", "print(1)\n"),
        {"d": "direct: file recipes/d/app/main.py", "app": "indirect: d"},
    ),
    "a file more": (
        write("recipes/d/app/new.py", "\n"),
        {"d": "direct: file recipes/d/app/new.py", "app": "indirect: d"},
    ),
    "an install script in the middle": (
        write("recipes/c/install.sh", "false\n"),
        {"c": "direct: file recipes/c/install.sh", "d": "moved: c", "app": "indirect: c"},
    ),
    "a build script": (
        write("recipes/a/build.sh", "make all\n"),
        {
            "a-build": "direct: file recipes/a/build.sh",
            "a-artifact": "indirect: its build half",
            "a": "indirect: its build half",
            **MOVED_BEHIND_A,
        },
    ),
    "a variable of the environment": (
        edited(A, lambda r: r["install"].update(env={"X": "1"})),
        {"a": "direct: env", **MOVED_BEHIND_A},
    ),
    "a lock entry": (
        lambda p: p.lock({"b": {"b==2.0": []}}),
        {
            "b-fetch": "direct: python packages",
            "b-wheels": "indirect: its Python packages",
            "b": "indirect: its Python packages",
            "c": "moved: b",
            "d": "moved: b",
            "app": "indirect: b",
        },
    ),
    "a tool": (
        catalogue(recipe("compiler", layer="toolkit", install={"apt": ["clang"]})),
        {
            "native-compiler": "direct: apt",
            "a-build": "indirect: compiler",
            "a-artifact": "indirect: compiler",
            "a": "indirect: compiler",
            **MOVED_BEHIND_A,
        },
    ),
    "a system package of python": (
        catalogue(recipe("python", layer="language", install={"apt": ["python3-full"]})),
        {
            "python": "direct: apt",
            "native-python": "direct: apt",
            "native-pip-fetch": "indirect: python",
            "a": "indirect: python",
            "b-fetch": "indirect: pip-fetch",
            "b-wheels": "indirect: pip-fetch",
            "b": "indirect: pip-fetch, a",
            "c": "moved: b",
            "d": "indirect: a, python",
            "app": "indirect: d",
        },
    ),
    "a base image": (
        lambda p: p.lock({"b": {"b==1.0": []}}, digests=dict.fromkeys(DIGESTS, "sha256:" + "e" * 64)),
        {
            "base": "direct: base image",
            "python": "indirect: the base image",
            "a": "indirect: the base image",
            "b": "indirect: the base image",
            "c": "indirect: the base image",
            "d": "indirect: the base image",
            "app": "indirect: d",
        },
    ),
    "a recipe in front": (
        lambda p: p.images(app=["a", "b", "c", "d", "zlib"]),
        {
            "zlib": "new",
            "python": "moved: zlib",
            "a": "moved: zlib",
            "b": "moved: zlib",
            "c": "moved: zlib",
            "d": "moved: zlib",
            "app": "indirect: zlib",
        },
    ),
    "a recipe less": (
        lambda p: p.images(app=["a", "b", "d"]),
        {"d": "moved", "app": "indirect: d"},
    ),
    "what the image runs": (
        edited("edgebake.yaml", lambda p: p["images"]["app"].update(runtime={"cmd": ["x"]})),
        {"app": "direct: image"},
    ),
    "a comment in a summary": (edited(D, lambda r: r.update(summary="Other words")), {}),
    "two at once": (
        lambda p: p.write({"recipes/c/install.sh": "false\n", "recipes/d/app/main.py": "1\n"}),
        {
            "c": "direct: file recipes/c/install.sh",
            "d": "direct: file recipes/d/app/main.py",
            "app": "indirect: d",
        },
    ),
}


@pytest.mark.parametrize("name", STATES)
def test_a_line_tells_why_each_stage_is_built(line: Project, name: str) -> None:
    edit, expected = STATES[name]
    edit(line)
    assert states(line) == expected


class TestStates:
    def test_everything_is_new_at_first(self, line: Project) -> None:
        (line.root / JOURNAL_FILE).unlink()
        assert {change.state for change in line.plan().targets[0].changes} == {"new"}

    def test_what_was_built_for_another_image_is_up_to_date(self, line: Project) -> None:
        line.images(app=["a", "b", "c", "d"], other=["a", "python"])
        assert states(line, "other") == {"other": "new"}

    def test_a_new_image_does_not_touch_the_others(self, line: Project) -> None:
        line.images(app=["a", "b", "c", "d"], other=["zlib", "a", "c"])
        assert states(line) == {}

    def test_an_edit_is_recognised_where_stages_share_a_name(self, line: Project) -> None:
        images = {"app": ["a", "b", "c", "d"], "other": ["zlib", "python"]}
        line.images(**images)
        line.built()
        catalogue(recipe("python", layer="language", install={"apt": ["python3-full"]}))(line)
        assert states(line, "other") == {"python": "direct: apt", "other": "indirect: python"}
        assert states(line)["python"] == "direct: apt"

    def test_a_change_on_one_platform_is_told_for_it_alone(self, line: Project) -> None:
        other = {"b": {"b==3.0": []}}
        line.lock({"b": {"b==1.0": []}}, only=lambda _, platform: other if platform == ARM64 else None)
        changes = line.plan().targets[0].changes
        assert {change.state for change in changes if change.platform == AMD64} == {"same"}
        assert {c.key for c in changes if c.platform == ARM64 and c.state == "direct"} == {"eb-b-fetch"}

    def test_what_is_behind_a_recipe_of_one_platform_moves_there(self, line: Project) -> None:
        variant = {"version": "1", "when": {"platform": ARM64}}
        line.recipe(**recipe("b2", releases=[variant], install={"script": "x.sh"})).write(
            {"recipes/b2/x.sh": "1\n"}
        )
        choice = [{"version": "1", "variants": [{"when": {"platform": ARM64}, "requires": ["b2"]}, {}]}]
        line.recipe(**recipe("z", releases=choice)).images(app=["a", "c", "z"])
        line.built()
        line.write({"recipes/b2/x.sh": "2\n"})
        found = {c.platform: (c.state, *c.causes) for c in line.plan().targets[0].changes if c.key == "eb-c"}
        assert found == {AMD64: ("same",), ARM64: ("moved", "b2")}

    def test_a_move_is_seen_through_a_recipe_that_is_not_on_the_platform(self, line: Project) -> None:
        variant = {"version": "1", "when": {"platform": ARM64}}
        line.recipe(**recipe("b2", releases=[variant]))
        choice = [{"version": "1", "variants": [{"when": {"platform": ARM64}, "requires": ["b2"]}, {}]}]
        line.recipe(**recipe("z", releases=choice)).images(app=["a", "c", "z"])
        line.built()
        edited(A, lambda r: r["install"].update(env={"X": "1"}))(line)
        found = {c.platform: (c.state, *c.causes) for c in line.plan().targets[0].changes if c.key == "eb-c"}
        assert found == {AMD64: ("moved", "a"), ARM64: ("moved", "a")}

    def test_building_one_platform_remembers_that_one(self, line: Project) -> None:
        line.write({"recipes/c/install.sh": "false\n"})
        line.built(Request(platforms=(ARM64,)))
        changes = line.plan().targets[0].changes
        assert {c.state for c in changes if c.platform == ARM64} == {"same"}
        assert "direct" in {c.state for c in changes if c.platform == AMD64}

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "{",
            "[]",
            "null",
            '{"v": 99, "event": "finished"}',
            '{"v": 2, "event": "finished", "bake_target": "a", "built": 1}',
            '{"v": 2, "event": "finished", "bake_target": "a", "platforms": 1}',
            '{"v": 2}',
        ],
    )
    def test_a_record_that_cannot_be_read_is_an_empty_one(self, line: Project, text: str) -> None:
        line.write({JOURNAL_FILE: text})
        assert read_history(line.root).record == BuildRecord()


class TestJson:
    def test_it_has_all_that_the_text_tells(self, line: Project) -> None:
        line.write({"recipes/c/install.sh": "false\n"})
        found = json.loads(data(line.plan(output="push")).model_dump_json())
        assert found.keys() == {
            "version",
            "images",
            "left_out",
            "notes",
            "files",
            "stacks",
            "steps",
            "time",
            "platforms",
        }
        (image,) = found["images"]
        assert image.keys() == {
            "bake_target",
            "observed",
            "image",
            "target",
            "platforms",
            "complete",
            "fingerprints",
            "given",
            "stages",
        }
        assert image["fingerprints"].keys() == set(BOTH)
        stage = next(s for s in image["stages"] if s["recipe"] == "c" and s["platform"] == ARM64)
        assert (
            stage.items()
            >= {
                "name": "eb-c",
                "kind": "install",
                "title": "c",
                "native": False,
                "reused": False,
                "state": "direct",
                "causes": ["file recipes/c/install.sh"],
            }.items()
        )
        assert len(stage["fingerprint"]) == len(stage["own"]) == 64
        assert [step["step"] for step in found["steps"]] == ["check-builder", "bake", "verify-indexes"]
        assert {key: value for key, value in found["steps"][1].items() if value is not None} == {
            "step": "bake",
            "bake_targets": ["app-cpu"],
            "tests": [],
            "platforms": [AMD64, ARM64],
            "output": "push",
            "tags": {},
        }

    def test_what_is_left_out_and_what_changes_is_in_it(self, project: Project) -> None:
        project.images(app={"recipes": ["numpy"], "targets": ["cpu"], "platforms": [AMD64]})
        found = data(project.plan()).model_dump(mode="json")
        assert found["left_out"] == [
            {"what": f"app on cpu ({ARM64})", "reason": "the image's platforms do not name it"}
        ]
        assert any("not pinned" in note for note in found["notes"])
        assert {"path": "bake/docker-bake.hcl", "change": "added"} in found["files"]


def test_the_same_fingerprint_is_a_label_whatever_is_selected(line: Project) -> None:
    whole, part = line.plan(), line.plan(Request(platforms=(ARM64,)))
    assert whole.targets[0].fingerprints == part.targets[0].fingerprints


def test_facts_that_the_base_brings_are_no_stages(tmp_path: Path) -> None:
    board = {**BOARD, "base": {"image": "l4t:r36", "provides": ["cuda"]}}
    project = make_project(tmp_path, catalogue=[*CATALOGUE, needs("gpu", "cuda")], targets=[CPU, board])
    project.images(app={"recipes": ["gpu"], "targets": ["board-1.0"]})
    assert [c.key for c in project.plan().targets[0].changes] == ["eb-base", "eb-gpu", "app"]
