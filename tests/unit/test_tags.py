"""Tags by policy: variables, what follows from a version, what is injected, and what would collide."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from edgebake.errors import EdgebakeError
from edgebake.model.variables import derive
from edgebake.plan.settings import Settings, expanded_tags
from edgebake.state.inject import prepared
from integration.projects import Project, make_project, recipe

POLICY = {
    "VERSION": "1.4.2",
    "MINOR": {"of": "VERSION", "part": "minor"},
    "MAJOR": {"of": "VERSION", "part": "major"},
    "LATEST": {"of": "VERSION", "part": "latest"},
    "REVISION": {"default": "unknown", "inject": "revision"},
    "DATE": {"default": "undated", "inject": "date"},
}


def project(folder: Path, *tags: str, **more: object) -> Project:
    image = {"recipes": ["app"], "targets": ["cpu"], "tags": tags, **more}
    made = make_project(folder).recipe(**recipe("app"))
    return made.write({"edgebake.yaml": json.dumps({"variables": POLICY, "images": {"demo": image}})})


def tags(made: Project, **environment: str) -> list[str]:
    compilation = made.compile()
    settings = prepared(compilation, Settings(environment=environment))
    (target,) = compilation.graph.bake_targets
    return expanded_tags(compilation, settings, target.tags)


@pytest.mark.parametrize(
    ("version", "major", "minor", "latest"),
    [
        ("1.4.2", "1", "1.4", "latest"),
        ("v1.4.2", "v1", "v1.4", "latest"),
        ("1.4", "1", "1.4", "latest"),
        ("1", "1", "1", "latest"),
        ("1.5.0-rc1", "1.5.0-rc1", "1.5.0-rc1", "1.5.0-rc1"),
        ("main", "main", "main", "main"),
    ],
)
def test_a_release_moves_floating_tags_and_a_pre_release_does_not(
    version: str, major: str, minor: str, latest: str
) -> None:
    assert (derive("major", version), derive("minor", version), derive("latest", version)) == (major, minor, latest)


FLOATING = (
    "${VERSION}-{{ target.tag_suffix }}",
    "${MINOR}-{{ target.tag_suffix }}",
    "${LATEST}-{{ target.tag_suffix }}",
)


def test_floating_tags_follow_from_the_version_of_a_build(tmp_path: Path) -> None:
    made = project(tmp_path, *FLOATING)
    assert tags(made) == ["1.4.2-cpu", "1.4-cpu", "latest-cpu"]
    assert tags(made, VERSION="2.0.0") == ["2.0.0-cpu", "2.0-cpu", "latest-cpu"]
    assert tags(made, VERSION="2.0.0-rc1") == ["2.0.0-rc1-cpu"]
    assert tags(made, MINOR="edge") == ["1.4.2-cpu", "edge-cpu", "latest-cpu"]
    assert (
        'default = regex_replace(VERSION, "^(v?[0-9]+[.][0-9]+)[.][0-9.]+$", "$1")'
        in made.files()["docker-bake.hcl"]
    )


def test_the_date_and_the_revision_are_injected_and_in_no_file(tmp_path: Path) -> None:
    made = project(tmp_path, "${DATE}-${REVISION}")
    assert tags(made, SOURCE_DATE_EPOCH="86400") == ["19700102-unknown"]
    git = ["git", "-C", str(made.root), "-c", "user.name=n", "-c", "user.email=e"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "x"]):
        subprocess.run([*git, *command], check=True, capture_output=True)
    head = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout[:12]
    assert tags(made, SOURCE_DATE_EPOCH="0") == [f"19700101-{head}"]
    assert tags(made, REVISION="r1", DATE="d1") == ["d1-r1"]
    assert all(head not in text for text in made.files().values())
    made.write({"edgebake.yaml": (made.root / "edgebake.yaml").read_text() + "\n"})
    assert tags(made, SOURCE_DATE_EPOCH="0") == [f"19700101-{head}-dirty"]


def test_what_would_be_one_tag_of_two_images_is_refused(tmp_path: Path) -> None:
    def two(first: str, second: str) -> Project:
        images = {
            name: {"recipes": ["app"], "targets": ["cpu"], "repository": "same", "tags": [tag]}
            for name, tag in (("a", first), ("b", second))
        }
        return made.write({"edgebake.yaml": json.dumps({"variables": POLICY, "images": images})})

    made = make_project(tmp_path).recipe(**recipe("app"))
    with pytest.raises(EdgebakeError, match=r"would have the same tag 'same:1\.4'"):
        two("1.4", "${MINOR}").compile()
    compilation = two("${VERSION}-x", "2-x").compile()
    with pytest.raises(EdgebakeError, match="would have the same tag 'same:2-x'"):
        prepared(compilation, Settings(environment={"VERSION": "2"}))


def test_a_value_that_makes_no_tag_and_a_variable_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(EdgebakeError, match=r"the tag '\$\{VERSION\}' becomes 'feature/x'"):
        tags(project(tmp_path, "${VERSION}"), VERSION="feature/x")
    folder = tmp_path / "other"
    folder.mkdir()
    with pytest.raises(EdgebakeError, match="has the variable 'VERSIN', which there is not") as told:
        project(folder, "${VERSIN}").compile()
    assert told.value.hints[0] == "did you mean 'VERSION'?"


@pytest.mark.parametrize(
    ("variable", "says"),
    [
        ({"of": "NONE", "part": "minor"}, "undefined variable 'NONE'"),
        ({"of": "MINOR", "part": "major"}, "undefined variable 'MINOR'"),
        ({"of": "VERSION"}, "`of` and `part` must be set together"),
        ({"of": "VERSION", "part": "minor", "default": "1"}, "cannot be combined with `default` or `inject`"),
    ],
)
def test_wrong_variables(tmp_path: Path, variable: dict[str, str], says: str) -> None:
    made = make_project(tmp_path).recipe(**recipe("app"))
    made.write({"edgebake.yaml": json.dumps({"variables": {**POLICY, "X": variable}, "images": {}})})
    with pytest.raises(EdgebakeError) as told:
        made.open()
    assert says in str(told.value)
