"""JSON Schemas of the files that users write, as editors need them."""

from __future__ import annotations

from typing import Any, Literal

from edgebake.model.base import Model
from edgebake.model.lock import Lock
from edgebake.model.project import Project
from edgebake.model.recipe import Recipe
from edgebake.model.target import Target

FileKind = Literal["recipe", "target", "project", "lock"]
_MODELS: dict[str, type[Model]] = {"recipe": Recipe, "target": Target, "project": Project, "lock": Lock}


def file_schema(kind: str) -> dict[str, Any]:
    """Return the JSON Schema of a kind of file.

    An editor reads YAML's `3.10` as a number where edgebake reads text, so text may be a number there.
    """
    schema = _MODELS[kind].model_json_schema()
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": f"edgebake {kind}"}
    relaxed = schema if kind == "lock" else _relaxed(schema)
    return {**head, **{key: value for key, value in relaxed.items() if key != "title"}}


def _relaxed(node: Any) -> Any:
    if isinstance(node, list):
        return [_relaxed(item) for item in node]
    if not isinstance(node, dict):
        return node
    relaxed = {key: _relaxed(value) for key, value in node.items() if key != "title" or not isinstance(value, str)}
    if relaxed.get("type") == "string" and "format" not in relaxed and "enum" not in relaxed:
        relaxed["type"] = ["string", "number"]
    return relaxed
