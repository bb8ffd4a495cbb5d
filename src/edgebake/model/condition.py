"""`when`: the condition on a target's facts under which a release or a variant exists."""

from __future__ import annotations

from collections.abc import Mapping
from string import ascii_lowercase
from typing import Annotated, Any, NamedTuple

from pydantic import PlainSerializer, PlainValidator, WithJsonSchema

from edgebake.dataclasses import dataclass
from edgebake.errors import did_you_mean
from edgebake.model.base import BadValue
from edgebake.model.versions import is_specifier, parse_specifier, parse_version, version_matches

Fact = str | tuple[str, ...] | None
Facts = Mapping[str, Fact]

VERSION_FACTS = ("jetpack", "l4t", "cuda", "cudnn", "tensorrt", "python")
TEXT_FACTS = (
    *("target", "family", "os", "platform", "cuda_flavour", "board", "memory", "host_libraries"),
    "python_origin",
)
FACT_NAMES = (*VERSION_FACTS, *TEXT_FACTS, "sm")
_FACT_VALUES = {
    "platform": ("linux/amd64", "linux/arm64"),
    "cuda_flavour": ("tegra", "sbsa", "x86"),
    "memory": ("shared", "discrete"),
    "host_libraries": ("true", "false"),
    "python_origin": ("distribution", "recipe"),
}
_EXAMPLE = 'such as {family: jetpack, cuda: ">=12.6"}'


class Unmet(NamedTuple):
    """A term that does not hold: the fact, and a phrase with the wanted and the actual value."""

    fact: str
    phrase: str


@dataclass(frozen=True)
class Condition:
    """A condition: all `terms` and, if there are any, one of the `alternatives` must hold.

    A term is a fact's name and the values it can have.
    """

    terms: tuple[tuple[str, tuple[str, ...]], ...] = ()
    alternatives: tuple[Condition, ...] = ()

    def holds(self, facts: Facts) -> bool:
        """Return whether the condition holds on a target."""
        terms_hold = all(
            any(_holds(name, facts.get(name), value) for value in values) for name, values in self.terms
        )
        return terms_hold and (not self.alternatives or any(other.holds(facts) for other in self.alternatives))

    def unmet(self, facts: Facts) -> tuple[Unmet, ...]:
        """Return the terms that do not hold; none if the condition holds."""
        unmet = [
            Unmet(name, f"{_wanted(name, values)} ({_shown(facts.get(name))})")
            for name, values in self.terms
            if not any(_holds(name, facts.get(name), value) for value in values)
        ]
        alternatives = [condition.unmet(facts) for condition in self.alternatives]
        if alternatives and all(alternatives):
            phrases = [" and ".join(term.phrase for term in alternative) for alternative in alternatives]
            unmet.append(Unmet("any", " or ".join(phrases)))
        return tuple(unmet)

    def facts_used(self) -> frozenset[str]:
        """Return the names of the facts that the condition uses."""
        own = frozenset(name for name, _ in self.terms)
        return own.union(*(condition.facts_used() for condition in self.alternatives))

    def as_data(self) -> dict[str, Any]:
        """Return the condition as it is written in a file."""
        data: dict[str, Any] = {name: list(values) for name, values in self.terms}
        if self.alternatives:
            data["any"] = [condition.as_data() for condition in self.alternatives]
        return data


def _wanted(name: str, values: tuple[str, ...]) -> str:
    return f"no {name}" if values == ("none",) else f"{name} {' or '.join(values)}"


def _shown(fact: Fact) -> str:
    if fact is None:
        return "the target has none"
    return f"it is {fact}" if isinstance(fact, str) else f"they are {', '.join(fact)}"


def _holds(name: str, fact: Fact, value: str) -> bool:
    if value == "none":
        return fact is None
    if fact is None:
        return False
    if isinstance(fact, tuple):
        return any(_holds(name, item, value) for item in fact)
    if name == "sm":
        # Architectures such as "90a" exist: ranges compare the number, equality compares the text.
        is_range = is_specifier(value)
        return version_matches(fact.rstrip(ascii_lowercase), value) if is_range else fact == value
    if name in VERSION_FACTS:
        return version_matches(fact, value)
    return fact == value or (name == "os" and fact.split(":")[0] == value)


def parse_condition(data: Any) -> Condition:
    """Read a `when` mapping.

    Raises:
        ValueError: an unknown fact, or a value that the fact cannot have.
    """
    if isinstance(data, Condition):
        return data
    if not isinstance(data, dict):
        raise ValueError(f"must be a mapping of facts, {_EXAMPLE}")
    terms = []
    for name, value in data.items():
        if name == "any":
            continue
        if name not in FACT_NAMES:
            hints = did_you_mean(str(name), (*FACT_NAMES, "any"), kind="fact")
            raise BadValue(f"{name!r} is not a fact of a target", path=(name,), hints=hints, is_key=True)
        try:
            terms.append((name, _values(name, value)))
        except ValueError as error:
            raise BadValue(str(error), path=(name,)) from None
    return Condition(tuple(sorted(terms)), _alternatives(data.get("any")))


def _alternatives(data: Any) -> tuple[Condition, ...]:
    if data is None:
        return ()
    if not isinstance(data, list) or not data:
        raise BadValue(f"must be a list of mappings of facts, {_EXAMPLE}", path=("any",))
    alternatives = []
    for index, item in enumerate(data):
        try:
            alternatives.append(parse_condition(item))
        except ValueError as error:
            inner = error if isinstance(error, BadValue) else BadValue(str(error))
            path = ("any", index, *inner.path)
            raise BadValue(str(error), path=path, hints=inner.hints, is_key=inner.is_key) from None
    return tuple(alternatives)


def _values(name: str, value: Any) -> tuple[str, ...]:
    values = value if isinstance(value, list | tuple) else [value]
    if isinstance(value, bool):
        values = [str(value).lower()]
    if not values or not all(isinstance(item, str) and item for item in values):
        raise ValueError("must be a value, a list of values, a range, a boolean or none")
    for item in values:
        if item != "none":
            _check_value(name, item)
    return tuple(values)


def _check_value(name: str, item: str) -> None:
    if name in VERSION_FACTS or name == "sm":
        if is_specifier(item):
            parse_specifier(item)
        elif name != "sm":
            parse_version(item)
    elif item not in _FACT_VALUES.get(name, (item,)):
        raise ValueError(f"{item!r} is not one of {', '.join(_FACT_VALUES[name])}")


_VALUE_SCHEMA = {
    "anyOf": [{"type": ["string", "number", "boolean"]}, {"type": "array", "items": {"type": ["string", "number"]}}]
}
_FACT_SCHEMAS = {**dict.fromkeys(FACT_NAMES, _VALUE_SCHEMA), "any": {"type": "array", "items": {"type": "object"}}}

ConditionField = Annotated[
    Condition,
    PlainValidator(parse_condition),
    PlainSerializer(Condition.as_data, return_type=dict),
    WithJsonSchema({"type": "object", "properties": _FACT_SCHEMAS, "additionalProperties": False}),
]
