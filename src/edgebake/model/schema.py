"""JSON Schemas of the files that users write, as editors need them."""

from __future__ import annotations

import ast
import inspect
import textwrap
from itertools import pairwise
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
    _describe(schema, _models_of(_MODELS[kind]))
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": f"edgebake {kind}"}
    relaxed = schema if kind == "lock" else _relaxed(schema)
    return {**head, **{key: value for key, value in relaxed.items() if key != "title"}}


def _models_of(model: type[Model]) -> dict[str, type[Model]]:
    """Return the models by name: they all are defined in this package, and loaded with `model`."""
    found: dict[str, type[Model]] = {}
    todo = [Model]
    while todo:
        one = todo.pop()
        found[one.__name__] = one
        todo.extend(one.__subclasses__())
    return {**found, "": model}


def _describe(schema: dict[str, Any], models: dict[str, type[Model]]) -> None:
    """Add the fields' docstrings as descriptions.

    pydantic can do that (`use_attribute_docstrings`), but reads the source of every model at every start.
    """
    for name, node in {"": schema, **schema.get("$defs", {})}.items():
        if name in models:
            for field, text in _field_docstrings(models[name]).items():
                if field in node.get("properties", {}):
                    node["properties"][field]["description"] = text


def _field_docstrings(model: type[Model]) -> dict[str, str]:
    """Return the text under each field of a model and of those that it extends."""
    found: dict[str, str] = {}
    for one in reversed([base for base in model.__mro__ if issubclass(base, Model)]):
        body = ast.parse(textwrap.dedent(inspect.getsource(one))).body[0]
        for field, text in pairwise(body.body if isinstance(body, ast.ClassDef) else []):
            match field, text:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(words))):
                    found[name] = inspect.cleandoc(words)
    return found


def _relaxed(node: Any) -> Any:
    if isinstance(node, list):
        return [_relaxed(item) for item in node]
    if not isinstance(node, dict):
        return node
    relaxed = {key: _relaxed(value) for key, value in node.items() if key != "title" or not isinstance(value, str)}
    if relaxed.get("type") == "string" and "format" not in relaxed and "enum" not in relaxed:
        relaxed["type"] = ["string", "number"]
    return relaxed
