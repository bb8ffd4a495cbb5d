"""JSON Schemas of the files that users write, for editors, and of the commands' outputs."""

from __future__ import annotations

import ast
import inspect
import textwrap
from itertools import pairwise
from typing import Any

from pydantic import BaseModel

from edgebake.model.base import Model
from edgebake.model.board import Board
from edgebake.model.compatibility import Framework
from edgebake.model.lock import Lock
from edgebake.model.output.commands import OUTPUTS
from edgebake.model.project import Project
from edgebake.model.recipe import Recipe
from edgebake.model.target import Target

_MODELS: dict[str, type[Model]] = {
    "recipe": Recipe,
    "target": Target,
    "board": Board,
    "compatibility": Framework,
    "project": Project,
    "lock": Lock,
}

_TITLES = {"bake-progress": "a line of edgebake bake --progress json"}

FILE_KINDS = tuple(_MODELS)
"""The kinds of files that users write."""


def schema_of(kind: str) -> dict[str, Any]:
    """Return the JSON Schema of a kind of file, or of what a command prints with `--json`.

    Editors read `3.10` in YAML as a number and `on` as a boolean, where edgebake reads text. So a file's schema
    allows all of these for text. It does not allow null, because a key without a value is a mistake. An output's
    schema allows other keys, because later versions can add some.
    """
    if kind in _MODELS:
        title, schema = f"edgebake {kind}", _tidied(_described(_MODELS[kind]), is_yaml=kind != "lock")
    else:
        title = _TITLES.get(kind, f"edgebake {kind} --json")
        schema = _open(_tidied(_described(OUTPUTS[kind]), is_yaml=False))
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": title, **schema}


def _open(node: Any) -> Any:
    """Return a schema that allows unknown keys in objects."""
    if isinstance(node, list):
        return [_open(item) for item in node]
    if not isinstance(node, dict):
        return node
    return {key: _open(value) for key, value in node.items() if (key, value) != ("additionalProperties", False)}


def _models_of(model: type[BaseModel]) -> dict[str, type[BaseModel]]:
    """Return the models by name. All are defined in this package, and are loaded with `model`.

    Models of files and models of outputs are kept apart, because some have the same name (`Lint`).
    """
    models: dict[str, type[BaseModel]] = {}
    todo: list[type[BaseModel]] = [Model]
    while todo:
        candidate = todo.pop()
        if _is_output(candidate) == _is_output(model):
            models[candidate.__name__] = candidate
        todo.extend(candidate.__subclasses__())
    return {**models, "": model}


def _is_output(model: type[BaseModel]) -> bool:
    return model.__module__.startswith("edgebake.model.output.")


def _described(model: type[BaseModel]) -> dict[str, Any]:
    """Return the JSON Schema of a model with the fields' docstrings as descriptions.

    pydantic can do it (`use_attribute_docstrings`), but then reads the source of every model at every start.
    """
    schema, models = model.model_json_schema(), _models_of(model)
    for name, node in {"": schema, **schema.get("$defs", {})}.items():
        for field, text in _field_docstrings(models[name]).items() if name in models else ():
            if field in node.get("properties", {}):
                node["properties"][field]["description"] = text
    return schema


def _field_docstrings(model: type[BaseModel]) -> dict[str, str]:
    """Return the docstrings of the fields of a model and of its bases, by field."""
    docstrings: dict[str, str] = {}
    for base in reversed([base for base in model.__mro__ if issubclass(base, Model)]):
        body = ast.parse(textwrap.dedent(inspect.getsource(base))).body[0]
        for field, text in pairwise(body.body if isinstance(body, ast.ClassDef) else []):
            match field, text:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(words))):
                    docstrings[name] = inspect.cleandoc(words)
    return docstrings


def _tidied(node: Any, *, is_yaml: bool) -> Any:
    if isinstance(node, list):
        return [_tidied(item, is_yaml=is_yaml) for item in node]
    if not isinstance(node, dict):
        return node
    tidied = {key: _tidied(value, is_yaml=is_yaml) for key, value in node.items() if not _is_noise(key, value)}
    if tidied.get("type") == "array" and "minLength" in tidied:
        tidied["minItems"] = tidied.pop("minLength")
    if is_yaml:
        _relax(tidied)
    return tidied


def _is_noise(key: str, value: Any) -> bool:
    """Return whether an entry has no use: a title that repeats the key, or a default of null."""
    return (key == "title" and isinstance(value, str)) or (key == "default" and value is None)


def _relax(node: dict[str, Any]) -> None:
    if node.get("type") == "string" and "format" not in node and "enum" not in node:
        node["type"] = ["string", "number", "boolean"]
    if isinstance(node.get("anyOf"), list):
        choices = [choice for choice in node["anyOf"] if choice != {"type": "null"}]
        if len(choices) == 1:
            del node["anyOf"]
            node.update({**choices[0], **node})
        else:
            node["anyOf"] = choices
