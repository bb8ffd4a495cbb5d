"""Generated names: valid for Buildx, unique, and never passed from one owner to another."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from edgebake.errors import EdgebakeError
from edgebake.graph.names import bake_target_name, base_variable, refuse_collisions
from integration.projects import (
    AMD64,
    CPU,
    Project,
    compiled_recipe,
    make_project,
    needs,
    nodes_by_name,
    recipe,
    stage_list,
)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return make_project(tmp_path)


def differing(name: str) -> dict[str, Any]:
    """Return a recipe that is not the same on both platforms."""
    return recipe(
        name, releases=[{"version": "2", "when": {"platform": AMD64}}, {"version": "1"}], env={"V": "{{ version }}"}
    )


@pytest.mark.parametrize(
    ("image", "target", "name"),
    [
        ("detector", "jetpack-6.2", "detector-jetpack-6-2"),
        ("a.b", "c", "a-b-c"),
        ("a_b", "c.d.e", "a_b-c-d-e"),
    ],
)
def test_bake_target_names_have_what_buildx_allows(image: str, target: str, name: str) -> None:
    assert bake_target_name(image, target) == name


def test_variables_of_base_images_are_identifiers() -> None:
    assert base_variable("jetpack-6.2") == "BASE_JETPACK_6_2"


def test_two_owners_of_one_name_are_both_named() -> None:
    with pytest.raises(EdgebakeError, match=r"^one and other would have the same tag 'x'"):
        refuse_collisions([("x", "one"), ("y", "one"), ("x", "other")], kind="tag")


def test_one_owner_may_have_a_name_twice() -> None:
    refuse_collisions([("x", "one"), ("x", "one")], kind="tag")


@pytest.mark.parametrize(
    ("images", "kind"),
    [
        ({"a.b": ["python"], "a-b": ["python"]}, "bake target"),
        ({"cpu": ["python"]}, None),
        ({"default": ["python"]}, None),
        ({"a-cpu": ["python"], "a": ["python"]}, "bake name"),
        (
            {
                "a": {"recipes": ["python"], "targets": ["cpu"], "repository": "x"},
                "b": {"recipes": ["zlib"], "targets": ["cpu"], "repository": "x"},
            },
            "tag",
        ),
        ({"a": {"recipes": ["python"], "targets": ["cpu", "board-1.0"], "tags": ["${TAG}"]}}, "tag"),
    ],
)
def test_images_that_would_overwrite_each_other_are_refused(
    project: Project, images: dict[str, Any], kind: str | None
) -> None:
    project.images(**images)
    if kind is None:
        project.compile()
        return
    with pytest.raises(EdgebakeError, match=f"would have the same {kind}"):
        project.compile()


def test_targets_with_one_tag_suffix_are_refused(tmp_path: Path) -> None:
    project = make_project(tmp_path, targets=[CPU, {**CPU, "name": "cpu-2"}])
    project.images(app={"recipes": ["python"], "targets": ["cpu*"], "tags": ["{{ target.name }}"]})
    with pytest.raises(EdgebakeError, match="the same tag_suffix 'cpu'"):
        project.compile()


def test_targets_whose_variables_collide_are_refused(tmp_path: Path) -> None:
    # The bake file would hold two variables BASE_A_B, and a shared block _a-b for two targets.
    project = make_project(
        tmp_path, targets=[{**CPU, "name": "a.b"}, {**CPU, "name": "a-b", "tag_suffix": "other"}]
    )
    project.images(one={"recipes": ["python"], "targets": ["a.b"]}, two={"recipes": ["python"], "targets": ["a-b"]})
    with pytest.raises(EdgebakeError, match="would have the same"):
        project.compiled()


def test_a_variable_of_the_projects_own_cannot_take_a_generated_name(project: Project) -> None:
    project.write(
        {"edgebake.yaml": "variables: {BASE_CPU: x}\nimages: {app: {recipes: [python], targets: [cpu]}}\n"}
    )
    with pytest.raises(EdgebakeError, match="BASE_CPU"):
        project.compiled()


# Each would get a name that another stage has, if names were only put together from parts.
ADVERSARIAL: dict[str, list[dict[str, Any]]] = {
    "a tool and a recipe named like one": [compiled_recipe("x"), recipe("native-compiler")],
    "a build stage and a recipe named like one": [compiled_recipe("x"), recipe("x-build")],
    "an artifact and a recipe named like one": [compiled_recipe("x"), recipe("x-artifact")],
    "a fetch and a recipe named like one": [needs("numpy-fetch", "python"), needs("use", "numpy")],
    "wheels and a recipe named like them": [needs("numpy-wheels", "python"), needs("use", "numpy")],
    "a platform's stage and a recipe named like one": [differing("x"), recipe("x-amd64"), recipe("x-arm64")],
    "a platform's stage and another that differs": [
        differing("x"),
        differing("x-amd64"),
        differing("x-amd64-amd64"),
    ],
    "the base and a recipe of that name": [
        recipe("base"),
        recipe("native"),
        recipe("wheelhouse"),
        recipe("base-root"),
    ],
    "an image and its tests": [recipe("x", test={"script": "test.sh"})],
}


@pytest.mark.parametrize("name", ADVERSARIAL)
def test_stage_names_are_unique(project: Project, name: str) -> None:
    for one in ADVERSARIAL[name]:
        project.recipe(**one)
        project.write({f"recipes/{one['name']}/{script}": "true\n" for script in ("build.sh", "test.sh")})
    names = [one["name"] for one in ADVERSARIAL[name]]
    images = {"app": names, "app-test": names} if "test" in ADVERSARIAL[name][0] else {"app": names}
    project.images(**images).lock({"numpy": {"numpy==2.3.1": []}})
    stages = [stage.split(" < ")[0] for stage in project.stages()]
    assert len(stages) == len(set(stages))


def test_stage_names_have_a_prefix_that_no_image_on_a_hub_has(project: Project) -> None:
    project.recipe(**compiled_recipe("x")).write({"recipes/x/build.sh": "true\n"})
    project.images(app=["x", "python"])
    names = {stage.split(" < ")[0] for stage in project.stages()}
    assert {name for name in names if not name.startswith("eb-")} == {"app"}


def test_a_stage_that_shares_its_name_gives_it_up_for_both(project: Project) -> None:
    project.images(one=["python"])
    assert "eb-python" in nodes_by_name(project.compile())
    project.images(one=["python"], two=["zlib", "python"])
    names = nodes_by_name(project.compile())
    assert "eb-python" not in names
    assert sorted(len(name) for name in names if re.fullmatch(r"eb-python-[0-9a-f]{8}", name)) == [18, 18]


def test_a_change_of_contents_renames_no_stage(project: Project) -> None:
    project.recipe(**recipe("x", layer="system")).images(
        one=["x", "python"], two=["x", "zlib", "python"], three=["python"]
    )
    before = set(nodes_by_name(project.compile()))
    assert len(before) > len({name[:9] for name in before})
    project.recipe(**recipe("x", layer="system", install={"apt": ["other"]}))
    assert set(nodes_by_name(project.compile())) == before


def test_stages_in_the_same_place_are_told_apart_by_their_contents(project: Project) -> None:
    project.images(one=["numpy"], two=["numpy"])
    project.lock(only=lambda image, _: {"numpy": {f"numpy=={len(image)}.{int(image[0] < 'p')}": []}})
    fetches = [name for name in nodes_by_name(project.compile()) if name.startswith("eb-numpy-fetch")]
    assert len(fetches) == len(set(fetches)) == 2


def test_every_stage_that_is_named_is_there(project: Project) -> None:
    project.recipe(**compiled_recipe("x", build={"libraries": ["zlib"]})).write({"recipes/x/build.sh": "true\n"})
    project.recipe(**differing("d"))
    project.images(one=["x", "numpy", "d"], two=["numpy"]).lock({"numpy": {"numpy==2.3.1": []}})
    dockerfile = project.dockerfile()
    seen: set[str] = set()
    for line in dockerfile.splitlines():
        for name in re.findall(r"(?:from=|^FROM )(eb-[a-z0-9-]+)(?!\S*\$)", line):
            assert name in seen, line
        if line.startswith("FROM "):
            seen.add(line.split(" AS ")[1])
    assert len(seen) == len(stage_list(dockerfile)) > 15


@pytest.mark.parametrize("name", ["eb-x", "Upper", "a/b", "a b", "-a", "${X}", 'a"b', "ä", "..", "a\nb", "a" * 65])
def test_image_names_that_would_do_harm_are_refused(project: Project, name: str) -> None:
    project.images(**{name: ["python"]})
    with pytest.raises(EdgebakeError) as caught:
        project.compile()
    assert str(caught.value.at).startswith("edgebake.yaml:1:")
