"""`{{ … }}` in recipes and projects: strict, sandboxed Jinja2 over the release, the target's facts and the args."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, NoReturn

from jinja2 import StrictUndefined, Template, TemplateError, UndefinedError

from edgebake.errors import EdgebakeError, Position, nearest
from edgebake.model.condition import VERSION_FACTS
from edgebake.model.target import Target, facts, system_variables
from edgebake.templating.environment import Sandboxed


class VersionFact(str):
    """A version in a template: `{{ cuda }}` is 12.6, `{{ cuda.nodot }}` 126, `{{ cuda.major }}` 12."""

    @property
    def nodot(self) -> str:
        return ".".join(self.split(".")[:2]).replace(".", "")

    @property
    def major(self) -> str:
        return self.split(".")[0]

    @property
    def minor(self) -> str:
        return [*self.split("."), "0"][1]


def dotted(sm: tuple[str, ...] | list[str] | None) -> str:
    """Return GPU architectures as PyTorch writes them: ("87", "90a") as "8.7;9.0a"."""
    parts = []
    for one in sm or ():
        digits = one.rstrip("abcdefghijklmnopqrstuvwxyz")
        parts.append(f"{digits[:-1]}.{digits[-1]}{one[len(digits) :]}")
    return ";".join(parts)


class _NoneIsAnError(ValueError):
    pass


def _finalize(value: Any) -> Any:
    if value is None:
        raise _NoneIsAnError("the value is none on this target")
    return value


@lru_cache(maxsize=1)
def _environment() -> Sandboxed:
    environment = Sandboxed(undefined=StrictUndefined, finalize=_finalize, autoescape=False)
    environment.filters["dotted"] = dotted
    return environment


@lru_cache(maxsize=8192)
def _template(text: str) -> Template:
    return _environment().from_string(text)


def target_scope(target: Target, platform: str | None) -> dict[str, Any]:
    """Return what templates see of a target: its facts by name, and the system variables."""
    values: dict[str, Any] = dict(facts(target, platform))
    for name in VERSION_FACTS:
        if values[name] is not None:
            values[name] = VersionFact(values[name])
    if platform is None:
        # Unknown at compile time: any machine builds. Using it must fail, not guess.
        del values["platform"]
    return {**system_variables(target, platform), **values, "target": target}


def is_template(text: str) -> bool:
    """Tell whether something is filled in in `text`."""
    return "{{" in text or "{%" in text


def render_value(text: str, scope: Mapping[str, Any], at: Callable[[], Position | None], what: str) -> str:
    """Return `text` with its templates filled in.

    Args:
        text: a value as the user wrote it.
        scope: the names that it may use.
        at: tells where it stands, if that is needed.
        what: which value it is, for messages.

    Raises:
        EdgebakeError: the template is wrong, uses an unknown name, or gives more than one line.
    """
    if not is_template(text):
        return text
    try:
        result = _template(text).render(scope)
    except UndefinedError as error:
        raise EdgebakeError(f"{what}: {error.message}", at=at(), hints=_known(error, scope)) from None
    except TemplateError as error:
        _fail(what, f"the template is wrong: {error.message}", at())
    except (_NoneIsAnError, TypeError, ValueError, ArithmeticError) as error:
        _fail(what, f"{text!r} has no value: {error}", at())
    if any(ord(c) < 32 for c in result):
        _fail(what, f"{text!r} gives more than one line", at())
    return result


def _known(error: UndefinedError, scope: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the name in `scope` that is written like the undefined one; else all that templates see."""
    match = re.match(r"'([^']+)' is undefined", error.message or "")
    near = nearest(match[1], map(str, scope)) if match else None
    return (f"did you mean {near!r}?" if near else f"templates see: {', '.join(sorted(map(str, scope)))}",)


def _fail(what: str, message: str, at: Position | None) -> NoReturn:
    raise EdgebakeError(f"{what}: {message}", at=at) from None
