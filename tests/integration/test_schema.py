"""The published JSON Schemas: what is committed is what edgebake prints, and what editors accept."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

REPOSITORY = Path(__file__).parents[2]
SCHEMAS = REPOSITORY / "docs" / "schema"
EDGEBAKE = Path(sys.executable).with_name("edgebake")
KINDS = ("recipe", "target", "board", "compatibility", "project", "lock")


class EditorLoader(yaml.SafeLoader):
    """Reads YAML as editors do: with numbers and booleans, but dates are text (YAML 1.2 has none)."""


EditorLoader.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in resolvers if not tag.endswith((":timestamp", ":int"))]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
EditorLoader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"[-+]?[0-9]+$"), list("-+0123456789"))


def as_editor(path: Path) -> Any:
    text = path.read_text(encoding="utf-8")
    return json.loads(text) if path.suffix in (".json", ".lock") else yaml.load(text, Loader=EditorLoader)


def schema(kind: str) -> dict[str, Any]:
    return json.loads((SCHEMAS / f"{kind}.schema.json").read_text(encoding="utf-8"))


def complaints(kind: str, data: Any) -> list[str]:
    """Return what an editor would underline."""
    validator = jsonschema.Draft202012Validator(schema(kind))
    return [f"{'.'.join(map(str, error.absolute_path))}: {error.message}" for error in validator.iter_errors(data)]


@pytest.mark.parametrize("kind", KINDS)
def test_the_committed_schema_is_the_printed_one(kind: str) -> None:
    done = subprocess.run([EDGEBAKE, "schema", kind], capture_output=True, text=True, check=True)
    committed = (SCHEMAS / f"{kind}.schema.json").read_text(encoding="utf-8")
    assert committed == done.stdout, f"make it anew: edgebake schema {kind} > docs/schema/{kind}.schema.json"


@pytest.mark.parametrize("kind", KINDS)
def test_the_schema_is_one(kind: str) -> None:
    jsonschema.Draft202012Validator.check_schema(schema(kind))


def files() -> list[Any]:
    """Return kind and path of all files of the repository that have a schema."""
    found = [("target", path) for path in (REPOSITORY / "targets").glob("*.yaml")]
    found += [("board", path) for path in (REPOSITORY / "targets/boards").glob("*.yaml")]
    found += [("compatibility", path) for path in (REPOSITORY / "targets/compatibility").glob("*.yaml")]
    found += [("recipe", path) for path in (REPOSITORY / "recipes").rglob("recipe.yaml")]
    examples = REPOSITORY / "examples"
    found += [("recipe", path) for path in examples.rglob("recipe.yaml")]
    found += [("project", path) for path in examples.rglob("edgebake.yaml")]
    found += [("lock", path) for path in examples.rglob("edgebake.lock")]
    return [pytest.param(kind, path, id=str(path.relative_to(REPOSITORY))) for kind, path in sorted(found)]


@pytest.mark.parametrize(("kind", "path"), files())
def test_an_editor_accepts_a_file_of_the_repository(kind: str, path: Path) -> None:
    assert complaints(kind, as_editor(path)) == []


def test_there_are_files_of_every_kind() -> None:
    assert {param.values[0] for param in files()} == set(KINDS)


RECIPE = {"name": "x", "summary": "s"}
TARGET = {
    "name": "t",
    "family": "cpu",
    "summary": "s",
    "platforms": ["linux/amd64"],
    "base": {"image": "debian:12"},
    "os": "debian:12",
    "tag_suffix": "t",
}


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (
            "recipe",
            {**RECIPE, "requires": "python", "releases": [{"version": 3.10, "when": {"cuda": 12.6, "sm": [87]}}]},
        ),
        ("recipe", {**RECIPE, "env": {"A": True, "B": 1, "C": "x"}, "releases": [{"version": 1, "default": True}]}),
        (
            "recipe",
            {
                **RECIPE,
                "releases": [{"version": 1, "when": {"any": [{"cuda": "none"}, {"host_libraries": False}]}}],
            },
        ),
        (
            "target",
            {**TARGET, "python": 3.11, "sm": [87, "90a"], "host_libraries": True, "platforms": "linux/arm64"},
        ),
        (
            "project",
            {"variables": {"A": "x", "B": {"default": 1}}, "images": {"a": {"recipes": "b", "targets": "c"}}},
        ),
        (
            "project",
            {"images": {"a": {"recipes": ["b"], "targets": ["c"], "indexes": {"x": {"linux/amd64": "c"}}}}},
        ),
    ],
)
def test_an_editor_accepts_short_forms_and_untyped_scalars(kind: str, data: Any) -> None:
    assert complaints(kind, data) == []


@pytest.mark.parametrize(
    ("kind", "data", "complaint"),
    [
        ("recipe", {**RECIPE, "requries": ["a"]}, "'requries' was unexpected"),
        ("recipe", {"name": "x"}, "'summary' is a required property"),
        ("recipe", {**RECIPE, "layer": "librari"}, "is not one of"),
        ("recipe", {**RECIPE, "homepage": None}, "None is not of type"),
        ("recipe", {**RECIPE, "releases": [{"version": 1, "when": {"cudda": 12}}]}, "'cudda' was unexpected"),
        ("recipe", {**RECIPE, "test": {"script": "t.py", "timeout": 0}}, "0 is less than or equal to the minimum"),
        ("target", {**TARGET, "platforms": []}, "[] is not valid under any"),
        ("target", {**TARGET, "base": "debian:12"}, "'debian:12' is not of type 'object'"),
        ("project", {"images": {"a": {"recipes": ["b"]}}}, "'targets' is a required property"),
        ("project", {"images": {"a": None}}, "None is not of type 'object'"),
        ("lock", {"version": 1}, "2 was expected"),
    ],
)
def test_an_editor_underlines_what_edgebake_refuses(kind: str, data: Any, complaint: str) -> None:
    found = complaints(kind, data)
    assert len(found) == 1
    assert complaint in found[0]


def test_every_key_has_a_description_for_editors() -> None:
    described = {kind: schema(kind)["properties"] for kind in ("recipe", "project")}
    missing = [
        f"{kind}.{key}"
        for kind, keys in described.items()
        for key, value in keys.items()
        if "description" not in value
    ]
    assert missing == []
