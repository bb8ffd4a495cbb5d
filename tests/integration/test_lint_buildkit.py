"""BuildKit's own checks of the generated Dockerfiles, by a real Buildx."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgebake.errors import EdgebakeError
from edgebake.lint.buildkit import check_dockerfiles
from edgebake.lint.finding import merged
from edgebake.lint.run import lint
from edgebake.lint.subject import Subject, project_subject, recipes_subject
from integration.engine import needs_buildx, needs_registry
from integration.projects import BOARD, CPU, Project, make_project, recipe, tree

pytestmark = [needs_buildx, needs_registry]


def project_with(folder: Path, template: str, **fields: object) -> Project:
    project = make_project(folder, targets=(CPU, BOARD))
    project.recipe(**recipe("app", install={"dockerfile": "app.j2"}, **fields))
    project.recipe(**recipe("plain", install={"apt": ["curl"]}))
    project.write({"recipes/app/app.j2": template})
    return project.images(one=["app"], two=["plain"])


def found(subject: Subject) -> list[tuple[str, str, str]]:
    return [(str(f.at), f.message.split(":")[0], f.recipe) for f in merged(check_dockerfiles(subject))]


def test_findings_stand_at_the_line_of_the_generated_dockerfile(tmp_path: Path) -> None:
    project = project_with(tmp_path, "ENV A b\nRUN true\nENV API_TOKEN=x\n")
    lines = project.dockerfile().splitlines()
    first, second = lines.index("ENV A b") + 1, lines.index("ENV API_TOKEN=x") + 1
    assert found(project_subject(project.open())) == [
        (f"bake/cpu/Dockerfile:{first}:1", "LegacyKeyValueFormat", "app"),
        (f"bake/cpu/Dockerfile:{second}:1", "SecretsUsedInArgOrEnv", "app"),
    ]


def test_what_edgebake_writes_itself_is_clean_and_the_project_stays_as_it_is(tmp_path: Path) -> None:
    project = project_with(tmp_path, "RUN true\n")
    project.images(app={"recipes": ["app", "plain"], "targets": ["cpu", "board-1.0"]})
    before = tree(project.root)
    assert found(project_subject(project.open())) == []
    assert tree(project.root) == before


def test_every_stage_is_looked_at_also_of_one_platform(tmp_path: Path) -> None:
    variants = [{"when": {"platform": "linux/arm64"}, "args": {"lib": "libarm"}}, {"args": {"lib": "libamd"}}]
    template = "{% if args.lib == 'libarm' %}\nENV A b\n{% else %}\nRUN true\n{% endif %}\n"
    project = project_with(tmp_path, template, releases=[{"version": "1", "variants": variants}])
    assert [(check, name) for _, check, name in found(project_subject(project.open()))] == [
        ("LegacyKeyValueFormat", "app")
    ]


def test_a_recipe_accepts_them(tmp_path: Path) -> None:
    accept = {"ignore": {"buildkit-check": "the template is written by another tool"}}
    project = project_with(tmp_path, "ENV A b\n", lint=accept)
    report = lint(project_subject(project.open()), buildkit=True)
    assert [f.reason for f in report.accepted] == ["the template is written by another tool"]
    assert "buildkit-check" not in [f.rule.id for f in report.findings]
    project.write({"recipes/app/app.j2": "RUN true\n"})
    report = lint(project_subject(project.open()), buildkit=True)
    assert "'buildkit-check' is ignored, but finds nothing" in [f.message for f in report.findings]


def test_an_image_of_one_recipe_is_the_recipes(tmp_path: Path) -> None:
    project = project_with(tmp_path, "RUN true\n", runtime={"cmd": ["true"]})
    assert found(recipes_subject(project.open(), ["app"])) == []


def test_a_dockerfile_that_buildkit_cannot_read_is_told(tmp_path: Path) -> None:
    project = project_with(tmp_path, "RUN true\nNONSENSE x\n")
    line = project.dockerfile().splitlines().index("NONSENSE x") + 1
    with pytest.raises(EdgebakeError, match="BuildKit cannot read the Dockerfile") as error:
        check_dockerfiles(project_subject(project.open()))
    assert str(error.value.at) == f"bake/cpu/Dockerfile:{line}:1"
    assert "unknown instruction: NONSENSE" in (error.value.reason or "")


def test_a_builder_that_is_not_there_is_told(tmp_path: Path) -> None:
    project = project_with(tmp_path, "RUN true\n")
    with pytest.raises(EdgebakeError, match="the builder 'nobody' cannot be used"):
        check_dockerfiles(project_subject(project.open()), "nobody")


def test_without_docker_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = project_with(tmp_path, "RUN true\n")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EdgebakeError, match="docker not found"):
        check_dockerfiles(project_subject(project.open()))
