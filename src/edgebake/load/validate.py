"""From a document's data to a model. Validation errors become messages with position, reason and hint."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from edgebake.errors import EdgebakeError, ErrorGroup, Position, did_you_mean
from edgebake.load.document import Data, Document, Location
from edgebake.model.base import BadValue
from edgebake.redaction import redacted

if TYPE_CHECKING:
    from edgebake.model.board import Board
    from edgebake.model.compatibility import Framework
    from edgebake.model.target import Target

M = TypeVar("M", bound=BaseModel)
N = TypeVar("N", "Board", "Framework", "Target")

_MOST = 10  # mistakes reported at once
_LONGEST = 400  # characters of a message, which can quote a value

_PLAIN = {
    **dict.fromkeys(("string_type", "string_unicode"), "must be text"),
    "tuple_type": "must be a list",
    **dict.fromkeys(("dict_type", "model_type", "model_attributes_type"), "must be a mapping"),
    **dict.fromkeys(("int_parsing", "int_from_float", "int_type"), "must be a whole number"),
    "int_parsing_size": "must be a smaller number",
    **dict.fromkeys(("bool_parsing", "bool_type"), "must be true or false"),
    "too_short": "must not be empty",
}
_BOUNDS = {
    "greater_than": ("gt", "more than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
}


def validate(model: type[M], document: Document) -> M:
    """Return the document's data as `model`.

    Raises:
        EdgebakeError: the data is invalid. All mistakes are reported.
    """
    empty = [_no_value(location, document) for location in _without_value(document.data, ())]
    if empty:
        raise _together(empty, len(empty), document)
    try:
        return model.model_validate(document.data)
    except ValidationError as error:
        raise explain(error, model, document) from None


def validate_named(model: type[N], document: Document, kind: str) -> N:
    """Return the data of a document that is named like what it describes. `kind` is the noun for that.

    Raises:
        EdgebakeError: the data is invalid, or the names differ.
    """
    data, path = validate(model, document), document.path
    if data.name != path.stem:
        message = f"the {kind} {data.name!r} is in a file named {path.name!r}"
        hints = (f"rename the file to {data.name}{path.suffix}",)
        raise EdgebakeError(message, at=document.at(("name",)), hints=hints)
    return data


def _without_value(data: Data, location: Location) -> Iterator[Location]:
    if data is None:
        yield location
    elif isinstance(data, dict | list):
        for part, value in data.items() if isinstance(data, dict) else enumerate(data):
            yield from _without_value(value, (*location, part))


def _no_value(location: Location, document: Document) -> EdgebakeError:
    hints = ("write a value, or remove the key; an empty text is ''",)
    return EdgebakeError(f"{_dotted(location)}: has no value", at=document.at(location, key=True), hints=hints)


def explain(
    error: ValidationError, model: type[BaseModel], document: Document, *, at: Position | None = None
) -> EdgebakeError:
    """Return a pydantic error as an error for the user.

    Args:
        error: the error.
        model: the model that the data was checked against.
        document: the document with the data.
        at: the position of all mistakes, if the document has no positions.
    """
    details = error.errors(include_url=False)
    errors = [_explain_one(mistake, model, document, at) for mistake in details[:_MOST]]
    return _together(errors, len(details), document)


def _together(errors: list[EdgebakeError], count: int, document: Document) -> EdgebakeError:
    if count == 1:
        return errors[0]
    if count > _MOST:
        more = EdgebakeError(f"and {count - _MOST} more mistakes", at=Position(document.shown))
        return ErrorGroup([*errors[:_MOST], more])
    return ErrorGroup(errors)


def _explain_one(details: Any, model: type[BaseModel], document: Document, at: Position | None) -> EdgebakeError:
    kind, cause = details["type"], details.get("ctx", {}).get("error")
    location: Location = tuple(part for part in details["loc"] if part != "[key]")
    is_key = kind == "extra_forbidden" or details["loc"][-1:] == ("[key]",)
    hints: tuple[str, ...] = ()
    if isinstance(cause, BadValue):
        location, hints, is_key = (*location, *cause.path), cause.hints, is_key or cause.is_key
    position = at or document.at(location, key=is_key)
    if kind == "extra_forbidden":
        return EdgebakeError(
            f"unknown key {_short(repr(location[-1]))}"
            + (f" in {_dotted(location[:-1])}" if location[:-1] else ""),
            at=position,
            hints=did_you_mean(str(location[-1]), _valid_keys(model, location[:-1]), kind="key"),
        )
    if kind == "missing":
        return EdgebakeError(f"the key {_dotted(location)!r} is missing", at=position)
    value_path = _dotted(location[:-1] if is_key else location)
    message = (f"{value_path}: " if value_path else "") + _short(_message(details))
    return EdgebakeError(message, at=position, hints=hints)


def _short(text: str) -> str:
    text = redacted(text)  # what is cut off could be what a secret is recognised by
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _message(details: Any) -> str:
    kind, value = details["type"], details.get("input")
    if value is None and kind != "value_error":
        return "has no value"
    if kind == "value_error":
        return str(details["ctx"]["error"])
    if kind == "literal_error":
        expected = details["ctx"]["expected"].replace(" or ", ", ")
        return f"{value!r} is not one of {expected}" if "," in expected else f"must be {expected}, not {value!r}"
    if kind in _BOUNDS:
        bound, words = _BOUNDS[kind]
        return f"must be {words} {details['ctx'][bound]}, not {value}"
    text = _PLAIN.get(kind) or str(details["msg"])[:1].lower() + str(details["msg"])[1:]
    return f"{text}, not {value!r}" if isinstance(value, str | int | float) and kind in _PLAIN else text


def _dotted(location: Location) -> str:
    text = ""
    for part in location:
        if isinstance(part, int):
            text += f"[{part}]"
        elif not part.startswith(("tuple[", "function-", "constrained-")):
            name = part if part.isprintable() else repr(part)
            text += f".{name}" if text else name
    return _short(text)


def _valid_keys(model: type[BaseModel], location: Location) -> list[str]:
    """Return the valid keys of the model at `location` below `model`, sorted."""
    schema = model.model_json_schema()
    node = schema
    for part in location:
        node = _resolve(schema, node)
        node = node.get("items", {}) if isinstance(part, int) else _property(node, part)
    return sorted(_resolve(schema, node).get("properties", {}))


def _property(node: dict[str, Any], name: str) -> dict[str, Any]:
    schema = node.get("properties", {}).get(name, node.get("additionalProperties", {}))
    return schema if isinstance(schema, dict) else {}


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
