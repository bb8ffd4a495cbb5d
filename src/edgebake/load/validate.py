"""From a document's data to a model; a validation error becomes one message with position, reason and hint."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from edgebake.errors import EdgebakeError, ErrorGroup, did_you_mean
from edgebake.load.document import Document, Location

M = TypeVar("M", bound=BaseModel)

_PLAIN = {
    "missing": "the key is missing",
    "extra_forbidden": "unknown key",
    "string_type": "must be text",
    "tuple_type": "must be a list",
    "dict_type": "must be a mapping",
    "model_type": "must be a mapping",
    "model_attributes_type": "must be a mapping",
    "int_parsing": "must be a whole number",
    "int_type": "must be a whole number",
    "bool_parsing": "must be true or false",
    "too_short": "must not be empty",
}


def validate(model: type[M], document: Document) -> M:
    """Return the document's data as `model`.

    Raises:
        EdgebakeError: it does not fit; all its mistakes are told.
    """
    try:
        return model.model_validate(document.data)
    except ValidationError as error:
        raise explain(error, model, document) from None


def explain(error: ValidationError, model: type[BaseModel], document: Document) -> EdgebakeError:
    """Return a pydantic error as the user should read it."""
    errors = [_explain_one(details, model, document) for details in error.errors(include_url=False)]
    return errors[0] if len(errors) == 1 else ErrorGroup(errors[:10])


def _explain_one(details: Any, model: type[BaseModel], document: Document) -> EdgebakeError:
    location: Location = tuple(part for part in details["loc"] if part != "[key]")
    where = _dotted(location)
    at = document.at(location)
    kind = details["type"]
    if kind == "extra_forbidden":
        return EdgebakeError(
            f"unknown key {location[-1]!r}" + (f" in {_dotted(location[:-1])}" if location[:-1] else ""),
            at=at,
            hints=did_you_mean(str(location[-1]), _known_keys(model, location[:-1]), kind="key"),
        )
    if kind == "missing":
        return EdgebakeError(f"the key {where!r} is missing", at=at)
    prefix = f"{where}: " if where else ""
    return EdgebakeError(prefix + _message(details), at=at)


def _message(details: Any) -> str:
    kind, value = details["type"], details.get("input")
    if value is None and kind.endswith("_type"):
        return "has no value"
    if kind == "value_error":
        return str(details["ctx"]["error"])
    if kind == "literal_error":
        return f"{value!r} is not one of {details['ctx']['expected']}"
    text = _PLAIN.get(kind) or str(details["msg"])[:1].lower() + str(details["msg"])[1:]
    return f"{text}, not {value!r}" if isinstance(value, str) and kind in _PLAIN else text


def _dotted(location: Location) -> str:
    text = ""
    for part in location:
        if isinstance(part, int):
            text += f"[{part}]"
        elif not part.startswith(("tuple[", "function-", "constrained-")):
            text += f".{part}" if text else part
    return text


def _known_keys(model: type[BaseModel], location: Location) -> list[str]:
    """Return the keys that the model at `location` (below `model`) takes."""
    schema = model.model_json_schema()
    node = schema
    for part in location:
        node = _resolve(schema, node)
        node = node.get("items", {}) if isinstance(part, int) else _property(node, part)
    return sorted(_resolve(schema, node).get("properties", {}))


def _property(node: dict[str, Any], name: str) -> dict[str, Any]:
    found = node.get("properties", {}).get(name, node.get("additionalProperties", {}))
    return found if isinstance(found, dict) else {}


def _resolve(schema: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    while True:
        if "$ref" in node:
            node = schema["$defs"][node["$ref"].rsplit("/", 1)[1]]
        elif "anyOf" in node:
            node = next((n for n in node["anyOf"] if "$ref" in n or "items" in n), node["anyOf"][0])
        elif "allOf" in node:
            node = node["allOf"][0]
        else:
            return node
