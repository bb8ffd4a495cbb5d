"""`{{ … }}` in recipes and projects: strict, sandboxed Jinja2 with the release, the target's facts and the args."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, NoReturn

from jinja2 import Template, TemplateError, UndefinedError

from edgebake.errors import EdgebakeError, Position, nearest
from edgebake.model.condition import VERSION_FACTS
from edgebake.model.target import Target, facts, system_variables
from edgebake.templating.budget import limited
from edgebake.templating.sandbox import VALUE, VALUE_SOURCE, Sandboxed, failure
from edgebake.templating.visible import Shown


class VersionFact(str, Shown):
    """A version in a template: `{{ cuda }}` is 12.6, `{{ cuda.nodot }}` is 126, `{{ cuda.major }}` is 12."""

    shown = frozenset({"nodot", "major", "minor"})

    @property
    def nodot(self) -> str:
        """Major and minor version without the dot."""
        return ".".join(self.split(".")[:2]).replace(".", "")

    @property
    def major(self) -> str:
        """The major version."""
        return self.split(".")[0]

    @property
    def minor(self) -> str:
        """The minor version; 0 if the version has none."""
        return [*self.split("."), "0"][1]


def dotted(sm: tuple[str, ...] | list[str] | None) -> str:
    """Return GPU architectures as PyTorch writes them: ("87", "90a") as "8.7;9.0a"."""
    parts = []
    for architecture in sm or ():
        if not re.fullmatch(r"[0-9]{2,4}[a-z]?", architecture):
            raise ValueError(f"{architecture!r} is no GPU architecture, such as 87 or 90a")
        digits = architecture.rstrip("abcdefghijklmnopqrstuvwxyz")
        parts.append(f"{digits[:-1]}.{digits[-1]}{architecture[len(digits) :]}")
    return ";".join(parts)


class _NoneIsAnError(ValueError):
    pass


class _Values(Sandboxed):
    """An environment for values, where None is a mistake."""

    def printed(self, value: Any) -> Any:
        """Return what `{{ … }}` prints."""
        if value is None:
            raise _NoneIsAnError("it is undefined on this target")
        return super().printed(value)


@lru_cache(maxsize=1)
def _environment() -> Sandboxed:
    environment = _Values(autoescape=False)
    environment.add_filters({"dotted": dotted})
    return environment


@lru_cache(maxsize=8192)
def _template(text: str) -> Template:
    return _environment().from_string(text)


def target_scope(target: Target, platform: str | None) -> dict[str, Any]:
    """Return the names of a target for templates: its facts, and the system variables.

    `platform` is None for a stage on the build platform.
    """
    values: dict[str, Any] = dict(facts(target, platform))
    for name in VERSION_FACTS:
        if values[name] is not None:
            values[name] = VersionFact(values[name])
    if platform is None:
        # The build platform is unknown when compiling. A template that uses it must fail.
        del values["platform"]
    return {**system_variables(target, platform), **values, "target": _plain(target)}


@lru_cache(maxsize=256)
def _plain(target: Target) -> dict[str, Any]:
    """Return what templates see of a target."""
    derived = {"glibc": target.glibc, "is_tegra": target.is_tegra, "python_origin": target.python_origin}
    return target.model_dump(mode="json") | derived


def is_template(text: str) -> bool:
    """Return whether `text` contains a template."""
    return "{{" in text or "{%" in text


def render_value(text: str, scope: Mapping[str, Any], at: Callable[[], Position | None], what: str) -> str:
    """Return `text` with its templates filled in.

    Args:
        text: a value as the user wrote it.
        scope: the names for its templates.
        at: returns its position, for messages.
        what: the name of the value, for messages.

    Raises:
        EdgebakeError: a template is invalid, uses an undefined name, or expands to more than one line.
    """
    if not is_template(text):
        return text
    if len(text) > VALUE_SOURCE:
        _fail(what, f"a value with templates cannot have more than {VALUE_SOURCE} characters", at())
    try:
        with limited(*VALUE):
            result = _template(text).render(scope)
    except UndefinedError as error:
        raise EdgebakeError(f"{what}: {error.message}", at=at(), hints=_hints(error, scope)) from None
    except TemplateError as error:
        _fail(what, f"invalid template: {error.message}", at())
    except Exception as error:  # a template can cause any
        _fail(what, f"{text!r} has no value: {failure(error)}", at())
    if any(ord(c) < 32 for c in result):
        _fail(what, f"{text!r} expands to more than one line", at())
    return result


def _hints(error: UndefinedError, scope: Mapping[str, Any]) -> tuple[str, ...]:
    """Return a hint: the name in `scope` that is most similar to the undefined one, or all names."""
    match = re.match(r"'([^']+)' is undefined", error.message or "")
    near = nearest(match[1], map(str, scope)) if match else None
    return (f"did you mean {near!r}?" if near else f"templates can use: {', '.join(sorted(map(str, scope)))}",)


def _fail(what: str, message: str, at: Position | None) -> NoReturn:
    raise EdgebakeError(f"{what}: {message}", at=at) from None
