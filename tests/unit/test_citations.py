"""Which facts of a recipe its sources give."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edgebake.lint.citations import facts_of, uncited
from edgebake.load.catalogue import LoadedRecipe
from integration.projects import CPU, make_project, recipe

COMMIT = "0123456789abcdef0123456789abcdef01234567"
PIN = "2.1.0a0+4136"


def loaded(folder: Path, scripts: dict[str, str | bytes] | None = None, **fields: Any) -> tuple[LoadedRecipe, Path]:
    project = make_project(folder, targets=(CPU,))
    project.recipe(**recipe("app", **fields))
    project.write({f"recipes/app/{name}": text for name, text in (scripts or {}).items()})
    return project.images(one=["app"]).open().catalogue.recipe("app"), project.root


def missing(folder: Path, *sources: Any, **fields: Any) -> list[tuple[str, str]]:
    one, root = loaded(folder, sources=list(sources), **fields)
    return [(fact.kind, fact.text) for fact in uncited(one, facts_of(one, root))]


@pytest.mark.parametrize(
    ("source", "is_cited"),
    [
        ("https://pypi.org/project/app/2.1.0/", True),
        ("https://github.com/app/app/releases/tag/v2.1.0", True),
        ("https://example.org/app-2.1.0.tar.gz", True),
        ("https://pypi.org/project/app/2.1.0.1/", False),
        ("https://pypi.org/project/app/12.1.0/", False),
        ("https://pypi.org/project/app/3.2.1.0/", False),
        ("https://pypi.org/project/app/", False),
        ({"page": "https://example.org/notes", "cites": "2.1.0"}, True),
        ({"page": "https://example.org/notes", "cites": ["1.0", "2.1"]}, False),
    ],
)
def test_a_release_is_cited_by_an_address_that_names_it_or_by_what_a_source_says(
    source: Any, is_cited: bool, tmp_path: Path
) -> None:
    found = missing(tmp_path, source, releases=[{"version": "2.1.0"}])
    assert found == ([] if is_cited else [("version", "2.1.0")])


@pytest.mark.parametrize(
    ("page", "is_cited"),
    [
        (f"https://github.com/app/app/blob/{COMMIT}/README.md", True),
        (f"https://github.com/app/app/blob/{COMMIT[:7]}/README.md", True),
        ("https://github.com/app/app/blob/main/README.md", False),
    ],
)
def test_a_commit_is_cited_by_its_first_digits(page: str, is_cited: bool, tmp_path: Path) -> None:
    build = {
        "runs_on": "build-platform",
        "script": "build.sh",
        "sources": [{"git": "https://github.com/app/app.git", "commit": COMMIT}],
    }
    found = missing(tmp_path, page, build=build)
    assert found == ([] if is_cited else [("commit", COMMIT)])


def test_urls_are_those_of_sources_indexes_wheels_and_scripts_up_to_the_first_value(tmp_path: Path) -> None:
    fields: dict[str, Any] = {
        "releases": [{"version": "1.0", "variants": [{"pip_index": "https://a.org/whl/cu{{ cuda.nodot }}"}]}],
        "install": {"script": "install.sh", "pip": ["w @ https://b.org/w-1.whl", f"x=={PIN}"]},
        "build": {
            "runs_on": "build-platform",
            "script": "b.sh",
            "sources": [{"url": "https://c.org/{{ version }}.tgz"}],
        },
    }
    scripts: dict[str, str | bytes] = {
        "install.sh": "# https://comment.org\ncurl https://d.org/x-$V\ncurl http://localhost:80/ # https://e.org\n",
        "b.sh": 'curl "https://f.org/a"; curl "https://$HOST/b"\n',
    }
    one, root = loaded(tmp_path, scripts, **fields)
    facts = facts_of(one, root)
    assert sorted((fact.kind, fact.text) for fact in facts) == [
        ("url", "https://a.org/whl/cu"),
        ("url", "https://b.org/w-1.whl"),
        ("url", "https://c.org/"),
        ("url", "https://d.org/x-"),
        ("url", "https://f.org/a"),
        ("version", "1.0"),
        ("version", PIN),
    ]
    where = {fact.text: str(fact.at) for fact in facts}
    assert where["https://d.org/x-"] == "recipes/app/install.sh:2:6"
    assert uncited(one, facts) == facts


@pytest.mark.parametrize(
    ("source", "is_cited"),
    [
        ("https://a.org/whl/cu128", True),
        ("https://a.org/whl/cpu", False),
        ({"page": "https://a.org/notes", "cites": "https://a.org/whl/"}, True),
        ({"page": "https://a.org/notes", "cites": "https://b.org/"}, False),
    ],
)
def test_a_url_is_cited_by_a_page_below_it_or_by_its_beginning(source: Any, is_cited: bool, tmp_path: Path) -> None:
    found = missing(tmp_path, source, install={"pip_index": "https://a.org/whl/cu{{ cuda.nodot }}"})
    assert found == ([] if is_cited else [("url", "https://a.org/whl/cu")])


def test_a_registrys_page_stands_for_the_host_of_its_files(tmp_path: Path) -> None:
    index = {"pip": ["w @ https://files.pythonhosted.org/packages/ab/w-1.whl"]}
    assert missing(tmp_path / "a", "https://pypi.org/project/w/1/", install=index) == []
    assert len(missing(tmp_path / "b", "https://example.org/w", install=index)) == 1


def test_a_releases_page_stands_for_its_files(tmp_path: Path) -> None:
    wheel = {"pip": ["w @ https://github.com/w/w/releases/download/v1.0/w-1.0-py3-none-any.whl"]}
    assert missing(tmp_path / "a", "https://github.com/w/w/releases/tag/v1.0", install=wheel) == []
    assert len(missing(tmp_path / "b", "https://github.com/w/w/releases/tag/v1.0.1", install=wheel)) == 1


def test_releases_by_a_function_are_passed_over(tmp_path: Path) -> None:
    project = make_project(tmp_path, targets=(CPU,))
    code = "from edgebake.recipe import Recipe, Release\nrecipe = Recipe(name='app', summary='One', releases=lambda target: [Release(version='1')])\n"
    project.write({"recipes/app/recipe.py": code})
    assert facts_of(project.images(one=["app"]).open().catalogue.recipe("app"), project.root) == []
