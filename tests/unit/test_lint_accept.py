"""What files accept of the lint, and how grave they say that a rule is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edgebake.errors import EdgebakeError, Position
from edgebake.lint.finding import Report, Rule
from edgebake.lint.run import lint
from edgebake.lint.subject import project_subject, recipes_subject
from integration.projects import CATALOGUE, CPU, Project, make_project, recipe

RECIPE = """\
name: app
summary: An application
license: MIT
runtime: {user: root}
lint:
  ignore:
    %s
"""
PROJECT = """\
images:
  app: {recipes: [app], targets: [cpu]}
  other:
    recipes: [app]
    targets: [cpu]
    %s
%s
"""


def written(folder: Path, entry: str = "", *, image: str = "summary: s", project: str = "") -> Project:
    """Return a project with two images as root, of one recipe that has no test.

    Args:
        folder: an empty folder.
        entry: a line of the recipe's lint.ignore.
        image: a line of the image `other`.
        project: the end of the project's file.
    """
    text = RECIPE % entry if entry else RECIPE.partition("lint:")[0]
    files = {"recipes/app/recipe.yaml": text, "edgebake.yaml": PROJECT % (image, project)}
    made = make_project(folder).write(files)
    made.lock()
    return made


def report(project: Project, **selection: Any) -> Report:
    return lint(project_subject(project.open(), **selection))


def rules(project: Project, **selection: Any) -> list[tuple[str, str]]:
    """Return rule and image of what stands."""
    return [(finding.rule.id, finding.image) for finding in report(project, **selection).findings]


BOTH = [("root-user", "app"), ("root-user", "other"), ("missing-test", "")]


def test_nothing_is_accepted_unless_a_file_says_so(tmp_path: Path) -> None:
    assert rules(written(tmp_path)) == BOTH


def test_a_recipe_accepts_what_is_found_about_it(tmp_path: Path) -> None:
    found = report(written(tmp_path, "missing-test: tested elsewhere"))
    assert [finding.rule.id for finding in found.findings] == ["root-user", "root-user"]
    assert [(f.rule.id, f.reason) for f in found.accepted] == [("missing-test", "tested elsewhere")]


def test_an_image_accepts_what_is_found_about_it(tmp_path: Path) -> None:
    project = written(tmp_path, image='lint: {ignore: {root-user: "it configures the network"}}')
    assert rules(project) == [("root-user", "app"), ("missing-test", "")]


def test_a_project_accepts_what_is_found_anywhere(tmp_path: Path) -> None:
    project = written(tmp_path, project="lint: {ignore: {root-user: all of them do, missing-test: none yet}}")
    assert rules(project) == []
    assert len(report(project).accepted) == 3


def test_a_recipe_accepts_what_it_causes_in_images(tmp_path: Path) -> None:
    project = written(tmp_path, "root-user: it has to")
    assert rules(project) == [("missing-test", "")]
    alone = lint(recipes_subject(project.open(), ["app"]))
    assert [finding.rule.id for finding in alone.findings] == ["missing-test"]


def test_a_recipe_does_not_accept_what_an_image_says_itself(tmp_path: Path) -> None:
    project = written(tmp_path, "root-user: it has to", image="runtime: {user: root}")
    assert rules(project) == [("root-user", "other"), ("missing-test", "")]


def test_the_entries_of_a_recipe_in_no_image_are_not_judged(tmp_path: Path) -> None:
    project = written(tmp_path)
    project.recipe(**recipe("lonely", license="MIT", lint={"ignore": {"root-user": "it has to"}}))
    assert rules(project) == [*BOTH, ("missing-test", "")]


def test_the_project_accepts_what_is_found_about_its_recipes_alone(tmp_path: Path) -> None:
    project = written(tmp_path, project="lint: {ignore: {missing-test: none yet, many-layers: so it is}}")
    alone = lint(recipes_subject(project.open(), ["app"]))
    assert [finding.rule.id for finding in alone.findings] == ["root-user"]
    assert [finding.rule.id for finding in alone.accepted] == ["missing-test"]


@pytest.mark.parametrize("entry", ["missing-test:", "missing-test: ''", "missing-test: ' '"])
def test_an_entry_without_a_reason_is_an_error(entry: str, tmp_path: Path) -> None:
    with pytest.raises(EdgebakeError) as error:
        written(tmp_path, entry).open().catalogue.recipe("app")
    assert error.value.at is not None
    assert (error.value.at.path, error.value.at.line) == ("recipes/app/recipe.yaml", 7)


def test_an_entry_of_no_rule_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(EdgebakeError) as error:
        report(written(tmp_path, "mising-test: because"))
    assert str(error.value) == (
        "recipes/app/recipe.yaml:7:5: unknown rule 'mising-test'\n\nhint: did you mean 'missing-test'?"
    )


def test_all_entries_of_no_rule_are_told_together(tmp_path: Path) -> None:
    project = written(tmp_path, "a-rule: because", project="lint: {ignore: {b-rule: because}}")
    with pytest.raises(EdgebakeError) as error:
        report(project)
    assert "'a-rule'" in str(error.value)
    assert "edgebake.yaml:7:17: unknown rule 'b-rule'" in str(error.value)


def test_an_entry_that_accepts_nothing_is_a_finding(tmp_path: Path) -> None:
    (finding,) = [
        f for f in report(written(tmp_path, "package-lists: small")).findings if f.rule.id == "unused-ignore"
    ]
    assert str(finding.at) == "recipes/app/recipe.yaml:7:5"
    assert finding.message == "'package-lists' is ignored, but finds nothing"


def test_an_entry_is_not_judged_by_a_part_of_the_project(tmp_path: Path) -> None:
    project = written(tmp_path, image='lint: {ignore: {many-layers: "so it is"}}')
    assert ("unused-ignore", "other") in rules(project)
    assert rules(project, names=["app"]) == [("root-user", "app"), ("missing-test", "")]
    assert ("unused-ignore", "other") not in rules(project, targets=["cpu"])


def test_an_entry_about_buildkit_is_judged_only_if_its_checks_ran(tmp_path: Path) -> None:
    assert rules(written(tmp_path, "buildkit-check: the template is another's")) == BOTH


def test_that_an_entry_is_unused_cannot_be_accepted(tmp_path: Path) -> None:
    project = written(tmp_path, project="lint: {ignore: {unused-ignore: leave me alone}}")
    assert rules(project) == [*BOTH[:2], ("unused-ignore", ""), BOTH[2]]


def test_an_entry_of_a_builtin_recipe_holds_in_a_project(tmp_path: Path) -> None:
    wrong = recipe(
        "wrong", install={"pip": ["torch==2.7.1+cu126"]}, lint={"ignore": {"cuda-mismatch": "on purpose"}}
    )
    project = make_project(tmp_path, catalogue=[wrong, *CATALOGUE], targets=[CPU])
    project.images(app=["wrong"])
    project.lock({"wrong": {"torch==2.7.1": []}})
    found = report(project)
    assert (found.findings, [f.reason for f in found.accepted]) == ((), ["on purpose"])


def test_the_project_sets_severities(tmp_path: Path) -> None:
    project = written(tmp_path, project="lint: {severity: {root-user: error, missing-test: info}}")
    found = report(project)
    assert [finding.severity for finding in found.findings] == ["error", "error", "info"]
    assert found.fails(strict=False)


def test_what_fails() -> None:
    def one(severity: str) -> Report:
        return Report((Rule("r", severity, "s", "m").found("text", Position("x")),))  # type: ignore[arg-type]

    assert [one(s).fails(strict=False) for s in ("error", "warning", "info")] == [True, False, False]
    assert [one(s).fails(strict=True) for s in ("error", "warning", "info")] == [True, True, False]


@pytest.mark.parametrize(
    ("project", "message"),
    [
        ("lint: {severity: {rot-user: error}}", "edgebake.yaml:7:19: unknown rule 'rot-user'"),
        (
            "lint: {severity: {root-user: fatal}}",
            "edgebake.yaml:7:30: lint.severity.root-user: 'fatal' is not one of",
        ),
        ("lint: {ignored: {}}", "edgebake.yaml:7:8: unknown key 'ignored' in lint"),
        ("lint: {ignore: [root-user]}", "edgebake.yaml:7:8: lint.ignore: must be a mapping"),
    ],
)
def test_mistakes_are_told_with_their_place(project: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(EdgebakeError) as error:
        report(written(tmp_path, project=project))
    assert str(error.value).startswith(message)
