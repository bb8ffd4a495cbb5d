"""An order that the lock has recorded: followed as far as that is possible, and never at the cost of the result."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgebake.api import refuse_stale_lock
from edgebake.errors import EdgebakeError
from edgebake.graph.compile import compile_workspace, what_stays_in_front
from edgebake.graph.image_plan import ImagePlan
from edgebake.graph.order import recorded_order, violations
from edgebake.lock.locker import render_lock
from edgebake.model.lock import Lock
from edgebake.order.choose import choose_order, without_order
from edgebake.order.weights import Weigher
from edgebake.plan.explain import explain
from integration.projects import AMD64, Project, compiled_recipe, make_project, needs, recipe

NAMES = "abcdefg"


class TestRecordedOrder:
    def test_what_is_recorded_is_followed(self) -> None:
        assert recorded_order("abc", "cab", []) == ["c", "a", "b"]

    def test_what_is_gone_is_left_out(self) -> None:
        assert recorded_order("ac", "cba", []) == ["c", "a"]

    def test_what_is_new_stands_behind_what_it_stands_behind_by_rank(self) -> None:
        assert recorded_order("abcx", "cba", []) == ["c", "x", "b", "a"]
        assert recorded_order("xabc", "cba", []) == ["x", "c", "b", "a"]
        assert recorded_order("abxyc", "cba", []) == ["c", "b", "x", "y", "a"]

    def test_what_is_needed_comes_first_and_nothing_else_moves(self) -> None:
        assert recorded_order("abcd", "dcba", [("a", "d")]) == ["c", "b", "a", "d"]

    @given(
        st.permutations(NAMES),
        st.permutations(NAMES),
        st.integers(0, 7),
        st.sets(st.tuples(*[st.integers(0, 6)] * 2)),
    )
    def test_any(self, ranked: list[str], recorded: list[str], known: int, edges: set[tuple[int, int]]) -> None:
        before = {(ranked[a], ranked[b]) for a, b in edges if a < b}
        found = recorded_order(ranked, recorded[:known], before)
        assert sorted(found) == sorted(ranked)
        assert all(found.index(a) < found.index(b) for a, b in before)
        if not violations(recorded[:known], before) and known == len(NAMES):
            assert found == recorded


def images(folder: Path, catalogue: Sequence[dict[str, Any]] = (), **lines: list[str]) -> Project:
    """Return a locked project whose images have the recipes a to z, beside others."""
    plain = [recipe(name) for name in "abcmxyz" if name not in {one["name"] for one in catalogue}]
    project = make_project(folder, catalogue=[*plain, *catalogue]).images(**lines)
    project.lock()
    return project


def choose(project: Project) -> Lock:
    """Record the order that shares most, as `edgebake lock --order` does."""
    workspace = project.open()
    assert workspace.lock is not None
    lock, _ = choose_order(workspace, workspace.lock, Weigher)
    project.write({"edgebake.lock": render_lock(lock)})
    return lock


def line(project: Project, image: str = "one") -> list[str]:
    return list(plan_of(project, image).line)


def plan_of(project: Project, image: str) -> ImagePlan:
    return next(plan for plan in project.compile().plans if plan.name == image)


def record(project: Project, image: str, order: Sequence[str]) -> None:
    """Write an order into the lock, as a hand would."""
    lock = project.open().lock
    assert lock is not None
    targets = {t: one.model_copy(update={"order": tuple(order)}) for t, one in lock.images[image].items()}
    lock = lock.model_copy(update={"images": {**lock.images, image: targets}})
    project.write({"edgebake.lock": render_lock(lock)})


class TestTheLock:
    def test_what_images_have_in_common_is_shared(self, tmp_path: Path) -> None:
        project = images(tmp_path, one=["a", "m", "z"], two=["b", "m", "z"])
        assert line(project) == ["a", "m", "z"]
        before = len(project.stages())
        workspace = project.open()
        assert workspace.lock is not None
        lock, (chosen,) = choose_order(workspace, workspace.lock, Weigher)
        assert str(chosen) == (
            "cpu: 2 images, 12 → 8 install stages, 240 → 160 MB (80 of 240 MB shared); "
            "cost 299 → 208 s a month, the best there is"
        )
        project.write({"edgebake.lock": render_lock(lock)})
        assert line(project)[:2] == line(project, "two")[:2]
        assert len(project.stages()) == before - 2

    def test_nothing_is_reordered_unless_it_is_recorded(self, tmp_path: Path) -> None:
        project = images(tmp_path, one=["a", "m"], two=["b", "m"])
        assert line(project) == ["a", "m"]
        assert "order" not in (project.root / "edgebake.lock").read_text()
        choose(project)
        assert line(project) == ["m", "a"]
        project.write({"edgebake.lock": render_lock(without_order(project.open().lock or Lock()))})
        assert line(project) == ["a", "m"]

    def test_a_plan_says_that_an_order_is_in_effect(self, tmp_path: Path) -> None:
        project = images(tmp_path, one=["a", "m"], two=["b", "m"])
        assert "the order that the lock has" not in explain(project.plan())
        choose(project)
        assert "one on cpu: recipes are in the order that the lock has (edgebake lock --order)" in explain(
            project.plan()
        )

    def test_a_new_recipe_disturbs_no_other(self, tmp_path: Path) -> None:
        project = images(tmp_path, one=["a", "m", "z"], two=["b", "m", "z"])
        choose(project)
        before = line(project)
        project.images(one=["a", "m", "x", "z"], two=["b", "m", "z"])
        now = line(project)
        assert [name for name in now if name != "x"] == before
        assert now.index("x") == now.index("m") + 1

    def test_a_recorded_order_against_a_need_is_not_followed_and_told(self, tmp_path: Path) -> None:
        project = images(tmp_path, one=["a", "m"], two=["b", "m"])
        choose(project)
        project.recipe(**needs("m", "a"))
        assert line(project) == ["a", "m"]
        text = "one on cpu: a has to be in front of m, against the order that the lock has (edgebake lock --order)"
        assert text in explain(project.plan())
        with pytest.raises(EdgebakeError) as error:
            refuse_stale_lock(project.compile())
        assert "its order has m in front of a" in str(error.value)

    def test_an_order_that_is_not_the_images_is_harmless(self, tmp_path: Path) -> None:
        project = images(tmp_path, one=["a", "m"])
        record(project, "one", ["nowhere", "m", "m", "a"])
        assert line(project) == ["m", "a"]

    def test_packages_stay_locked_and_belong_to_whom_comes_first(self, tmp_path: Path) -> None:
        python = [
            recipe("python", layer="language", install={"apt": ["python3"]}),
            needs("pip-fetch", "python", layer="language", install={"apt": ["python3-pip"]}),
            needs("p", "python", install={"pip": ["p"]}),
            needs("q", "python", install={"pip": ["q"]}),
        ]
        project = images(tmp_path, python, one=["p", "q"])
        project.lock({"p": {"p==1": [], "shared==1": ["p", "q"]}, "q": {"q==1": []}})
        assert "shared" in "".join(plan_of(project, "one").python[AMD64].requirements["p"])
        record(project, "one", ["python", "q", "p"])
        plan = plan_of(project, "one")
        assert plan.python[AMD64].locked
        assert "shared" in "".join(plan.python[AMD64].requirements["q"])
        assert "shared" not in "".join(plan.python[AMD64].requirements["p"])

    def test_it_is_the_same_lock_the_second_time(self, tmp_path: Path) -> None:
        project = images(tmp_path, one=["a", "m", "z"], two=["b", "m", "z"], three=["c", "z"])
        assert choose(project) == choose(project)


class TestWhatStaysInFront:
    """Of two recipes whose order shows in the result, the first by rank stays the first."""

    @pytest.mark.parametrize(
        ("first", "second", "kept"),
        [
            ({}, {}, False),
            ({"env": {"A": "1"}}, {"env": {"B": "2"}}, False),
            ({"env": {"A": "1"}}, {"env": {"A": "2"}}, True),
            ({"env": {"A": "1"}}, {"env": {"B": "$A/x"}}, True),
            ({"env": {"B": "${A}/x"}}, {"env": {"A": "1"}}, True),
            ({"install": {"path": ["/a"]}}, {"install": {"path": ["/b"]}}, True),
            ({"install": {"path": ["/a"]}}, {"env": {"B": "$PATH"}}, True),
            ({"runtime": {"workdir": "/a"}}, {"runtime": {"workdir": "/b"}}, True),
            ({"runtime": {"cmd": ["a"]}}, {"runtime": {"entrypoint": ["b"]}}, True),
            ({"runtime": {"expose": ["1"]}}, {"runtime": {"expose": ["2"]}}, False),
            ({"install": {"files": {"f": "/x"}}}, {"install": {"files": {"f": "/x"}}}, True),
            ({"install": {"files": {"f": "/x/"}}}, {"install": {"files": {"g": "/x/"}}}, False),
            ({"install": {"files": {"f": "/x/"}}}, {"install": {"files": {"d": "/x"}}}, True),
            ({"install": {"script": "s.sh"}}, {"install": {"script": "s.sh"}}, True),
            ({"install": {"script": "s.sh"}}, {}, False),
            ({"layer": "system"}, {"install": {"script": "s.sh"}}, True),
            ({"layer": "system"}, {}, False),
            ({"install": {"pip": ["p"]}}, {"install": {"pip": ["q"]}}, True),  # nothing of it is locked
        ],
    )
    def test_pairs(self, tmp_path: Path, first: dict[str, Any], second: dict[str, Any], kept: bool) -> None:
        project = make_project(tmp_path).recipe(**recipe("a", **first)).recipe(**recipe("b", **second))
        files = {f"recipes/{name}/{file}": "x\n" for name in "ab" for file in ("f", "g", "d/h", "s.sh")}
        (plan,) = project.write(files).images(one=["a", "b"]).compile().plans
        assert (("a", "b") in what_stays_in_front(plan)) == kept

    def test_build_halves_that_leave_files_in_one_place(self, tmp_path: Path) -> None:
        project = make_project(tmp_path).recipe(**compiled_recipe("a")).recipe(**compiled_recipe("b"))
        project.write({"recipes/a/build.sh": "x\n", "recipes/b/build.sh": "x\n"})
        (plan,) = project.images(one=["a", "b"]).compile().plans
        assert ("a", "b") in what_stays_in_front(plan)


def _filled(value: str, known: dict[str, str]) -> str:
    return re.sub(r"\$\{?(\w+)\}?", lambda match: known.get(match[1], ""), value)


def environment(plan: ImagePlan) -> dict[str, str]:
    """Return an image's environment as an engine computes it: one ENV after the other."""
    found = {"PATH": "/bin"}
    for view in plan.views_on(AMD64):
        if view.path:
            found["PATH"] = ":".join([*view.path, found["PATH"]])
        # One ENV line: what it reads is what was there before it.
        found |= {name: _filled(value, dict(found)) for name, value in view.env.items()}
    return found


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_any_order_that_is_chosen_leaves_the_result_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    """Environment, PATH and runtime settings are the same, and so is what is installed."""
    chance = random.Random(seed)
    catalogue = []
    for name in NAMES:
        fields: dict[str, Any] = {"layer": chance.choice(["system", "library", "application"])}
        if chance.random() < 0.5:
            fields["env"] = {chance.choice("PQ"): chance.choice(["1", "$P:x", "${Q}:y", "$PATH"])}
        if chance.random() < 0.3:
            fields["runtime"] = {chance.choice(["workdir", "volumes"]): f"/{name}"}
        fields["install"] = {"apt": [f"lib{name}"], **({"path": [f"/{name}"]} if chance.random() < 0.3 else {})}
        catalogue.append(
            recipe(name, requires=chance.sample(NAMES[: NAMES.index(name)], k=min(1, NAMES.index(name))), **fields)
        )
    lines = {f"image{i}": chance.sample(NAMES, k=chance.randint(1, 5)) for i in range(4)}
    project = images(tmp_path_factory.mktemp("any"), catalogue, **lines)
    before = project.compile()
    lock = choose(project)
    after = compile_workspace(replace(project.open(), lock=lock))
    for one, two in zip(before.plans, after.plans, strict=True):
        assert sorted(one.line) == sorted(two.line)
        assert not two.misplaced
        assert environment(one) == environment(two)
        assert [one.runtime(field) for field in ("workdir", "cmd")] == [
            two.runtime(field) for field in ("workdir", "cmd")
        ]
        assert one.collected("volumes") == two.collected("volumes")
        for name, wanted in what_stays_in_front(one):
            assert two.line.index(name) < two.line.index(wanted)
