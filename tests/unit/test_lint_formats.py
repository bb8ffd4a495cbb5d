"""The lint's report as text, JSON, SARIF and GitHub annotations."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import jsonschema
import pytest

from edgebake.cli.console import json_text, render
from edgebake.cli.format.lint import data as data_of
from edgebake.cli.format.lint import text
from edgebake.errors import Position
from edgebake.lint.finding import Finding, Report, Rule, with_prefix
from edgebake.lint.formats import as_github, as_sarif
from edgebake.lint.rules import RULES

GRAVE = Rule("grave", "something is grave", "fix it", "error")
SMALL = Rule("small", "something is small", "fix it too")
NOTED = Rule("noted", "something is noted", "leave it", "info")
RULES_OF_REPORT = (GRAVE, SMALL, NOTED)
REPORT = Report(
    findings=(
        GRAVE.found("100% wrong: a,b\nc", Position("a:b,c/x y.yaml", 3, 7), recipe="app", targets=["cpu", "board"]),
        GRAVE.found("wrong too", Position("a:b,c/x y.yaml", 12, 1)),
        SMALL.found("big", Position("edgebake.yaml"), image="detector"),
        NOTED.found("look", Position("/elsewhere/recipe.yaml", 1, 1)),
    ),
    accepted=(Finding(SMALL, "warning", "known", Position("edgebake.yaml", 1, 1), reason="it has to be"),),
    left_out=(("ros", ("cpu",)),),
)

# What sarif-schema-2.1.0.json (github.com/oasis-tcs/sarif-spec, sarif-2.1/schema) requires and allows of the
# objects that edgebake writes; it allows no other properties of them.
TEXT = {
    "type": "object",
    "required": ["text"],
    "properties": {"text": {"type": "string"}},
    "additionalProperties": False,
}
LEVEL = {"enum": ["none", "note", "warning", "error"]}
NUMBER = {"type": "integer", "minimum": 1}


def closed(required: list[str], **properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": required, "properties": properties, "additionalProperties": False}


def many(items: dict[str, Any], **limits: Any) -> dict[str, Any]:
    return {"type": "array", "items": items, **limits}


STRING = {"type": "string"}
RULE = closed(["id"], id=STRING, shortDescription=TEXT, help=TEXT, defaultConfiguration=closed([], level=LEVEL))
DRIVER = closed(["name"], name=STRING, version=STRING, rules=many(RULE, uniqueItems=True))
ARTIFACT = closed([], uri={"type": "string", "format": "uri-reference"}, uriBaseId=STRING)
PLACE = closed(
    ["artifactLocation"],
    artifactLocation=ARTIFACT,
    region=closed(["startLine"], startLine=NUMBER, startColumn=NUMBER),
)
RESULT = closed(
    ["message"],
    ruleId=STRING,
    ruleIndex={"type": "integer", "minimum": -1},
    level=LEVEL,
    message=TEXT,
    locations=many(closed([], physicalLocation=PLACE)),
    suppressions=many(
        closed(["kind"], kind={"enum": ["inSource", "external"]}, justification=STRING), uniqueItems=True
    ),
)
RUN = closed(
    ["tool"],
    tool=closed(["driver"], driver=DRIVER),
    columnKind={"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
    results=many(RESULT),
)
SARIF = closed(["version", "runs"], **{"$schema": STRING, "version": {"enum": ["2.1.0"]}, "runs": many(RUN)})


def as_text(report: Report) -> str:
    return "\n".join(map(render, text(report)))


def sarif(report: Report, rules: Sequence[Rule]) -> Any:
    return json.loads(as_sarif(report, rules))


def test_text_is_by_file_and_ends_with_a_count() -> None:
    assert as_text(REPORT) == (
        "a:b,c/x y.yaml\n"
        "  3:7   error  100% wrong: a,b\n"
        "               c (on board, cpu)  [grave]\n"
        "  12:1  error  wrong too  [grave]\n"
        "               hint: fix it\n"
        "\n"
        "edgebake.yaml\n"
        "  -  warning  big  [small]\n"
        "              hint: fix it too\n"
        "\n"
        "/elsewhere/recipe.yaml\n"
        "  1:1  info  look  [noted]\n"
        "             hint: leave it\n"
        "\n"
        "2 errors, 1 warning, 1 info, 1 accepted with a reason."
    )
    assert as_text(Report(())) == "no findings."


def test_json_has_everything() -> None:
    data = json.loads(json_text(data_of(REPORT)))
    assert (data["version"], data["counts"]) == (1, {"error": 2, "warning": 1, "info": 1, "accepted": 1})
    assert data["findings"][0] == {
        "rule": "grave",
        "severity": "error",
        "message": "100% wrong: a,b\nc",
        "file": "a:b,c/x y.yaml",
        "line": 3,
        "column": 7,
        "recipe": "app",
        "image": None,
        "targets": ["board", "cpu"],
        "fix": "fix it",
    }
    assert data["accepted"][0]["reason"] == "it has to be"
    assert data["left_out"] == [{"recipe": "ros", "targets": ["cpu"]}]


def test_sarif_has_the_structure_of_the_official_schema() -> None:
    log = sarif(REPORT, RULES_OF_REPORT)
    jsonschema.Draft202012Validator(SARIF).validate(log)
    jsonschema.Draft202012Validator(SARIF).validate(sarif(Report(()), RULES))
    run = log["runs"][0]
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["grave", "small", "noted"]
    assert [(r["ruleId"], r["ruleIndex"], r["level"]) for r in run["results"]] == [
        ("grave", 0, "error"),
        ("grave", 0, "error"),
        ("small", 1, "warning"),
        ("noted", 2, "note"),
        ("small", 1, "warning"),
    ]


def test_sarif_locations_are_uris() -> None:
    places = [r["locations"][0]["physicalLocation"] for r in sarif(REPORT, RULES_OF_REPORT)["runs"][0]["results"]]
    assert places[0] == {
        "artifactLocation": {"uri": "a%3Ab%2Cc/x%20y.yaml", "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": 3, "startColumn": 7},
    }
    assert places[2] == {"artifactLocation": {"uri": "edgebake.yaml", "uriBaseId": "%SRCROOT%"}}
    assert places[3]["artifactLocation"] == {"uri": "file:///elsewhere/recipe.yaml"}


def test_what_is_accepted_is_suppressed_in_sarif() -> None:
    results = sarif(REPORT, RULES_OF_REPORT)["runs"][0]["results"]
    assert [result.get("suppressions") for result in results[3:]] == [
        None,
        [{"kind": "inSource", "justification": "it has to be"}],
    ]


def test_github_annotations_are_escaped() -> None:
    lines = as_github(REPORT).splitlines()
    assert lines == [
        "::error file=a%3Ab%2Cc/x y.yaml,line=3,col=7,title=grave::100%25 wrong: a,b%0Ac (on board, cpu)%0Ahint: fix it",
        "::error file=a%3Ab%2Cc/x y.yaml,line=12,col=1,title=grave::wrong too%0Ahint: fix it",
        "::warning file=edgebake.yaml,title=small::big%0Ahint: fix it too",
        "::notice file=/elsewhere/recipe.yaml,line=1,col=1,title=noted::look%0Ahint: leave it",
        "2 errors, 1 warning, 1 info, 1 accepted with a reason.",
    ]


@pytest.mark.parametrize(("folder", "expected"), [("sub/app", "sub/app/edgebake.yaml"), (".", "edgebake.yaml")])
def test_paths_can_be_moved_to_a_checkout(folder: str, expected: str) -> None:
    moved = with_prefix(REPORT, folder)
    assert [moved.findings[2].at.path, moved.accepted[0].at.path] == [expected, expected]
    assert moved.findings[3].at.path == "/elsewhere/recipe.yaml"
