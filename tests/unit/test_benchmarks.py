"""What the benchmarks compare with: oracles, the reading of raw events, the plots."""

from __future__ import annotations

import json
import sys
from itertools import product
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "benchmarks"), str(ROOT / "tests/e2e")]

import page  # noqa: E402
import sharing  # noqa: E402
from events_oracle import stages_that_ran, steps_that_ran  # noqa: E402
from plots import Group, bars, timeline  # noqa: E402
from workload import Part, Stack, as_cpu, llm, shapes, write_chain, write_project  # noqa: E402

DIAMOND = Stack(
    "d", (Part("a", (), 1), Part("b", ("a",), 5), Part("c", ("a",), 2), Part("d", ("b", "c"), 4), Part("e", (), 3))
)


class TestBounds:
    def test_a_stack_takes_no_less_than_its_longest_path(self) -> None:
        assert (DIAMOND.critical_path, DIAMOND.longest, DIAMOND.total) == (10, 3, 15)

    def test_waiting_takes_no_core_and_computing_does(self) -> None:
        assert DIAMOND.bound(cores=1) == 10
        busy = Stack("d", DIAMOND.parts, "cpu")
        assert [busy.bound(cores) for cores in (1, 2)] == [15, 10]

    @pytest.mark.parametrize("stack", shapes(), ids=lambda stack: stack.name)
    def test_the_longest_path_is_that_of_every_path_tried(self, stack: Stack) -> None:
        parts = {part.name: part for part in stack.parts}
        longest: dict[str, float] = {}
        for part in stack.parts:  # each comes after what it needs, or this fails
            longest[part.name] = parts[part.name].seconds + max((longest[need] for need in part.needs), default=0)
        assert stack.critical_path == pytest.approx(max(longest.values()))
        assert as_cpu(stack).total == pytest.approx(stack.total / 5)

    def test_the_image_of_39_packages_has_a_path_of_12(self) -> None:
        assert (len(llm().parts), llm().longest) == (39, 12)


def test_dependents_are_those_that_need_a_recipe_by_any_path() -> None:
    reached = {part.name: {part.name} for part in llm().parts}
    for _, (part, name) in product(range(12), product(llm().parts, reached)):
        if reached[name] & set(part.needs):
            reached[name].add(part.name)
    assert reached == {part.name: llm().dependents(part.name) for part in llm().parts}


def test_a_project_and_a_chain_run_the_same_scripts(tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    write_project(tmp_path / "p", DIAMOND, "salt")
    write_chain(tmp_path / "c", DIAMOND, "salt")
    for part in DIAMOND.parts:
        script = (tmp_path / "p/recipes" / part.name / "build.sh").read_text()
        assert script == (tmp_path / "c" / part.name / "build.sh").read_text()
        assert "salt" in script
        assert f"sleep {part.seconds:g}\n" in script


def test_equal_stages_of_several_targets_are_one() -> None:
    recipes = {"r00": sharing.Recipe("r00", 0, (), True), "r01": sharing.Recipe("r01", 0, (), False)}
    images = {"a": (("r00", "r01"), ("t0", "t1")), "b": (("r01",), ("t0", "t1"))}
    # r00 on each target, r01 once; r00 and then r01 on each target, r01 alone once.
    assert sharing.distinct(recipes, images) == 3 + 5
    assert sharing.by_themselves(images) == 2 * 2 * 2 + 2 * 2


def event(name: str, start: str, end: str, cached: bool = False) -> str:
    at = {"started": f"2026-01-01T00:00:{start}Z", "completed": f"2026-01-01T00:00:{end}Z"}
    return json.dumps({"vertexes": [{"digest": f"sha256:{name}", "name": name, "cached": cached, **at}]})


class TestRawEvents:
    def test_what_is_cached_or_taken_from_an_equal_step_did_not_run(self) -> None:
        events = [
            event("[image eb-a 1/2] RUN true", "01.5", "03.25"),
            event("[image eb-b 1/2] RUN true", "01.5", "01.500002"),
            event("[image eb-c 1/2] RUN true", "01.5", "02", cached=True),
            event("[internal] load build definition from Dockerfile", "01", "02"),
            "ERROR: some text",
        ]
        (step,) = steps_that_ran("\n".join(events))
        assert (step.stage, step.instruction, step.completed - step.started) == ("eb-a", "RUN", 1.75)

    def test_a_step_works_for_the_platform_that_is_built(self) -> None:
        events = event("[image linux/amd64->arm64 eb-a 2/3] COPY x y", "01", "02")
        assert stages_that_ran(events) == {("eb-a", "linux/arm64")}

    def test_a_dockerfile_of_one_stage_does_not_name_it(self) -> None:
        assert [step.stage for step in steps_that_ran(event("[2/3] RUN true", "01", "02"))] == [""]


class TestPage:
    def test_it_is_made_from_the_results_that_are_there(self) -> None:
        results = {path.stem: json.loads(path.read_text()) for path in sorted(page.RESULTS.glob("*.json"))}
        for path, text in page.files(page.PAGE.read_text(), results).items():
            assert path.read_text() == text, "run python benchmarks/page.py"

    def test_plots_are_always_the_same(self) -> None:
        groups = [Group("a & b", (1.0, None)), Group("c", (2.0, 4.0))]
        assert bars("t", "s", ("x", "y"), groups) == bars("t", "s", ("x", "y"), groups)
        assert "a &amp; b" in bars("t", "s", ("x", "y"), groups)
        assert timeline("t", [("eb-a-build", 0.0, 1.5)]).count("<rect") == 1
