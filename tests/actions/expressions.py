"""GitHub's expression language, as far as the generated workflow uses it; anything else is an error.

Source: docs.github.com, "Evaluate expressions in workflows and actions": literals, operators, type casting, the
functions and the object filter. Values are JSON's. Text that is compared is compared without case.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any

TOKEN = re.compile(
    r"\s*(?:(?P<number>-?\d+(?:\.\d+)?)|(?P<text>'(?:[^']|'')*')|(?P<name>[A-Za-z_][A-Za-z0-9_-]*)"
    r"|(?P<sign>&&|\|\||==|!=|<=|>=|[!<>()\[\].,*]))"
)
STATUS_FUNCTIONS = ("success", "failure", "cancelled", "always")


class UnknownExpressionError(Exception):
    """Something that this evaluator does not know. A test must fail on it."""


def interpolate(value: Any, scope: Mapping[str, Any], status: Mapping[str, bool]) -> Any:
    """Return a value of the workflow with its `${{ … }}` evaluated; one that is all there is keeps its type."""
    if isinstance(value, dict):
        return {key: interpolate(item, scope, status) for key, item in value.items()}
    if isinstance(value, list):
        return [interpolate(item, scope, status) for item in value]
    if not isinstance(value, str) or "${{" not in value:
        return value
    whole = re.fullmatch(r"\s*\$\{\{((?:(?!\}\}).)*)\}\}\s*", value, re.DOTALL)
    if whole:
        return evaluate(whole[1], scope, status)
    return re.sub(r"\$\{\{(.*?)\}\}", lambda m: as_text(evaluate(m[1], scope, status)), value, flags=re.DOTALL)


def condition(text: str | None, scope: Mapping[str, Any], status: Mapping[str, bool]) -> bool:
    """Return what an `if:` says; without a status function it also asks for success()."""
    if text is None:
        return status["success"]
    inner = re.fullmatch(r"\s*\$\{\{(.*)\}\}\s*", text, re.DOTALL)
    text = inner[1] if inner else text
    if "${{" in text:
        raise UnknownExpressionError(f"a condition in pieces: {text!r}")
    if not any(re.search(rf"\b{name}\s*\(", text) for name in STATUS_FUNCTIONS) and not status["success"]:
        return False
    return truthy(evaluate(text, scope, status))


def evaluate(text: str, scope: Mapping[str, Any], status: Mapping[str, bool]) -> Any:
    """Return the value of an expression."""
    parser = _Parser(text, scope, status)
    value = parser.alternative()
    parser.end()
    return value


def truthy(value: Any) -> bool:
    return not (
        value is None or value is False or value == "" or (is_number(value) and (value == 0 or value != value))
    )


def as_text(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case float() if value.is_integer():
            return str(int(value))
        case dict():
            return "Object"
        case list():
            return "Array"
    return str(value)


def as_number(value: Any) -> float:
    match value:
        case None:
            return 0.0
        case bool() | int() | float():
            return float(value)
        case str():
            try:
                return float(value or "0")
            except ValueError:
                return math.nan
    return math.nan


def is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def equal(left: Any, right: Any) -> bool:
    if isinstance(left, str) and isinstance(right, str):
        return left.casefold() == right.casefold()
    if type(left) is type(right):
        return bool(left is right if isinstance(left, (dict, list)) else left == right)
    return as_number(left) == as_number(right)


class _Filtered(list[Any]):
    """What `.*` gives: further names apply to each item."""


class _Parser:
    """Evaluates while it reads: `||` over `&&` over comparisons over `!` over values."""

    def __init__(self, text: str, scope: Mapping[str, Any], status: Mapping[str, bool]) -> None:
        self._text = text
        self._scope = scope
        self._status = status
        self._tokens = list(_tokens(text))
        self._place = 0

    def end(self) -> None:
        if self._place < len(self._tokens):
            raise UnknownExpressionError(f"{self._tokens[self._place][1]!r} in {self._text!r}")

    def alternative(self) -> Any:
        value = self._conjunction()
        while self._take("||"):
            other = self._conjunction()
            value = value if truthy(value) else other
        return value

    def _conjunction(self) -> Any:
        value = self._comparison()
        while self._take("&&"):
            other = self._comparison()
            value = other if truthy(value) else value
        return value

    def _comparison(self) -> Any:
        value = self._negation()
        compare: dict[str, Callable[[Any, Any], bool]] = {
            "==": equal,
            "!=": lambda a, b: not equal(a, b),
            "<": lambda a, b: as_number(a) < as_number(b),
            "<=": lambda a, b: as_number(a) <= as_number(b),
            ">": lambda a, b: as_number(a) > as_number(b),
            ">=": lambda a, b: as_number(a) >= as_number(b),
        }
        while (sign := self._peek()) in compare:
            self._place += 1
            value = compare[sign](value, self._negation())
        return value

    def _negation(self) -> Any:
        if self._take("!"):
            return not truthy(self._negation())
        return self._value()

    def _value(self) -> Any:
        kind, text = self._next()
        match kind:
            case "number":
                return float(text)
            case "text":
                return text[1:-1].replace("''", "'")
            case "name":
                return self._named(text)
            case "sign" if text == "(":
                value = self.alternative()
                self._expect(")")
                return self._path(value)
        raise UnknownExpressionError(f"{text!r} in {self._text!r}")

    def _named(self, name: str) -> Any:
        if self._take("("):
            return self._path(self._call(name))
        if name in ("true", "false", "null"):
            return {"true": True, "false": False, "null": None}[name]
        if name not in self._scope:
            raise UnknownExpressionError(f"the context {name!r} in {self._text!r}")
        return self._path(self._scope[name])

    def _path(self, value: Any) -> Any:
        while True:
            if self._take("."):
                kind, name = self._next()
                if name == "*":
                    value = _filtered(value)
                elif kind == "name":
                    value = _member(value, name)
                else:
                    raise UnknownExpressionError(f"{name!r} in {self._text!r}")
            elif self._take("["):
                value = _member(value, self.alternative())
                self._expect("]")
            else:
                return value

    def _call(self, name: str) -> Any:
        arguments = []
        while not self._take(")"):
            arguments.append(self.alternative())
            if self._peek() != ")":
                self._expect(",")
        if name in STATUS_FUNCTIONS:
            return self._status[name]
        value = _function(name, arguments)
        if value is _UNKNOWN:
            raise UnknownExpressionError(f"the function {name}() with {len(arguments)} arguments in {self._text!r}")
        return value

    # ── tokens

    def _peek(self) -> str:
        return self._tokens[self._place][1] if self._place < len(self._tokens) else ""

    def _next(self) -> tuple[str, str]:
        if self._place >= len(self._tokens):
            raise UnknownExpressionError(f"{self._text!r} ends too soon")
        self._place += 1
        return self._tokens[self._place - 1]

    def _take(self, sign: str) -> bool:
        if self._place < len(self._tokens) and self._tokens[self._place] == ("sign", sign):
            self._place += 1
            return True
        return False

    def _expect(self, sign: str) -> None:
        if not self._take(sign):
            raise UnknownExpressionError(f"{sign!r} is missing in {self._text!r}")


_UNKNOWN = object()


def _function(name: str, arguments: list[Any]) -> Any:
    """Return what a function gives; _UNKNOWN if there is no such one."""
    match name, arguments:
        case "fromJSON", [text]:
            return json.loads(as_text(text))
        case "toJSON", [value]:
            return json.dumps(value, indent=2)
        case "join", [list(items), *separator]:
            return (as_text(separator[0]) if separator else ",").join(map(as_text, items))
        case "contains", [list(items), item]:
            return any(equal(one, item) for one in items)
        case "contains", [text, part]:
            return as_text(part).casefold() in as_text(text).casefold()
        case "startsWith", [text, part]:
            return as_text(text).casefold().startswith(as_text(part).casefold())
        case "endsWith", [text, part]:
            return as_text(text).casefold().endswith(as_text(part).casefold())
    return _UNKNOWN


def _tokens(text: str) -> list[tuple[str, str]]:
    found, place = [], 0
    while text[place:].strip():
        match = TOKEN.match(text, place)
        if match is None:
            raise UnknownExpressionError(f"{text[place:]!r} in {text!r}")
        kind = str(match.lastgroup)
        found.append((kind, match[kind]))
        place = match.end()
    return found


def _filtered(value: Any) -> _Filtered:
    return _Filtered(value.values() if isinstance(value, dict) else value if isinstance(value, list) else ())


def _member(value: Any, name: Any) -> Any:
    if isinstance(value, _Filtered):
        return _Filtered(_member(item, name) for item in value if isinstance(item, dict) and name in item)
    if isinstance(value, list) and is_number(name):
        return value[int(name)] if 0 <= name < len(value) else None
    if isinstance(value, dict):
        folded = {key.casefold(): item for key, item in value.items()}
        return folded.get(as_text(name).casefold())
    return None
